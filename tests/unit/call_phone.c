#include "tests/unit/call_phone.h"

#include "tests/unit/call_network.h"
#include "tests/unit/call_repeat.h"
#include "tests/unit/fail_alloc.h"

#include <stdlib.h>

enum { ANSWERED = 8, LONGEST_MS = 400000, STEP_MS = 50 };

enum belief { NOTHING, WAITING, CONFIRMED, OVER }; // of a dialog; WAITING: for the ACK of its 2xx

struct fork { // the callee's side of one dialog
	struct party party;
	enum belief belief;
	bool has_answered;
	uint64_t ring_ms, answer_ms, bye_ms; // UINT64_MAX: not
};

static struct {
	struct phone_plan plan;
	unsigned relay_stuck;
	struct party caller;
	enum belief belief; // caller's
	bool heard, cancelling, cancel_sent; // a provisional; the user's wish; done
	uint64_t cancel_ms, caller_bye_ms;
	struct fork forks[FORKS];
	unsigned n_forks; // once invited
	char invite[2048]; // the callee's
	char last_provisional[2048];
	bool callee_final; // a failure, or cancelled
	struct { // requests that were answered, for their repeats
		char branch[64], answer[2048];
	} answered[ANSWERED];
	unsigned n_answered;
	char said[2048]; // the last that was said
	struct phones_seen seen;
} ph;

static uint64_t at(int ms) {
	return ms == NEVER ? UINT64_MAX : bench_now_ms() + (uint64_t)ms;
}

static void on_say(void *ctx, struct party *p, const char *text) {
	(void)ctx;
	strcpy(ph.said, text);
	network_send(true, &p->flow, text);
}

static void on_sent(void *ctx, const struct datagram *d) {
	(void)ctx;
	network_send(false, &d->to, d->text);
}

static void repeat(enum repeat_kind kind, struct party *p) {
	repeat_start(kind, p, ph.said);
}

static void hang_up_callee(struct fork *f) {
	if (f->belief != CONFIRMED)
		return;
	f->belief = OVER;
	f->bye_ms = UINT64_MAX;
	request(&f->party, "BYE", NULL);
	repeat(REPEAT_BYE, &f->party);
}

static void hang_up_caller(void) {
	ph.belief = OVER;
	ph.caller_bye_ms = UINT64_MAX;
	request(&ph.caller, "BYE", NULL);
	repeat(REPEAT_BYE, &ph.caller);
}

// §13.3.1.4: without its ACK, a 2xx makes a dialog all the same, and a BYE ends it.
static void on_given_up(enum repeat_kind kind, const struct party *p) {
	for (unsigned i = 0; i < ph.n_forks; i++)
		if (kind == REPEAT_FINAL && p == &ph.forks[i].party && ph.forks[i].belief == WAITING) {
			ph.forks[i].belief = CONFIRMED;
			hang_up_callee(&ph.forks[i]);
		}
}

// ---- the caller ----

static void cancel_if_due(void) {
	if (!ph.cancelling || !ph.heard || ph.cancel_sent || ph.seen.caller_status != 0)
		return;
	ph.cancel_sent = true;
	cancel(&ph.caller);
	repeat(REPEAT_CANCEL, &ph.caller);
}

static void tag_of(const char *text, const char *name, char out[static 64]) {
	const char *found = strstr(bench_header(text, name, 0), ";tag=");

	out[0] = '\0';
	if (found != NULL)
		snprintf(out, 64, "%.*s", (int)strcspn(found + 5, ";>"), found + 5);
}

static void take_target(struct party *p, const char *text) {
	const char *found = strchr(bench_header(text, "Contact", 0), '<');

	if (found != NULL)
		snprintf(p->target, sizeof(p->target), "%.*s", (int)strcspn(found + 1, ">"), found + 1);
}

static void on_2xx(const char *text) {
	char tag[64];

	tag_of(text, "To", tag);
	if (ph.seen.caller_status == 0) {
		ph.seen.caller_status = 200;
		ph.seen.n_confirmed++;
		strcpy(ph.caller.peer_tag, tag);
		take_target(&ph.caller, text);
		ph.belief = CONFIRMED;
		ph.caller_bye_ms =
			at(ph.cancelling ? 0 : ph.plan.caller_bye_ms); // §9.1: what CANCEL was too late for
	}
	ck_assert_int_eq(ph.seen.caller_status, 200); // never both a failure and a 2xx
	ck_assert_str_eq(tag, ph.caller.peer_tag); // Kedge answers once
	ack(&ph.caller);
}

static void on_invite_response(const char *text, int status) {
	if (status < 200) {
		if (ph.seen.caller_status == 0)
			ph.heard = true;
		repeat_stop(REPEAT_INVITE, &ph.caller);
		return;
	}
	repeat_stop(REPEAT_INVITE, &ph.caller);
	if (status < 300) {
		on_2xx(text);
		return;
	}
	ck_assert_int_ne(ph.seen.caller_status, 200);
	ph.seen.caller_status = status;
	tag_of(text, "To", ph.caller.peer_tag);
	ack_failure(&ph.caller);
}

static void on_response(struct party *p, const char *text) {
	const char *cseq = bench_header(text, "CSeq", 0);
	int status = atoi(text + strlen("SIP/2.0 "));

	if (strstr(cseq, " INVITE") != NULL)
		on_invite_response(text, status);
	else if (status >= 200)
		repeat_stop(strstr(cseq, " BYE") != NULL ? REPEAT_BYE : REPEAT_CANCEL, p);
}

// ---- the callee ----

static void answer_fork(struct fork *f) {
	f->answer_ms = UINT64_MAX;
	if (ph.callee_final)
		return;
	f->has_answered = true;
	reply_to(&f->party, ph.invite, ph.plan.status, ph.plan.status < 300 ? CALLEE_SDP : NULL);
	repeat(REPEAT_FINAL, &f->party);
	if (ph.plan.status >= 300) {
		ph.callee_final = true;
		return;
	}
	f->belief = WAITING;
	ph.seen.n_confirmed++;
}

static void ring_fork(struct fork *f) {
	f->ring_ms = UINT64_MAX;
	if (ph.callee_final || f->has_answered)
		return;
	reply_to(&f->party, ph.invite, ph.plan.early_media ? 183 : 180,
		ph.plan.early_media ? CALLEE_SDP : NULL);
	strcpy(ph.last_provisional, ph.said);
}

static void on_invite(const char *text) {
	bool has_answered = false;

	for (unsigned i = 0; i < ph.n_forks; i++)
		has_answered = has_answered || ph.forks[i].has_answered;
	if (ph.n_forks > 0) { // a repeat
		if (ph.last_provisional[0] != '\0' && !has_answered && !ph.callee_final)
			network_send(true, &ph.forks[0].party.flow, ph.last_provisional);
		return;
	}
	strcpy(ph.invite, text);
	for (unsigned i = 0; i < ph.plan.n_forks; i++) {
		struct fork *f = &ph.forks[ph.n_forks++];

		callee_init(&f->party);
		snprintf(f->party.call_id, sizeof(f->party.call_id), "%s", bench_header(text, "Call-ID", 0));
		strcpy(f->party.local, "<sip:2000@198.51.100.2>");
		strcpy(f->party.remote, "<sip:1000@198.51.100.1>");
		tag_of(text, "From", f->party.peer_tag);
		take_target(&f->party, text);
		f->belief = NOTHING;
		f->ring_ms = at(ph.plan.ring_ms);
		f->answer_ms = ph.plan.answer_ms == NEVER ? UINT64_MAX : at(ph.plan.answer_ms + (int)i * 300);
		f->bye_ms = UINT64_MAX;
	}
}

static struct fork *fork_of(const char *text) {
	char tag[64];

	tag_of(text, "To", tag);
	for (unsigned i = 0; i < ph.n_forks; i++)
		if (strcmp(ph.forks[i].party.tag, tag) == 0)
			return &ph.forks[i];
	return NULL;
}

static void on_ack(const char *text) {
	struct fork *f = fork_of(text);

	if (f == NULL)
		return;
	repeat_stop(REPEAT_FINAL, &f->party);
	if (f->belief == WAITING) {
		f->belief = CONFIRMED;
		f->bye_ms = at(ph.plan.callee_bye_ms);
	}
}

static void on_cancel(const char *text) {
	reply_to(&ph.forks[0].party, text, 200, NULL);
	for (unsigned i = 0; i < ph.n_forks; i++)
		if (ph.forks[i].has_answered)
			return; // too late
	if (ph.callee_final)
		return;
	ph.callee_final = true;
	reply_to(&ph.forks[0].party, ph.invite, 487, NULL);
	repeat(REPEAT_FINAL, &ph.forks[0].party);
}

static void on_bye(struct party *p, const char *text) {
	struct fork *f = p == &ph.caller ? NULL : fork_of(text);
	enum belief *belief = p == &ph.caller ? &ph.belief : f == NULL ? NULL : &f->belief;

	if (belief == NULL || *belief == NOTHING) {
		reply_to(p, text, 481, NULL);
		return;
	}
	if (f != NULL)
		repeat_stop(REPEAT_FINAL, &f->party); // whoever ends the dialog has had our 2xx
	*belief = OVER;
	reply_to(p, text, 200, NULL);
}

// ---- both ----

static bool answer_again(struct party *p, const char *text) {
	const char *via = strstr(text, ";branch=");
	char branch[64];

	snprintf(branch, sizeof(branch), "%.*s%.3s", (int)strcspn(via + 8, ";\r"), via + 8, text);
	for (unsigned i = 0; i < ph.n_answered; i++)
		if (strcmp(ph.answered[i].branch, branch) == 0) {
			network_send(true, &p->flow, ph.answered[i].answer);
			return true;
		}
	ck_assert_uint_lt(ph.n_answered, ANSWERED);
	strcpy(ph.answered[ph.n_answered++].branch, branch);
	return false;
}

static void on_request(struct party *p, const char *text) {
	if (strncmp(text, "INVITE ", 7) == 0) {
		on_invite(text);
	} else if (strncmp(text, "ACK ", 4) == 0) {
		on_ack(text);
	} else if (!answer_again(p, text)) {
		if (strncmp(text, "CANCEL ", 7) == 0)
			on_cancel(text);
		else
			on_bye(p, text);
		// on_cancel may have said a 487 behind its 200: the repeat of a CANCEL gets that, which does no harm.
		strcpy(ph.answered[ph.n_answered - 1].answer, ph.said);
	}
}

static void on_packet(const struct packet *k) {
	struct party *p = k->flow.realm == REALM_ACCESS ? &ph.caller : &ph.forks[0].party;

	if (k->text[0] == '\r')
		return;
	if (strncmp(k->text, "SIP/2.0 ", 8) != 0)
		on_request(p, k->text);
	else if (p == &ph.caller)
		on_response(p, k->text);
	else
		for (unsigned i = 0; i < ph.n_forks; i++) {
			char tag[64];

			tag_of(k->text, "From", tag);
			if (strcmp(tag, ph.forks[i].party.tag) == 0)
				on_response(&ph.forks[i].party, k->text);
		}
}

static void run_plans(void) {
	uint64_t now_ms = bench_now_ms();

	if (ph.cancel_ms <= now_ms) {
		ph.cancel_ms = UINT64_MAX;
		ph.cancelling = true;
	}
	cancel_if_due();
	if (ph.caller_bye_ms <= now_ms && ph.belief == CONFIRMED)
		hang_up_caller();
	for (unsigned i = 0; i < ph.n_forks; i++) {
		struct fork *f = &ph.forks[i];

		if (f->ring_ms <= now_ms)
			ring_fork(f);
		if (f->answer_ms <= now_ms)
			answer_fork(f);
		if (f->bye_ms <= now_ms)
			hang_up_callee(f);
	}
	repeat_run(on_given_up);
}

static bool is_quiet(void) {
	return !repeat_is_on() && network_due_ms() == UINT64_MAX && calls_now(bench_calls()) == 0 &&
		bench_transactions() == 0;
}

// To the next packet, or a moment further.
static bool step(void) {
	uint64_t due_ms = network_due_ms(), now_ms = bench_now_ms();
	struct packet k;

	if (due_ms > now_ms) {
		bench_relay_stick(network_random(100) < ph.relay_stuck);
		bench_step(due_ms - now_ms < STEP_MS ? due_ms - now_ms : STEP_MS);
		fail_alloc_pause();
		run_plans();
		fail_alloc_resume();
		return !is_quiet();
	}
	fail_alloc_pause();
	network_take(&k);
	if (!k.to_kedge)
		on_packet(&k);
	fail_alloc_resume();
	if (k.to_kedge)
		bench_deliver(k.text, &k.flow);
	return true;
}

static void check_beliefs(void) {
	ck_assert_msg(ph.belief == NOTHING || ph.belief == OVER, "the caller is left in its dialog");
	for (unsigned i = 0; i < ph.n_forks; i++)
		ck_assert_msg(ph.forks[i].belief == NOTHING || ph.forks[i].belief == OVER,
			"fork %u is left in its dialog: %d", i, ph.forks[i].belief);
}

struct phones_seen phones_call(const struct network *n, const struct phone_plan *plan) {
	uint64_t start_ms = bench_now_ms();

	fail_alloc_pause();
	memset(&ph, 0, sizeof(ph));
	ph.plan = *plan;
	ph.relay_stuck = n->relay_stuck;
	network_open(n);
	repeat_forget();
	bench_forget_secrets();
	bench_on_sent(on_sent, NULL);
	ladder_on_say(on_say, NULL);
	caller_init(&ph.caller);
	callee_init(&ph.forks[0].party); // where its packets come from
	ph.cancel_ms = at(plan->cancel_ms);
	ph.caller_bye_ms = UINT64_MAX;
	invite(&ph.caller);
	repeat(REPEAT_INVITE, &ph.caller);
	fail_alloc_resume();
	while (step())
		if (bench_now_ms() - start_ms > LONGEST_MS)
			ck_abort_msg("it never ends");
	fail_alloc_pause();
	if (!n->may_leave)
		check_beliefs();
	ladder_on_say(NULL, NULL);
	bench_on_sent(NULL, NULL);
	bench_relay_stick(false);
	fail_alloc_resume();
	return ph.seen;
}
