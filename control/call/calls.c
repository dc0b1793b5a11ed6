#include "control/call/internal.h"

#include "control/sip/transaction.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

enum { STOP_SLICE = 32 }; // calls

// ---- what the stack and the media client tell ----

static void on_request(
	void *ctx, uint64_t server, const struct sip_msg *m, const struct flow *flow, bool merged) {
	uas_on_request(ctx, server, m, flow, merged);
}

static void on_ack(void *ctx, uint64_t owner, const struct sip_msg *m, const struct flow *flow) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, owner);

	// Without an owner it acknowledges nothing of ours: Call-ID, tags and CSeq must be those of the 2xx.
	(void)m;
	if (c == NULL)
		return;
	leg_follow_flow(&c->leg[LEG_CALLER], flow);
	call_event(cs, c, CALL_ON_ACK);
}

static void on_cancel(void *ctx, uint64_t owner, const struct sip_msg *m) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, owner);

	if (c == NULL)
		return;
	cs->counters[CALL_COUNTER_CANCELLED]++;
	log_info(
		"call id=%016" PRIx64 " leg=0 call_id=%s received=CANCEL", c->id, c->leg[LEG_CALLER].call_id);
	call_keep_reason(c, m);
	call_blame(c, "cancel", "caller");
	call_set_final(c, 487, NULL);
	call_event(cs, c, CALL_ON_CANCEL);
}

static void on_response(
	void *ctx, uint64_t owner, uint64_t client, const struct sip_msg *m, const struct flow *flow) {
	struct calls *cs = ctx;
	struct call *c;

	if (outgoing_on_response(cs, owner, m))
		return;
	c = calls_find(cs, owner);
	if (c != NULL)
		callee_on_response(cs, c, client, m, flow);
	else if (m->cseq_method == METHOD_INVITE && m->status >= 200 && m->status < 300)
		orphan_on_answer(cs, m, flow);
}

static void on_failure(void *ctx, uint64_t owner, uint64_t client, enum sip_failure why) {
	struct calls *cs = ctx;
	struct call *c;

	if (outgoing_on_failure(cs, owner, why))
		return;
	c = calls_find(cs, owner);
	if (c != NULL)
		callee_on_failure(cs, c, client, why);
}

static void on_unacknowledged(void *ctx, uint64_t owner) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, owner);

	if (c == NULL)
		return;
	log_warning("call id=%016" PRIx64 " leg=0 call_id=%s ack=none", c->id, c->leg[LEG_CALLER].call_id);
	if (c->state == CALL_ANSWERED)
		call_blame(c, "no_ack", "caller");
	call_event(cs, c, CALL_ON_ACK_TIMEOUT);
}

static void on_media_result(void *ctx, const struct media_result *r) {
	call_media_on_result(ctx, r);
}

static void on_media_event(void *ctx, uint64_t owner, const uint32_t events[2]) {
	call_media_on_event(ctx, owner, events);
}

static void on_media_final(void *ctx, uint64_t owner, const struct proto_session_state *state, bool last) {
	call_media_on_final(ctx, owner, state, last);
}

// ---- life ----

static int open_stack(struct calls *cs, const struct sip_user *user, const struct transport *transport) {
	if (transport == NULL)
		return sip_stack_create(cs->loop, cs->config, cs->tokens, user, &cs->stack);
	return stack_create(cs->loop, cs->config, cs->tokens, user, transport, &cs->stack);
}

static int open_media(struct calls *cs, const struct media_user *user, const struct relay_link *link) {
	return link == NULL ? media_create(cs->loop, cs->config, user, &cs->media)
			    : media_create_over(cs->loop, cs->config, user, link, &cs->media);
}

static int open_parts(struct calls *cs, const struct transport *transport, const struct relay_link *link) {
	const struct config *config = cs->config;
	uint32_t max_calls = (uint32_t)config->control.max_calls;
	const struct sip_user sip_user = {
		cs, on_request, on_ack, on_cancel, on_response, on_failure, on_unacknowledged};
	const struct media_user media_user = {cs, on_media_result, on_media_event, on_media_final};
	int ret = pool_create(sizeof(struct call), max_calls, &cs->pool);

	if (ret == 0)
		ret = outgoing_create_pool(max_calls, &cs->outgoing);
	if (ret == 0)
		ret = routes_create(config, &cs->routes);
	if (ret == 0)
		ret = open_stack(cs, &sip_user, transport);
	if (ret == 0)
		ret = open_media(cs, &media_user, link);
	return ret == 0 ? trunks_create(cs) : ret;
}

int calls_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct calls_hooks *hooks, struct calls **out) {
	return calls_create_over(loop, config, tokens, hooks, NULL, NULL, out);
}

int calls_create_over(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct calls_hooks *hooks, const struct transport *transport, const struct relay_link *link,
	struct calls **out) {
	struct calls *cs = calloc(1, sizeof(*cs));
	int ret;

	if (cs == NULL)
		return -ENOMEM;
	*cs = (struct calls){.loop = loop, .config = config, .tokens = tokens, .hooks = *hooks};
	// Ids go on from the clock, so that a restart does not repeat them (up to 16,000 calls a second).
	cs->next_id = loop_wall_ms(loop) * 16;
	ret = open_parts(cs, transport, link);
	if (ret < 0) {
		calls_destroy(cs);
		return ret;
	}
	*out = cs;
	return 0;
}

static void free_calls(struct calls *cs) {
	uint64_t cursor = 0;
	struct call *c;

	if (cs->pool == NULL)
		return;
	while ((c = pool_next(cs->pool, cursor, &cursor)) != NULL) {
		call_stop_timers(cs, c);
		call_fini(c);
	}
	pool_destroy(cs->pool);
}

void calls_destroy(struct calls *cs) {
	if (cs == NULL)
		return;
	trunks_destroy(cs);
	loop_timer_stop(cs->loop, &cs->stopping);
	free_calls(cs);
	outgoing_destroy_pool(cs->outgoing);
	media_destroy(cs->media);
	sip_stack_destroy(cs->stack);
	routes_destroy(cs->routes, cs->config->n_routes);
	free(cs);
}

struct sip_stack *calls_stack(struct calls *cs) {
	return cs->stack;
}

struct media *calls_media(struct calls *cs) {
	return cs->media;
}

static void say_drained(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;

	(void)ref;
	if (!cs->draining || cs->drained_said || pool_count(cs->pool) > 0)
		return;
	cs->drained_said = true;
	cs->hooks.on_drained(cs->hooks.ctx);
}

void calls_check_drained(struct calls *cs) {
	if (cs->draining && pool_count(cs->pool) == 0 && loop_defer(cs->loop, say_drained, cs, 0) < 0)
		say_drained(cs, 0);
}

void calls_drain(struct calls *cs) {
	cs->draining = true;
	calls_check_drained(cs);
}

static void stop_call(struct calls *cs, struct call *c) {
	if (c->state >= CALL_HANGING_UP)
		return;
	call_blame(c, "stopped", "kedge");
	if (c->state < CALL_ANSWERED)
		call_set_final(c, 503, NULL);
	call_event(cs, c, CALL_ON_STOP);
}

// A slice a turn, so that what they send leaves in between: no queue takes the BYEs of all at once.
static void stop_slice(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c;

	(void)ref;
	for (unsigned i = 0; i < STOP_SLICE; i++) {
		c = pool_next(cs->pool, cs->stop_after, &cs->stop_after);
		if (c == NULL)
			return;
		stop_call(cs, c);
	}
	loop_timer_start(cs->loop, &cs->stopping, 1, stop_slice, cs, 0);
}

void calls_stop_all(struct calls *cs) {
	cs->draining = true;
	cs->stop_after = 0;
	stop_slice(cs, 0);
	calls_check_drained(cs);
}
