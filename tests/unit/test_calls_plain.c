// Whole calls, and those whose messages are lost, repeated or late (RFC 3261 §13, §15, §17; RFC 6026).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
}

static void expect_ended(unsigned status, const char *cause, const char *by) {
	ck_assert_uint_eq(calls_now(bench_calls()), 0); // at once, not when a timer is up
	ck_assert_uint_eq(bench_ended()->n, 1);
	ck_assert_uint_eq(bench_ended()->status, status);
	ck_assert_str_eq(bench_ended()->cause, cause);
	ck_assert_str_eq(bench_ended()->by, by);
}

START_TEST(caller_hangs_up) {
	open_both();
	talk(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &bob);
	expect_ended(200, "bye", "caller");
	ck_assert_uint_eq(bench_ended()->n_final, 1);
	bench_close();
}
END_TEST

START_TEST(callee_hangs_up) {
	open_both();
	talk(&alice, &bob);
	hang_up(&bob, &alice);
	expect_ended(200, "bye", "callee");
	bench_close();
}
END_TEST

// RFC 3264: each side sees our endpoint in its own realm, and nobody else's.
START_TEST(descriptions_are_ours) {
	open_both();
	dial(&alice, &bob);
	ck_assert_ptr_nonnull(strstr(bench_body(bob.request), "c=IN IP4 198.51.100.1\r\n"));
	ck_assert_ptr_null(strstr(bench_body(bob.request), "4000"));
	ck_assert_ptr_nonnull(strstr(bench_body(bob.request), "a=rtpmap:0 PCMU/8000\r\n"));
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	ck_assert_str_eq(heard(&bob, "CSeq"), "1 ACK");
	expect(&alice, 200);
	ck_assert_ptr_nonnull(strstr(bench_body(alice.last->text), "c=IN IP4 203.0.113.1\r\n"));
	ck_assert_ptr_null(strstr(bench_body(alice.last->text), "5000"));
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// RFC 3261 §17.1.1.2: Timer A doubles; a provisional ends it.
START_TEST(invite_is_repeated_until_something_is_heard) {
	open_both();
	dial(&alice, &bob);
	bench_wait(8000); // 0.5, 1.5, 3.5, 7.5 s
	ck_assert_uint_eq(skip_repeats(&bob), 4);
	reply(&bob, 100, NULL);
	bench_wait(60000);
	expect_nothing(&bob);
	expect_nothing(&alice); // 100 is hop by hop
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

// RFC 3261 §17.2.1: a repeated INVITE gets the latest provisional again; RFC 6026 §7.1: after the 2xx, nothing.
START_TEST(repeated_invites_make_no_second_call) {
	open_both();
	dial(&alice, &bob);
	invite_again(&alice);
	expect(&alice, 100);
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	invite_again(&alice);
	expect(&alice, 180);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	invite_again(&alice);
	expect_nothing(&alice);
	ack(&alice);
	invite_again(&alice);
	expect_nothing(&alice);
	expect_nothing(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// RFC 3261 §13.3.1.4: the 2xx is repeated, T1 doubling up to T2, until the ACK.
START_TEST(answer_is_repeated_until_ack) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	bench_wait(12000); // 0.5, 1.5, 3.5, 7.5, 11.5 s
	ck_assert_uint_eq(skip_repeats(&alice), 5);
	ack(&alice);
	bench_wait(60000);
	expect_nothing(&alice);
	ack(&alice); // once more: nothing comes of it
	expect_nothing(&alice);
	hang_up(&bob, &alice);
	bench_close();
}
END_TEST

// RFC 3261 §13.2.2.4: each repeat of a 2xx is acknowledged, and the caller hears of none.
START_TEST(repeated_answers_are_acknowledged) {
	open_both();
	talk(&alice, &bob);
	for (int i = 0; i < 3; i++) {
		reply_invite(&bob, 200, CALLEE_SDP);
		expect_request(&bob, "ACK");
		expect_nothing(&bob);
		expect_nothing(&alice);
	}
	hang_up(&alice, &bob);
	reply_invite(&bob, 200, CALLEE_SDP); // its 2xx and our BYE crossed
	expect_request(&bob, "ACK");
	bench_close_noisy();
}
END_TEST

// RFC 3261 §13.3.1.4: 64*T1 without ACK, then BYE.
START_TEST(without_ack_both_are_ended) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	bench_wait(31900);
	ck_assert_uint_eq(skip_repeats(&alice), 10); // … and each 4 s up to 31.5 s
	expect_nothing(&bob);
	bench_wait(200);
	take_bye(&alice);
	take_bye(&bob);
	expect_ended(200, "no_ack", "caller");
	ack(&alice); // too late
	bench_close();
}
END_TEST

// RFC 3261 §15: the callee's UA (Kedge, towards the caller) may send BYE only once its 2xx is acknowledged.
START_TEST(callee_bye_waits_for_the_callers_ack) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_nothing(&alice);
	bench_wait(600);
	ck_assert_uint_eq(skip_repeats(&alice), 1); // the 2xx goes on until then
	ack(&alice);
	take_bye(&alice);
	expect_ended(200, "bye", "callee");
	bench_close();
}
END_TEST

START_TEST(callee_bye_waits_no_longer_than_64_t1) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	bench_wait(31900);
	ck_assert_uint_eq(skip_repeats(&alice), 10);
	bench_wait(200);
	take_bye(&alice);
	expect_ended(200, "bye", "callee");
	bench_close();
}
END_TEST

START_TEST(both_hang_up_before_the_ack) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_ended(200, "bye", "callee");
	ack(&alice); // overtaken by its BYE
	expect_nothing(&alice);
	bench_close();
}
END_TEST

START_TEST(caller_hangs_up_before_its_ack) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_bye(&bob);
	expect_ended(200, "bye", "caller");
	bench_close(); // and the 2xx is not repeated
}
END_TEST

// The BYEs of both sides pass each other.
START_TEST(both_hang_up_at_once) {
	open_both();
	talk(&alice, &bob);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	reply(&bob, 200, NULL);
	expect_ended(200, "bye", "caller");
	bench_close_noisy();
}
END_TEST

START_TEST(repeated_bye_gets_its_answer_again) {
	unsigned cseq;

	open_both();
	talk(&alice, &bob);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_bye(&bob);
	cseq = alice.cseq;
	request_with_cseq(&alice, "BYE", cseq + 1); // another one: its dialog is gone
	expect(&alice, 481);
	bench_close();
}
END_TEST

// RFC 3261 §17.1.2.2: Timers E and F.
START_TEST(bye_without_answer_is_given_up) {
	open_both();
	talk(&alice, &bob);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
	bench_wait(31900);
	ck_assert_uint_eq(skip_repeats(&bob), 10);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_wait(200);
	expect_ended(200, "bye", "caller");
	bench_close();
}
END_TEST

// §12.2.1.2: 481 and 408 end a dialog as well.
START_TEST(any_answer_to_bye_will_do) {
	static const int statuses[] = {481, 408, 500, 603};

	for (size_t i = 0; i < sizeof(statuses) / sizeof(*statuses); i++) {
		open_both();
		talk(&alice, &bob);
		request(&bob, "BYE", NULL);
		expect(&bob, 200);
		expect_request(&alice, "BYE");
		reply(&alice, statuses[i], NULL);
		expect_ended(200, "bye", "callee");
		bench_close();
	}
}
END_TEST

START_TEST(busy_is_passed_on_with_its_phrase) {
	open_both();
	ring(&alice, &bob);
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	expect(&alice, 486);
	ck_assert_int_eq(strncmp(alice.last->text, "SIP/2.0 486 Reason of 486\r\n", 27), 0);
	bench_wait(1600);
	ck_assert_uint_eq(skip_repeats(&alice), 2); // Timer G
	ack_failure(&alice);
	expect_ended(486, "refused", "callee");
	repeat_reply(&bob); // our ACK was lost
	expect_request(&bob, "ACK");
	bench_close();
}
END_TEST

// RFC 3261 §8.2.6.2: all responses of a UAS to a request carry one tag.
START_TEST(one_tag_without_forks) {
	char tag[64];

	open_both();
	ring(&alice, &bob);
	strcpy(tag, alice.peer_tag);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	ck_assert_str_eq(alice.peer_tag, tag);
	bench_close();
	open_both();
	ring(&alice, &bob);
	strcpy(tag, alice.peer_tag);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_str_eq(alice.peer_tag, tag);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// Media goes both ways between the endpoints that the descriptions named.
START_TEST(media_flows) {
	unsigned access_port, core_port;

	open_both();
	dial(&alice, &bob);
	ck_assert_int_eq(sscanf(strstr(bob.request, "m=audio "), "m=audio %u ", &core_port), 1);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_int_eq(sscanf(strstr(alice.last->text, "m=audio "), "m=audio %u ", &access_port), 1);
	ack(&alice);
	ck_assert_str_eq(bench_rtp(REALM_ACCESS, "192.0.2.10", 4000, "203.0.113.1", (uint16_t)access_port),
		"forwarded");
	ck_assert_str_eq(bench_rtp(REALM_CORE, "198.51.100.2", 5000, "198.51.100.1", (uint16_t)core_port),
		"forwarded");
	ck_assert_str_ne(bench_rtp(REALM_CORE, "198.51.100.77", 5000, "198.51.100.1", (uint16_t)core_port),
		"forwarded");
	hang_up(&alice, &bob);
	ck_assert_str_ne(bench_rtp(REALM_CORE, "198.51.100.2", 5000, "198.51.100.1", (uint16_t)core_port),
		"forwarded");
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {caller_hangs_up, callee_hangs_up, descriptions_are_ours,
		invite_is_repeated_until_something_is_heard, repeated_invites_make_no_second_call,
		answer_is_repeated_until_ack, repeated_answers_are_acknowledged, without_ack_both_are_ended,
		callee_bye_waits_for_the_callers_ack, callee_bye_waits_no_longer_than_64_t1,
		both_hang_up_before_the_ack, caller_hangs_up_before_its_ack, both_hang_up_at_once,
		repeated_bye_gets_its_answer_again, bye_without_answer_is_given_up, any_answer_to_bye_will_do,
		busy_is_passed_on_with_its_phrase, one_tag_without_forks, media_flows};

	return BENCH_RUN("calls_plain", tests);
}
