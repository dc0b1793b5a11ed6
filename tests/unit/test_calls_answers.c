// Descriptions in the responses of a callee: early, left out, repeated, broken, refusing (RFC 3261 §13.2, §13.3; RFC 3264;
// RFC 6337 §3).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	dial(&alice, &bob);
}

// RFC 3261 §13.3.1.1, RFC 6337 §3.1.1: the final answer may leave out what an 18x has shown.
START_TEST(answer_without_description_after_early_media) {
	char early[1024];

	open_both();
	reply(&bob, 183, CALLEE_SDP);
	expect(&alice, 183);
	snprintf(early, sizeof(early), "%s", bench_body(alice.last->text));
	ck_assert_ptr_nonnull(strstr(early, "c=IN IP4 203.0.113.1\r\n"));
	reply(&bob, 200, NULL);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_str_eq(bench_body(alice.last->text), early);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// RFC 3264 §8: what did not change has the same o= version.
START_TEST(answer_repeats_the_early_description) {
	char early[1024];

	open_both();
	reply(&bob, 183, CALLEE_SDP);
	expect(&alice, 183);
	snprintf(early, sizeof(early), "%s", bench_body(alice.last->text));
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_str_eq(bench_body(alice.last->text), early);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// Nobody offers any more: an offer of ours without an answer makes no session (RFC 3261 §13.2.1).
START_TEST(answer_without_any_description) {
	open_both();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	reply(&bob, 200, NULL);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	take_failure(&alice, 502);
	ck_assert_str_eq(bench_ended()->cause, "not_acceptable");
	ck_assert_str_eq(bench_ended()->by, "callee");
	bench_close();
}
END_TEST

START_TEST(answer_with_a_broken_description) {
	open_both();
	reply(&bob, 200, "v=0\r\nrubbish\r\n");
	expect_request(&bob, "ACK");
	take_bye(&bob);
	take_failure(&alice, 502);
	bench_close();
}
END_TEST

// An early description of no use is not shown; the final one counts.
START_TEST(early_media_with_a_broken_description) {
	open_both();
	reply(&bob, 183, "v=0\r\nrubbish\r\n");
	expect(&alice, 183);
	ck_assert_str_eq(heard(&alice, "Content-Length"), "0");
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	hang_up(&bob, &alice);
	bench_close();
}
END_TEST

// RFC 3264 §6: port 0 refuses a stream. That is an answer, and the caller's to judge.
START_TEST(answer_that_refuses_the_only_stream) {
	open_both();
	reply(&bob, 200, SDP_AT("198.51.100.2", "0"));
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_ptr_nonnull(strstr(bench_body(alice.last->text), "m=audio 0 RTP/AVP 0"));
	ack(&alice);
	ck_assert_uint_eq(bench_relay_sessions(), 0);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// §13.2.2.4, §12.1.1: without Contact there is no way into the dialog; the caller must not wait for ever.
START_TEST(answer_without_contact) {
	open_both();
	bob.contact[0] = '\0';
	reply(&bob, 200, CALLEE_SDP);
	take_failure(&alice, 502);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

START_TEST(ringing_without_contact) {
	char contact[PARTY_TEXT];

	open_both();
	strcpy(contact, bob.contact);
	bob.contact[0] = '\0';
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	strcpy(bob.contact, contact);
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

static bool has_description(const struct party *p) {
	return strstr(p->last->text, "m=audio") != NULL;
}

// What an 18x shows and what it says stay together, though the next one comes while the relay is asked.
START_TEST(ringing_behind_early_media) {
	open_both();
	bench_relay_stick(true);
	reply(&bob, 183, CALLEE_SDP);
	bench_wait(10);
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	ck_assert(!has_description(&alice));
	bench_relay_stick(false);
	bench_wait(10);
	expect(&alice, 183);
	ck_assert(has_description(&alice));
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	ck_assert(!has_description(&alice));
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// The same while another description of it waits.
START_TEST(ringing_behind_early_media_that_waits) {
	open_both();
	bench_relay_stick(true);
	reply(&bob, 183, CALLEE_SDP);
	reply(&bob, 183, SDP_AT("198.51.100.2", "5002"));
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	ck_assert(!has_description(&alice));
	bench_relay_stick(false);
	bench_wait(10);
	for (int i = 0; i < 2; i++) {
		expect(&alice, 183);
		ck_assert(has_description(&alice));
	}
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

static void reply_early(int status, unsigned port) {
	char sdp[512];

	snprintf(sdp, sizeof(sdp), SDP_AT("198.51.100.2", "%u"), port);
	reply_invite(&bob, status, sdp);
}

// More of them than a relay that takes its time is asked at once: the first and the last are shown, and the answer gets through.
START_TEST(early_media_that_keeps_changing) {
	open_both();
	bench_relay_stick(true);
	for (unsigned i = 0; i < 12; i++)
		reply_early(183, 5000 + 2 * i);
	reply_early(180, 5100);
	bench_wait(10);
	expect_nothing(&alice);
	bench_relay_stick(false);
	bench_wait(10);
	expect(&alice, 183);
	ck_assert(has_description(&alice));
	expect(&alice, 180);
	ck_assert(has_description(&alice));
	expect_nothing(&alice);
	bench_relay_stick(true);
	for (unsigned i = 0; i < 12; i++)
		reply_early(183, 5200 + 2 * i);
	reply_invite(&bob, 200, CALLEE_SDP);
	bench_relay_stick(false);
	bench_wait(10);
	pass_answer(&bob, &alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// Each fork of very many has early media; all of it is shown, and one of them answers.
START_TEST(early_media_of_many_forks) {
	char tag[32];

	open_both();
	bench_relay_stick(true);
	for (unsigned i = 0; i < 12; i++) {
		snprintf(tag, sizeof(tag), "tag-of-fork-%u", i);
		set_tag(&bob, tag);
		reply_early(183, 5000 + 2 * i);
	}
	bench_relay_stick(false);
	bench_wait(10);
	for (unsigned i = 0; i < 12; i++) {
		expect(&alice, 183);
		ck_assert(has_description(&alice));
	}
	reply_invite(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {answer_without_description_after_early_media,
		answer_repeats_the_early_description, answer_without_any_description,
		answer_with_a_broken_description, early_media_with_a_broken_description,
		answer_that_refuses_the_only_stream, answer_without_contact, ringing_without_contact,
		ringing_behind_early_media, ringing_behind_early_media_that_waits,
		early_media_that_keeps_changing, early_media_of_many_forks};

	return BENCH_RUN("calls_answers", tests);
}
