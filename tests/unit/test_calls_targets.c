// Where the next target is found: names, trunks, other realms (RFC 3263; what one try shows is not another's).
#include "tests/unit/call_ladder.h"

#define PEER(address) "{ address = \"" address "\"; port = 5060; }"
#define CARRIER(peers) "{ name = \"carrier\"; realm = \"core\"; ring_timeout_s = 60; peers = ( " peers " ); }"

static struct party alice, bob, carol;

static void open_with(const char *trunks, const char *to) {
	static char routes[256];
	struct bench_options o = {
		.trunks = trunks, .routes = routes, .hosts = {{"slow.example", "~198.51.100.2"}}};

	snprintf(routes, sizeof(routes), "{ from_realm = \"access\"; user = \".*\"; to = [ %s ]; }", to);
	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	callee_init_at(&carol, REALM_CORE, "198.51.100.3");
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

START_TEST(a_name_that_nobody_knows) {
	open_with(CARRIER("{ address = \"nowhere.example\"; }, " PEER("198.51.100.3")), "\"carrier\"");
	invite(&alice);
	expect(&alice, 100);
	carol_answers();
	close_after(&carol);
}
END_TEST

START_TEST(only_names_that_nobody_knows) {
	open_with(CARRIER("{ address = \"nowhere.example\"; }"), "\"carrier\"");
	invite(&alice);
	expect(&alice, 100);
	take_failure(&alice, 500);
	bench_close();
}
END_TEST

// The first peer's address comes when the second has been turned to: it is not the second's.
START_TEST(an_address_that_comes_too_late) {
	open_with(
		CARRIER("{ address = \"slow.example\"; port = 5060; }, { address = \"slow.example\"; port = 5070; }"),
		"\"carrier\"");
	bob.flow.remote.port = 5070;
	invite(&alice);
	expect(&alice, 100);
	bench_wait(8000);
	ck_assert_uint_eq(bench_untaken(), 0);
	bench_wait(600);
	expect_request(&bob, "INVITE");
	ck_assert_int_eq(strncmp(bob.invite, "INVITE sip:2000@slow.example:5070 SIP/2.0\r\n", 43), 0);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

// A contact route sends to its contact, as the called user unless it names one.
START_TEST(to_a_contact) {
	static const struct {
		const char *contact, *uri;
	} rows[] = {
		{"sip:198.51.100.2:5060", "sip:2000@198.51.100.2:5060"},
		{"sip:desk@198.51.100.2:5060", "sip:desk@198.51.100.2:5060"},
		{"sip:198.51.100.2;transport=udp", "sip:2000@198.51.100.2;transport=udp"},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char routes[256], start[128];
		const struct bench_options o = {.routes = routes};

		snprintf(routes, sizeof(routes),
			"{ from_realm = \"access\"; user = \".*\"; contact = \"%s\"; realm = \"core\"; }",
			rows[i].contact);
		bench_open(&o);
		caller_init(&alice);
		callee_init(&bob);
		dial(&alice, &bob);
		snprintf(start, sizeof(start), "INVITE %s SIP/2.0\r\n", rows[i].uri);
		ck_assert_msg(strncmp(bob.invite, start, strlen(start)) == 0, "%s", bob.invite);
		ck_assert_str_eq(bob.local, "<sip:2000@198.51.100.2>");
		reply(&bob, 503, NULL); // nowhere else to go
		pass_failure(&bob, &alice, 500);
		bench_close();
	}
}
END_TEST

START_TEST(to_the_next_trunk) {
	open_with(CARRIER(PEER("198.51.100.2")) ", { name = \"backup\"; realm = \"core\"; peers = ( " PEER(
			  "198.51.100.3") " ); }",
		"\"carrier\", \"backup\"");
	dial(&alice, &bob);
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	bench_secret(REALM_CORE, "198.51.100.2");
	expect_request(&carol, "INVITE");
	// Who the first carrier's peers are is not the second's business.
	ck_assert_ptr_null(strstr(carol.invite, "198.51.100.2"));
	ck_assert_str_eq(carol.local, "<sip:2000@198.51.100.3>");
	reply(&carol, 200, SDP_AT("198.51.100.3", "5000"));
	pass_answer(&carol, &alice);
	close_after(&carol);
}
END_TEST

#define ACROSS \
	CARRIER(PEER("198.51.100.2")) \
	", { name = \"other\"; realm = \"edge\"; peers = ( { address = \"203.0.113.20\"; port = 5060; } ); }"

static void open_across(void) {
	open_with(ACROSS, "\"carrier\", \"other\"");
	callee_init_at(&carol, REALM_EDGE, "203.0.113.20");
	dial(&alice, &bob);
	bench_no_secret(bob.call_id); // the callee's leg has one, whoever is tried
}

// The next trunk is in another realm: our addresses there, media too.
START_TEST(to_another_realm) {
	open_across();
	reply(&bob, 503, NULL);
	expect_request(&bob, "ACK");
	expect_request(&carol, "INVITE");
	ck_assert_ptr_nonnull(strstr(bench_body(carol.invite), "c=IN IP4 203.0.113.2\r\n"));
	reply(&carol, 183, SDP_AT("203.0.113.20", "5000"));
	expect(&alice, 183);
	reply(&carol, 200, SDP_AT("203.0.113.20", "5000"));
	pass_answer(&carol, &alice);
	close_after(&carol);
}
END_TEST

START_TEST(to_another_realm_and_a_late_answer_in_the_first) {
	open_across();
	bench_wait(4100);
	skip_repeats(&bob);
	expect_request(&carol, "INVITE");
	reply_invite(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	take_bye(&bob);
	reply(&carol, 200, SDP_AT("203.0.113.20", "5000"));
	pass_answer(&carol, &alice);
	close_after(&carol);
}
END_TEST

START_TEST(cancel_on_the_way_to_another_realm) {
	open_across();
	bench_relay_stick(true);
	bench_wait(4100);
	skip_repeats(&bob);
	cancel(&alice);
	expect(&alice, 200);
	take_failure(&alice, 487);
	bench_relay_stick(false);
	reply_invite(&bob, 180, NULL);
	take_cancel(&bob);
	expect_nothing(&carol);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {a_name_that_nobody_knows, only_names_that_nobody_knows,
		an_address_that_comes_too_late, to_a_contact, to_the_next_trunk, to_another_realm,
		to_another_realm_and_a_late_answer_in_the_first, cancel_on_the_way_to_another_realm};

	return BENCH_RUN("calls_targets", tests);
}
