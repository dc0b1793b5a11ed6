// One try towards the callee: its INVITE, and what the usage table says to do about it.
#include "control/call/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static int identify(const char *start, struct span host, char **out) {
	char text[1024 + 256];
	struct sink s = sink_over(text, sizeof(text));

	sink_text(&s, start);
	sink_span(&s, host);
	sink_text(&s, ">");
	return s.overflow ? -EMSGSIZE : text_set(out, sink_result(&s));
}

// The peer's host in To and ours of its realm in From: no try shows what belongs to another.
static int set_identities(const struct calls *cs, const struct call *c, struct branch *b) {
	struct flow flow = {.realm = (uint16_t)c->leg[LEG_CALLEE].realm};
	char host[ENDPOINT_TEXT];
	struct sip_uri contact;
	int ret = identify(c->from_start,
		span_of(endpoint_format_addr(sip_stack_advertised(cs->stack, &flow), host)), &b->local_uri);

	if (ret < 0)
		return ret;
	if (b->trunk >= 0)
		return identify(c->to_start, span_of(cs->config->trunks[b->trunk].peers[b->peer].host),
			&b->remote_uri);
	if (sip_uri_parse(span_of(cs->config->routes[c->route].contact), &contact) < 0)
		return -EINVAL;
	return identify(c->to_start, contact.host, &b->remote_uri);
}

struct branch *branch_create(struct calls *cs, struct call *c, int trunk, int peer) {
	struct branch *b, **end = &c->branches;

	if (c->n_branches == BRANCHES_MAX)
		return NULL;
	b = calloc(1, sizeof(*b));
	if (b == NULL)
		return NULL;
	*b = (struct branch){.number = c->n_branches, .trunk = trunk, .peer = peer, .cseq = 1};
	if (set_identities(cs, c, b) < 0) {
		branch_destroy(b);
		return NULL;
	}
	c->n_branches++;
	while (*end != NULL)
		end = &(*end)->next;
	*end = b;
	return b;
}

// "sip:user@host:port" of a trunk's peer, or the route's contact with the called user where it names none.
static int set_request_uri(const struct calls *cs, const struct call *c, struct branch *b) {
	char text[1024];
	struct sink s = sink_over(text, sizeof(text));
	struct sip_uri uri;

	if (b->trunk >= 0) {
		const struct config_peer *p = &cs->config->trunks[b->trunk].peers[b->peer];

		sink_format(&s, "sip:%s@%s", c->called_user, p->host);
		if (p->port != 0)
			sink_format(&s, ":%d", p->port);
	} else {
		struct span contact = span_of(cs->config->routes[c->route].contact);

		if (sip_uri_parse(contact, &uri) < 0)
			return -EINVAL;
		if (uri.user.len > 0)
			sink_span(&s, contact);
		else
			sink_format(&s, SPAN_FMT ":%s@" SPAN_FMT, SPAN_ARG(uri.scheme), c->called_user,
				(int)(contact.data + contact.len - uri.host.data), uri.host.data);
	}
	return s.overflow ? -EMSGSIZE : text_set(&b->request_uri, sink_result(&s));
}

static void compose_invite(struct calls *cs, const struct call *c, const struct branch *b, struct sink *s) {
	const struct leg *l = &c->leg[LEG_CALLEE];
	char tag[TOKEN_TEXT];

	call_tag(cs, c, (uint16_t)(PART_CALLEE | b->number), tag);
	sink_format(s, "Max-Forwards: %d\r\n", c->max_forwards);
	sink_format(s, "From: %s;tag=%s\r\n", b->local_uri, tag);
	sink_format(s, "To: %s\r\n", b->remote_uri);
	sink_format(s, "Call-ID: %s\r\nCSeq: %u INVITE\r\n", l->call_id, b->cseq);
	sink_contact(cs, s, &b->target);
	sink_allow(s);
	sink_text(s, c->crossing);
	if (c->asserted != NULL && cs->config->realms[b->target.realm].trusted)
		sink_text(s, c->asserted);
	sink_text(s, "Content-Type: application/sdp\r\n");
}

int branch_send_invite(struct calls *cs, struct call *c, struct branch *b) {
	char headers[8192];
	struct sink s = sink_over(headers, sizeof(headers));
	struct sip_request r = {.method = METHOD_INVITE, .body = span_of(c->offer)};
	int ret = set_request_uri(cs, c, b);

	if (ret < 0)
		return ret;
	compose_invite(cs, c, b, &s);
	if (s.overflow)
		return -EMSGSIZE;
	r.uri = span_of(b->request_uri);
	r.headers = sink_result(&s);
	return sip_client_start(cs->stack, &r, &b->target, call_timers_of(cs, b->target.realm, b->trunk),
		c->handle, &b->client);
}

static void send_invite(struct calls *cs, struct call *c, struct branch *b) {
	char addr[ENDPOINT_TEXT];
	int ret = branch_send_invite(cs, c, b);

	log_info("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u to=%s sent=%d", c->id,
		c->leg[LEG_CALLEE].call_id, b->number, endpoint_format(&b->target.remote, addr), ret);
	if (b->trunk >= 0) {
		cs->trunks[b->trunk].attempts++;
		cs->trunks[b->trunk].peers[b->peer].attempts++;
	}
	if (ret < 0)
		branch_step(cs, c, b, INVITE_ON_TRANSPORT_ERROR, NULL);
}

void branch_step(
	struct calls *cs, struct call *c, struct branch *b, enum invite_event event, struct dialog *d) {
	unsigned actions;

	if (!invite_usage_step(&b->usage, event, &actions)) {
		log_debug("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u usage=%s event=%d ignored=1",
			c->id, c->leg[LEG_CALLEE].call_id, b->number, invite_state_name(b->usage), event);
		return;
	}
	if (b->usage == INVITE_TERMINATED)
		call_check_cleared(cs, c);
	if (actions & INVITE_DO_SEND)
		send_invite(cs, c, b);
	if (actions & INVITE_DO_CANCEL)
		sip_client_cancel(cs->stack, b->client, span_of(c->reason_header));
	if ((actions & INVITE_DO_ACK) && d != NULL)
		branch_send_ack(cs, c, b, d);
	if ((actions & INVITE_DO_BYE) && d != NULL)
		branch_send_bye(cs, c, b, d);
	if (actions & INVITE_DO_REPORT_PROGRESS)
		callee_on_progress(cs, c, b, d);
	if (actions & INVITE_DO_REPORT_ANSWER)
		callee_on_answer(cs, c, b, d);
	if (actions & INVITE_DO_REPORT_FAILURE)
		callee_on_branch_failed(cs, c, b, event);
}
