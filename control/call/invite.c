// What a call takes from its INVITE: identities, Call-ID, what crosses; and the timers that bound its life.
#include "control/call/invite.h"

#include <errno.h>
#include <inttypes.h>

#include "control/sip/compose.h"

struct span invite_user_of(struct span text) {
	struct sip_uri uri;

	return sip_uri_parse(text, &uri) < 0 ? (struct span){0} : uri.user;
}

// display <sip:user@, as the one leg had it: the host is each try's own.
static int keep_start(const struct sip_addr *a, struct span user, char **out) {
	char text[1024];
	struct sink s = sink_over(text, sizeof(text));

	if (a->display.len > 0) {
		sip_compose_display(&s, a->display);
		sink_text(&s, " ");
	}
	sink_format(&s, "<sip:" SPAN_FMT "%s", SPAN_ARG(user), user.len > 0 ? "@" : "");
	return s.overflow ? -EMSGSIZE : text_set(out, sink_result(&s));
}

static int keep_identity(const struct sip_addr *a, char **out) {
	char text[2048];
	struct sink s = sink_over(text, sizeof(text));

	sip_compose_without_tag(&s, a);
	return s.overflow ? -EMSGSIZE : text_set(out, sink_result(&s));
}

// A route through several realms takes the caller's description anew for each.
static bool has_other_realms(const struct config *config, const struct config_route *r) {
	for (int i = 1; i < r->n_to; i++)
		if (config->trunks[r->to[i]].realm != config->trunks[r->to[0]].realm)
			return true;
	return false;
}

static int fill_caller(struct calls *cs, struct call *c, const struct invite *in) {
	struct leg *l = &c->leg[LEG_CALLER];
	int ret;

	l->realm = in->flow->realm;
	l->trunk = in->trunk;
	l->flow = *in->flow;
	l->server = in->server;
	l->dialog = dialog_from_request(in->m);
	if (l->dialog == NULL)
		return -EINVAL;
	l->dialog->offer.state = OFFER_RECEIVED;
	if (has_other_realms(cs->config, &cs->config->routes[in->route]) &&
		text_set(&l->dialog->sdp, in->sdp) < 0)
		return -ENOMEM;
	l->nated = in->nated;
	ret = text_set(&l->call_id, in->m->call_id);
	if (ret == 0)
		ret = keep_identity(&in->m->to, &l->local_uri);
	if (ret == 0)
		ret = keep_identity(&in->m->from, &l->remote_uri);
	return ret;
}

static int fill_callee(struct calls *cs, struct call *c, const struct invite *in) {
	const struct config_route *r = &cs->config->routes[in->route];
	struct leg *l = &c->leg[LEG_CALLEE];
	char call_id[TOKEN_TEXT];
	int ret;

	l->trunk = -1; // until a trunk is tried
	l->realm = r->n_to > 0 ? cs->config->trunks[r->to[0]].realm : r->realm;
	token_mint(cs->tokens, 'c', c->handle, 0, call_id);
	ret = text_set(&l->call_id, span_of(call_id));
	if (ret == 0)
		ret = keep_start(&in->m->from, invite_user_of(in->m->from.uri), &c->from_start);
	return ret == 0 ? keep_start(&in->m->to, invite_user_of(in->m->to.uri), &c->to_start) : ret;
}

static int keep_headers(const struct sip_msg *m, enum sip_header_id id, char **out) {
	const struct sip_header *h;
	char text[2048];
	struct sink s = sink_over(text, sizeof(text));

	for (unsigned i = 0; (h = sip_msg_header(m, id, i)) != NULL; i++)
		sip_compose_header(&s, id, h->value);
	return s.overflow ? -EMSGSIZE : text_set(out, sink_result(&s));
}

// What crosses as it is: Privacy always, P-Asserted-Identity between trusted realms (RFC 3325 §5).
static int fill_crossing(struct calls *cs, struct call *c, const struct sip_msg *m) {
	int ret = keep_headers(m, HEADER_PRIVACY, &c->crossing);

	if (ret < 0 || !cs->config->realms[c->leg[LEG_CALLER].realm].trusted)
		return ret;
	return keep_headers(m, HEADER_P_ASSERTED_IDENTITY, &c->asserted);
}

static void on_end_of_life(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c == NULL)
		return;
	call_blame(c, "longest_life", "kedge");
	if (c->state < CALL_ANSWERED)
		call_set_final(c, 503, NULL);
	call_event(cs, c, CALL_ON_STOP);
}

// RFC 3261 §13.3.1: the caller said how long it would wait.
static void on_expiry(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c == NULL)
		return;
	cs->counters[CALL_COUNTER_EXPIRED]++;
	call_blame(c, "expired", "kedge");
	call_set_final(c, 487, NULL);
	if (text_set(&c->reason_header, span_of("SIP;cause=487;text=\"Expired\"")) < 0)
		log_warning("call id=%016" PRIx64 " reason_header=none", c->id); // it goes without
	call_event(cs, c, CALL_ON_RING_TIMEOUT);
}

static void start_expiry(struct calls *cs, struct call *c, const struct sip_msg *m) {
	const struct sip_header *h = sip_msg_header(m, HEADER_EXPIRES, 0);
	uint64_t s;

	if (h != NULL && span_to_u64(h->value, UINT32_MAX, &s) == 0)
		loop_timer_start(cs->loop, &c->timers.expiry, s * 1000, on_expiry, cs, c->handle);
}

static void on_keepalive(void *ctx, uint64_t ref) {
	struct calls *cs = ctx;
	struct call *c = calls_find(cs, ref);

	if (c == NULL)
		return;
	for (int i = 0; i < 2; i++)
		if (c->leg[i].nated && endpoint_is_set(&c->leg[i].flow.remote))
			sip_send_keepalive(cs->stack, &c->leg[i].flow);
	call_start_keepalive(cs, c);
}

void call_start_keepalive(struct calls *cs, struct call *c) {
	int shortest_s = 0;

	for (int i = 0; i < 2; i++) {
		int s = cs->config->realms[c->leg[i].realm].nat_keepalive_s;

		if (c->leg[i].nated && s > 0 && (shortest_s == 0 || s < shortest_s))
			shortest_s = s;
	}
	if (shortest_s > 0)
		loop_timer_start(cs->loop, &c->timers.keepalive, (uint64_t)shortest_s * 1000, on_keepalive,
			cs, c->handle);
}

static int fill_call(struct calls *cs, struct call *c, const struct invite *in) {
	int ret;

	c->route = in->route;
	c->max_forwards = in->m->max_forwards < 0 ? 70 : in->m->max_forwards - 1;
	c->created_ms = loop_now_ms(cs->loop);
	c->created_wall_ms = loop_wall_ms(cs->loop);
	ret = text_set(&c->called_user, in->uri.user);
	if (ret == 0)
		ret = text_set(&c->to_user, in->uri.user);
	if (ret == 0)
		ret = text_set(&c->from_user, invite_user_of(in->m->from.uri));
	if (ret == 0)
		ret = fill_caller(cs, c, in);
	if (ret == 0)
		ret = fill_callee(cs, c, in);
	return ret == 0 ? fill_crossing(cs, c, in->m) : ret;
}

uint64_t call_new_id(struct calls *cs) {
	return (uint64_t)cs->config->node_id << 48 | (cs->next_id++ & UINT64_C(0xffffffffffff));
}

int invite_create_call(struct calls *cs, const struct invite *in, struct call **out) {
	uint64_t handle;
	struct call *c = pool_add(cs->pool, &handle);
	int ret;

	if (c == NULL)
		return -ENOMEM;
	c->handle = handle;
	c->id = call_new_id(cs);
	c->state = CALL_OFFERING;
	ret = fill_call(cs, c, in);
	if (ret == 0)
		ret = call_media_offer(cs, c, in->sdp);
	if (ret < 0) {
		call_fini(c);
		pool_del(cs->pool, handle);
		return ret;
	}
	loop_timer_start(cs->loop, &c->timers.life, (uint64_t)cs->config->control.max_call_s * 1000,
		on_end_of_life, cs, handle);
	start_expiry(cs, c, in->m);
	call_start_keepalive(cs, c);
	*out = c;
	return 0;
}
