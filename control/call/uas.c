// Requests outside dialogs: judged in the order of RFC 3261 §8.2, refused, or made into a call.
#include "control/call/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

#include "control/call/invite.h"
#include "control/sip/compose.h"

enum { NOT_ADMITTED_ANSWERS_A_SECOND = 50 };
#define RETRY_LATER "Retry-After: 5\r\n"

// counter: the one heading that this refusal is counted under.
static void refuse(
	struct calls *cs, uint64_t server, unsigned status, const char *headers, enum call_counter counter) {
	struct sip_answer a = {.status = status, .headers = span_of(headers)};

	cs->counters[counter]++;
	(void)!sip_server_respond(cs->stack, server, &a); // it has said so, and the request is repeated
}

void uas_refuse(struct calls *cs, uint64_t server, unsigned status, const char *headers) {
	refuse(cs, server, status, headers, CALL_COUNTER_REFUSED_REQUESTS);
}

static void refuse_logged(struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow,
	unsigned status, const char *headers) {
	char addr[ENDPOINT_TEXT];

	if (log_gate_open(
		    &cs->refused_gate, "requests refused", loop_now_ms(cs->loop) * 1000000, UAS_LOG_BURST))
		log_warning("request method=" SPAN_FMT " call_id=" SPAN_FMT " from=%s refused=%u",
			SPAN_ARG(m->method_text), SPAN_ARG(m->call_id), endpoint_format(&flow->remote, addr),
			status);
	uas_refuse(cs, server, status, headers);
}

// Strangers are told so at a bounded rate; beyond it they hear nothing. They get no record, as theirs would push out those of
// calls: the line says who wanted what.
static void refuse_stranger(
	struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow) {
	const struct span caller = invite_user_of(m->from.uri), called = invite_user_of(m->uri);
	char addr[ENDPOINT_TEXT];

	if (!log_gate_open(&cs->not_admitted_gate, "requests not admitted", loop_now_ms(cs->loop) * 1000000,
		    NOT_ADMITTED_ANSWERS_A_SECOND)) {
		cs->counters[CALL_COUNTER_NOT_ADMITTED]++;
		cs->counters[CALL_COUNTER_NOT_ADMITTED_SILENT]++;
		sip_server_drop(cs->stack, server);
		return;
	}
	log_warning("request method=" SPAN_FMT " call_id=" SPAN_FMT " from=%s caller=" SPAN_FMT
		    " called=" SPAN_FMT " refused=403 cause=not_admitted",
		SPAN_ARG(m->method_text), SPAN_ARG(m->call_id), endpoint_format(&flow->remote, addr),
		SPAN_ARG(caller), SPAN_ARG(called));
	refuse(cs, server, 403, NULL, CALL_COUNTER_NOT_ADMITTED);
}

void uas_answer_options(struct calls *cs, uint64_t server) {
	char text[256];
	struct sink s = sink_over(text, sizeof(text));
	struct sip_answer a = {.status = 200};

	sink_allow(&s);
	sink_text(&s, "Accept: application/sdp\r\n");
	a.headers = sink_result(&s);
	(void)!sip_server_respond(cs->stack, server, &a);
}

unsigned uas_misunderstood(const struct sip_msg *m, char text[static UAS_HEADERS]) {
	struct sink s = sink_over(text, UAS_HEADERS - 1);
	const struct sip_header *h;
	unsigned status = 0;

	if (m->method == METHOD_UNKNOWN || !sip_method_is_done(m->method)) {
		sink_allow(&s);
		status = m->method == METHOD_UNKNOWN ? 501 : 405;
	} else if (sip_msg_header(m, HEADER_REQUIRE, 0) != NULL) {
		for (unsigned i = 0; (h = sip_msg_header(m, HEADER_REQUIRE, i)) != NULL; i++)
			sip_compose_header(&s, HEADER_UNSUPPORTED, h->value);
		status = 420;
	}
	text[s.overflow ? 0 : s.len] = '\0';
	return status;
}

struct refusal {
	unsigned status; // 0: none
	const char *headers;
	enum call_counter counter;
};

static struct refusal judge_target(struct calls *cs, struct invite *in) {
	if (in->m->max_forwards == 0)
		return (struct refusal){483, NULL, CALL_COUNTER_REFUSED_REQUESTS};
	if (sip_uri_parse(in->m->uri, &in->uri) < 0)
		return (struct refusal){400, NULL, CALL_COUNTER_REFUSED_REQUESTS};
	if (!span_equal_nocase(in->uri.scheme, span_of("sip"))) // sips: asks for TLS all the way
		return (struct refusal){416, NULL, CALL_COUNTER_REFUSED_REQUESTS};
	if (!sip_stack_is_us(cs->stack, in->uri.host, in->uri.port))
		return (struct refusal){404, NULL, CALL_COUNTER_NOT_ROUTED};
	in->route = route_find(cs, in->flow->realm, in->trunk, in->uri.user);
	if (in->uri.user.len == 0 || in->route < 0)
		return (struct refusal){404, NULL, CALL_COUNTER_NOT_ROUTED};
	return (struct refusal){0};
}

static struct refusal judge_invite(struct calls *cs, struct invite *in) {
	struct refusal r = judge_target(cs, in);

	if (r.status != 0)
		return r;
	if (!sip_msg_body(in->m, "application/sdp", &in->sdp) || in->sdp.len == 0)
		return in->m->body.len == 0
			? (struct refusal){488, NULL, CALL_COUNTER_NOT_ACCEPTABLE}
			: (struct refusal){415, "Accept: application/sdp\r\n", CALL_COUNTER_NOT_ACCEPTABLE};
	if (cs->draining)
		return (struct refusal){503, RETRY_LATER, CALL_COUNTER_DRAINING};
	if (!media_is_connected(cs->media))
		return (struct refusal){503, RETRY_LATER, CALL_COUNTER_NO_MEDIA};
	if (pool_count(cs->pool) >= (uint32_t)cs->config->control.max_calls)
		return (struct refusal){503, RETRY_LATER, CALL_COUNTER_EXHAUSTED};
	return r;
}

// Every attempt of somebody who may call is recorded, one that never became a call too.
static void record_refusal(struct calls *cs, const struct invite *in, unsigned status) {
	uint64_t now_ms = loop_wall_ms(cs->loop);
	char *call_id = span_dup(in->m->call_id), *to = span_dup(invite_user_of(in->m->uri)),
	     *from = span_dup(invite_user_of(in->m->from.uri));
	struct call_view v = {.id = call_new_id(cs),
		.state = call_state_name(CALL_ENDED),
		.from = from == NULL ? "" : from,
		.to = to == NULL ? "" : to,
		.created_wall_ms = now_ms,
		.ended_wall_ms = now_ms,
		.status = status,
		.end_cause = "refused",
		.end_by = "kedge"};

	for (int i = 0; i < 2; i++)
		v.leg[i] = (struct call_leg_view){.realm = "",
			.call_id = "",
			.dialog = dialog_state_name(DIALOG_NONE),
			.local_uri = "",
			.remote_uri = "",
			.offer_answer = offer_state_name(OFFER_NONE)};
	v.leg[LEG_CALLER].realm = cs->config->realms[in->flow->realm].name;
	v.leg[LEG_CALLER].trunk = in->trunk >= 0 ? cs->config->trunks[in->trunk].name : NULL;
	v.leg[LEG_CALLER].call_id = call_id == NULL ? "" : call_id;
	v.leg[LEG_CALLER].flow = *in->flow;
	if (cs->hooks.on_ended != NULL)
		cs->hooks.on_ended(cs->hooks.ctx, &v);
	free(call_id);
	free(from);
	free(to);
}

static unsigned status_of(int error) {
	return error == -EINVAL || error == -EMSGSIZE ? 400 : error == -ENOSPC ? 503 : 500;
}

static void start_call(struct calls *cs, const struct invite *in) {
	struct sip_answer trying = {.status = 100};
	struct call *c;
	char addr[ENDPOINT_TEXT], tag[TOKEN_TEXT];
	int ret = invite_create_call(cs, in, &c);

	if (ret < 0) {
		record_refusal(cs, in, status_of(ret));
		refuse(cs, in->server, status_of(ret), ret == -ENOSPC ? RETRY_LATER : NULL,
			ret == -ENOSPC ? CALL_COUNTER_EXHAUSTED : CALL_COUNTER_REFUSED_REQUESTS);
		return;
	}
	cs->counters[CALL_COUNTER_ATTEMPTS]++;
	if (in->trunk >= 0)
		cs->trunks[in->trunk].n_calls++;
	sip_server_set_owner(cs->stack, in->server, c->handle);
	// 100 doesn't show it, but a CANCEL's answer may be the first that does (RFC 3261 §9.2).
	call_tag(cs, c, 0, tag);
	trying.to_tag = span_of(tag);
	(void)!sip_server_respond(cs->stack, in->server, &trying); // its retransmission asks again
	log_info("call id=%016" PRIx64
		 " leg=0 state=offering call_id=%s from=%s nated=%d caller=%s called=%s",
		c->id, c->leg[LEG_CALLER].call_id, endpoint_format(&in->flow->remote, addr),
		c->leg[LEG_CALLER].nated, c->from_user, c->to_user);
}

static void on_invite(struct calls *cs, struct invite *in) {
	struct refusal r = judge_invite(cs, in);

	if (r.status == 0) {
		start_call(cs, in);
		return;
	}
	record_refusal(cs, in, r.status);
	refuse(cs, in->server, r.status, r.headers, r.counter);
}

static void on_admitted(struct calls *cs, struct invite *in, bool merged) {
	const struct sip_msg *m = in->m;
	const struct flow *flow = in->flow;
	const uint64_t server = in->server;
	char headers[UAS_HEADERS] = "";
	unsigned status;

	sip_server_set_timers(cs->stack, server, call_timers_of(cs, flow->realm, in->trunk));
	in->nated = nat_judge(cs, m, flow, sip_msg_header(m, HEADER_RECORD_ROUTE, 0) != NULL);
	if (in->nated)
		sip_server_set_nated(cs->stack, server);
	status = merged ? 482 : uas_misunderstood(m, headers);
	if (status != 0) {
		refuse_logged(cs, server, m, flow, status, headers);
		if (m->method == METHOD_INVITE)
			record_refusal(cs, in, status);
		return;
	}
	if (m->method == METHOD_INVITE)
		on_invite(cs, in);
	else if (m->method == METHOD_OPTIONS)
		uas_answer_options(cs, server);
	else
		refuse_logged(cs, server, m, flow, 481, NULL); // BYE without a dialog
}

void uas_on_request(
	struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow, bool merged) {
	struct invite in = {.server = server, .m = m, .flow = flow};

	// A request within a dialog is known by that, whoever sends it.
	if (m->to_tag.len > 0)
		in_dialog_on_request(cs, server, m, flow);
	else if (!admission_check(cs, flow, &in.trunk))
		refuse_stranger(cs, server, m, flow);
	else
		on_admitted(cs, &in, merged);
}
