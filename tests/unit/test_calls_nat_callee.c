// Callees behind NATs: each fork is judged by its own answers; requests go to its flow, and its media is learnt.
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	static const struct bench_options o = {.realm = {NULL, "nat = \"auto\"; nat_keepalive_s = 30;"}};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
}

static void open_nated(void) {
	open_both();
	strcpy(bob.contact, "sip:2000@10.1.0.5:5060");
}

static void move(struct party *p, const char *address, uint16_t port) {
	p->flow.remote = bench_endpoint(address, port);
}

static void finish(struct party *x, struct party *y) {
	hang_up(x, y);
	bench_close();
}

static bool is_nated(void) {
	struct call_view v;

	ck_assert(calls_view_find(bench_calls(), alice.call_id, &v));
	return v.leg[1].nated;
}

START_TEST(a_nated_callee) {
	open_nated();
	talk(&alice, &bob); // its ACK goes to its flow
	finish(&alice, &bob);
}
END_TEST

START_TEST(the_flow_follows_the_callee) {
	open_nated();
	talk(&alice, &bob);
	move(&bob, "198.51.100.2", 40002);
	request(&bob, "OPTIONS", NULL);
	expect(&bob, 200);
	finish(&alice, &bob);
}
END_TEST

START_TEST(keepalives_to_the_callee) {
	open_nated();
	talk(&alice, &bob);
	bench_wait(30000);
	expect_keepalive(&bob);
	expect_nothing(&alice);
	finish(&alice, &bob);
}
END_TEST

// What a fork that has not answered says moves nothing of the one that has.
START_TEST(the_flow_does_not_follow_another_fork) {
	struct party other;

	open_nated();
	dial(&alice, &bob);
	set_tag(&bob, "tag-of-fork-two");
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	other = bob;
	set_tag(&bob, "tag-of-fork-one");
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	move(&other, "198.51.100.44", 40001);
	request(&other, "OPTIONS", NULL);
	expect(&other, 200);
	finish(&alice, &bob);
}
END_TEST

// One that answers when its call is forgotten is told so by its flow too.
START_TEST(a_nated_callee_answers_too_late) {
	open_nated();
	dial(&alice, &bob);
	set_tag(&bob, "tag-of-fork-one");
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	hang_up(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	set_tag(&bob, "tag-of-fork-two");
	bob.peer_cseq = 1;
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_ORPHAN_ANSWERS), 1);
	bench_close();
}
END_TEST

// Of two forks one is behind a NAT. What the other answers, later, does not lead the call's requests astray.
static void check_forks(const char *first, const char *second, bool first_is_nated) {
	struct party other;

	open_both();
	strcpy(bob.contact, first);
	dial(&alice, &bob);
	set_tag(&bob, "tag-of-fork-one");
	reply(&bob, 200, CALLEE_SDP);
	pass_answer(&bob, &alice);
	other = bob;
	set_tag(&other, "tag-of-fork-two");
	strcpy(other.contact, second);
	reply_invite(&other, 200, CALLEE_SDP);
	expect_request(&other, "ACK");
	take_bye(&other);
	ck_assert_int_eq(is_nated(), first_is_nated);
	finish(&alice, &bob);
}

START_TEST(forks_are_judged_each_by_itself) {
	check_forks("sip:2000@10.1.0.5:5060", "sip:2001@198.51.100.2:5060", true);
	check_forks("sip:2000@198.51.100.2:5060", "sip:2001@10.1.0.5:5060", false);
}
END_TEST

static unsigned audio_port(const char *text) {
	unsigned port;

	ck_assert_int_eq(sscanf(strstr(text, "m=audio "), "m=audio %u ", &port), 1);
	return port;
}

// Of the two addresses the first may send media, from any port.
static void check_latched(unsigned access, unsigned core, const char *vouched, const char *other) {
	ck_assert_str_eq(
		bench_rtp(REALM_ACCESS, "192.0.2.10", 4000, "203.0.113.1", (uint16_t)access), "waiting");
	ck_assert_str_eq(bench_rtp(REALM_CORE, other, 33333, "198.51.100.1", (uint16_t)core), "bad_source");
	ck_assert_str_eq(bench_rtp(REALM_CORE, vouched, 33333, "198.51.100.1", (uint16_t)core), "forwarded");
	bench_settle(); // the relay learns where to
	ck_assert_str_eq(
		bench_rtp(REALM_ACCESS, "192.0.2.10", 4000, "203.0.113.1", (uint16_t)access), "forwarded");
}

// Its media is learnt from its own packets, of the address that its answer came from, and nothing is sent there before.
START_TEST(a_nated_callees_media) {
	unsigned core;

	open_nated();
	dial(&alice, &bob);
	core = audio_port(bob.request);
	reply(&bob, 200, SDP_AT("10.1.0.5", "5000"));
	pass_answer(&bob, &alice);
	check_latched(audio_port(alice.last->text), core, "198.51.100.2", "198.51.100.77");
	finish(&alice, &bob);
}
END_TEST

// An 18x vouches for where it came from, whatever the INVITE's target was.
START_TEST(a_nated_callees_early_media) {
	unsigned core;

	open_nated();
	dial(&alice, &bob);
	core = audio_port(bob.request);
	move(&bob, "198.51.100.8", 5060);
	reply(&bob, 183, SDP_AT("10.1.0.5", "5000"));
	expect(&alice, 183);
	check_latched(audio_port(alice.last->text), core, "198.51.100.8", "198.51.100.2");
	move(&bob, "198.51.100.2", 5060);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {a_nated_callee, the_flow_follows_the_callee, keepalives_to_the_callee,
		the_flow_does_not_follow_another_fork, a_nated_callee_answers_too_late,
		forks_are_judged_each_by_itself, a_nated_callees_media, a_nated_callees_early_media};

	return BENCH_RUN("calls_nat_callee", tests);
}
