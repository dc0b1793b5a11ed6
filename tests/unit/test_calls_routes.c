// Where requests within dialogs go: route sets and targets (RFC 3261 §12.1, §12.2.1.1, §16.12.1.2).
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

// §12.1.2: a callee's route set is its Record-Route reversed; the first hop is loose.
START_TEST(loose_route_of_the_callee) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.22;lr>, <sip:198.51.100.21;lr;x=1>");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.21", 5060);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:2000@198.51.100.2:5060 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.21;lr;x=1>, <sip:198.51.100.22;lr>");
	expect(&alice, 200);
	ck_assert_str_eq(heard(&alice, "Record-Route"), ""); // the callee's way is not the caller's
	ack(&alice);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
	check_line(&bob, "BYE sip:2000@198.51.100.2:5060 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.21;lr;x=1>, <sip:198.51.100.22;lr>");
	reply(&bob, 200, NULL);
	bench_close();
}
END_TEST

// RFC 3263 §4: the address is maddr's where a URI has one.
START_TEST(a_contact_with_maddr) {
	open_both();
	strcpy(bob.contact, "sip:2000@phone.example.net:5080;maddr=198.51.100.33");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.33", 5080);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:2000@phone.example.net:5080;maddr=198.51.100.33 SIP/2.0\r\n");
	expect(&alice, 200);
	ack(&alice);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

// §12.1.1: a caller's is its Record-Route as it came, and each response has it.
START_TEST(loose_route_of_the_caller) {
	open_both();
	strcpy(alice.record_route, "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>");
	move(&alice, "192.0.2.20", 5060);
	talk_as_far_as_ack();
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	ck_assert_str_eq(heard(&alice, "Record-Route"), "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>");
	ack(&alice);
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	check_line(&alice, "BYE sip:1000@192.0.2.10:5060 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&alice, "Route"), "<sip:192.0.2.20;lr>, <sip:192.0.2.21;lr>");
	reply(&alice, 200, NULL);
	bench_close();
}
END_TEST

// §12.2.1.1: a strict first hop takes the Request-URI, the target ends the Route.
START_TEST(strict_route) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.22;lr>, <sip:198.51.100.21:5080>");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.21", 5080);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:198.51.100.21:5080 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.22;lr>,<sip:2000@198.51.100.2:5060>");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

START_TEST(one_strict_hop) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.21>");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.21", 5060);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:198.51.100.21 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:2000@198.51.100.2:5060>");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

// A first hop that is ourselves would come straight back.
START_TEST(a_route_that_leads_to_us) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.21;lr>, <sip:198.51.100.1:5060;lr>");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.21", 5060);
	expect_request(&bob, "ACK");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.21;lr>");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

START_TEST(only_a_route_that_leads_to_us) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.1;lr>");
	talk_as_far_as_ack();
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:2000@198.51.100.2:5060 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

// §13.2.2.4: the 2xx's Record-Route is the dialog's, whatever the 18x said.
START_TEST(the_2xx_has_the_last_word) {
	open_both();
	strcpy(bob.record_route, "<sip:198.51.100.21;lr>");
	dial(&alice, &bob);
	reply(&bob, 180, NULL);
	expect(&alice, 180);
	strcpy(bob.record_route, "<sip:198.51.100.22;lr>");
	strcpy(bob.contact, "sip:2000@198.51.100.7:5060");
	reply(&bob, 200, CALLEE_SDP);
	move(&bob, "198.51.100.22", 5060);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:2000@198.51.100.7:5060 SIP/2.0\r\n");
	ck_assert_str_eq(heard(&bob, "Route"), "<sip:198.51.100.22;lr>");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

// §12.2.1.1: without a route, to the Contact, wherever that is.
START_TEST(to_the_contact) {
	open_both();
	strcpy(bob.contact, "sip:line7@198.51.100.77:5099;transport=udp;ob");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.77", 5099);
	expect_request(&bob, "ACK");
	check_line(&bob, "ACK sip:line7@198.51.100.77:5099;transport=udp;ob SIP/2.0\r\n");
	expect(&alice, 200);
	ack(&alice);
	finish(&alice, &bob);
}
END_TEST

// RFC 3263 §4.3: a BYE tries what its target resolves to; a name that nobody knows leaves nowhere to go.
START_TEST(a_contact_that_nobody_knows) {
	open_both();
	strcpy(bob.contact, "sip:2000@nowhere.example");
	talk_as_far_as_ack();
	expect(&alice, 200);
	ack(&alice);
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

#define PHONE(address) \
	{ "phone.example", address }

// A phone whose name has several addresses.
static void talk_to_a_name_with(const struct bench_options *o) {
	bench_open(o);
	caller_init(&alice);
	callee_init(&bob);
	strcpy(bob.contact, "sip:2000@phone.example:5080");
	talk_as_far_as_ack();
	move(&bob, "198.51.100.33", 5080);
	pass_answer(&bob, &alice);
}

static void talk_to_a_name(void) {
	talk_to_a_name_with(
		&(struct bench_options){.hosts = {PHONE("198.51.100.33"), PHONE("198.51.100.34")}});
}

static void bye_to_the_first(void) {
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
}

// The same request, as another transaction (RFC 3263 §4.3).
static void bye_to_the_second(int status) {
	char via[512], cseq[64];

	snprintf(via, sizeof(via), "%s", heard(&bob, "Via"));
	snprintf(cseq, sizeof(cseq), "%s", heard(&bob, "CSeq"));
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	move(&bob, "198.51.100.34", 5080);
	bob.peer_cseq--;
	expect_request(&bob, "BYE");
	ck_assert_str_eq(heard(&bob, "CSeq"), cseq);
	ck_assert_str_ne(heard(&bob, "Via"), via);
	reply(&bob, status, NULL);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}

START_TEST(to_the_next_address_after_503) {
	static const int statuses[] = {200, 503}; // of the second, and there is no third

	for (int i = 0; i < 2; i++) {
		talk_to_a_name();
		bye_to_the_first();
		reply(&bob, 503, NULL);
		bye_to_the_second(statuses[i]);
	}
}
END_TEST

START_TEST(to_the_next_address_after_icmp) {
	talk_to_a_name();
	bye_to_the_first();
	bench_icmp(bob.last);
	bye_to_the_second(200);
}
END_TEST

START_TEST(to_the_next_address_after_silence) {
	talk_to_a_name();
	bye_to_the_first();
	bench_wait(31900);
	skip_repeats(&bob);
	ck_assert_uint_eq(bench_untaken(), 0);
	bench_wait(200); // Timer F
	bye_to_the_second(200);
}
END_TEST

// Four of them are tried, each for Timer F, and the call ends as it should: nobody has to reap it.
START_TEST(to_silent_addresses) {
	talk_to_a_name_with(&(struct bench_options){
		.hosts = {PHONE("198.51.100.33"), PHONE("198.51.100.34"), PHONE("198.51.100.35"),
			PHONE("198.51.100.36"), PHONE("198.51.100.37")}});
	bye_to_the_first();
	bench_wait(4 * 32000 - 100);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	bench_wait(200);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_uint_eq(bench_ended()->status, 200);
	move(&bob, "198.51.100.37", 5080);
	expect_nothing(&bob);
	bench_close_noisy();
}
END_TEST

// Whoever else refuses has heard it.
START_TEST(not_to_the_next_address_after_500) {
	talk_to_a_name();
	bye_to_the_first();
	reply(&bob, 500, NULL);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	bench_close();
}
END_TEST

// A dialog stays at the listener that its INVITE came to, which the peer's NAT or firewall lets through.
START_TEST(by_the_dialogs_own_listener) {
	static const struct bench_options o = {
		.listeners = {", { address = \"203.0.113.1\"; port = 5070; }"}};

	bench_open(&o);
	caller_init(&alice);
	callee_init(&bob);
	alice.flow.listener = 1;
	strcpy(alice.invite_uri, "sip:2000@203.0.113.1:5070");
	talk(&alice, &bob);
	ck_assert_str_eq(alice.target, "sip:203.0.113.1:5070");
	hang_up(&bob, &alice);
	ck_assert_uint_eq(alice.last->to.listener, 1);
	ck_assert_ptr_nonnull(strstr(heard(&alice, "Via"), " 203.0.113.1:5070;"));
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {loose_route_of_the_callee, a_contact_with_maddr,
		loose_route_of_the_caller, strict_route, one_strict_hop, a_route_that_leads_to_us,
		only_a_route_that_leads_to_us, the_2xx_has_the_last_word, to_the_contact,
		a_contact_that_nobody_knows, to_the_next_address_after_503, to_the_next_address_after_icmp,
		to_the_next_address_after_silence, to_silent_addresses, not_to_the_next_address_after_500,
		by_the_dialogs_own_listener};

	return BENCH_RUN("calls_routes", tests);
}
