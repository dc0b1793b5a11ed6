// Requests within dialogs: built from state, resolved, sent, tried at further targets. Each carries its own text, so that it
// outlives the call if it must.
#include "control/call/internal.h"

#include "control/sip/route_set.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

// Handles of two pools share the stack's owner field; pool slots stay far below this bit.
#define OUTGOING_OWNER (UINT64_C(1) << 31)

struct outgoing {
	uint64_t handle, call, client;
	uint64_t id; // of the call, for people; 0: an orphan's
	int side;
	enum sip_method method;
	uint16_t realm, listener;
	char *uri, *headers;
	const struct config_timers *timers;
	struct flow targets[OUTGOING_TARGETS_MAX];
	unsigned n_targets, next_target;
};

int outgoing_create_pool(uint32_t max_calls, struct pool **out) {
	return pool_create(
		sizeof(struct outgoing), max_calls * 4 + 64, out); // two ACKs and BYEs a call, and orphans
}

void outgoing_destroy_pool(struct pool *p) {
	uint64_t cursor = 0;
	struct outgoing *o;

	if (p == NULL)
		return;
	while ((o = pool_next(p, cursor, &cursor)) != NULL) {
		free(o->uri);
		free(o->headers);
	}
	pool_destroy(p);
}

static void finish(struct calls *cs, struct outgoing *o) {
	struct call *c = calls_find(cs, o->call);

	free(o->uri);
	free(o->headers);
	pool_del(cs->outgoing, o->handle);
	if (c == NULL)
		return;
	c->n_outgoing--;
	call_check_cleared(cs, c);
}

enum { SUBJECT = 1200 };

// "call id=… leg=… call_id=… method=…", of an orphan without what nobody knows any more.
static const char *subject(const struct outgoing *o, char buf[static SUBJECT]) {
	struct span call_id = sip_msg_find_call_id(span_of(o->headers));
	int n = o->id == 0 ? snprintf(buf, SUBJECT, "orphan")
			   : snprintf(buf, SUBJECT, "call id=%016" PRIx64 " leg=%d", o->id, o->side);

	snprintf(buf + n, (size_t)(SUBJECT - n), " call_id=" SPAN_FMT " method=%s", SPAN_ARG(call_id),
		sip_method_name(o->method));
	return buf;
}

static void send_next(struct calls *cs, struct outgoing *o) {
	struct sip_request r = {.method = o->method, .uri = span_of(o->uri), .headers = span_of(o->headers)};

	while (o->next_target < o->n_targets) {
		const struct flow *target = &o->targets[o->next_target++];

		if (o->method == METHOD_ACK) {
			if (sip_send_ack(cs->stack, &r, target) == 0)
				break; // nothing ever answers an ACK
		} else if (sip_client_start(cs->stack, &r, target, o->timers, o->handle | OUTGOING_OWNER,
				   &o->client) == 0) {
			return;
		}
	}
	finish(cs, o);
}

static void on_resolved(void *ctx, uint64_t owner, int status, const struct flow *targets, unsigned n) {
	struct calls *cs = ctx;
	struct outgoing *o = pool_find(cs->outgoing, owner);
	char text[SUBJECT];

	if (o == NULL)
		return;
	if (status < 0)
		log_warning("%s uri=%s resolve=failed errno=%d", subject(o, text), o->uri, -status);
	for (unsigned i = 0; status == 0 && i < n && i < OUTGOING_TARGETS_MAX; i++) {
		o->targets[i] = targets[i];
		o->targets[i].listener = o->listener;
		o->n_targets++;
	}
	send_next(cs, o);
}

// RFC 3261 §12.2.1.1: a loose first hop leaves the target in the Request-URI; a strict one takes its place.
struct hop {
	struct span request_uri, next; // next: URI that says where the request goes
	struct span route; // Route value, may be empty
	struct span appended; // to the Route: the target, when routing is strict
};

static int choose_hop(const struct calls *cs, const struct dialog *d, struct hop *out) {
	struct span target = span_of(d->remote_target), rest = span_of(d->route_set), all;
	struct sip_uri first;
	int ret;

	do {
		*out = (struct hop){.request_uri = target, .next = target};
		all = span_trim(rest);
		ret = route_set_next(&rest, &first);
		if (ret < 0)
			return ret == -ENOENT ? 0 : ret;
	} while (sip_stack_is_us(cs->stack, first.host, first.port)); // a leading Route that is us is removed
	out->next = first.whole;
	if (route_set_is_loose(&first)) {
		out->route = all;
	} else {
		out->request_uri = first.whole;
		out->route = span_trim(rest);
		out->appended = target;
	}
	return 0;
}

static char *compose_headers(const struct outgoing_dialog *od, const struct hop *hop, enum sip_method method,
	uint32_t cseq, const char *reason_header) {
	char text[8192];
	struct sink s = sink_over(text, sizeof(text));

	sink_text(&s, "Max-Forwards: 70\r\n");
	if (hop->route.len > 0 || hop->appended.len > 0) {
		sink_format(&s, "Route: " SPAN_FMT, SPAN_ARG(hop->route));
		if (hop->appended.len > 0)
			sink_format(&s, "%s<" SPAN_FMT ">", hop->route.len > 0 ? "," : "",
				SPAN_ARG(hop->appended));
		sink_text(&s, "\r\n");
	}
	sink_format(&s, "From: %s;tag=%s\r\n", od->local_uri, od->local_tag);
	sink_format(&s, "To: %s", od->remote_uri);
	if (od->dialog->remote_tag[0] != '\0') // an RFC 2543 peer has none
		sink_format(&s, ";tag=%s", od->dialog->remote_tag);
	sink_format(&s, "\r\nCall-ID: %s\r\nCSeq: %u %s\r\n", od->call_id, cseq, sip_method_name(method));
	if (reason_header != NULL)
		sink_format(&s, "Reason: %s\r\n", reason_header);
	return s.overflow ? NULL : span_dup(sink_result(&s));
}

// Returns 1 when the target is known already, 0 when it will be, or a negative errno.
static int launch(struct calls *cs, struct outgoing *o, const struct flow *direct, struct span next) {
	struct sip_uri uri;
	struct span host;

	if (direct != NULL) {
		o->targets[0] = *direct;
		o->n_targets = 1;
		return 1;
	}
	if (sip_uri_parse(next, &uri) < 0 || uri.host.len == 0)
		return -EINVAL;
	if (!sip_param_find(uri.params, "maddr", &host) || host.len == 0) // RFC 3263 §4
		host = uri.host;
	return sip_resolve(cs->stack, o->realm, host, uri.port, SIP_UDP, on_resolved, cs, o->handle);
}

int outgoing_send(struct calls *cs, struct call *c, const struct outgoing_dialog *od, enum sip_method method,
	uint32_t cseq, const char *reason_header) {
	uint64_t handle;
	struct outgoing *o;
	struct hop hop;
	int ret;

	if (od->dialog->remote_target == NULL)
		return -EINVAL;
	ret = choose_hop(cs, od->dialog, &hop);
	if (ret < 0)
		return ret;
	o = pool_add(cs->outgoing, &handle);
	if (o == NULL)
		return -ENOMEM;
	*o = (struct outgoing){.handle = handle,
		.id = c == NULL ? 0 : c->id,
		.side = od->side,
		.method = method,
		.realm = od->flow->realm,
		.listener = od->flow->listener,
		.timers = od->timers};
	o->uri = span_dup(hop.request_uri);
	o->headers = compose_headers(od, &hop, method, cseq, reason_header);
	ret = o->uri == NULL || o->headers == NULL ? -ENOMEM : launch(cs, o, od->direct, hop.next);
	if (ret < 0) {
		finish(cs, o);
		return ret;
	}
	if (c != NULL) {
		o->call = c->handle;
		c->n_outgoing++;
	}
	if (ret > 0)
		send_next(cs, o);
	return 0;
}

bool outgoing_on_response(struct calls *cs, uint64_t owner, const struct sip_msg *m) {
	struct outgoing *o;

	if (!(owner & OUTGOING_OWNER))
		return false;
	o = pool_find(cs->outgoing, owner & ~OUTGOING_OWNER);
	if (o == NULL || m->status < 200)
		return true;
	if (m->status == 503)
		send_next(cs, o); // the next target, if any (RFC 3263 §4.3)
	else
		finish(cs, o);
	return true;
}

bool outgoing_on_failure(struct calls *cs, uint64_t owner, enum sip_failure why) {
	char text[SUBJECT];
	struct outgoing *o;

	if (!(owner & OUTGOING_OWNER))
		return false;
	o = pool_find(cs->outgoing, owner & ~OUTGOING_OWNER);
	if (o == NULL)
		return true;
	log_warning("%s uri=%s failed=%s", subject(o, text), o->uri,
		why == SIP_TIMED_OUT ? "timeout" : "transport");
	send_next(cs, o);
	return true;
}

static void send_in_dialog(struct calls *cs, struct call *c, const struct outgoing_dialog *dialog,
	enum sip_method method, uint32_t cseq) {
	struct outgoing_dialog od = *dialog;
	char tag[TOKEN_TEXT];
	int ret;

	call_tag(cs, c, od.dialog->part, tag);
	od.local_tag = tag;
	ret = outgoing_send(cs, c, &od, method, cseq, method == METHOD_BYE ? c->reason_header : NULL);
	if (ret < 0)
		log_warning("call id=%016" PRIx64 " leg=%d call_id=%s method=%s failed=%d", c->id, od.side,
			od.call_id, sip_method_name(method), -ret);
	else
		log_debug("call id=%016" PRIx64 " leg=%d call_id=%s sent=%s", c->id, od.side, od.call_id,
			sip_method_name(method));
}

static struct outgoing_dialog in_caller(const struct calls *cs, const struct call *c) {
	const struct leg *l = &c->leg[LEG_CALLER];

	return (struct outgoing_dialog){.side = LEG_CALLER,
		.call_id = l->call_id,
		.local_uri = l->local_uri,
		.remote_uri = l->remote_uri,
		.dialog = l->dialog,
		.flow = &l->flow,
		.direct = l->nated ? &l->flow : NULL,
		.timers = call_timers_of(cs, l->realm, l->trunk)};
}

// The answered leg of a NATed callee has a flow that follows its requests; other dialogs have that of their answer.
static struct outgoing_dialog in_callee(
	const struct calls *cs, const struct call *c, const struct branch *b, const struct dialog *d) {
	const struct leg *l = &c->leg[LEG_CALLEE];
	const bool is_chosen = d == l->dialog;
	const struct flow *flow = is_chosen ? &l->flow : &d->flow;

	return (struct outgoing_dialog){.side = LEG_CALLEE,
		.call_id = l->call_id,
		.local_uri = b->local_uri,
		.remote_uri = b->remote_uri,
		.dialog = d,
		.flow = flow,
		.direct = (is_chosen ? l->nated : d->nated) ? flow : NULL,
		.timers = call_timers_of(cs, b->target.realm, b->trunk)};
}

void leg_send_bye(struct calls *cs, struct call *c, int side) {
	struct leg *l = &c->leg[side];
	struct dialog *d = l->dialog;
	struct outgoing_dialog od;

	// A callee whose branch answered has local_cseq from its INVITE; the caller's side begins at 1.
	if (d == NULL || l->bye_sent || d->state == DIALOG_NONE || d->state == DIALOG_TERMINATED)
		return;
	l->bye_sent = true;
	d->state = DIALOG_TERMINATED;
	od = side == LEG_CALLER ? in_caller(cs, c) : in_callee(cs, c, call_branch_of(c, d), d);
	send_in_dialog(cs, c, &od, METHOD_BYE, ++d->local_cseq);
}

void branch_send_ack(struct calls *cs, struct call *c, struct branch *b, struct dialog *d) {
	struct outgoing_dialog od = in_callee(cs, c, b, d);

	send_in_dialog(cs, c, &od, METHOD_ACK, b->cseq);
}

void branch_send_bye(struct calls *cs, struct call *c, struct branch *b, struct dialog *d) {
	struct outgoing_dialog od = in_callee(cs, c, b, d);

	d->state = DIALOG_TERMINATED;
	if (d->local_cseq < b->cseq)
		d->local_cseq = b->cseq;
	send_in_dialog(cs, c, &od, METHOD_BYE, ++d->local_cseq);
}
