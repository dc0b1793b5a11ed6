// Requests outside dialogs that make no call (RFC 3261 §8.2, §11; design §5: who may call, and where to).
#include "control/media/media.h"
#include "tests/unit/call_ladder.h"

#include <sys/mman.h>
#include <unistd.h>

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
}

// An INVITE that must be refused: no call, nobody rings, and a record of it. Ends with the ACK.
static const char *invite_refused(int status) {
	invite(&alice);
	take_failure(&alice, status);
	expect_nothing(&alice);
	ck_assert_uint_eq(calls_now(bench_calls()), 0);
	ck_assert_uint_eq(bench_relay_sessions(), 0);
	return alice.last->text;
}

static void out_of_dialog(struct party *p, const char *method, int status) {
	p->peer_tag[0] = '\0';
	request(p, method, NULL);
	expect(p, status);
}

START_TEST(strangers) {
	open_both();
	caller_init_at(&alice, REALM_ACCESS, "192.0.3.10"); // not in allow
	invite_refused(403);
	out_of_dialog(&alice, "OPTIONS", 403);
	caller_init_at(&alice, REALM_CORE, "198.51.100.9"); // a realm that allows nobody, not a trunk's peer
	invite_refused(403);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ADMITTED), 3);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ADMITTED_SILENT), 0);
	bench_close();
}
END_TEST

// Beyond a rate strangers hear nothing, and cost nothing.
START_TEST(many_strangers) {
	unsigned n_answered = 0;

	open_both();
	caller_init_at(&alice, REALM_ACCESS, "192.0.3.10");
	alice.sdp = NULL;
	for (int i = 0; i < 200; i++) {
		snprintf(alice.call_id, sizeof(alice.call_id), "flood-%d", i);
		invite(&alice);
		if (bench_untaken() > 0) {
			take_failure(&alice, 403);
			n_answered++;
		}
	}
	ck_assert_uint_gt(n_answered, 0);
	ck_assert_uint_le(n_answered, 100);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ADMITTED), 200);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ADMITTED_SILENT), 200 - n_answered);
	ck_assert_uint_le(bench_transactions(), n_answered);
	bench_wait(2000);
	invite_refused(403); // the next second has its own rate
	bench_close();
}
END_TEST

START_TEST(targets) {
	static const struct {
		const char *uri;
		int status;
	} rows[] = {
		{"sip:2000@192.0.2.77", 404}, // §16.12: another's host; we are no proxy
		{"sip:2000@elsewhere.example", 404},
		{"sip:2000@203.0.113.1:5070", 404}, // our address, another's port
		{"sip:203.0.113.1", 404}, // nobody
		{"sips:2000@203.0.113.1", 416}, // TLS all the way: not here (§8.2.2.1)
		{"tel:+12025550100", 416},
		{"mailto:2000@203.0.113.1", 416},
		{"sip:@203.0.113.1", 400},
		{"sip:2000@", 400},
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_both();
		strcpy(alice.invite_uri, rows[i].uri);
		invite(&alice);
		take_failure(&alice, rows[i].status);
		bench_close();
	}
}
END_TEST

START_TEST(routes) {
	const struct bench_options o = {
		.routes = "{ from_realm = \"access\"; user = \"\\\\+?[0-9]+\"; to = [ \"carrier\" ]; }"};
	static const struct {
		const char *uri;
		int status;
	} rows[] = {{"sip:2000@203.0.113.1", 100}, {"sip:+2000@203.0.113.1", 100},
		{"sip:%2b2000@203.0.113.1", 100}, // §19.1.4: the same as +2000
		{"sip:2000;phone-context=x@203.0.113.1", 404}, {"sip:a2000@203.0.113.1", 404},
		{"sip:2000b@203.0.113.1", 404}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bench_open(&o);
		caller_init(&alice);
		callee_init(&bob);
		strcpy(alice.invite_uri, rows[i].uri);
		invite(&alice);
		if (rows[i].status == 404) {
			take_failure(&alice, 404);
			ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ROUTED), 1);
		} else {
			expect(&alice, 100);
			expect_request(&bob, "INVITE");
			reply(&bob, 486, NULL);
			pass_failure(&bob, &alice, 486);
		}
		bench_close();
	}
}
END_TEST

// A pattern that needs too many steps for a user does not take it: "aaaa…" is a+ in exponentially many ways.
START_TEST(a_pattern_without_end) {
	static const struct bench_options o = {
		.routes = "{ from_realm = \"access\"; user = \"(a+)+[bc]|a+\"; to = [ \"carrier\" ]; }"};
	static const struct { int n, status; } rows[] = {{4, 100}, {16, 404}, {200, 404}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bench_open(&o);
		caller_init(&alice);
		callee_init(&bob);
		memset(alice.invite_uri, 'a', sizeof(alice.invite_uri));
		memcpy(alice.invite_uri, "sip:", 4);
		strcpy(alice.invite_uri + 4 + rows[i].n, "@203.0.113.1");
		if (rows[i].status == 404) {
			invite_refused(404);
			ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ROUTED), 1);
		} else {
			dial(&alice, &bob);
			reply(&bob, 486, NULL);
			pass_failure(&bob, &alice, 486);
		}
		bench_close();
	}
}
END_TEST

START_TEST(too_many_hops) {
	open_both();
	alice.max_forwards = 0;
	invite_refused(483);
	alice.max_forwards = 70;
	out_of_dialog(&alice, "OPTIONS", 200);
	bench_close();
}
END_TEST

// §8.2.3; no offer: nothing that we could relay.
START_TEST(bodies) {
	open_both();
	alice.sdp = NULL;
	invite_refused(488);
	alice.sdp = "<hello/>";
	add_header(&alice, "Content-Type: text/xml");
	ck_assert_str_eq(bench_header(invite_refused(415), "Accept", 0), "application/sdp");
	bench_close();
}
END_TEST

START_TEST(descriptions) {
	static const char *const rows[] = {
		"v=0\r\nrubbish\r\n",
		SDP_AT("192.0.2.10", "0"), // offers nothing
		"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\n",
		"v=0\r\no=- 1 1 IN IP4 192.0.2.10\r\ns=-\r\nc=IN IP4 192.0.2.10\r\nt=0 0\r\nm=audio 4000 RTP/SAVP 0\r\n",
		"v=0\r\no=- 1 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n",
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		open_both();
		alice.sdp = rows[i];
		invite(&alice);
		expect(&alice, 100);
		take_failure(&alice, 488);
		expect_nothing(&bob);
		ck_assert_uint_eq(bench_counter(CALL_COUNTER_NOT_ACCEPTABLE), 1);
		ck_assert_uint_eq(bench_ended()->status, 488);
		bench_close();
	}
}
END_TEST

START_TEST(methods) {
	open_both();
	out_of_dialog(&alice, "OPTIONS", 200);
	ck_assert_str_eq(heard(&alice, "Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
	ck_assert_str_eq(heard(&alice, "Accept"), "application/sdp");
	out_of_dialog(&alice, "REGISTER", 405);
	ck_assert_str_eq(heard(&alice, "Allow"), "INVITE, ACK, CANCEL, BYE, OPTIONS");
	out_of_dialog(&alice, "FOO", 501);
	out_of_dialog(&alice, "BYE", 481); // §15.1.2
	ack(&alice); // of nothing: nothing
	expect_nothing(&alice);
	bench_close();
}
END_TEST

START_TEST(extensions_required) {
	open_both();
	add_header(&alice, "Require: 100rel");
	add_header(&alice, "Require: precondition");
	invite_refused(420);
	ck_assert_str_eq(bench_header(alice.last->text, "Unsupported", 0), "100rel");
	ck_assert_str_eq(bench_header(alice.last->text, "Unsupported", 1), "precondition");
	add_header(&alice, "Proxy-Require: foo"); // §20.29: for proxies
	dial(&alice, &bob);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

// §8.2.2.2: the same request over another way.
START_TEST(merged) {
	struct party again;

	open_both();
	dial(&alice, &bob);
	again = alice;
	again.cseq--;
	invite(&again);
	take_failure(&again, 482);
	ck_assert_uint_eq(bench_ended()->status, 482);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	bench_close();
}
END_TEST

// §16.3: the same call may come by again on purpose, changed: that is a spiral, not a loop.
START_TEST(a_spiral_is_two_calls) {
	struct party again, both;

	open_both();
	dial(&alice, &bob);
	again = alice;
	strcpy(again.tag, "tag-of-another-round");
	again.cseq--;
	invite(&again);
	expect(&again, 100);
	both = bob;
	expect_request(&both, "INVITE");
	ck_assert_uint_eq(calls_now(bench_calls()), 2);
	reply(&bob, 486, NULL);
	pass_failure(&bob, &alice, 486);
	reply(&both, 486, NULL);
	pass_failure(&both, &again, 486);
	bench_close();
}
END_TEST

START_TEST(without_contact) {
	open_both();
	alice.contact[0] = '\0';
	invite_refused(400); // §12.1.1: no dialog without it
	strcpy(alice.contact, "nonsense");
	invite_refused(400);
	bench_close();
}
END_TEST

// Every attempt is in the records, and each is counted under one heading.
START_TEST(counted_once) {
	static const struct {
		const char *uri, *header;
		int status;
		enum call_counter counter;
	} rows[] = {{"sip:2000@elsewhere.example", NULL, 404, CALL_COUNTER_NOT_ROUTED},
		{"sips:2000@203.0.113.1", NULL, 416, CALL_COUNTER_REFUSED_REQUESTS},
		{"sip:2000@203.0.113.1", "Require: x", 420, CALL_COUNTER_REFUSED_REQUESTS}};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		uint64_t sum = 0;

		open_both();
		strcpy(alice.invite_uri, rows[i].uri);
		if (rows[i].header != NULL)
			add_header(&alice, rows[i].header);
		invite(&alice);
		take_failure(&alice, rows[i].status);
		for (unsigned k = 0; k < CALL_COUNTERS; k++)
			sum += bench_counter(k);
		ck_assert_uint_eq(bench_counter(rows[i].counter), 1);
		ck_assert_uint_eq(sum, 1);
		ck_assert_uint_eq(bench_ended()->n, 1);
		ck_assert_uint_eq(bench_ended()->status, (unsigned)rows[i].status);
		ck_assert_str_eq(bench_ended()->from, "1000");
		ck_assert_str_eq(bench_ended()->to, "2000");
		bench_close();
	}
}
END_TEST

// A user part that a route's pattern takes too long over: the line is the caller's to repeat.
START_TEST(a_flood_of_match_failures_is_a_few_lines) {
	const struct bench_options o = {
		.routes = "{ from_realm = \"access\"; user = \"(a+)+[bc]\"; to = [ \"carrier\" ]; }"};
	const int log_fd = memfd_create("log", MFD_CLOEXEC);
	static char text[1 << 20];
	unsigned n_lines = 0;
	ssize_t n;

	ck_assert_int_eq(dup2(log_fd, STDERR_FILENO), STDERR_FILENO);
	bench_open(&o);
	log_init("test", LOG_LEVEL_WARNING);
	caller_init(&alice);
	strcpy(alice.invite_uri, "sip:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa@203.0.113.1");
	for (int i = 0; i < 200; i++) {
		snprintf(alice.call_id, sizeof(alice.call_id), "flood-%d", i);
		invite_refused(404);
	}
	n = pread(log_fd, text, sizeof(text) - 1, 0);
	ck_assert_int_gt(n, 0);
	for (const char *p = text; (p = strstr(p, "route match=failed pcre2_error=")) != NULL; p++)
		n_lines++;
	ck_assert_uint_ge(n_lines, 1);
	ck_assert_uint_le(n_lines, 10); // within a second of the bench's clock
	bench_close();
}
END_TEST

static void check_refused_attempt(unsigned status, enum call_counter counter) {
	ck_assert_uint_eq(bench_counter(counter), 1);
	ck_assert_uint_eq(bench_counter(CALL_COUNTER_ATTEMPTS), 0);
	ck_assert_uint_eq(bench_ended()->n, 1);
	ck_assert_uint_eq(bench_ended()->status, status);
	ck_assert_str_eq(bench_ended()->cause, "refused");
	ck_assert_str_eq(bench_ended()->from, "1000");
	ck_assert_str_eq(bench_ended()->to, "2000");
}

// A display name of 1100 characters, more than a call keeps.
static void say_with_a_long_name(void *ctx, struct party *p, const char *text) {
	char copy[MESSAGE_TEXT], name[1101];
	const char *at = strstr(text, "Alice A.");

	(void)ctx;
	memset(name, 'A', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	snprintf(copy, sizeof(copy), "%.*s%s%s", (int)(at - text), text, name, at + strlen("Alice A."));
	bench_deliver(copy, &p->flow);
}

START_TEST(more_than_a_call_keeps) {
	open_both();
	ladder_on_say(say_with_a_long_name, NULL);
	invite_refused(400);
	ladder_on_say(NULL, NULL);
	check_refused_attempt(400, CALL_COUNTER_REFUSED_REQUESTS);
	bench_close();
}
END_TEST

// There is room for a call, and none for its media.
START_TEST(no_room_for_its_media) {
	static const struct bench_options o = {.control = "max_calls = 2;"};
	const struct media_party party[2] = {{.realm = REALM_ACCESS}, {.realm = REALM_CORE}};
	uint64_t others[2] = {0, 0};
	struct media *m;

	bench_open(&o);
	caller_init(&alice);
	m = calls_media(bench_calls());
	for (int i = 0; i < 2; i++)
		ck_assert_int_eq(media_offer(m, &others[i], 0, 0, 0, 0, party, span_of(CALLER_SDP)), 0);
	bench_settle();
	invite(&alice);
	expect(&alice, 503);
	ck_assert_str_eq(heard(&alice, "Retry-After"), "5");
	ack_failure(&alice);
	check_refused_attempt(503, CALL_COUNTER_EXHAUSTED);
	for (int i = 0; i < 2; i++)
		media_delete(m, others[i]);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {strangers, many_strangers, targets, routes, too_many_hops, bodies,
		descriptions, methods, extensions_required, merged, a_spiral_is_two_calls, without_contact,
		counted_once, a_pattern_without_end, more_than_a_call_keeps, no_room_for_its_media,
		a_flood_of_match_failures_is_a_few_lines};

	return BENCH_RUN("calls_refusals", tests);
}
