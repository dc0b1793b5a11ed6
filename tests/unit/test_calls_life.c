// The end of calls that don't end by themselves: hard cap, draining, stopping; and whoever creates and destroys the lot.
#include "control/call/drain.h"
#include "control/call/internal.h"
#include "tests/unit/call_ladder.h"

#include <signal.h>

static struct party alice, bob;

static void open_with(const char *control) {
	const struct bench_options o = {.control = control};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
}

static void expect_ended(const char *cause, unsigned status) {
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_str_eq(bench_ended()->cause, cause);
	ck_assert_str_eq(bench_ended()->by, "kedge");
	ck_assert_uint_eq(bench_ended()->status, status);
}

START_TEST(longest_life_of_a_call) {
	open_with("max_call_s = 60;");
	talk(&alice, &bob);
	bench_wait(59900);
	expect_nothing(&alice);
	bench_wait(200);
	take_bye(&alice);
	take_bye(&bob);
	expect_ended("longest_life", 200);
	bench_close();
}
END_TEST

START_TEST(longest_life_while_ringing) {
	open_with("max_call_s = 60;");
	ring(&alice, &bob);
	bench_wait(60100);
	take_failure(&alice, 503);
	take_cancel(&bob);
	expect_ended("longest_life", 503);
	bench_close();
}
END_TEST

// The longest that the config allows: no transaction ends before it.
START_TEST(longest_ringing) {
	open_with("ring_timeout_s = 3600;");
	ring(&alice, &bob);
	bench_step(3599000);
	expect_nothing(&alice);
	bench_wait(1100);
	take_failure(&alice, 408);
	take_cancel(&bob);
	expect_ended("ring_timeout", 408);
	bench_close();
}
END_TEST

// RFC 3261 §13.3.1: a caller may say how long it waits for an answer; afterwards it counts for nothing.
START_TEST(longest_that_the_caller_waits) {
	open_with(NULL);
	add_header(&alice, "Expires: 20");
	ring(&alice, &bob);
	bench_wait(19900);
	expect_nothing(&alice);
	bench_wait(200);
	take_failure(&alice, 487);
	take_cancel(&bob);
	expect_ended("expired", 487);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_EXPIRED), 1);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_RING_TIMEOUTS), 0);
	bench_close();
}
END_TEST

// Before the relay has said a word.
START_TEST(a_caller_that_does_not_wait) {
	open_with(NULL);
	bench_relay_stick(true);
	add_header(&alice, "Expires: 0");
	invite(&alice);
	expect(&alice, 100);
	bench_wait(10);
	take_failure(&alice, 487);
	bench_relay_stick(false);
	bench_wait(10);
	expect_nothing(&bob);
	ck_assert_uint_eq(bench_relay_sessions(), 0);
	bench_close();
}
END_TEST

START_TEST(expiry_is_of_no_matter_to_a_talk) {
	open_with(NULL);
	add_header(&alice, "Expires: 20");
	talk(&alice, &bob);
	bench_wait(30000);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(ring_timeout_of_a_contact_route) {
	const struct bench_options o = {
		.routes =
			"{ from_trunk = \"carrier\"; user = \".*\"; contact = \"sip:192.0.2.10:5060\"; realm = \"access\";"
			" ring_timeout_s = 20; }"};

	bench_open(&o);
	caller_init_at(&alice, REALM_CORE, "198.51.100.2");
	alice.sdp = CALLEE_SDP;
	callee_init_at(&bob, REALM_ACCESS, "192.0.2.10");
	ring(&alice, &bob);
	bench_wait(20100);
	take_failure(&alice, 408);
	take_cancel(&bob);
	expect_ended("ring_timeout", 408);
	bench_close();
}
END_TEST

// One of our own mistakes: a request whose end nobody reports. Its call goes all the same, when nothing of it can be under way
// any more, by the slower side's clock; its media went at its end.
static void check_reaped(const struct bench_options *o, uint64_t longest_ms) {
	struct call *c;
	uint64_t cursor = 0;

	bench_open(o);
	bench_may_reap();
	caller_init(&alice);
	callee_init(&bob);
	talk(&alice, &bob);
	c = pool_next(bench_calls()->pool, 0, &cursor);
	c->n_outgoing++;
	hang_up(&alice, &bob);
	ck_assert_uint_eq(media_count(calls_media(bench_calls())), 0);
	ck_assert_uint_eq(bench_relay_sessions(), 0);
	bench_wait(longest_ms - 1000);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	ck_assert_uint_eq(bench_ended()->n, 0);
	bench_wait(2000);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_REAPED), 1);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_ENDED), 1);
	ck_assert_uint_eq(bench_ended()->n, 1);
	ck_assert_str_eq(bench_ended()->cause, "bye");
	ck_assert_uint_eq(bench_ended()->n_final, 1);
	bench_close();
}

START_TEST(longest_end_of_a_call) {
	enum {
		TRANSACTIONS = 6,
		REST_MS = 1000 + 5000
	}; // Timer B, a CANCEL, a BYE to each of four targets; the relay

	check_reaped(NULL, TRANSACTIONS * 64 * 500 + REST_MS);
	check_reaped(
		&(struct bench_options){
			.realm = {"allow = [ \"192.0.2.0/24\" ]; timers = { t1_ms = 1000; };"}},
		TRANSACTIONS * 64 * 1000 + REST_MS);
	check_reaped(&(struct bench_options){.realm = {NULL, "nat = \"never\"; timers = { t1_ms = 1000; };"}},
		TRANSACTIONS * 64 * 1000 + REST_MS);
}
END_TEST

// No new calls; those that are there go on to their own end.
START_TEST(draining) {
	struct party late;

	open_with(NULL);
	talk(&alice, &bob);
	calls_drain(bench_calls());
	bench_settle();
	ck_assert(!bench_is_drained());
	caller_init_at(&late, REALM_ACCESS, "192.0.2.11");
	invite(&late);
	expect(&late, 503);
	ck_assert_str_ne(heard(&late, "Retry-After"), "");
	ack_failure(&late);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_DRAINING), 1);
	bench_wait(20000);
	expect_nothing(&alice);
	hang_up(&alice, &bob);
	ck_assert(bench_is_drained());
	bench_close();
}
END_TEST

START_TEST(draining_nothing) {
	open_with(NULL);
	calls_drain(bench_calls());
	ck_assert(!bench_is_drained()); // never from within
	bench_settle();
	ck_assert(bench_is_drained());
	calls_drain(bench_calls());
	calls_stop_all(bench_calls());
	bench_close();
}
END_TEST

// A call in every state there is, ended at once.
// ---- what a signal starts ----

static struct drain drain;

static void open_for_signals(void) {
	open_with(NULL);
	talk(&alice, &bob);
	drain = (struct drain){.loop = bench_loop(), .calls = bench_calls()};
}

START_TEST(terminated_once) {
	open_for_signals();
	drain_on_signal(&drain, SIGTERM);
	bench_wait(20000);
	ck_assert(!loop_is_stopped(bench_loop()));
	hang_up(&alice, &bob);
	ck_assert(bench_is_drained());
	drain_on_drained(&drain);
	ck_assert(loop_is_stopped(bench_loop()));
	loop_timer_stop(bench_loop(), &drain.timer);
	bench_close();
}
END_TEST

START_TEST(terminated_twice) {
	static const int second[] = {SIGTERM, SIGINT};

	for (int i = 0; i < 2; i++) {
		open_for_signals();
		drain_on_signal(&drain, SIGTERM);
		bench_settle();
		ck_assert(!loop_is_stopped(bench_loop()));
		drain_on_signal(&drain, second[i]);
		ck_assert(loop_is_stopped(bench_loop()));
		expect_nothing(&alice);
		bench_drop();
	}
}
END_TEST

START_TEST(interrupted) {
	open_for_signals();
	drain_on_signal(&drain, SIGINT);
	ck_assert(loop_is_stopped(bench_loop()));
	bench_drop();
}
END_TEST

// Calls that go on for longer are ended in order; and should that not come to an end, it is left.
START_TEST(draining_takes_30_s_at_most) {
	open_for_signals();
	drain_on_signal(&drain, SIGTERM);
	bench_wait(29900);
	expect_nothing(&alice);
	bench_wait(200);
	expect_request(&alice, "BYE");
	expect_request(&bob, "BYE");
	bench_wait(4700);
	ck_assert(!loop_is_stopped(bench_loop()));
	bench_wait(200);
	ck_assert(loop_is_stopped(bench_loop()));
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_drop();
}
END_TEST

START_TEST(stopping_everything) {
	struct party callers[5], callees[5];

	open_with(NULL);
	for (int i = 0; i < 5; i++) {
		char address[16];

		snprintf(address, sizeof(address), "192.0.2.%d", 20 + i);
		caller_init_at(&callers[i], REALM_ACCESS, address);
		callee_init(&callees[i]);
	}
	talk(&callers[0], &callees[0]); // CONFIRMED
	ring(&callers[1], &callees[1]); // ANSWERED
	reply(&callees[1], 200, CALLEE_SDP);
	expect_request(&callees[1], "ACK");
	expect(&callers[1], 200);
	ring(&callers[2], &callees[2]); // TRYING
	ring(&callers[3], &callees[3]); // ANSWERING
	bench_relay_stick(true);
	reply(&callees[3], 200, CALLEE_SDP);
	invite(&callers[4]); // OFFERING
	expect(&callers[4], 100);

	calls_stop_all(bench_calls());
	bench_relay_stick(false);
	bench_settle();
	ck_assert(!bench_is_drained());
	take_bye(&callers[0]);
	take_failure(&callers[2], 503);
	take_failure(&callers[3], 503);
	take_failure(&callers[4], 503);
	// All callees hear at one place: first what needs no resolving.
	expect_request(&callees[2], "CANCEL");
	take_bye(&callees[0]);
	take_bye(&callees[1]);
	expect_request(&callees[3], "ACK");
	expect_request(&callees[3], "BYE");
	reply(&callees[3], 200, NULL);
	reply(&callees[2], 200, NULL);
	reply_invite(&callees[2], 487, NULL);
	expect_request(&callees[2], "ACK");
	expect_nothing(&callees[4]);
	expect_nothing(&callers[1]); // RFC 3261 §15: its ACK first
	calls_stop_all(bench_calls()); // once more changes nothing
	ack(&callers[1]);
	take_bye(&callers[1]);
	ck_assert(bench_is_drained());
	ck_assert_uint_eq(bench_ended()->n, 5);
	bench_close();
}
END_TEST

START_TEST(stopping_when_nobody_answers) {
	open_with(NULL);
	talk(&alice, &bob);
	calls_stop_all(bench_calls());
	bench_settle();
	bench_wait(32100);
	ck_assert(bench_is_drained());
	expect_ended("stopped", 200);
	bench_close_noisy();
}
END_TEST

// The process ends in the middle of it all: everything is freed (the sanitizer says so).
START_TEST(dropped_at_any_moment) {
	for (int moment = 0; moment < 8; moment++) {
		open_with(NULL);
		if (moment == 1)
			bench_relay_stick(true);
		invite(&alice);
		expect(&alice, 100);
		if (moment >= 2) {
			expect_request(&bob, "INVITE");
			reply(&bob, 183, CALLEE_SDP);
			expect(&alice, 183);
		}
		if (moment == 3)
			cancel(&alice);
		if (moment >= 4)
			reply(&bob, 200, CALLEE_SDP);
		if (moment >= 5) {
			pass_answer(&bob, &alice);
		}
		if (moment == 6)
			request(&alice, "BYE", NULL);
		if (moment == 7)
			bench_relay_kill();
		bench_drop();
	}
}
END_TEST

// What the CLI sees of a call as it goes by.
START_TEST(views) {
	struct call_view v;
	uint64_t cursor = 0;

	open_with(NULL);
	talk(&alice, &bob);
	ck_assert(calls_view_find(bench_calls(), alice.call_id, &v));
	ck_assert(calls_view_find(bench_calls(), bob.call_id, &v));
	ck_assert_str_eq(v.state, "confirmed");
	ck_assert_str_eq(v.from, "1000");
	ck_assert_str_eq(v.to, "2000");
	ck_assert_str_eq(v.leg[0].local_tag, alice.peer_tag);
	ck_assert_str_eq(v.leg[0].remote_tag, alice.tag);
	ck_assert_str_eq(v.leg[1].local_tag, bob.peer_tag);
	ck_assert_str_eq(v.leg[1].remote_tag, bob.tag);
	ck_assert_str_eq(v.leg[1].local_uri, bob.remote);
	ck_assert_str_eq(v.leg[1].remote_uri, bob.local);
	ck_assert_str_eq(v.leg[1].trunk, "carrier");
	ck_assert_uint_eq(v.n_branches, 1);
	ck_assert_uint_eq(v.n_streams, 1);
	ck_assert(calls_view_next(bench_calls(), &cursor, &v));
	ck_assert(!calls_view_next(bench_calls(), &cursor, &v));
	ck_assert(!calls_view_find(bench_calls(), "nothing", &v));
	hang_up(&alice, &bob);
	ck_assert(!calls_view_find(bench_calls(), alice.call_id, &v));
	bench_close();
}
END_TEST

// RFC 3261 and 6026 keep four transactions of a call for up to 32 s. Few calls at a time may be many of them.
START_TEST(short_calls_one_after_the_other) {
	open_with("max_calls = 20;");
	for (int i = 0; i < 310; i++) {
		caller_init(&alice);
		callee_init(&bob);
		talk(&alice, &bob);
		hang_up(&alice, &bob);
		bench_forget_secrets();
		bench_wait(100);
	}
	ck_assert_uint_eq(bench_ended()->n, 310);
	ck_assert_uint_gt(bench_transactions(), 930);
	bench_close();
}
END_TEST

enum { CALLS = 40 };
static struct party callers[CALLS], callees[CALLS];

static void open_with_many(void) {
	open_with(NULL);
	for (int i = 0; i < CALLS; i++) {
		char address[16];

		snprintf(address, sizeof(address), "192.0.2.%d", 20 + i);
		caller_init_at(&callers[i], REALM_ACCESS, address);
		callee_init(&callees[i]);
		talk(&callers[i], &callees[i]);
	}
	ck_assert_uint_eq(calls_now(bench_calls()), CALLS);
	ck_assert_uint_eq(bench_relay_sessions(), CALLS);
}

// More than one turn stops.
START_TEST(stopping_many) {
	open_with_many();
	calls_stop_all(bench_calls());
	bench_settle();
	ck_assert_uint_lt(bench_untaken(), 2 * CALLS);
	bench_wait(10);
	for (int i = 0; i < CALLS; i++) {
		take_bye(&callers[i]);
		take_bye(&callees[i]);
	}
	ck_assert(bench_is_drained());
	bench_close();
}
END_TEST

START_TEST(many_calls_at_a_time) {
	open_with_many();
	for (int i = CALLS - 1; i >= 0; i -= 2)
		hang_up(&callers[i], &callees[i]);
	for (int i = 0; i < CALLS; i += 2)
		hang_up(&callees[i], &callers[i]);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {longest_life_of_a_call, longest_life_while_ringing, longest_ringing,
		longest_that_the_caller_waits, a_caller_that_does_not_wait, expiry_is_of_no_matter_to_a_talk,
		longest_end_of_a_call, ring_timeout_of_a_contact_route, draining, draining_nothing,
		terminated_once, terminated_twice, interrupted, draining_takes_30_s_at_most,
		stopping_everything, stopping_many, stopping_when_nobody_answers, dropped_at_any_moment,
		views, short_calls_one_after_the_other, many_calls_at_a_time};

	return BENCH_RUN("calls_life", tests);
}
