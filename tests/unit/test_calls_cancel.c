// CANCEL at every moment of a call (RFC 3261 §9, §15; RFC 6026), and a caller that gives up by BYE.
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
}

// 200 for the CANCEL, 487 for the INVITE, both with one tag (§9.2).
static void cancel_and_hear(struct party *a) {
	char tag[128];

	cancel(a);
	expect(a, 200);
	ck_assert_str_eq(heard(a, "CSeq"), "1 CANCEL");
	snprintf(tag, sizeof(tag), "%s", heard(a, "To"));
	expect(a, 487);
	ck_assert_str_eq(heard(a, "CSeq"), "1 INVITE");
	ck_assert_str_eq(heard(a, "To"), tag);
	ack_failure(a);
}

static void expect_cancelled(void) {
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_uint_eq(bench_ended()->status, 487);
	ck_assert_str_eq(bench_ended()->cause, "cancel");
	ck_assert_str_eq(bench_ended()->by, "caller");
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_CANCELLED), 1);
}

// §9.1: a CANCEL waits for a provisional of its INVITE.
START_TEST(before_any_response_of_the_callee) {
	open_both();
	dial(&alice, &bob);
	cancel_and_hear(&alice);
	expect_nothing(&bob);
	reply(&bob, 100, NULL);
	take_cancel(&bob);
	expect_cancelled();
	bench_close();
}
END_TEST

START_TEST(a_callee_that_never_speaks_gets_no_cancel) {
	open_both();
	dial(&alice, &bob);
	cancel_and_hear(&alice);
	bench_wait(31900);
	ck_assert_uint_eq(skip_repeats(&bob), 6); // Timer A: 0.5 … 31.5 s
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_wait(200); // Timer B
	expect_cancelled();
	bench_close();
}
END_TEST

START_TEST(while_it_rings) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	take_cancel(&bob);
	expect_cancelled();
	bench_close();
}
END_TEST

START_TEST(with_a_reason) {
	open_both();
	ring(&alice, &bob);
	add_header(&alice, "Reason: SIP;cause=200;text=\"Call completed elsewhere\"");
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	ck_assert_str_eq(heard(&bob, "Reason"), "SIP;cause=200;text=\"Call completed elsewhere\"");
	reply(&bob, 200, NULL);
	reply_invite(&bob, 487, NULL);
	expect_request(&bob, "ACK");
	bench_close();
}
END_TEST

START_TEST(repeated) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	cancel(&alice);
	expect(&alice, 200); // §9.2: the transaction is still there
	expect_nothing(&alice);
	take_cancel(&bob);
	cancel(&alice);
	expect(&alice, 200);
	expect_nothing(&bob);
	bench_close();
}
END_TEST

START_TEST(while_the_relay_is_asked) {
	open_both();
	bench_relay_stick(true);
	invite(&alice);
	expect(&alice, 100);
	cancel_and_hear(&alice);
	bench_relay_stick(false);
	bench_settle();
	expect_nothing(&bob);
	expect_cancelled();
	bench_close();
}
END_TEST

// §9.1, §15: the 2xx was under way when the CANCEL left: the call is ended by BYE, the caller has its 487.
START_TEST(crossing_the_answer) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	reply(&bob, 200, NULL);
	expect_nothing(&alice);
	expect_cancelled();
	bench_close_noisy(); // the CANCEL never got its answer
}
END_TEST

// Likewise, with the CANCEL still waiting for a provisional.
START_TEST(crossing_an_answer_without_provisional) {
	open_both();
	dial(&alice, &bob);
	cancel_and_hear(&alice);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	expect_nothing(&bob); // no CANCEL after a final response
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	bench_close_noisy(); // once its call is gone, a repeated 2xx is ended with a BYE again
}
END_TEST

START_TEST(crossing_an_answer_of_two_forks) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	reply(&bob, 200, NULL);
	set_tag(&bob, "tag-of-fork-one");
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	set_tag(&bob, "tag-of-fork-two");
	bob.peer_cseq = 1;
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	bench_close();
}
END_TEST

START_TEST(crossing_a_refusal) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	reply_invite(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	reply(&bob, 200, NULL);
	expect_cancelled();
	bench_close_noisy();
}
END_TEST

// The callee has answered, the relay has not yet been told: nobody has told the caller either.
START_TEST(while_the_answer_is_on_its_way) {
	open_both();
	ring(&alice, &bob);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	expect_nothing(&bob);
	expect_nothing(&alice);
	cancel_and_hear(&alice);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	bench_relay_stick(false);
	bench_settle();
	expect_cancelled();
	bench_close();
}
END_TEST

// §9.2: no effect once the final response is sent.
START_TEST(after_our_answer) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	cancel(&alice);
	expect(&alice, 200);
	ck_assert_str_eq(heard(&alice, "CSeq"), "1 CANCEL");
	expect_nothing(&alice);
	ack(&alice);
	cancel(&alice);
	expect(&alice, 200);
	expect_nothing(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_CANCELLED), 0);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(after_our_refusal) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	expect(&alice, 486);
	cancel(&alice);
	expect(&alice, 200);
	ack_failure(&alice);
	ck_assert_uint_eq(bench_ended()->status, 486);
	bench_close();
}
END_TEST

START_TEST(of_nothing) {
	open_both();
	alice.invite_cseq = 1;
	strcpy(alice.invite_branch, "z9hG4bK-never-sent");
	cancel(&alice);
	expect(&alice, 481);
	bench_close();
}
END_TEST

// §9.1, last paragraph: 64*T1 without a final response end the INVITE.
START_TEST(a_callee_that_ignores_it) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	reply(&bob, 200, NULL);
	bench_wait(31900);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_wait(200);
	expect_cancelled();
	bench_close();
}
END_TEST

START_TEST(lost_on_the_way) {
	open_both();
	ring(&alice, &bob);
	cancel_and_hear(&alice);
	expect_request(&bob, "CANCEL");
	bench_wait(1600);
	ck_assert_uint_eq(skip_repeats(&bob), 2); // Timer E
	reply(&bob, 200, NULL);
	reply_invite(&bob, 487, NULL);
	expect_request(&bob, "ACK");
	bench_close();
}
END_TEST

START_TEST(a_487_that_is_lost) {
	open_both();
	ring(&alice, &bob);
	cancel(&alice);
	expect(&alice, 200);
	expect(&alice, 487);
	take_cancel(&bob);
	bench_wait(3600);
	ck_assert_uint_eq(skip_repeats(&alice), 3);
	ack_failure(&alice);
	bench_close();
}
END_TEST

// §15: a caller may end an early dialog by BYE. Its INVITE still gets its final response.
START_TEST(bye_in_the_early_dialog) {
	open_both();
	ring(&alice, &bob);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_failure(&alice, 487);
	take_cancel(&bob);
	ck_assert_str_eq(bench_ended()->cause, "bye");
	ck_assert_str_eq(bench_ended()->by, "caller");
	bench_close();
}
END_TEST

START_TEST(bye_while_the_answer_is_on_its_way) {
	open_both();
	ring(&alice, &bob);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_failure(&alice, 487);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	bench_relay_stick(false);
	bench_close();
}
END_TEST

// §15: nor may it hang up before our ACK, which then is all that stops its 2xx.
START_TEST(bye_of_the_callee_while_its_answer_is_on_its_way) {
	open_both();
	ring(&alice, &bob);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	pass_failure(&bob, &alice, 480);
	bench_relay_stick(false);
	bench_close();
}
END_TEST

// §15: a callee must not end an early dialog by BYE. One that does is taken at its word.
START_TEST(bye_of_the_callee_in_the_early_dialog) {
	open_both();
	ring(&alice, &bob);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	take_failure(&alice, 480);
	take_cancel(&bob);
	bench_close();
}
END_TEST

// … and answers all the same.
START_TEST(bye_then_answer_of_the_callee) {
	open_both();
	ring(&alice, &bob);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	take_failure(&alice, 480);
	expect_request(&bob, "CANCEL");
	reply(&bob, 200, NULL);
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {before_any_response_of_the_callee,
		a_callee_that_never_speaks_gets_no_cancel, while_it_rings, with_a_reason, repeated,
		while_the_relay_is_asked, crossing_the_answer, crossing_an_answer_without_provisional,
		crossing_an_answer_of_two_forks, crossing_a_refusal, while_the_answer_is_on_its_way,
		after_our_answer, after_our_refusal, of_nothing, a_callee_that_ignores_it, lost_on_the_way,
		a_487_that_is_lost, bye_in_the_early_dialog, bye_while_the_answer_is_on_its_way,
		bye_of_the_callee_while_its_answer_is_on_its_way, bye_of_the_callee_in_the_early_dialog,
		bye_then_answer_of_the_callee};

	return BENCH_RUN("calls_cancel", tests);
}
