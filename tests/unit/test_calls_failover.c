// One target after the other (RFC 3261 §8.1.3.5, §16.7; RFC 3263 §4.3; design: failover on silence, transport error and
// 503), and what the caller is told when none is left.
#include "tests/unit/call_ladder.h"

#define PEER(address) "{ address = \"" address "\"; port = 5060; }"
#define CARRIER(peers) "{ name = \"carrier\"; realm = \"core\"; ring_timeout_s = 60; peers = ( " peers " ); }"
#define TWO_PEERS CARRIER(PEER("198.51.100.2") ", " PEER("198.51.100.3"))

static struct party alice, bob, carol;

static void open_with(const char *trunks, const char *to) {
	static char routes[256];
	struct bench_options o = {.trunks = trunks, .routes = routes};

	snprintf(routes, sizeof(routes), "{ from_realm = \"access\"; user = \".*\"; to = [ %s ]; }", to);
	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	callee_init_at(&carol, REALM_CORE, "198.51.100.3");
}

static void open_two(void) {
	open_with(TWO_PEERS, "\"carrier\"");
	dial(&alice, &bob);
}

static void carol_answers(void) {
	expect_request(&carol, "INVITE");
	reply(&carol, 180, NULL);
	expect(&alice, 180);
	reply(&carol, 200, SDP_AT("198.51.100.3", "5000"));
	pass_answer(&carol, &alice);
}

static void close_after(struct party *callee) {
	hang_up(&alice, callee);
	bench_close();
}

START_TEST(after_503) {
	open_two();
	add_header(&bob, "Retry-After: 4712");
	add_header(&bob, "Warning: 399 carrier.example \"too busy\"");
	bench_secret(REALM_CORE, "4712");
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	carol_answers();
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_FAILOVERS), 1);
	close_after(&carol);
}
END_TEST

// RFC 3261 §12.1.1: two tries are two INVITEs: other branch, other From tag, and each to its own URI.
START_TEST(the_second_try_is_another_invite) {
	open_two();
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	expect_request(&carol, "INVITE");
	ck_assert_int_eq(strncmp(carol.invite, "INVITE sip:2000@198.51.100.3:5060 SIP/2.0\r\n", 43), 0);
	ck_assert_str_ne(carol.peer_tag, bob.peer_tag);
	ck_assert_str_ne(bench_header(carol.invite, "Via", 0), bench_header(bob.invite, "Via", 0));
	reply(&carol, 486, NULL);
	pass_failure(&carol, &alice, 486);
	bench_close();
}
END_TEST

START_TEST(after_icmp) {
	open_two();
	bench_icmp(bob.last);
	carol_answers();
	close_after(&carol);
}
END_TEST

START_TEST(after_silence) {
	open_two();
	bench_wait(3900);
	expect_nothing(&carol);
	ck_assert_uint_eq(skip_repeats(&bob), 3);
	bench_wait(200);
	carol_answers();
	bench_wait(40000); // the first INVITE lives until Timer B
	ck_assert_uint_ge(skip_repeats(&bob), 3);
	close_after(&carol);
}
END_TEST

// 100 is a response: who has spoken is not given up.
START_TEST(not_after_a_provisional) {
	open_two();
	reply(&bob, 100, NULL);
	bench_wait(30000);
	expect_nothing(&carol);
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	close_after(&bob);
}
END_TEST

// The first was slow, not dead: it is cancelled once it speaks (§9.1), and what it says is not shown.
START_TEST(the_first_rings_too_late) {
	open_two();
	bench_wait(4100);
	skip_repeats(&bob);
	expect_request(&carol, "INVITE");
	reply(&bob, 180, NULL);
	take_cancel(&bob);
	expect_nothing(&alice);
	reply(&carol, 200, SDP_AT("198.51.100.3", "5000"));
	pass_answer(&carol, &alice);
	close_after(&carol);
}
END_TEST

START_TEST(the_first_answers_while_the_second_talks) {
	open_two();
	bench_wait(4100);
	skip_repeats(&bob);
	carol_answers();
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	expect_nothing(&alice);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	close_after(&carol);
	ck_assert_uint_eq(bench_ended()->status, 200);
}
END_TEST

START_TEST(the_first_answers_while_the_second_rings) {
	open_two();
	bench_wait(4100);
	skip_repeats(&bob);
	expect_request(&carol, "INVITE");
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	expect_nothing(&alice);
	reply(&carol, 486, NULL);
	pass_failure(&carol, &alice, 486);
	bench_close();
}
END_TEST

START_TEST(an_unusable_late_answer_changes_nothing) {
	open_two();
	bench_wait(4100);
	skip_repeats(&bob);
	carol_answers();
	bob.contact[0] = '\0';
	reply_invite(&bob, 200, CALLEE_SDP);
	hang_up(&alice, &carol);
	ck_assert_uint_eq(bench_ended()->status, 200);
	bench_close();
}
END_TEST

// The caller gives up during the second try: both are abandoned.
START_TEST(cancel_during_the_second_try) {
	open_two();
	bench_wait(4100);
	skip_repeats(&bob);
	expect_request(&carol, "INVITE");
	cancel(&alice);
	expect(&alice, 200);
	take_failure(&alice, 487);
	reply(&carol, 180, NULL);
	take_cancel(&carol);
	reply_invite(&bob, 180, NULL);
	take_cancel(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

// §16.7 item 6: a 503 is not passed on; nor is when to try again.
START_TEST(all_say_503) {
	open_two();
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	expect_request(&carol, "INVITE");
	add_header(&carol, "Retry-After: 4711");
	reply(&carol, 503, NULL);
	pass_failure(&carol, &alice, 500);
	ck_assert_str_eq(heard(&alice, "Retry-After"), "");
	ck_assert_uint_eq(bench_ended()->status, 500);
	bench_close();
}
END_TEST

START_TEST(all_are_silent) {
	open_two();
	bench_wait(4100);
	expect_request(&carol, "INVITE");
	bench_wait(31800);
	expect_nothing(&alice);
	bench_wait(300); // the last one's Timer B: §8.1.3.1, a 408
	take_failure(&alice, 408);
	skip_repeats(&carol);
	bench_wait(100);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close_noisy();
}
END_TEST

START_TEST(all_are_unreachable) {
	open_two();
	bench_icmp(bob.last);
	expect_request(&carol, "INVITE");
	bench_icmp(carol.last);
	take_failure(&alice, 500); // §8.1.3.1: as a 503
	bench_close();
}
END_TEST

// Final words of a callee end the search.
START_TEST(what_is_passed_on) {
	static const struct {
		int callee, caller;
	} rows[] = {{486, 486}, {404, 404}, {480, 480}, {500, 500}, {504, 504}, {600, 600}, {603, 603},
		{302, 480}, {300, 480}, {305, 480}, {401, 403}, {407, 403}, {488, 488}, {403, 403}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_two();
		add_header(&bob, "Contact: <sip:elsewhere@198.51.100.9>");
		add_header(&bob, "WWW-Authenticate: Digest realm=\"carrier\", nonce=\"x\"");
		add_header(&bob, "Proxy-Authenticate: Digest realm=\"carrier\", nonce=\"x\"");
		reply(&bob, rows[i].callee, NULL);
		expect_request(&bob, "ACK");
		take_failure(&alice, rows[i].caller);
		ck_assert_ptr_null(strstr(alice.last->text, "Authenticate"));
		ck_assert_str_eq(heard(&alice, "Contact"), "");
		expect_nothing(&carol);
		bench_close();
	}
}
END_TEST

START_TEST(nobody_picks_up) {
	open_two();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	bench_wait(59900);
	expect_nothing(&alice);
	bench_wait(200);
	take_failure(&alice, 408);
	expect_request(&bob, "CANCEL");
	ck_assert_str_eq(heard(&bob, "Reason"), "SIP;cause=408;text=\"Ring timeout\"");
	reply(&bob, 200, NULL);
	reply_invite(&bob, 487, NULL);
	expect_request(&bob, "ACK");
	expect_nothing(&carol);
	ck_assert_str_eq(bench_ended()->cause, "ring_timeout");
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_RING_TIMEOUTS), 1);
	bench_close();
}
END_TEST

// A trunk's ring timeout counts from when the trunk is tried, however long the one before it rang.
START_TEST(each_trunk_has_its_ring_timeout) {
	static const int rows_s[] = {20, 120}; // less and more than the first one's

	for (int i = 0; i < 2; i++) {
		char trunks[512];

		snprintf(trunks, sizeof(trunks),
			CARRIER(PEER(
				"198.51.100.2")) ", { name = \"backup\"; realm = \"core\"; ring_timeout_s = %d;"
						 " peers = ( " PEER("198.51.100.3") " ); }",
			rows_s[i]);
		open_with(trunks, "\"carrier\", \"backup\"");
		ring(&alice, &bob);
		bench_wait(15000);
		reply_invite(&bob, 503, NULL);
		expect_request(&bob, "ACK");
		expect_request(&carol, "INVITE");
		reply(&carol, 180, NULL);
		expect(&alice, 180);
		bench_wait((uint64_t)rows_s[i] * 1000 - 100);
		expect_nothing(&alice);
		bench_wait(200);
		take_failure(&alice, 408);
		take_cancel(&carol);
		bench_close();
	}
}
END_TEST

// Peers of one trunk share its.
START_TEST(the_next_peer_goes_on_ringing) {
	open_two();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	bench_wait(40000);
	reply_invite(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	expect_request(&carol, "INVITE");
	reply(&carol, 180, NULL);
	expect(&alice, 180);
	bench_wait(19900);
	expect_nothing(&alice);
	bench_wait(200);
	take_failure(&alice, 408);
	take_cancel(&carol);
	bench_close();
}
END_TEST

// The answer stops the clock, though the relay is slow to hear of it.
START_TEST(picked_up_at_the_last_moment) {
	open_two();
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	bench_wait(59500);
	bench_relay_stick(true);
	reply(&bob, 200, CALLEE_SDP);
	bench_wait(900);
	bench_relay_stick(false);
	bench_settle();
	pass_answer(&bob, &alice);
	close_after(&bob);
}
END_TEST

int main(void) {
	const TTest *const tests[] = {after_503, the_second_try_is_another_invite, after_icmp, after_silence,
		not_after_a_provisional, the_first_rings_too_late, the_first_answers_while_the_second_talks,
		the_first_answers_while_the_second_rings, an_unusable_late_answer_changes_nothing,
		cancel_during_the_second_try, all_say_503, all_are_silent, all_are_unreachable,
		what_is_passed_on, nobody_picks_up, each_trunk_has_its_ring_timeout,
		the_next_peer_goes_on_ringing, picked_up_at_the_last_moment};

	return BENCH_RUN("calls_failover", tests);
}
