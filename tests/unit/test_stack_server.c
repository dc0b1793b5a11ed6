// A stack's server transactions: their timers, their user, their limits.
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/stack_requests.h"

// Words: "INVITE", "OPTIONS" and "BYE" requests; "again" the same again; "ACK" of a failure, "ack" of the 2xx (other branch);
// "CANCEL"; "180" "200" the user answers; "late" an answer that is refused; "acknowledged" the user says so; "refused" the
// kernel refuses the latest response; "+ms".
static void play(const char *script) {
	struct wish w = plain, last = plain;
	char words[512], *save = NULL;

	snprintf(words, sizeof(words), "%s", script);
	for (char *word = strtok_r(words, " ", &save); word != NULL; word = strtok_r(NULL, " ", &save)) {
		w = last;
		if (*word == '+') {
			loop_advance(f.loop, strtoull(word + 1, NULL, 10));
		} else if (strcmp(word, "again") == 0) {
			send(last);
		} else if (strcmp(word, "ACK") == 0) {
			w.method = "ACK";
			w.to_tag = "ours";
			send(w);
		} else if (strcmp(word, "ack") == 0) {
			w.method = "ACK";
			w.to_tag = "ours";
			w.via = "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKotherbranch;rport";
			send(w);
		} else if (strcmp(word, "CANCEL") == 0) {
			w.method = "CANCEL";
			send(w);
		} else if (strcmp(word, "late") == 0) {
			ck_assert_int_eq(answer(486), -ENOENT);
			ck_assert_int_eq(answer(180), -ENOENT);
			ck_assert_int_eq(answer(200), -ENOENT);
		} else if (strcmp(word, "acknowledged") == 0) {
			sip_server_acknowledged(f.stack, f.server);
		} else if (strcmp(word, "refused") == 0) {
			f.up.on_refused(f.up.ctx, last_sent()->ref);
			settle();
		} else if (*word >= '1' && *word <= '6') {
			ck_assert_int_eq(answer((unsigned)atoi(word)), 0);
			settle();
		} else {
			last = plain;
			last.method = word;
			send(last);
		}
	}
}

static const struct {
	const char *what, *script, *story;
	unsigned left; // transactions at the end
} stories[] = {
	{"repetitions before the first answer", "INVITE again again", "INVITE@0 ", 1},
	{"repetitions get the latest provisional", "INVITE 100 +500 again 180 +1000 again",
		"INVITE@0 >100@0 >100@500 >180@500 >180@1500 ", 1},
	{"Timers G and H", "INVITE 486 +31999 late",
		"INVITE@0 >486@0 >486@500 >486@1500 >486@3500 >486@7500 >486@11500 >486@15500 >486@19500 >486@23500 "
		">486@27500 >486@31500 ",
		1},
	{"Timer H", "INVITE 486 +7000 +25000",
		"INVITE@0 >486@0 >486@500 >486@1500 >486@3500 >486@7500 >486@11500 >486@15500 >486@19500 >486@23500 "
		">486@27500 >486@31500 ",
		0},
	{"an ACK ends it, Timer I", "INVITE 486 +500 again +20 ACK +10 ACK again +4989",
		"INVITE@0 >486@0 >486@500 >486@500 ", 1},
	{"after Timer I", "INVITE 486 ACK +5000 late", "INVITE@0 >486@0 ", 0},
	{"a 2xx comes again until its ACK", "INVITE 180 +10 200 +1600 ack +30399 ack",
		"INVITE@0 >180@0 >200@10 >200@510 >200@1510 ack@1610 ack@32009 ", 1},
	{"a repeated INVITE after the 2xx", "INVITE 200 +100 again ack again late +31900",
		"INVITE@0 >200@0 ack@100 ", 0},
	{"a 2xx that nobody acknowledges", "INVITE 200 +31999 +1 +10000",
		"INVITE@0 >200@0 >200@500 >200@1500 >200@3500 >200@7500 >200@11500 >200@15500 >200@19500 >200@23500 "
		">200@27500 >200@31500 unacknowledged@32000 ",
		0},
	{"the user saw the ACK", "INVITE 200 +100 acknowledged acknowledged +31900 ack",
		"INVITE@0 >200@0 strayack@32000 ", 0},
	{"an ACK with the INVITE's own branch", "INVITE 200 +100 ACK +31900", "INVITE@0 >200@0 ack@100 ", 0},
	{"an ACK too early", "INVITE 180 ACK 486 +100 ACK +5000", "INVITE@0 >180@0 >486@0 ", 0},
	{"CANCEL before any answer", "INVITE CANCEL +10 CANCEL 487 ACK +5000",
		"INVITE@0 >200@0 cancelled@0 >200@10 >487@10 ", 0},
	{"CANCEL after a provisional", "INVITE 100 180 CANCEL 487 CANCEL ACK CANCEL",
		"INVITE@0 >100@0 >180@0 >200@0 cancelled@0 >487@0 >200@0 >200@0 ", 1},
	{"CANCEL crosses the 2xx", "INVITE 200 CANCEL ack +32000", "INVITE@0 >200@0 >200@0 ack@0 ", 0},
	{"CANCEL crosses the failure", "INVITE 486 CANCEL ACK +5000", "INVITE@0 >486@0 >200@0 ", 0},
	{"CANCEL of nothing", "CANCEL", ">481@0 ", 0},
	{"CANCEL of what has ended", "INVITE 486 ACK +5000 CANCEL", "INVITE@0 >486@0 >481@5000 ", 0},
	{"CANCEL of another request", "OPTIONS CANCEL 200 again", "OPTIONS@0 >481@0 >200@0 >200@0 ", 1},
	{"Timer J", "OPTIONS 200 +500 again +31499 again late", "OPTIONS@0 >200@0 >200@500 >200@31999 ", 1},
	{"after Timer J", "BYE 481 +32000 late", "BYE@0 >481@0 ", 0},
	{"no answer yet", "BYE again again", "BYE@0 ", 1},
	{"a provisional of another request", "BYE 183 again 200 again +32000",
		"BYE@0 >183@0 >183@0 >200@0 >200@0 ", 0},
	{"a user that never answers", "BYE +32000 late INVITE +3600000 late", "BYE@0 INVITE@32000 ", 0},
	{"a refused provisional", "INVITE 180 refused 200 ack", "INVITE@0 >180@0 >200@0 ack@0 ", 1},
	{"a refused 2xx is tried again", "INVITE 200 refused +500 ack +31500",
		"INVITE@0 >200@0 >200@500 ack@500 ", 0},
	{"a refused 2xx that never gets out", "INVITE 200 refused +1500 refused +30500",
		"INVITE@0 >200@0 >200@500 >200@1500 >200@3500 >200@7500 >200@11500 >200@15500 >200@19500 >200@23500 "
		">200@27500 >200@31500 unacknowledged@32000 ",
		0},
	{"a refused failure", "INVITE 486 refused +500 ACK +5000", "INVITE@0 >486@0 >486@500 ", 0},
	{"a refused final answer", "BYE 200 refused again", "BYE@0 >200@0 >200@0 ", 1},
	{"an ACK of nothing", "ack", "strayack@0 ", 0},
};

static void plays_the_story_of(size_t i) {
	play(stories[i].script);
	expect_story(stories[i].what, stories[i].story);
	ck_assert_msg(sip_stack_transactions(f.stack) == stories[i].left, "%s: %u left", stories[i].what,
		sip_stack_transactions(f.stack));
}
START_TEST(plays_the_story) {
	for (size_t i = 0; i < sizeof(stories) / sizeof(*stories); i++) {
		plays_the_story_of(i);
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

static void reject(void) {
	ck_assert_int_eq(answer(403), 0);
	sip_server_set_owner(f.stack, f.server, 0);
}
START_TEST(the_user_may_answer_from_within) {
	f.in_request = reject;
	play("INVITE CANCEL +500 again ACK +5000 OPTIONS");
	expect_story("at once", "INVITE@0 >403@0 >200@0 >403@500 >403@500 OPTIONS@5500 >403@5500 ");
}
END_TEST

START_TEST(nobody_hears_without_an_owner) {
	send(plain);
	sip_server_set_owner(f.stack, f.server, 0);
	ck_assert_int_eq(answer(200), 0);
	play("CANCEL +32000");
	expect_story("no owner",
		"INVITE@0 >200@0 >200@0 >200@500 >200@1500 >200@3500 >200@7500 >200@11500 >200@15500 "
		">200@19500 >200@23500 >200@27500 >200@31500 ");
}
END_TEST

START_TEST(old_handles_do_nothing) {
	uint64_t old;

	play("BYE 200 +32000");
	old = f.server;
	play("INVITE 180");
	sip_server_set_nated(f.stack, old);
	sip_server_set_owner(f.stack, old, 0);
	sip_server_acknowledged(f.stack, old);
	sip_client_cancel(f.stack, f.server, (struct span){0}); // a server is no client
	f.server = old;
	ck_assert_int_eq(answer(200), -ENOENT);
	f.server = 0;
	ck_assert_int_eq(answer(200), -ENOENT);
	expect_story("nothing", "BYE@0 >200@0 INVITE@32000 >180@32000 ");
}
END_TEST

// Requests beyond what there is room for are refused without a transaction; ours still get one.
START_TEST(full) {
	struct flow to = flow_of("192.0.2.7", 5060, 0);
	struct sip_request r = {
		.method = METHOD_BYE, .uri = span_of("sip:b@b"), .headers = span_of("To: <sip:a@b>\r\n")};
	char via[128], first_to[512], line[512];
	uint64_t client;
	struct wish w = plain;

	for (unsigned i = 0; i < 1040 / 4 * 3; i++) {
		snprintf(via, sizeof(via), "SIP/2.0/UDP a;branch=z9hG4bK%u", i);
		w.via = via;
		w.method = "OPTIONS";
		send(w);
	}
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 780);
	f.story[0] = '\0';
	send(plain);
	ck_assert_str_eq(line_of(last_sent()->text, "Retry-After", line), "Retry-After: 10");
	line_of(last_sent()->text, "To", first_to);
	ck_assert_ptr_nonnull(strstr(first_to, ";tag="));
	send(plain);
	ck_assert_str_eq(line_of(last_sent()->text, "To", line), first_to); // the same tag again (§8.2.7)
	w = plain;
	w.method = "ACK";
	w.to_tag = strstr(first_to, ";tag=") + 5;
	send(w);
	expect_story("full", ">503@0 >503@0 strayack@0 ");
	ck_assert_uint_eq(counter(SIP_COUNTER_TRANSACTIONS_FULL), 2);
	ck_assert_int_eq(sip_client_start(f.stack, &r, &to, &f.realms[0].timers, OWNER, &client), 0);
	loop_advance(f.loop, 32000);
	send(plain);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 1);
}
END_TEST

START_TEST(malformed_requests) {
	static const struct {
		const char *what, *text, *story;
	} cases[] = {
		{"no Call-ID",
			"INVITE sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa;rport\r\n"
			"From: <sip:a@b>;tag=x\r\nTo: <sip:a@b>\r\nCSeq: 1 INVITE\r\n\r\n",
			NULL},
		{"a wrong Content-Length",
			"OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa\r\n"
			"From: <sip:a@b>;tag=x\r\nTo: <sip:a@b>\r\nCSeq: 1 OPTIONS\r\nCall-ID: 1\r\nContent-Length: 99\r\n\r\n",
			">400@0 "},
		{"a version to come",
			"OPTIONS sip:a@b SIP/7.0\r\nVia: SIP/7.0/UDP 192.0.2.7:5062;branch=z9hG4bKa\r\n"
			"From: <sip:a@b>;tag=x\r\nTo: <sip:a@b>\r\nCSeq: 1 OPTIONS\r\nCall-ID: 1\r\n\r\n",
			">505@0 "},
		{"an ACK",
			"ACK sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa\r\n"
			"From: <sip:a@b>;tag=x\r\nTo: <sip:a@b>\r\nCSeq: 1 ACK\r\nCall-ID: 1\r\nContent-Length: 99\r\n\r\n",
			""},
		{"rubbish", "hello\r\n\r\n", ""},
		{"a bad response", "SIP/2.0 200 OK\r\nVia: x\r\n\r\n", ""},
		{"a keepalive", "\r\n\r\n", ""},
		{"STUN", "\1\1\1\1\x21\x12\xa4\x42transaction!", ""},
	};
	struct flow from = flow_of("192.0.2.7", 6000, 0);
	uint64_t n_faults = 0;

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		f.story[0] = '\0';
		deliver_from(cases[i].text, &from);
		if (cases[i].story != NULL)
			expect_story(cases[i].what, cases[i].story);
	}
	for (int i = 0; i < SIP_FAULT_KINDS; i++)
		n_faults += sip_stack_faults(f.stack)[i];
	ck_assert_uint_eq(n_faults, 6);
	ck_assert_uint_eq(counter(SIP_COUNTER_REFUSED) + counter(SIP_COUNTER_MALFORMED), 6);
	ck_assert_uint_eq(counter(SIP_COUNTER_KEEPALIVES), 1);
	ck_assert_uint_eq(counter(SIP_COUNTER_STUN), 1);
	ck_assert_uint_eq(counter(SIP_COUNTER_RECEIVED), 8);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
}
END_TEST

START_TEST(floods_get_few_answers) {
	struct wish w = plain;

	w.method = "CANCEL";
	for (int i = 0; i < 3000; i++)
		send(w);
	ck_assert_int_eq(f.n_sent, 1000);
	f.story[0] = '\0';
	loop_advance(f.loop, 1000);
	send(w);
	expect_story("a second later", ">481@1000 ");
}
END_TEST

START_TEST(survives_failing_allocations) {
	struct wish w = plain;
	char via[128];

	for (unsigned k = 1; k < 12; k++) {
		unsigned before = sip_stack_transactions(f.stack);
		int n_sent = f.n_sent;
		struct flow from = flow_of("192.0.2.7", 6000, 0);
		char text[2048];

		snprintf(via, sizeof(via), "SIP/2.0/UDP a;branch=z9hG4bK%u", k);
		snprintf(text, sizeof(text),
			"INVITE sip:a@b SIP/2.0\r\nVia: %s\r\nFrom: <sip:a@b>;tag=%u\r\nTo: <sip:a@b>\r\nCSeq: 1 INVITE\r\n"
			"Call-ID: 1\r\nMax-Forwards: 3\r\nContent-Length: 0\r\n\r\n",
			via, k);
		fail_alloc_at(k);
		f.up.on_datagram(f.up.ctx, text, strlen(text), &from);
		if (fail_alloc_end() && sip_stack_transactions(f.stack) == before)
			ck_assert_int_eq(f.n_sent, n_sent + 1); // 503
	}
	ck_assert_uint_gt(sip_stack_transactions(f.stack), 0);
	ck_assert_uint_gt(counter(SIP_COUNTER_TRANSACTIONS_FULL), 0);
	// An answer that there is no memory for can be given again.
	w.via = "SIP/2.0/UDP a;branch=z9hG4bKlast";
	send(w);
	fail_alloc_at(1);
	int ret = answer(200);
	ck_assert(fail_alloc_end());
	ck_assert_int_eq(ret, -ENOMEM);
	ck_assert_int_eq(answer(200), 0);
}
END_TEST

START_TEST(create_survives_failing_allocations) {
	struct transport transport = {NULL, capture_send, NULL};
	struct sip_stack *s = NULL;

	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = stack_create(f.loop, &f.config, f.tokens, &fixture_user, &transport, &s);

		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			ck_assert_uint_gt(k, 5);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
	}
	sip_stack_destroy(s);
	sip_stack_destroy(NULL);
}
END_TEST

START_TEST(knows_itself) {
	static const struct {
		const char *host;
		uint32_t port;
		bool is_us;
	} cases[] = {
		{"192.0.2.1", 5060, true},
		{"192.0.2.1", 0, true},
		{"192.0.2.1", 5061, false},
		{"198.51.100.1", 5070, true},
		{"198.51.100.1", 0, false},
		{"203.0.113.9", 5080, true},
		{"192.0.2.7", 5060, false},
		{"edge", 5060, false},
		{"", 5060, false},
		{"192.0.2.1", 5060 + 65536, false},
		{"2001:db8::1", 5060, false},
	};
	struct flow flow = flow_of("192.0.2.7", 5060, 1);
	char text[ENDPOINT_TEXT];

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
		ck_assert_msg(
			sip_stack_is_us(f.stack, span_of(cases[i].host), cases[i].port) == cases[i].is_us,
			"%s:%u", cases[i].host, cases[i].port);
	ck_assert_str_eq(endpoint_format(sip_stack_advertised(f.stack, &flow), text), "203.0.113.9:5080");
	for (int i = 0; i < SIP_COUNTERS; i++)
		ck_assert_ptr_nonnull(sip_counter_name(i));
}
END_TEST

START_TEST(keepalive) {
	struct flow to = flow_of("192.0.2.7", 40000, 0);

	sip_send_keepalive(f.stack, &to);
	ck_assert_str_eq(last_sent()->text, "\r\n\r\n");
	ck_assert_uint_eq(last_sent()->to.remote.port, 40000);
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_server");
	TCase *c = tcase_create("server");

	tcase_add_checked_fixture(c, fixture_setup, fixture_teardown);
	tcase_add_test(c, plays_the_story);
	tcase_add_test(c, the_user_may_answer_from_within);
	tcase_add_test(c, nobody_hears_without_an_owner);
	tcase_add_test(c, old_handles_do_nothing);
	tcase_add_test(c, full);
	tcase_add_test(c, malformed_requests);
	tcase_add_test(c, floods_get_few_answers);
	tcase_add_test(c, survives_failing_allocations);
	tcase_add_test(c, create_survives_failing_allocations);
	tcase_add_test(c, knows_itself);
	tcase_add_test(c, keepalive);
	suite_add_tcase(s, c);
	return run_suite(s);
}
