// Requests within dialogs (RFC 3261 §12.2, §14, §15; design: found by Call-ID and tags alone).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_talking(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	talk(&alice, &bob);
}

static void close_talking(void) {
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &bob);
	bench_close();
}

static void expect_refused(struct party *p, const char *method, int status) {
	request(p, method, NULL);
	expect(p, status);
	expect_nothing(&alice);
	expect_nothing(&bob);
}

// Each of Call-ID and the two tags counts.
START_TEST(wrong_names) {
	struct party p[2];

	open_talking();
	for (int i = 0; i < 2; i++) {
		p[i] = i == 0 ? alice : bob;
		snprintf(p[i].tag, sizeof(p[i].tag), "tag-of-somebody-%d-x", i);
		expect_refused(&p[i], "BYE", 481);
		p[i] = i == 0 ? alice : bob;
		snprintf(p[i].call_id, sizeof(p[i].call_id), "call-of-somebody-%d-x", i);
		expect_refused(&p[i], "BYE", 481);
		p[i] = i == 0 ? alice : bob;
		p[i].peer_tag[8] =
			p[i].peer_tag[8] == '0' ? '1' : '0'; // forged: the check value doesn't hold
		expect_refused(&p[i], "BYE", 481);
		p[i] = i == 0 ? alice : bob;
		snprintf(p[i].peer_tag, sizeof(p[i].peer_tag), "tag-of-nobody-%d-x", i);
		expect_refused(&p[i], "OPTIONS", 481);
	}
	close_talking();
}
END_TEST

// A good tag of one leg with the other leg's Call-ID and tag: no.
START_TEST(the_other_legs_names) {
	struct party p;

	open_talking();
	p = alice;
	strcpy(p.peer_tag, bob.peer_tag);
	bench_no_secret(bob.peer_tag); // mallory knows it; the answer shows what it was asked
	expect_refused(&p, "BYE", 481);
	close_talking();
}
END_TEST

// Anybody can make up a dialog: such requests take no transaction, which others would then lack, and above a rate no answer.
START_TEST(forged_requests_cost_nothing) {
	static const char *const methods[] = {"BYE", "INVITE", "OPTIONS", "INFO", "FOO"};
	struct party p;
	uint32_t before;
	unsigned n_answered;

	open_talking();
	before = bench_transactions();
	for (int i = 0; i < 3000; i++) {
		p = alice;
		strcpy(p.peer_tag, "tag-of-nobody-x");
		request(&p, methods[i % 5], NULL);
		if (i < 500)
			expect(&p, 481);
		if (i % 50 == 0)
			bench_forget_secrets(); // of so many branches
	}
	ck_assert_uint_eq(bench_transactions(), before);
	for (n_answered = 500; bench_take(&p.flow.remote) != NULL;)
		n_answered++;
	ck_assert_uint_eq(n_answered, 1000);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_REFUSED_REQUESTS), 3000);
	close_talking();
}
END_TEST

START_TEST(tags_of_a_call_that_is_over) {
	open_talking();
	hang_up(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	expect_refused(&alice, "BYE", 481);
	expect_refused(&bob, "INVITE", 481);
	ack_failure(&bob);
	expect_refused(&bob, "OPTIONS", 481);
	bench_close();
}
END_TEST

// §12.2.2: out of order → 500, and the dialog is as before. Gaps are fine.
START_TEST(order_of_cseq) {
	open_talking();
	request_with_cseq(&alice, "BYE", 1); // the INVITE's own
	expect(&alice, 500);
	alice.cseq = 100;
	expect_refused(&alice, "OPTIONS", 200);
	request_with_cseq(&alice, "BYE", 50);
	expect(&alice, 500);
	bob.cseq = 7;
	expect_refused(&bob, "OPTIONS", 200);
	request_with_cseq(&bob, "BYE", 3);
	expect(&bob, 500);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	close_talking();
}
END_TEST

// §12.2.2: one that is refused for what it is counts too.
START_TEST(order_of_cseq_after_a_refusal) {
	open_talking();
	request_with_cseq(&alice, "INFO", 50);
	expect(&alice, 405);
	request_with_cseq(&alice, "BYE", 40);
	expect(&alice, 500);
	alice.cseq = 50;
	close_talking();
}
END_TEST

// §15.1.2: whoever ended its dialog has none any more, though the other leg's BYE is not answered yet.
START_TEST(after_its_own_bye) {
	open_talking();
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	expect_request(&bob, "BYE");
	request(&alice, "OPTIONS", NULL);
	expect(&alice, 481);
	request(&alice, "INVITE", CALLER_SDP);
	take_failure(&alice, 481);
	request(&alice, "BYE", NULL);
	expect(&alice, 481);
	request(&bob, "OPTIONS", NULL); // our BYE is on its way there
	expect(&bob, 481);
	request(&bob, "BYE", NULL); // and theirs crossed it
	expect(&bob, 200);
	request(&bob, "BYE", NULL);
	expect(&bob, 481);
	bench_close_noisy();
}
END_TEST

// §14.2: a re-INVITE that is refused leaves the session as it was.
START_TEST(another_offer_is_refused) {
	open_talking();
	request(&alice, "INVITE", SDP_AT("192.0.2.10", "4444"));
	take_failure(&alice, 488);
	request(&bob, "INVITE", SDP_AT("198.51.100.2", "5555"));
	take_failure(&bob, 488);
	request(&bob, "INVITE", NULL);
	take_failure(&bob, 488);
	ck_assert_uint_eq(bench_relay_sessions(), 1);
	close_talking();
}
END_TEST

START_TEST(an_offer_before_the_ack) {
	char branch[64], uri[PARTY_TEXT];
	unsigned cseq;

	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	strcpy(branch, alice.invite_branch);
	strcpy(uri, alice.invite_uri);
	cseq = alice.invite_cseq;
	request(&alice, "INVITE", CALLER_SDP);
	take_failure(&alice, 488);
	strcpy(alice.invite_branch, branch);
	strcpy(alice.invite_uri, uri);
	alice.invite_cseq = cseq;
	ack(&alice);
	close_talking();
}
END_TEST

START_TEST(methods) {
	static const struct {
		const char *method;
		int status;
	} rows[] = {{"OPTIONS", 200}, {"INFO", 405}, {"UPDATE", 405}, {"PRACK", 405}, {"REFER", 405},
		{"NOTIFY", 405}, {"MESSAGE", 405}, {"SUBSCRIBE", 405}, {"FOO", 501}, {"bye", 501}};

	open_talking();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		expect_refused(&alice, rows[i].method, rows[i].status);
		if (rows[i].status == 405) // §8.2.1
			ck_assert_str_eq(heard(&alice, "Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
		expect_refused(&bob, rows[i].method, rows[i].status);
	}
	close_talking();
}
END_TEST

// §8.2.2.3
START_TEST(extensions_required) {
	open_talking();
	add_header(&alice, "Require: timer, foo");
	request(&alice, "BYE", NULL);
	expect(&alice, 420);
	ck_assert_str_eq(heard(&alice, "Unsupported"), "timer, foo");
	close_talking();
}
END_TEST

// §11.2: OPTIONS within a dialog is answered as outside.
START_TEST(options_tells_what_we_do) {
	open_talking();
	expect_refused(&bob, "OPTIONS", 200);
	ck_assert_str_eq(heard(&bob, "Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
	ck_assert_str_eq(heard(&bob, "Accept"), "application/sdp");
	close_talking();
}
END_TEST

// §17.2.2: the answer again, and nothing else.
START_TEST(repeats_of_requests) {
	static const char bye[] =
		"BYE %s SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK-twice\r\nMax-Forwards: 70\r\n"
		"From: %s;tag=%s\r\nTo: %s;tag=%s\r\nCall-ID: %s\r\nCSeq: 2 BYE\r\nContent-Length: 0\r\n\r\n";
	char text[2048];

	open_talking();
	snprintf(text, sizeof(text), bye, alice.target, alice.local, alice.tag, alice.remote, alice.peer_tag,
		alice.call_id);
	say(&alice, text);
	expect(&alice, 200);
	say(&alice, text);
	expect(&alice, 200);
	take_bye(&bob);
	expect_nothing(&bob);
	bench_wait(10000);
	say(&alice, text); // its call is gone, its transaction is not
	expect(&alice, 200);
	bench_close();
}
END_TEST

// A wrong ACK does not stop the 2xx (§13.3.1.4).
START_TEST(an_ack_of_something_else) {
	struct party p;

	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	alice.cseq = 4;
	ring(&alice, &bob);
	reply(&bob, 200, CALLEE_SDP);
	expect_request(&bob, "ACK");
	expect(&alice, 200);
	p = alice;
	p.invite_cseq = 9;
	ack(&p);
	p.invite_cseq = 3;
	ack(&p);
	p = alice;
	p.peer_tag[8] = p.peer_tag[8] == '0' ? '1' : '0';
	ack(&p);
	p = alice;
	strcpy(p.call_id, "call-of-somebody-else");
	ack(&p);
	bench_wait(600);
	ck_assert_uint_eq(skip_repeats(&alice), 1);
	ack(&alice);
	bench_wait(5000);
	expect_nothing(&alice);
	close_talking();
}
END_TEST

// RFC 3261 §12.2.1.1: who asks matters not: a proxy of the peer's may have moved.
START_TEST(from_another_address) {
	open_talking();
	alice.flow.remote = bench_endpoint("192.0.2.99", 5099);
	strcpy(alice.via, "192.0.2.99:5099");
	request(&alice, "BYE", NULL);
	expect(&alice, 200);
	take_bye(&bob);
	bench_close();
}
END_TEST

// §15.1.2 with a Reason (RFC 3326) that the other side hears too.
START_TEST(reason_of_bye_crosses) {
	open_talking();
	add_header(&bob, "Reason: Q.850;cause=16;text=\"Terminated\"");
	add_header(&bob, "Reason: SIP;cause=200, X;cause=1"); // RFC 3326 §2: one of each protocol
	add_header(&bob, "Reason: Y;text=\"at 198.51.100.2\""); // shows where it is: stays
	request(&bob, "BYE", NULL);
	expect(&bob, 200);
	expect_request(&alice, "BYE");
	ck_assert_str_eq(
		heard(&alice, "Reason"), "Q.850;cause=16;text=\"Terminated\", SIP;cause=200, X;cause=1");
	reply(&alice, 200, NULL);
	bench_close();
}
END_TEST

START_TEST(bye_with_cseq_zero) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
	talk(&alice, &bob);
	request_with_cseq(&bob, "BYE", 0); // §8.1.1.5: any number below 2**31 may be the first
	expect(&bob, 200);
	take_bye(&alice);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {wrong_names, the_other_legs_names, forged_requests_cost_nothing,
		tags_of_a_call_that_is_over, order_of_cseq, order_of_cseq_after_a_refusal, after_its_own_bye,
		another_offer_is_refused, an_offer_before_the_ack, methods, extensions_required,
		options_tells_what_we_do, repeats_of_requests, an_ack_of_something_else, from_another_address,
		reason_of_bye_crosses, bye_with_cseq_zero};

	return BENCH_RUN("calls_in_dialog", tests);
}
