// Requests within dialogs: found by our tag's token and checked against Call-ID and their tag, never by source.
#include "control/call/internal.h"

#include <inttypes.h>
#include <stdlib.h>

struct place {
	struct call *call;
	int side;
	struct dialog *dialog;
};

static struct dialog *find_callee_dialog(const struct call *c, uint16_t part, struct span remote_tag) {
	for (struct branch *b = c->branches; b != NULL; b = b->next)
		if (b->number == (part & ~PART_CALLEE))
			return branch_find_dialog(b, remote_tag);
	return NULL;
}

// RFC 3261 §12.2.2. False: no such dialog (481).
static bool find_place(struct calls *cs, const struct sip_msg *m, struct place *out) {
	uint64_t handle;
	uint16_t part;

	if (token_open(cs->tokens, 'd', m->to_tag, &handle, &part) < 0)
		return false; // forged, or of a start of ours that is no more: no look-up
	out->call = calls_find(cs, handle);
	if (out->call == NULL)
		return false;
	out->side = part & PART_CALLEE ? LEG_CALLEE : LEG_CALLER;
	if (!span_equal(span_of(out->call->leg[out->side].call_id), m->call_id))
		return false;
	if (out->side == LEG_CALLEE) {
		out->dialog = find_callee_dialog(out->call, part, m->from_tag);
	} else {
		struct dialog *d = out->call->leg[LEG_CALLER].dialog;

		// Once answered, only the tag that answered names the dialog.
		bool is_known =
			d->part == part || (d->state == DIALOG_EARLY && out->call->answered_wall_ms == 0);

		out->dialog = is_known && span_equal(span_of(d->remote_tag), m->from_tag) ? d : NULL;
	}
	return out->dialog != NULL;
}

static bool is_in_order(struct dialog *d, const struct sip_msg *m) {
	if (d->remote_cseq != 0 && m->cseq <= d->remote_cseq)
		return false;
	d->remote_cseq = m->cseq;
	return true;
}

// A dialog that a BYE of ours or theirs has ended knows no more requests (RFC 3261 §15.1.2), but for their BYE that crossed ours.
static bool is_over(const struct dialog *d, const struct sip_msg *m) {
	return d->state == DIALOG_TERMINATED && (d->bye_received || m->method != METHOD_BYE);
}

// A callee must not end an early dialog (RFC 3261 §15). One that does ends the call only if nobody else rings.
static bool still_rings(const struct call *c, const struct dialog *left) {
	const struct branch *b = call_branch_of(c, left);

	if (c->leg[LEG_CALLEE].dialog != NULL)
		return false;
	if (b != call_live_branch(c))
		return true; // its try is given up already
	for (const struct dialog *d = b->dialogs; d != NULL; d = d->next)
		if (d->state == DIALOG_EARLY)
			return true;
	return false;
}

static void on_bye(struct calls *cs, const struct place *p, uint64_t server, const struct sip_msg *m) {
	struct sip_answer ok = {.status = 200};
	struct leg *l = &p->call->leg[p->side];

	(void)!sip_server_respond(cs->stack, server, &ok); // it has said so
	p->dialog->state = DIALOG_TERMINATED;
	p->dialog->bye_received = true;
	log_info("call id=%016" PRIx64 " leg=%d call_id=%s received=BYE", p->call->id, p->side, l->call_id);
	if (l->dialog != p->dialog && l->dialog != NULL)
		return; // a fork that was not chosen
	if (p->side == LEG_CALLEE && still_rings(p->call, p->dialog))
		return;
	if (p->side == LEG_CALLER)
		sip_server_acknowledged(cs->stack, l->server); // whoever ends the dialog has had our 2xx
	call_keep_reason(p->call, m);
	if (p->call->state < CALL_ANSWERED)
		call_set_final(p->call, p->side == LEG_CALLER ? 487 : 480, NULL);
	if (p->call->state < CALL_ENDING && p->call->state != CALL_HANGING_UP)
		call_blame(p->call, "bye", p->side == LEG_CALLER ? "caller" : "callee");
	call_event(cs, p->call, p->side == LEG_CALLER ? CALL_ON_CALLER_BYE : CALL_ON_CALLEE_BYE);
}

void leg_follow_flow(struct leg *l, const struct flow *flow) {
	if (l->nated && flow->realm == l->realm)
		l->flow = *flow;
}

static bool is_nated(const struct place *p) {
	const struct leg *l = &p->call->leg[p->side];

	return p->dialog == l->dialog ? l->nated : p->dialog->nated;
}

// Before the first answer, whatever that is.
static void prepare_answer(struct calls *cs, const struct place *p, uint64_t server) {
	const struct leg *l = &p->call->leg[p->side];

	sip_server_set_timers(cs->stack, server, call_timers_of(cs, l->realm, l->trunk));
	if (is_nated(p))
		sip_server_set_nated(cs->stack, server);
}

// A peer did something wrong.
static void refuse(struct calls *cs, const struct place *p, uint64_t server, const struct sip_msg *m,
	unsigned status, const char *headers) {
	if (log_gate_open(
		    &cs->refused_gate, "requests refused", loop_now_ms(cs->loop) * 1000000, UAS_LOG_BURST))
		log_warning("call id=%016" PRIx64 " leg=%d call_id=%s received=" SPAN_FMT " refused=%u",
			p->call->id, p->side, p->call->leg[p->side].call_id, SPAN_ARG(m->method_text),
			status);
	uas_refuse(cs, server, status, headers);
}

void in_dialog_on_request(
	struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow) {
	char headers[UAS_HEADERS];
	unsigned status;
	struct place p;

	if (!find_place(cs, m, &p)) { // anybody can make one up: it costs nothing
		cs->counters[CALL_COUNTER_REFUSED_REQUESTS]++;
		sip_server_answer_once(cs->stack, server, m, flow, 481);
		return;
	}
	prepare_answer(cs, &p, server);
	if (is_over(p.dialog, m)) {
		uas_refuse(cs, server, 481, NULL);
		return;
	}
	if (!is_in_order(p.dialog, m)) {
		refuse(cs, &p, server, m, 500, NULL); // RFC 3261 §12.2.2
		return;
	}
	status = uas_misunderstood(m, headers);
	if (status != 0) {
		refuse(cs, &p, server, m, status, headers);
		return;
	}
	if (p.dialog == p.call->leg[p.side].dialog)
		leg_follow_flow(&p.call->leg[p.side], flow);
	switch (m->method) {
	case METHOD_BYE:
		on_bye(cs, &p, server, m);
		break;
	case METHOD_OPTIONS: // as outside (RFC 3261 §11.2)
		uas_answer_options(cs, server);
		break;
	default: // a new offer: what was agreed stays as it is (RFC 3261 §14.2)
		log_info("call id=%016" PRIx64 " leg=%d call_id=%s received=%s refused=488", p.call->id,
			p.side, p.call->leg[p.side].call_id, sip_method_name(m->method));
		uas_refuse(cs, server, 488, NULL);
	}
}
