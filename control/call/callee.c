// The callee's leg: tries one target after the other and turns what comes of them into events of the call.
#include "control/call/internal.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static const struct config_route *route_of(const struct calls *cs, const struct call *c) {
	return &cs->config->routes[c->route];
}

// The trunk that is being worked through; NULL: none left, or a contact route.
static const struct config_trunk *trunk_now(const struct calls *cs, const struct call *c) {
	const struct config_route *r = route_of(cs, c);

	return c->next_trunk < r->n_to ? &cs->config->trunks[r->to[c->next_trunk]] : NULL;
}

static bool has_next(const struct calls *cs, const struct call *c) {
	const struct config_route *r = route_of(cs, c);
	const struct config_trunk *t = trunk_now(cs, c);

	if (c->n_branches == BRANCHES_MAX)
		return false;
	if (c->next_target < c->n_targets)
		return true;
	if (r->contact != NULL)
		return c->n_branches == 0;
	return t != NULL && (c->next_peer < t->n_peers || c->next_trunk + 1 < r->n_to);
}

static void on_ring_timeout(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c == NULL)
		return;
	cs->counters[CALL_COUNTER_RING_TIMEOUTS]++;
	call_blame(c, "ring_timeout", "kedge");
	call_set_final(c, 408, NULL);
	if (text_set(&c->reason_header, span_of("SIP;cause=408;text=\"Ring timeout\"")) < 0)
		log_warning("call id=%016" PRIx64 " reason_header=none", c->id); // it goes without
	call_event(cs, c, CALL_ON_RING_TIMEOUT);
}

static void on_no_response(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);
	struct branch *b;

	// With nowhere else to go there is nothing to gain by giving up before Timer B.
	if (c == NULL || !has_next(cs, c))
		return;
	b = call_live_branch(c);
	if (b->usage == INVITE_CALLING || b->usage == INVITE_RESOLVING)
		branch_step(cs, c, b, INVITE_ON_NO_RESPONSE, NULL);
}

static void start_timers(struct calls *cs, struct call *c, const struct branch *b, bool new_trunk) {
	int ring_s =
		b->trunk >= 0 ? cs->config->trunks[b->trunk].ring_timeout_s : route_of(cs, c)->ring_timeout_s;

	if (new_trunk)
		loop_timer_start(
			cs->loop, &c->timers.ring, (uint64_t)ring_s * 1000, on_ring_timeout, cs, c->handle);
	if (b->trunk >= 0)
		loop_timer_start(cs->loop, &c->timers.first_response,
			(uint64_t)cs->config->trunks[b->trunk].first_response_ms, on_no_response, cs,
			c->handle);
}

static void take_target(struct calls *cs, struct call *c, struct branch *b) {
	b->target = c->targets[c->next_target++];
	c->leg[LEG_CALLEE].flow = b->target;
	branch_step(cs, c, b, INVITE_ON_RESOLVED, NULL);
}

// Whose targets they are: the call's handle with the branch's number above its slot, as a branch that is given up
// meanwhile may get its answer when the next one waits for its own.
enum { BRANCH_SHIFT = 24, CALLS_LIMIT = 1 << BRANCH_SHIFT };

static uint64_t resolve_owner(const struct call *c, const struct branch *b) {
	static_assert(BRANCHES_MAX <= 1 << (31 - BRANCH_SHIFT));
	assert((uint32_t)c->handle < CALLS_LIMIT); // config allows a million
	return c->handle | (uint64_t)b->number << BRANCH_SHIFT;
}

static void on_resolved(void *ctx, uint64_t owner, int status, const struct flow *targets, unsigned n) {
	const uint64_t number_bits = (uint64_t)(BRANCHES_MAX - 1) << BRANCH_SHIFT;
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, owner & ~number_bits);
	struct branch *b = c == NULL ? NULL : call_live_branch(c);

	if (b == NULL || b->usage != INVITE_RESOLVING || resolve_owner(c, b) != owner)
		return; // given up meanwhile
	if (status < 0 || n == 0) {
		log_warning("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u resolve=failed errno=%d",
			c->id, c->leg[LEG_CALLEE].call_id, b->number, -status);
		branch_step(cs, c, b, INVITE_ON_UNRESOLVED, NULL);
		return;
	}
	c->n_targets = (uint8_t)(n < SIP_TARGETS_MAX ? n : SIP_TARGETS_MAX);
	memcpy(c->targets, targets, c->n_targets * sizeof(*targets));
	c->next_target = 0;
	take_target(cs, c, b);
}

static int resolve(struct calls *cs, struct call *c, const struct branch *b) {
	uint16_t realm = (uint16_t)c->leg[LEG_CALLEE].realm;
	uint64_t owner = resolve_owner(c, b);
	struct sip_uri uri;

	if (b->trunk >= 0) {
		const struct config_peer *p = &cs->config->trunks[b->trunk].peers[b->peer];

		return sip_resolve(cs->stack, realm, span_of(p->host), (uint32_t)p->port, p->transport,
			on_resolved, cs, owner);
	}
	if (sip_uri_parse(span_of(route_of(cs, c)->contact), &uri) < 0)
		return -EINVAL;
	return sip_resolve(cs->stack, realm, uri.host, uri.port, SIP_UDP, on_resolved, cs, owner);
}

// The trunk that the callee's leg counts for, moved when the route's next one is taken.
static void move_to_trunk(struct calls *cs, struct call *c, int trunk) {
	struct leg *l = &c->leg[LEG_CALLEE];

	if (l->trunk == trunk)
		return;
	if (l->trunk >= 0) {
		cs->trunks[l->trunk].n_calls--;
		cs->trunks[l->trunk].exhausted++;
	}
	l->trunk = trunk;
	if (trunk >= 0)
		cs->trunks[trunk].n_calls++;
}

static bool is_trunk_done(const struct calls *cs, const struct call *c) {
	return c->next_target == c->n_targets && c->next_peer == trunk_now(cs, c)->n_peers;
}

// The next trunk is in another realm: the description for it can't be the one made for this. False: it isn't.
static bool change_realm(struct calls *cs, struct call *c) {
	const struct config_route *r = route_of(cs, c);
	struct leg *l = &c->leg[LEG_CALLEE];
	int realm, ret;

	if (r->contact != NULL || !is_trunk_done(cs, c))
		return false;
	realm = cs->config->trunks[r->to[c->next_trunk + 1]].realm;
	if (realm == l->realm)
		return false;
	c->next_trunk++;
	c->next_peer = 0;
	l->realm = realm;
	call_event(cs, c, CALL_ON_OTHER_REALM);
	ret = call_media_offer(cs, c, span_of(c->leg[LEG_CALLER].dialog->sdp));
	if (ret < 0) {
		call_media_blame(cs, c, -ret, REQUEST_OFFER);
		call_event(cs, c, CALL_ON_MEDIA_FAILED);
	}
	return true;
}

// The next place to try as (trunk, peer); call_live_branch's own for a further target of the same peer.
static void choose_next(const struct calls *cs, struct call *c, int *trunk, int *peer) {
	const struct config_route *r = route_of(cs, c);
	const struct branch *last = call_live_branch(c);

	*trunk = *peer = -1;
	if (c->next_target < c->n_targets) {
		*trunk = last->trunk;
		*peer = last->peer;
	} else if (r->contact == NULL) {
		if (c->next_peer == trunk_now(cs, c)->n_peers) {
			c->next_trunk++;
			c->next_peer = 0;
		}
		*trunk = r->to[c->next_trunk];
		*peer = c->next_peer++;
	}
}

void callee_try_next(struct calls *cs, struct call *c) {
	const struct branch *last = call_live_branch(c);
	struct branch *b;
	int trunk, peer;

	if (!has_next(cs, c)) {
		if (c->leg[LEG_CALLEE].trunk >= 0)
			cs->trunks[c->leg[LEG_CALLEE].trunk].exhausted++;
		call_blame(c, "no_target_left", "kedge");
		call_event(cs, c, CALL_ON_REFUSED);
		return;
	}
	if (change_realm(cs, c))
		return; // goes on when the relay knows
	if (last != NULL) {
		cs->counters[CALL_COUNTER_FAILOVERS]++;
		if (last->trunk >= 0) {
			cs->trunks[last->trunk].failovers++;
			cs->trunks[last->trunk].peers[last->peer].failovers++;
		}
	}
	choose_next(cs, c, &trunk, &peer);
	b = branch_create(cs, c, trunk, peer);
	if (b == NULL) {
		call_set_final(c, 500, NULL);
		call_event(cs, c, CALL_ON_REFUSED);
		return;
	}
	move_to_trunk(cs, c, trunk);
	start_timers(cs, c, b, last == NULL || last->trunk != trunk);
	if (c->next_target < c->n_targets)
		take_target(cs, c, b);
	else if (resolve(cs, c, b) < 0)
		branch_step(cs, c, b, INVITE_ON_UNRESOLVED, NULL);
}

void callee_abandon(struct calls *cs, struct call *c) {
	for (struct branch *b = c->branches; b != NULL; b = b->next)
		branch_step(cs, c, b, INVITE_ON_ABANDON, NULL);
}

void callee_settle(struct calls *cs, struct call *c) {
	struct dialog *d = c->leg[LEG_CALLEE].dialog;

	branch_step(cs, c, call_branch_of(c, d), INVITE_ON_SETTLED, d);
}

bool callee_is_clear(const struct call *c) {
	for (const struct branch *b = c->branches; b != NULL; b = b->next)
		if (b->usage != INVITE_TERMINATED && b->usage != INVITE_ANSWERED &&
			b->usage != INVITE_CLEARING)
			return false;
	return true;
}

void callee_on_progress(struct calls *cs, struct call *c, struct branch *b, struct dialog *d) {
	if (d == NULL || b != call_live_branch(c))
		return; // 100 says nothing to the caller
	if (d->has_description && call_media_preview(cs, c, d))
		return; // goes on when the relay knows
	if (call_event(cs, c, CALL_ON_PROGRESS) & CALL_DO_PASS_PROGRESS)
		caller_send_progress(cs, c, d, d->status, (struct span){0});
}

void callee_on_answer(struct calls *cs, struct call *c, struct branch *b, struct dialog *d) {
	struct leg *l = &c->leg[LEG_CALLEE];

	loop_timer_stop(cs->loop, &c->timers.ring);
	loop_timer_stop(cs->loop, &c->timers.expiry);
	if (b->trunk >= 0) {
		cs->trunks[b->trunk].answered++;
		cs->trunks[b->trunk].peers[b->peer].answered++;
	}
	d->state = DIALOG_CONFIRMED;
	l->dialog = d;
	l->flow = d->flow;
	l->nated = d->nated;
	call_event(cs, c, CALL_ON_ANSWER);
}

// What the caller is told of a failure (RFC 3261 §16.7; a trunk's challenge is not the caller's to answer).
static void note_failure(struct call *c, const struct branch *b, enum invite_event why) {
	if (why == INVITE_ON_TIMEOUT || why == INVITE_ON_NO_RESPONSE)
		call_set_final(c, 408, NULL);
	else if (why != INVITE_ON_FAILURE || b->status == 503)
		call_set_final(c, 500, NULL);
	else if (b->status < 400)
		call_set_final(c, 480, NULL);
	else if (b->status == 401 || b->status == 407)
		call_set_final(c, 403, NULL);
	else if (c->final_status != b->status) // else on_response has kept code and phrase
		call_set_final(c, b->status, NULL);
}

void callee_on_branch_failed(struct calls *cs, struct call *c, struct branch *b, enum invite_event why) {
	bool retryable = why != INVITE_ON_FAILURE || b->status == 503;

	note_failure(c, b, why);
	log_info("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u failed=%u why=%d", c->id,
		c->leg[LEG_CALLEE].call_id, b->number, b->status, why);
	if (b != call_live_branch(c))
		return;
	if (retryable) {
		call_event(cs, c, CALL_ON_BRANCH_FAILED);
		return;
	}
	if (b->trunk >= 0)
		cs->trunks[b->trunk].refused++;
	call_blame(c, "refused", "callee");
	call_event(cs, c, CALL_ON_REFUSED);
}

void callee_tell_relay(struct calls *cs, struct call *c) {
	struct dialog *d = c->leg[LEG_CALLEE].dialog;
	int ret = d->sdp == NULL ? -EBADMSG : call_media_answer(cs, c, d, REQUEST_ANSWER);

	if (ret == 0)
		return;
	call_media_blame(cs, c, -ret, REQUEST_ANSWER);
	call_event(cs, c, CALL_ON_MEDIA_FAILED);
}
