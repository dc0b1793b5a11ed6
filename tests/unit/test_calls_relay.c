// The relay as a call sees it: gone, late, full, silent media (design §5: replies of the relay are events like SIP's).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_with(const struct bench_options *o) {
	bench_open(o);
	caller_init(&alice);
	callee_init(&bob);
}

static void expect_503(enum call_counter counter) {
	expect(&alice, 503);
	ck_assert_str_ne(heard(&alice, "Retry-After"), "");
	ack_failure(&alice);
	ck_assert_uint_eq(bench_counter(counter), 1);
}

// Time passes until Kedge says something, which is due between two moments.
static void wait_for_it(uint64_t first_ms, uint64_t last_ms) {
	uint64_t start_ms = bench_now_ms();

	while (bench_untaken() == 0 && bench_now_ms() - start_ms <= last_ms)
		bench_wait(100);
	ck_assert_uint_ge(bench_now_ms() - start_ms, first_ms);
	ck_assert_uint_le(bench_now_ms() - start_ms, last_ms);
}

START_TEST(gone_before_the_call) {
	open_with(NULL);
	bench_relay_kill();
	invite(&alice);
	expect_503(CALL_COUNTER_NO_MEDIA);
	expect_nothing(&bob);
	bench_relay_start();
	bench_wait(1100); // the longest pause between attempts
	talk(&alice, &bob);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(late_with_the_offer) {
	open_with(NULL);
	bench_relay_stick(true);
	invite(&alice);
	expect(&alice, 100);
	bench_wait(900);
	expect_nothing(&alice);
	bench_wait(200); // relay_deadline_ms, 1000
	expect_503(CALL_COUNTER_NO_MEDIA);
	bench_relay_stick(false);
	bench_wait(1000);
	expect_nothing(&bob);
	ck_assert_uint_eq(bench_relay_sessions(), 0); // its late reply made none
	bench_close();
}
END_TEST

START_TEST(gone_with_the_offer) {
	open_with(NULL);
	bench_relay_stick(true);
	invite(&alice);
	expect(&alice, 100);
	bench_relay_kill();
	bench_wait(10);
	expect_503(CALL_COUNTER_NO_MEDIA);
	bench_close();
}
END_TEST

// An ACK may start media, as many callees send none before: it comes when the relay carries it.
START_TEST(slow_with_the_answer) {
	open_with(NULL);
	ring(&alice, &bob);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	bench_wait(500);
	repeat_reply(&bob);
	bench_wait(400);
	expect_nothing(&bob);
	expect_nothing(&alice);
	bench_relay_stick(false);
	bench_wait(10);
	expect_request(&bob, "ACK");
	expect_nothing(&bob);
	expect(&alice, 200);
	ack(&alice);
	repeat_reply(&bob);
	expect_request(&bob, "ACK"); // that one got lost
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// The callee has answered already: it is told that it was for nothing.
START_TEST(late_with_the_answer) {
	open_with(NULL);
	ring(&alice, &bob);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	bench_wait(900);
	expect_nothing(&bob);
	bench_wait(200);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	expect_503(CALL_COUNTER_NO_MEDIA);
	bench_relay_stick(false);
	bench_wait(1000);
	ck_assert_uint_eq(bench_ended()->status, 503);
	ck_assert_str_eq(bench_ended()->cause, "no_media");
	bench_close();
}
END_TEST

START_TEST(gone_with_the_answer) {
	open_with(NULL);
	ring(&alice, &bob);
	bench_relay_kill();
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	expect_503(CALL_COUNTER_NO_MEDIA);
	bench_close();
}
END_TEST

// Early media is a favour: the ringing gets through without it.
START_TEST(gone_with_early_media) {
	open_with(NULL);
	ring(&alice, &bob);
	bench_relay_kill();
	reply(&bob, 183, CALLEE_SDP);
	expect(&alice, 183);
	ck_assert_str_eq(heard(&alice, "Content-Length"), "0");
	bench_relay_start();
	bench_wait(1100);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_str_ne(heard(&alice, "Content-Length"), "0");
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(gone_in_mid_call) {
	open_with(NULL);
	talk(&alice, &bob);
	bench_relay_kill();
	bench_wait(30000);
	expect_nothing(&alice);
	expect_nothing(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_relay_start();
	bench_wait(1100);
	ck_assert_uint_eq(bench_relay_sessions(), 1);
	hang_up(&bob, &alice);
	ck_assert_uint_eq(bench_ended()->n_final, 1);
	bench_close();
}
END_TEST

// A relay that has just started is not ready before it has the sessions that are there.
START_TEST(back_and_not_ready_yet) {
	struct party second, callee;
	const uint64_t *restored;

	open_with(NULL);
	restored = &media_counters(calls_media(bench_calls()))[MEDIA_COUNTER_RESTORED];
	talk(&alice, &bob);
	bench_relay_kill();
	bench_relay_start();
	bench_relay_stick(true);
	for (int i = 0; i < 11 && *restored == 0; i++)
		bench_wait(100);
	ck_assert_uint_eq(*restored, 1);
	caller_init_at(&second, REALM_ACCESS, "192.0.2.11");
	invite(&second);
	expect(&second, 503);
	ck_assert_str_ne(heard(&second, "Retry-After"), "");
	ack_failure(&second);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_NO_MEDIA), 1);
	bench_relay_stick(false);
	bench_settle();
	callee_init(&callee);
	ring(&second, &callee);
	reply(&callee, 486, NULL);
	pass_failure(&callee, &second, 486);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(gone_for_good) {
	open_with(NULL);
	talk(&alice, &bob);
	bench_relay_kill();
	hang_up(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_uint_eq(bench_ended()->n_final, 0);
	bench_close();
}
END_TEST

START_TEST(stuck_at_the_end) {
	open_with(NULL);
	talk(&alice, &bob);
	bench_relay_stick(true);
	hang_up(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1); // its last counters are due
	bench_wait(1100);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_relay_stick(false);
	bench_close();
}
END_TEST

static void one_call_and_another(struct party *second) {
	talk(&alice, &bob);
	caller_init_at(second, REALM_ACCESS, "192.0.2.11");
	invite(second);
}

START_TEST(sessions_are_exhausted) {
	struct party second;

	open_with(&(struct bench_options){.max_sessions = 1});
	one_call_and_another(&second);
	expect(&second, 100);
	expect(&second, 503);
	ck_assert_str_ne(heard(&second, "Retry-After"), "");
	ack_failure(&second);
	expect_nothing(&bob);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_EXHAUSTED), 1);
	ck_assert_str_eq(bench_ended()->cause, "exhausted");
	hang_up(&alice, &bob);
	bench_wait(2500);
	talk(&alice, &bob); // room again
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(ports_are_exhausted) {
	const struct bench_options o = {
		.trunks =
			"{ name = \"t\"; realm = \"edge\"; peers = ( { address = \"203.0.113.20\"; port = 5060; } ); }",
		.routes = "{ from_realm = \"access\"; user = \".*\"; to = [ \"t\" ]; }"};
	struct party callers[3], callees[2];

	bench_open(&o);
	for (int i = 0; i < 3; i++) {
		char address[16];

		snprintf(address, sizeof(address), "192.0.2.%d", 20 + i);
		caller_init_at(&callers[i], REALM_ACCESS, address);
		if (i == 2)
			break;
		callee_init_at(&callees[i], REALM_EDGE, "203.0.113.20");
		ring(&callers[i], &callees[i]);
	}
	invite(&callers[2]); // edge has two pairs of ports
	expect(&callers[2], 100);
	take_failure(&callers[2], 503);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_EXHAUSTED), 1);
	for (int i = 0; i < 2; i++) {
		reply(&callees[i], 486, NULL);
		expect_request(&callees[i], "ACK");
		take_failure(&callers[i], 486);
	}
	bench_close();
}
END_TEST

START_TEST(calls_are_exhausted) {
	struct party second;

	open_with(&(struct bench_options){.control = "max_calls = 1;"});
	one_call_and_another(&second);
	take_failure(&second, 503);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_EXHAUSTED), 1);
	hang_up(&alice, &bob);
	dial(&second, &bob);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &second, 486);
	bench_close();
}
END_TEST

// Both sides silent for media_timeout_s: BYE both ways, and why.
START_TEST(silence_ends_a_call) {
	open_with(&(struct bench_options){.control = "media_timeout_s = 30;"});
	talk(&alice, &bob);
	wait_for_it(29000, 33000);
	expect_request(&alice, "BYE");
	ck_assert_str_eq(heard(&alice, "Reason"), "SIP;cause=408;text=\"Media timeout\"");
	reply(&alice, 200, NULL);
	expect_request(&bob, "BYE");
	ck_assert_str_eq(heard(&bob, "Reason"), "SIP;cause=408;text=\"Media timeout\"");
	reply(&bob, 200, NULL);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_str_eq(bench_ended()->cause, "media_timeout");
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_MEDIA_TIMEOUTS), 1);
	bench_close();
}
END_TEST

#define VIDEO(port) "m=video " port " RTP/AVP 0\r\n" // the payload type that bench_rtp sends

static uint16_t port_of(const char *text, const char *media) {
	unsigned port = 0;

	ck_assert_ptr_nonnull(strstr(text, media));
	ck_assert_int_eq(sscanf(strstr(text, media) + strlen(media), "%u", &port), 1);
	return (uint16_t)port;
}

// Our ports towards the caller, of audio and video.
static void talk_with_video(uint16_t *audio, uint16_t *video) {
	open_with(&(struct bench_options){.control = "media_timeout_s = 30;"});
	alice.sdp = CALLER_SDP VIDEO("4002");
	dial(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP VIDEO("5002"));
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	*audio = port_of(alice.last->text, "m=audio ");
	*video = port_of(alice.last->text, "m=video ");
	ack(&alice);
}

// The caller's RTP from one of its ports for so long, nothing else.
static void caller_sends(uint16_t from, uint16_t to, unsigned seconds) {
	for (unsigned i = 0; i < seconds; i++) {
		ck_assert_str_eq(bench_rtp(REALM_ACCESS, "192.0.2.10", from, "203.0.113.1", to), "forwarded");
		bench_wait(1000);
	}
	expect_nothing(&alice);
	expect_nothing(&bob);
}

START_TEST(a_silent_stream_ends_no_call) {
	uint16_t audio, video;

	talk_with_video(&audio, &video);
	caller_sends(4000, audio, 100);
	wait_for_it(28000, 32000); // now that the other one is, too
	take_bye(&alice);
	take_bye(&bob);
	ck_assert_str_eq(bench_ended()->cause, "media_timeout");
	bench_close();
}
END_TEST

START_TEST(a_stream_that_comes_back_is_not_silent) {
	uint16_t audio, video;

	talk_with_video(&audio, &video);
	caller_sends(4000, audio, 40);
	caller_sends(4002, video, 100);
	wait_for_it(28000, 32000);
	take_bye(&alice);
	take_bye(&bob);
	bench_close();
}
END_TEST

// §15: the caller's BYE waits for its ACK.
START_TEST(silence_before_the_ack) {
	open_with(&(struct bench_options){.control = "media_timeout_s = 10;"});
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	for (int i = 0; i < 130 && calls_counters(bench_calls())[CALL_COUNTER_MEDIA_TIMEOUTS] == 0; i++)
		bench_wait(100);
	take_bye(&bob);
	skip_repeats(&alice);
	ack(&alice);
	take_bye(&alice);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

START_TEST(ringing_may_be_silent) {
	open_with(&(struct bench_options){.control = "media_timeout_s = 10;"});
	ring(&alice, &bob);
	reply(&bob, 183, CALLEE_SDP);
	expect(&alice, 183);
	bench_wait(100000);
	expect_nothing(&alice);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

START_TEST(held_calls_may_be_silent) {
	open_with(&(struct bench_options){.control = "media_timeout_s = 10;"});
	dial(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP "a=inactive\r\n");
	pass_answer(&bob, &alice);
	bench_wait(100000);
	expect_nothing(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {gone_before_the_call, late_with_the_offer, gone_with_the_offer,
		slow_with_the_answer, late_with_the_answer, gone_with_the_answer, gone_with_early_media,
		gone_in_mid_call, back_and_not_ready_yet, gone_for_good, stuck_at_the_end,
		sessions_are_exhausted, ports_are_exhausted, calls_are_exhausted, silence_ends_a_call,
		a_silent_stream_ends_no_call, a_stream_that_comes_back_is_not_silent, silence_before_the_ack,
		ringing_may_be_silent, held_calls_may_be_silent};

	return BENCH_RUN("calls_relay", tests);
}
