// Callers behind NATs: answers go back to the source (RFC 3581), requests to the peer's flow, which only a valid request
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
	dial(&alice, &bob);
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
	pass_failure(&bob, &alice, 486);
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
	dial(&alice, &bob);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
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

// The 200 to a CANCEL is answered without its INVITE's transaction, and goes where that one's responses go.
START_TEST(a_nated_caller_cancels_without_rport) {
	nated_caller();
	ladder_on_say(say_without_rport, NULL);
	dial(&alice, &bob);
	cancel(&alice);
	expect(&alice, 200);
	take_failure(&alice, 487);
	ladder_on_say(NULL, NULL);
	reply_invite(&bob, 180, NULL);
	take_cancel(&bob);
	bench_close();
}
END_TEST

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

// A dialog is found by its names alone, so that its requests may come in anywhere, and are answered; but Kedge's own to this
// peer leave by the realm of its leg.
START_TEST(the_flow_stays_in_its_realm) {
	struct party elsewhere;

	nated_caller();
	strcpy(alice.call_id, "call-of-no-address");
	strcpy(alice.local, "<sip:1000@example.com>");
	strcpy(alice.remote, "<sip:2000@example.com>");
	talk_as_far_as_ack();
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	bench_no_secret(alice.call_id);
	bench_no_secret(alice.tag);
	bench_no_secret(alice.peer_tag);
	elsewhere = alice;
	elsewhere.flow = (struct flow){.remote = bench_endpoint("198.51.100.44", 5060), .realm = REALM_CORE};
	strcpy(elsewhere.via, "198.51.100.44:5060");
	ack(&elsewhere);
	request(&elsewhere, "OPTIONS", NULL);
	expect(&elsewhere, 200);
	finish(&bob, &alice);
}
END_TEST

static bool is_nated(const struct party *p) {
	struct call_view v;

	ck_assert(calls_view_find(bench_calls(), p->call_id, &v));
	return v.leg[0].nated;
}

START_TEST(sdp_alone_tells_of_a_nat) {
	open_both();
	alice.sdp = SDP_AT("10.0.0.5", "4000");
	talk(&alice, &bob);
	ck_assert(is_nated(&alice));
	finish(&bob, &alice);
}
END_TEST

// 0.0.0.0 is no address (RFC 3264 §8.4): such an offer only wants no media yet.
START_TEST(sdp_without_an_address_tells_nothing) {
	open_both();
	alice.sdp = SDP_AT("0.0.0.0", "4000");
	talk(&alice, &bob);
	ck_assert(!is_nated(&alice));
	finish(&bob, &alice);
}
END_TEST

// With a route set, the proxies know the way.
START_TEST(a_proxy_is_no_nat) {
	open_both();
	strcpy(alice.contact, "sip:1000@10.0.0.5:5060");
	strcpy(alice.record_route, "<sip:192.0.2.20;lr>");
	move(&alice, "192.0.2.20", 5060);
	talk_as_far_as_ack();
	pass_answer(&bob, &alice);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	check_line(&alice, "BYE sip:1000@10.0.0.5:5060 SIP/2.0\r\n");
	reply(&alice, 200, NULL);
	bench_wait(25000);
	bench_close(); // and no keepalives
}
END_TEST

// nat = "never": who says where it is is believed.
START_TEST(never_a_nat) {
	open_both(); // core
	strcpy(bob.contact, "sip:2000@198.51.100.77:5060");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.77", 5060);
	pass_answer(&bob, &alice);
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
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {answers_go_back, bye_through_the_nat, a_nated_caller_without_rport,
		a_nated_caller_cancels_without_rport, refusals_go_to_the_source,
		refusals_where_all_are_behind_a_nat, refusals_within_the_dialog_go_to_the_source,
		the_flow_follows_the_caller, a_replay_does_not_move_the_flow, the_flow_follows_the_ack,
		the_flow_stays_in_its_realm, sdp_alone_tells_of_a_nat, sdp_without_an_address_tells_nothing,
		a_proxy_is_no_nat, never_a_nat, always_a_nat, keepalives, keepalives_while_it_rings};

	return BENCH_RUN("calls_nat", tests);
}
