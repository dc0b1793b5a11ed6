// Trunks: who may call as one, by the names of its peers, and the timers that it has of its own (RFC 3261 §17, for its T1).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

// Peers of a trunk may call without being in allow, by the route of their trunk.
START_TEST(a_peer_calls) {
	struct party callee;

	bench_open(NULL);
	caller_init_at(&alice, REALM_CORE, "198.51.100.2");
	alice.sdp = CALLEE_SDP;
	callee_init_at(&callee, REALM_ACCESS, "192.0.2.10");
	dial(&alice, &callee);
	ck_assert_int_eq(strncmp(callee.invite, "INVITE sip:2000@192.0.2.10:5060 SIP/2.0\r\n", 41), 0);
	reply(&callee, 200, CALLER_SDP);
	pass_answer(&callee, &alice);
	hang_up(&callee, &alice);
	bench_close();
}
END_TEST

#define BY_NAME \
	"{ name = \"carrier\"; realm = \"core\"; peers = ( { address = \"gate.example\"; port = 5060; } ); }"

static void check_peer(const char *address, bool may_call) {
	struct party callee;

	caller_init_at(&alice, REALM_CORE, address);
	alice.sdp = CALLEE_SDP;
	callee_init_at(&callee, REALM_ACCESS, "192.0.2.10");
	invite(&alice);
	if (!may_call) {
		take_failure(&alice, 403);
		return;
	}
	expect(&alice, 100);
	expect_request(&callee, "INVITE");
	reply(&callee, 486, NULL);
	pass_failure(&callee, &alice, 486);
}

// Who a peer is is asked again every minute: each of its addresses may call, one that it had may not, and what was known
// last counts while nobody knows.
START_TEST(peers_by_name) {
	static const struct bench_options o = {.trunks = BY_NAME,
		.hosts = {{"gate.example", "198.51.100.31"}, {"gate.example", "198.51.100.32"}}};

	bench_open(&o);
	check_peer("198.51.100.31", false); // before its DNS there was nobody to ask
	bench_wait(60100);
	check_peer("198.51.100.31", true);
	check_peer("198.51.100.32", true);
	check_peer("198.51.100.33", false);
	bench_set_host(1, "198.51.100.33");
	bench_wait(59000);
	check_peer("198.51.100.33", false);
	bench_wait(1000);
	check_peer("198.51.100.31", true);
	check_peer("198.51.100.32", false);
	check_peer("198.51.100.33", true);
	bench_set_host(0, NULL);
	bench_wait(60000);
	check_peer("198.51.100.31", false);
	check_peer("198.51.100.33", true);
	bench_set_host(1, NULL);
	bench_wait(60000);
	check_peer("198.51.100.33", true);
	bench_close();
}
END_TEST

#define ELSEWHERE \
	"{ name = \"carrier\"; realm = \"core\"; peers = ( { address = \"198.51.100.2\"; port = 5060; } ); }, " \
	"{ name = \"other\"; realm = \"core\"; peers = ( { address = \"192.0.9.7\"; port = 5060; } ); }"

static void open_elsewhere(const char *access) {
	const struct bench_options o = {.realm = {access},
		.trunks = ELSEWHERE,
		.routes = "{ from_realm = \"access\"; user = \".*\"; to = [ \"carrier\" ]; },\n"
			  "{ from_trunk = \"other\"; user = \".*\"; contact = \"sip:192.0.2.10:5060\";"
			  " realm = \"access\"; }"};

	bench_open(&o);
	caller_init_at(&alice, REALM_ACCESS, "192.0.9.7");
	callee_init(&bob);
}

// The address of a peer means something in its trunk's realm; in another one it is anybody's.
START_TEST(a_peers_address_in_another_realm) {
	open_elsewhere("allow = [ \"192.0.2.0/24\" ];");
	invite(&alice);
	take_failure(&alice, 403);
	caller_init_at(&alice, REALM_CORE, "192.0.9.7");
	callee_init_at(&bob, REALM_ACCESS, "192.0.2.10");
	ring(&alice, &bob);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
	open_elsewhere("allow = [ \"192.0.9.0/24\" ];");
	ring(&alice, &bob); // by the realm's route
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

static void open_quick(void) {
	static const struct bench_options o = {
		.trunks = "{ name = \"carrier\"; realm = \"core\"; timers = { t1_ms = 100; };"
			  " peers = ( { address = \"198.51.100.2\"; port = 5060; } ); }"};

	bench_open(&o);
}

// Timers A and E by the trunk's T1: 100, 200, 400 ms; 64 of them are the end.
static void check_quick(struct party *p) {
	bench_wait(750);
	ck_assert_uint_eq(skip_repeats(p), 3);
	bench_wait(5500);
	skip_repeats(p);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_wait(200);
	skip_repeats(p);
}

START_TEST(timers_of_answers) {
	unsigned n = 0;

	open_quick();
	caller_init_at(&alice, REALM_CORE, "198.51.100.2");
	alice.sdp = CALLEE_SDP;
	strcpy(alice.invite_uri, "sip:2000@elsewhere.example");
	invite(&alice);
	expect(&alice, 404);
	bench_wait(750); // Timer G: 100, 200, 400 ms
	while (bench_take(&alice.flow.remote) != NULL)
		n++;
	ck_assert_uint_eq(n, 3);
	bench_wait(6400); // Timer H
	ck_assert_uint_eq(bench_transactions(), 0);
	bench_close_noisy();
}
END_TEST

START_TEST(timers_of_an_invite) {
	open_quick();
	caller_init(&alice);
	callee_init(&bob);
	dial(&alice, &bob);
	check_quick(&bob);
	take_failure(&alice, 408);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

START_TEST(timers_of_a_bye) {
	open_quick();
	caller_init(&alice);
	callee_init(&bob);
	talk(&alice, &bob);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
	check_quick(&bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

START_TEST(timers_of_a_bye_to_a_caller) {
	open_quick();
	caller_init_at(&alice, REALM_CORE, "198.51.100.2");
	alice.sdp = CALLEE_SDP;
	callee_init_at(&bob, REALM_ACCESS, "192.0.2.10");
	ring(&alice, &bob);
	reply(&bob, 200, CALLER_SDP);
	pass_answer(&bob, &alice);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	check_quick(&alice);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {a_peer_calls, peers_by_name, a_peers_address_in_another_realm,
		timers_of_answers, timers_of_an_invite, timers_of_a_bye, timers_of_a_bye_to_a_caller};

	return BENCH_RUN("calls_trunks", tests);
}
