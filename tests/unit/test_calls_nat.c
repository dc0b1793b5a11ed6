// Peers behind NATs: answers go back to the source (RFC 3581), requests to the peer's flow, which only a valid request
// of its dialog moves (design §5); keepalives.
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
}

// p hears at another place from now on: its proxy's, or behind another NAT binding.
static void move(struct party *p, const char *address, uint16_t port) {
	p->flow.remote = bench_endpoint(address, port);
}

static void talk_as_far_as_ack(void) {
	invite(&alice);
	expect(&alice, 100);
	expect_request(&bob, "INVITE");
	reply(&bob, 200, CALLEE_SDP);
}

static void finish(struct party *x, struct party *y) {
	hang_up(x, y);
	bench_close();
}

static void check_line(const struct party *p, const char *start) {
	ck_assert_msg(strncmp(p->last->text, start, strlen(start)) == 0, "not %s:\n%s", start, p->last->text);
}

// RFC 3581 §4: answers go to the source, port included, when rport asks for it; else to Via's port there.
START_TEST(answers_go_back) {
	open_both();
	move(&alice, "192.0.2.10", 40001);
	invite(&alice);
	expect(&alice, 100);
	ck_assert_ptr_nonnull(strstr(heard(&alice, "Via"), ";received=192.0.2.10;rport=40001"));
	expect_request(&bob, "INVITE");
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	take_failure(&alice, 486);
	bench_close();
}
END_TEST

// ---- NAT ----

static void nated_caller(void) {
	open_both();
	strcpy(alice.via, "10.0.0.5:5060");
	strcpy(alice.contact, "sip:1000@10.0.0.5:5060");
	alice.sdp = SDP_AT("10.0.0.5", "4000");
	move(&alice, "192.0.2.200", 40001);
}

START_TEST(bye_through_the_nat) {
	nated_caller();
	talk(&alice, &bob);
	finish(&bob, &alice);
}
END_TEST

// A phone behind a NAT whose Via names its own port and no rport: it is answered at its source all the same.
START_TEST(a_nated_caller_without_rport) {
	char text[MESSAGE_TEXT], *at;

	nated_caller();
	invite(&alice);
	expect(&alice, 100);
	expect_request(&bob, "INVITE");
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	take_failure(&alice, 486);
	strcpy(text, alice.invite);
	at = strstr(text, ";rport");
	memmove(at, at + 6, strlen(at + 6) + 1);
	at = strstr(text, ";branch=");
	at[15] = 'Z';
	at = strstr(text, "\r\nCall-ID: ");
	at[11] = 'C';
	alice.call_id[0] = 'C';
	say(&alice, text);
	expect(&alice, 100);
	expect_request(&bob, "INVITE");
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	expect(&alice, 486);
	bench_close_noisy();
}
END_TEST

// Leaves rport out of whatever it is given.
static void say_without_rport(void *ctx, struct party *p, const char *text) {
	char copy[MESSAGE_TEXT], *at;

	(void)ctx;
	snprintf(copy, sizeof(copy), "%s", text);
	at = strstr(copy, ";rport");
	if (at != NULL)
		memmove(at, at + 6, strlen(at + 6) + 1);
	bench_deliver(copy, &p->flow);
}

static void behind_the_nat(void) {
	caller_init(&alice);
	strcpy(alice.contact, "sip:1000@10.0.0.5:5060");
	alice.sdp = SDP_AT("10.0.0.5", "4000");
	move(&alice, "192.0.2.200", 40001);
}

static void check_refused_invite(const char *uri, int status) {
	behind_the_nat();
	strcpy(alice.invite_uri, uri);
	invite(&alice);
	take_failure(&alice, status);
}

static void check_refused(const char *method, const char *our_tag, int status) {
	behind_the_nat();
	strcpy(alice.peer_tag, our_tag);
	request(&alice, method, NULL);
	expect(&alice, status);
}

START_TEST(refusals_go_to_the_source) {
	bench_open(NULL);
	ladder_on_say(say_without_rport, NULL);
	check_refused_invite("sip:2000@elsewhere.example", 404);
	check_refused_invite("sips:2000@203.0.113.1", 416);
	ladder_on_say(NULL, NULL);
	bench_close();
}
END_TEST

// Also where nothing but the realm tells of a NAT, and of requests that no transaction is spent on.
START_TEST(refusals_where_all_are_behind_a_nat) {
	static const struct bench_options always = {
		.realm = {"allow = [ \"192.0.2.0/24\" ]; nat = \"always\"; nat_keepalive_s = 0;"}};

	bench_open(&always);
	ladder_on_say(say_without_rport, NULL);
	check_refused_invite("sip:2000@elsewhere.example", 404);
	check_refused("OPTIONS", "", 200);
	check_refused("INFO", "", 405);
	check_refused("BYE", "", 481);
	check_refused("BYE", "tag-of-nobody", 481);
	ladder_on_say(NULL, NULL);
	bench_close();
}
END_TEST

START_TEST(refusals_within_the_dialog_go_to_the_source) {
	nated_caller();
	talk(&alice, &bob);
	ladder_on_say(say_without_rport, NULL);
	request(&alice, "INFO", NULL);
	expect(&alice, 405);
	request_with_cseq(&alice, "OPTIONS", 1);
	expect(&alice, 500);
	request(&alice, "INVITE", CALLER_SDP);
	expect(&alice, 488);
	ladder_on_say(NULL, NULL);
	ack_failure(&alice);
	finish(&alice, &bob);
}
END_TEST

// An ACK is a request of the dialog as well.
START_TEST(the_flow_follows_the_ack) {
	nated_caller();
	talk_as_far_as_ack();
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	move(&alice, "192.0.2.200", 40002);
	ack(&alice);
	finish(&bob, &alice);
}
END_TEST

// The NAT has given it another port: a valid request of its dialog says so, and nothing else does.
START_TEST(the_flow_follows_the_caller) {
	struct party mallory;

	nated_caller();
	talk(&alice, &bob);
	mallory = alice;
	move(&mallory, "192.0.2.250", 6666);
	strcpy(mallory.peer_tag, "tag-that-was-guessed");
	request(&mallory, "OPTIONS", NULL);
	bench_wait(100);
	ck_assert_ptr_nonnull(bench_take(&mallory.flow.remote)); // 481
	request_with_cseq(&mallory, "OPTIONS", 0);
	ck_assert_ptr_nonnull(bench_take(&mallory.flow.remote));
	mallory = alice;
	move(&mallory, "192.0.2.250", 6666);
	request_with_cseq(&mallory, "OPTIONS", 1); // 500: a replay
	ck_assert_ptr_nonnull(bench_take(&mallory.flow.remote));
	move(&alice, "192.0.2.200", 40002);
	request(&alice, "OPTIONS", NULL);
	expect(&alice, 200);
	finish(&bob, &alice);
}
END_TEST

START_TEST(a_replay_does_not_move_the_flow) {
	struct party mallory;

	nated_caller();
	talk(&alice, &bob);
	mallory = alice;
	move(&mallory, "192.0.2.250", 6666);
	request_with_cseq(&mallory, "OPTIONS", 1);
	ck_assert_ptr_nonnull(bench_take(&mallory.flow.remote));
	finish(&bob, &alice);
}
END_TEST

static bool is_nated(const struct party *p, unsigned leg) {
	struct call_view v;

	ck_assert(calls_view_find(bench_calls(), p->call_id, &v));
	return v.leg[leg].nated;
}

START_TEST(sdp_alone_tells_of_a_nat) {
	open_both();
	alice.sdp = SDP_AT("10.0.0.5", "4000");
	talk(&alice, &bob);
	ck_assert(is_nated(&alice, 0));
	finish(&bob, &alice);
}
END_TEST

// 0.0.0.0 is no address (RFC 3264 §8.4): such an offer only wants no media yet.
START_TEST(sdp_without_an_address_tells_nothing) {
	open_both();
	alice.sdp = SDP_AT("0.0.0.0", "4000");
	talk(&alice, &bob);
	ck_assert(!is_nated(&alice, 0));
	finish(&bob, &alice);
}
END_TEST

// Of two forks one is behind a NAT. What the other answers, later, does not lead the call's requests astray.
static void check_forks(const char *first, const char *second, bool first_is_nated) {
	static const struct bench_options o = {.realm = {NULL, "nat = \"auto\"; nat_keepalive_s = 0;"}};
	struct party other;

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	strcpy(bob.contact, first);
	invite(&alice);
	expect(&alice, 100);
	expect_request(&bob, "INVITE");
	set_tag(&bob, "tag-of-fork-one");
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ack(&alice);
	other = bob;
	set_tag(&other, "tag-of-fork-two");
	strcpy(other.contact, second);
	reply_invite(&other, 200, CALLEE_SDP);
	expect_request(&other, "ACK");
	take_bye(&other);
	ck_assert_int_eq(is_nated(&alice, 1), first_is_nated);
	finish(&alice, &bob);
}

START_TEST(forks_are_judged_each_by_itself) {
	check_forks("sip:2000@10.1.0.5:5060", "sip:2001@198.51.100.2:5060", true);
	check_forks("sip:2000@198.51.100.2:5060", "sip:2001@10.1.0.5:5060", false);
}
END_TEST

// Its media is learnt from its own packets, and nothing is sent there before.
START_TEST(a_nated_callees_media) {
	static const struct bench_options o = {.realm = {NULL, "nat = \"auto\"; nat_keepalive_s = 0;"}};
	unsigned access, core;

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	strcpy(bob.contact, "sip:2000@10.1.0.5:5060");
	invite(&alice);
	expect(&alice, 100);
	expect_request(&bob, "INVITE");
	ck_assert_int_eq(sscanf(strstr(bob.request, "m=audio "), "m=audio %u ", &core), 1);
	reply(&bob, 200, SDP_AT("10.1.0.5", "5000"));
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_int_eq(sscanf(strstr(alice.last->text, "m=audio "), "m=audio %u ", &access), 1);
	ack(&alice);
	ck_assert_str_eq(
		bench_rtp(REALM_ACCESS, "192.0.2.10", 4000, "203.0.113.1", (uint16_t)access), "waiting");
	ck_assert_str_eq(
		bench_rtp(REALM_CORE, "198.51.100.77", 33333, "198.51.100.1", (uint16_t)core), "bad_source");
	ck_assert_str_eq(
		bench_rtp(REALM_CORE, "198.51.100.2", 33333, "198.51.100.1", (uint16_t)core), "forwarded");
	bench_settle(); // the relay learns where to
	ck_assert_str_eq(
		bench_rtp(REALM_ACCESS, "192.0.2.10", 4000, "203.0.113.1", (uint16_t)access), "forwarded");
	finish(&alice, &bob);
}
END_TEST

// With a route set, the proxies know the way.
START_TEST(a_proxy_is_no_nat) {
	open_both();
	strcpy(alice.contact, "sip:1000@10.0.0.5:5060");
	strcpy(alice.record_route, "<sip:192.0.2.20;lr>");
	move(&alice, "192.0.2.20", 5060);
	talk_as_far_as_ack();
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ack(&alice);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	check_line(&alice, "BYE sip:1000@10.0.0.5:5060 SIP/2.0\r\n");
	reply(&alice, 200, NULL);
	bench_wait(25000);
	bench_close(); // and no keepalives
}
END_TEST

static void nated_callee(void) {
	const struct bench_options o = {.realm = {NULL, "nat = \"auto\"; nat_keepalive_s = 30;"}};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	strcpy(bob.contact, "sip:2000@10.1.0.5:5060");
}

START_TEST(a_nated_callee) {
	nated_callee();
	talk(&alice, &bob); // its ACK goes to its flow
	finish(&alice, &bob);
}
END_TEST

START_TEST(the_flow_follows_the_callee) {
	nated_callee();
	talk(&alice, &bob);
	move(&bob, "198.51.100.2", 40002);
	request(&bob, "OPTIONS", NULL);
	expect(&bob, 200);
	finish(&alice, &bob);
}
END_TEST

// nat = "never": who says where it is is believed.
START_TEST(never_a_nat) {
	open_both(); // core
	strcpy(bob.contact, "sip:2000@198.51.100.77:5060");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.77", 5060);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

START_TEST(always_a_nat) {
	const struct bench_options o = {
		.realm = {"allow = [ \"192.0.2.0/24\" ]; nat = \"always\"; nat_keepalive_s = 0;"}};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	strcpy(alice.contact, "sip:1000@192.0.2.99:5060");
	talk(&alice, &bob);
	bench_wait(60000); // keepalives are off
	finish(&bob, &alice);
}
END_TEST

// CRLFCRLF every nat_keepalive_s (default 20 s) while the call lives, to NATed peers only.
START_TEST(keepalives) {
	nated_caller();
	talk(&alice, &bob);
	for (int i = 0; i < 3; i++) {
		bench_wait(20000);
		expect_keepalive(&alice);
		expect_nothing(&alice);
	}
	expect_nothing(&bob);
	say(&alice, "\r\n\r\n"); // its own are no messages
	finish(&alice, &bob);
}
END_TEST

START_TEST(keepalives_while_it_rings) {
	nated_caller();
	ring(&alice, &bob);
	bench_wait(20000);
	expect_keepalive(&alice);
	reply(&bob, 486, NULL);
	expect_request(&bob, "ACK");
	take_failure(&alice, 486);
	bench_close();
}
END_TEST

START_TEST(keepalives_to_the_callee) {
	nated_callee();
	talk(&alice, &bob);
	bench_wait(30000);
	expect_keepalive(&bob);
	expect_nothing(&alice);
	finish(&alice, &bob);
}
END_TEST

int main(void) {
	const TTest *const tests[] = {answers_go_back, bye_through_the_nat, a_nated_caller_without_rport,
		refusals_go_to_the_source, refusals_where_all_are_behind_a_nat,
		refusals_within_the_dialog_go_to_the_source, the_flow_follows_the_caller,
		a_replay_does_not_move_the_flow, the_flow_follows_the_ack, sdp_alone_tells_of_a_nat,
		sdp_without_an_address_tells_nothing, a_proxy_is_no_nat, a_nated_callee, a_nated_callees_media,
		forks_are_judged_each_by_itself, the_flow_follows_the_callee, never_a_nat, always_a_nat,
		keepalives, keepalives_while_it_rings, keepalives_to_the_callee};

	return BENCH_RUN("calls_nat", tests);
}
