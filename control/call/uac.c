// Responses to a branch's INVITE, made into events of its usage.
#include "control/call/internal.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>

static struct branch *find_branch(const struct call *c, uint64_t client) {
	for (struct branch *b = c->branches; b != NULL; b = b->next)
		if (b->client == client)
			return b;
	return NULL;
}

static struct dialog *add_dialog(struct call *c, struct branch *b, const struct sip_msg *m, unsigned most) {
	struct dialog *d;

	if (c->n_forks >= most)
		return NULL;
	d = dialog_from_response(m);
	if (d == NULL)
		return NULL;
	d->part = (uint16_t)(PART_CALLEE | b->number);
	d->peer_part = ++c->n_forks;
	d->local_cseq = b->cseq;
	d->flow = b->target;
	d->state = DIALOG_EARLY;
	d->offer.state = OFFER_SENT;
	d->next = b->dialogs;
	b->dialogs = d;
	return d;
}

// Each fork is a peer of its own, judged by what it answers with, as long as its dialog has no route set.
static void judge_nat(const struct calls *cs, const struct branch *b, struct dialog *d,
	const struct sip_msg *m, const struct flow *flow) {
	d->nated = nat_judge(cs, m, flow, d->route_set != NULL);
	d->flow = d->nated ? *flow : b->target;
}

// Take the description that a response carries. False: it is out of order or can't be kept, and is not to be used.
static bool take_description(struct dialog *d, const struct sip_msg *m, enum offer_event event) {
	struct span sdp;

	if (!sip_msg_body(m, "application/sdp", &sdp) || sdp.len == 0)
		return event == OFFER_ON_RECEIVE_ANSWER; // a 2xx may rely on what its 18x showed
	if (offer_answer_step(&d->offer, event) != OFFER_OK)
		return false;
	return text_set(&d->sdp, sdp) == 0;
}

// A response's phrase, to be passed on; empty, for the standard one, if it shows an address of that side's.
static struct span phrase_of(const struct sip_msg *m) {
	return span_has_ipv4(m->reason) ? (struct span){0} : m->reason;
}

static void note_status(struct dialog *d, const struct sip_msg *m) {
	d->status = m->status;
	if (text_set(&d->reason, phrase_of(m)) < 0) {
		free(d->reason);
		d->reason = NULL; // the standard phrase, then
	}
}

static void on_provisional(struct calls *cs, struct call *c, struct branch *b, const struct sip_msg *m,
	const struct flow *flow) {
	struct dialog *d = NULL;

	if (m->status > 100) {
		d = branch_find_dialog(b, m->to_tag);
		if (d == NULL)
			d = add_dialog(c, b, m, FORKS_MAX);
		if (d == NULL)
			log_warning("call id=%016" PRIx64 " leg=1 call_id=%s forks=%u ignored=%u", c->id,
				c->leg[LEG_CALLEE].call_id, c->n_forks, m->status);
	}
	if (d != NULL && d->state == DIALOG_EARLY) {
		note_status(d, m);
		judge_nat(cs, b, d, m, flow);
		d->has_description = take_description(d, m, OFFER_ON_RECEIVE_PREVIEW);
		if (d->has_description)
			d->waiting_status = m->status;
	}
	branch_step(cs, c, b, INVITE_ON_PROVISIONAL, d);
}

// A 2xx without a usable Contact, or that memory is short for: it makes no dialog, so the branch has failed.
static void on_unusable_answer(struct calls *cs, struct call *c, struct branch *b) {
	log_warning("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u answer=unusable", c->id,
		c->leg[LEG_CALLEE].call_id, b->number);
	b->status = 502;
	branch_step(cs, c, b, INVITE_ON_FAILURE, NULL);
}

static void on_answer(struct calls *cs, struct call *c, struct branch *b, const struct sip_msg *m,
	const struct flow *flow) {
	bool first =
		b->usage == INVITE_CALLING || b->usage == INVITE_PROCEEDING || b->usage == INVITE_ABANDONED;
	struct dialog *d = branch_find_dialog(b, m->to_tag);
	// The first is never a repeat, though a callee that broke RFC 3261 §15 may have ended its dialog before it.
	bool again = !first && d != NULL && (d->state == DIALOG_CONFIRMED || d->state == DIALOG_TERMINATED);

	if (again) {
		branch_step(cs, c, b, INVITE_ON_ANSWER_AGAIN, d);
		return;
	}
	if (d == NULL) // there is always room for the first answer of each branch
		d = add_dialog(c, b, m, first ? FORKS_MAX + BRANCHES_MAX : FORKS_MAX);
	if (d == NULL || dialog_refresh(d, m) < 0) {
		orphan_on_answer(cs, m, flow);
		if (first)
			on_unusable_answer(cs, c, b);
		return;
	}
	note_status(d, m);
	judge_nat(cs, b, d, m, flow);
	if (!take_description(d, m, OFFER_ON_RECEIVE_ANSWER)) {
		free(d->sdp);
		d->sdp = NULL; // found wanting when the relay is to be told
	}
	branch_step(cs, c, b, first ? INVITE_ON_ANSWER : INVITE_ON_ANSWER_OTHER, d);
}

static void on_failure_response(struct calls *cs, struct call *c, struct branch *b, const struct sip_msg *m) {
	if (b == call_live_branch(c) && c->state == CALL_TRYING) {
		char *reason = span_dup(phrase_of(m));

		call_set_final(c, m->status, reason == NULL || reason[0] == '\0' ? NULL : reason);
		free(reason);
	}
	branch_step(cs, c, b, INVITE_ON_FAILURE, NULL);
}

void callee_on_response(
	struct calls *cs, struct call *c, uint64_t client, const struct sip_msg *m, const struct flow *flow) {
	struct branch *b = find_branch(c, client);

	if (b == NULL)
		return;
	b->status = m->status;
	if (b == call_live_branch(c))
		loop_timer_stop(cs->loop, &c->timers.first_response);
	log_info("call id=%016" PRIx64 " leg=1 call_id=%s branch=%u status=%u", c->id,
		c->leg[LEG_CALLEE].call_id, b->number, m->status);
	if (m->status < 200)
		on_provisional(cs, c, b, m, flow);
	else if (m->status < 300)
		on_answer(cs, c, b, m, flow);
	else
		on_failure_response(cs, c, b, m);
}

void callee_on_failure(struct calls *cs, struct call *c, uint64_t client, enum sip_failure why) {
	struct branch *b = find_branch(c, client);

	if (b != NULL)
		branch_step(
			cs, c, b, why == SIP_TIMED_OUT ? INVITE_ON_TIMEOUT : INVITE_ON_TRANSPORT_ERROR, NULL);
}
