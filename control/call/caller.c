// The caller's leg: what it is told.
#include "control/call/internal.h"

#include <inttypes.h>

void sink_allow(struct sink *s) {
#define ALLOW_1(name) ", " #name
#define ALLOW_0(name)
#define METHOD(name, done) ALLOW_##done(name)
	static const char methods[] =
#include "control/sip/method.def"
		;
#undef METHOD

	sink_format(s, "Allow: %s\r\n", methods + strlen(", "));
}

void sink_contact(struct calls *cs, struct sink *s, const struct flow *flow) {
	char addr[ENDPOINT_TEXT];

	sink_format(s, "Contact: <sip:%s>\r\n", endpoint_format(sip_stack_advertised(cs->stack, flow), addr));
}

static int answer(struct calls *cs, struct call *c, unsigned status, const char *reason, uint16_t part,
	struct span sdp, const char *more_headers) {
	const struct leg *l = &c->leg[LEG_CALLER];
	char tag[TOKEN_TEXT], headers[512];
	struct sink s = sink_over(headers, sizeof(headers));
	struct sip_answer a = {.status = status, .reason = span_of(reason), .body = sdp};
	int ret;

	if (status < 300)
		sink_contact(cs, &s, &l->flow);
	if (status < 300 || status == 405) // RFC 3261 §21.4.6
		sink_allow(&s);
	sink_text(&s, more_headers);
	if (sdp.len > 0)
		sink_text(&s, "Content-Type: application/sdp\r\n");
	call_tag(cs, c, part, tag);
	a.to_tag = span_of(tag);
	a.headers = sink_result(&s);
	ret = sip_server_respond(cs->stack, l->server, &a);
	log_info("call id=%016" PRIx64 " leg=0 call_id=%s status=%u sent=%d", c->id, l->call_id, status, ret);
	return ret;
}

void caller_send_progress(
	struct calls *cs, struct call *c, const struct dialog *of, unsigned status, struct span sdp) {
	struct dialog *d = c->leg[LEG_CALLER].dialog;

	if (sdp.len > 0 && offer_answer_step(&d->offer, OFFER_ON_SEND_PREVIEW) != OFFER_OK)
		return;
	d->part = of->peer_part;
	d->state = DIALOG_EARLY;
	if (c->ringing_wall_ms == 0)
		c->ringing_wall_ms = loop_wall_ms(cs->loop);
	// The next one may get through.
	(void)answer(cs, c, status, status == of->status ? of->reason : NULL, of->peer_part, sdp, "");
}

void caller_accept(struct calls *cs, struct call *c, struct span sdp) {
	struct dialog *d = c->leg[LEG_CALLER].dialog;
	const struct dialog *of = c->leg[LEG_CALLEE].dialog;

	if (offer_answer_step(&d->offer, OFFER_ON_SEND_ANSWER) != OFFER_OK)
		return;
	d->part = of->peer_part; // from now on the one tag that requests of the caller may carry
	d->state = DIALOG_EARLY;
	if (answer(cs, c, of->status, of->reason, of->peer_part, sdp, "") < 0) {
		call_set_final(c, 500, NULL);
		call_event(cs, c, CALL_ON_ACCEPT_FAILED);
		return;
	}
	c->answered_wall_ms = loop_wall_ms(cs->loop);
	call_set_final(c, of->status, of->reason);
	cs->counters[CALL_COUNTER_ANSWERED]++;
	media_set_answered(cs->media, c->media);
}

// With the tag that was shown last: responses of one UAS share theirs (RFC 3261 §8.2.6.2).
void caller_reject(struct calls *cs, struct call *c) {
	struct dialog *d = c->leg[LEG_CALLER].dialog;
	char retry[32] = "";

	if (c->final_status < 300)
		call_set_final(c, 500, NULL);
	if (c->retry_after_s > 0) {
		struct sink s = sink_over(retry, sizeof(retry) - 1);

		sink_format(&s, "Retry-After: %u\r\n", c->retry_after_s);
		retry[s.len] = '\0';
	}
	(void)answer(cs, c, c->final_status, c->final_reason, d->part, (struct span){0}, retry);
	d->state = DIALOG_TERMINATED;
}
