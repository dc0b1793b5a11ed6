#include "tests/unit/stack_fixture.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

static const char invite_headers[] = "Max-Forwards: 69\r\n"
				     "Route: <sip:192.0.2.50;lr>\r\n"
				     "Route: <sip:192.0.2.51;lr>\r\n"
				     "From: \"A\" <sip:a@192.0.2.1>;tag=fromtag\r\n"
				     "To: <sip:b@192.0.2.7>\r\n"
				     "Call-ID: call-1\r\n"
				     "CSeq: 7 INVITE\r\n"
				     "Contact: <sip:a@192.0.2.1>\r\n";
static const char bye_headers[] = "Max-Forwards: 70\r\n"
				  "From: <sip:a@192.0.2.1>;tag=fromtag\r\n"
				  "To: <sip:b@192.0.2.7>;tag=totag\r\n"
				  "Call-ID: call-1\r\n"
				  "CSeq: 8 BYE\r\n";

static uint64_t client; // the latest that was started

static int try_start(enum sip_method method, const char *remote, uint16_t realm) {
	struct flow to = flow_of(remote, 5060, realm);
	struct sip_request r = {.method = method,
		.uri = span_of("sip:b@192.0.2.7"),
		.headers = span_of(method == METHOD_INVITE ? invite_headers : bye_headers),
		.body = span_of(method == METHOD_INVITE ? "v=0\r\n" : "")};

	return sip_client_start(f.stack, &r, &to, &f.realms[realm].timers, OWNER, &client);
}

static void start(enum sip_method method, const char *remote, uint16_t realm) {
	ck_assert_int_eq(try_start(method, remote, realm), 0);
	settle();
}

// A response to the latest request with this method.
static void respond(const char *method, unsigned status, const char *tag) {
	const struct sent *request = last_sent_like(method);
	struct flow from = flow_of("192.0.2.99", 4444, 0); // not whom we asked: it doesn't matter
	char text[4096], via[512], sender[512], to[512], id[512], cseq[512];

	snprintf(text, sizeof(text),
		"SIP/2.0 %u Whatever\r\n%s\r\n%s\r\n%s%s%s\r\n%s\r\n%s\r\nContent-Length: 0\r\n\r\n", status,
		line_of(request->text, "Via", via), line_of(request->text, "From", sender),
		line_of(request->text, "To", to), *tag == '\0' ? "" : ";tag=", tag,
		line_of(request->text, "Call-ID", id), line_of(request->text, "CSeq", cseq));
	deliver_from(text, &from);
}

static void icmp(void) {
	const struct sent *s = last_sent();
	size_t len = s->len < 548 ? s->len : 548;

	f.up.on_icmp(f.up.ctx, &s->to, (struct span){s->text, len});
	settle();
}

// Words: "+ms" time goes by; "cancel", "forget" the user's; "180" "486" "200b" responses to the latest INVITE or BYE (with
// another tag); "c200" to the CANCEL; "icmp" an ICMP error that quotes the latest datagram; "refused" the kernel refuses it.
static void play(const char *script) {
	char words[512], *save = NULL;

	snprintf(words, sizeof(words), "%s", script);
	for (char *w = strtok_r(words, " ", &save); w != NULL; w = strtok_r(NULL, " ", &save)) {
		if (*w == '+')
			loop_advance(f.loop, strtoull(w + 1, NULL, 10));
		else if (strcmp(w, "INVITE") == 0 || strcmp(w, "BYE") == 0)
			start(*w == 'I' ? METHOD_INVITE : METHOD_BYE, "192.0.2.7", 0);
		else if (strcmp(w, "cancel") == 0)
			sip_client_cancel(f.stack, client, span_of("SIP;cause=200")), settle();
		else if (strcmp(w, "forget") == 0)
			sip_client_forget(f.stack, client);
		else if (strcmp(w, "icmp") == 0)
			icmp();
		else if (strcmp(w, "refused") == 0)
			f.up.on_refused(f.up.ctx, last_sent()->ref), settle();
		else if (*w == 'c')
			respond("CANCEL", (unsigned)atoi(w + 1), "x");
		else if (*w == 'y')
			respond("BYE", (unsigned)atoi(w + 1), "");
		else
			respond("INVITE", (unsigned)atoi(w), strchr(w, 'b') != NULL ? "tag-b" : "tag-a");
	}
}

static const struct {
	const char *what, *script, *story;
	unsigned left; // transactions at the end
} stories[] = {
	{"Timers A and B", "INVITE +31999",
		">INVITE@0 >INVITE@500 >INVITE@1500 >INVITE@3500 >INVITE@7500 >INVITE@15500 >INVITE@31500 ",
		1},
	{"Timer B", "INVITE +7499 +24500 +1",
		">INVITE@0 >INVITE@500 >INVITE@1500 >INVITE@3500 >INVITE@7500 >INVITE@15500 >INVITE@31500 "
		"timeout@32000 ",
		0},
	{"a provisional stops both", "INVITE +600 100 +10 180 180 +100000",
		">INVITE@0 >INVITE@500 100@600 180@610 180@610 ", 1},
	{"ringing has an end", "INVITE 180 +3599999 +1", ">INVITE@0 180@0 timeout@3600000 ", 0},
	{"Timer M: further and repeated 2xx", "INVITE 180 +5 200 +500 200 200b +31499 200",
		">INVITE@0 180@0 200@5 200@505 200@505 200@32004 ", 1},
	{"after Timer M", "INVITE 200 +32000 200", ">INVITE@0 200@0 ", 0},
	{"nothing but 2xx once accepted", "INVITE 200 180 486 +32000", ">INVITE@0 200@0 ", 0},
	{"Timer D: an ACK for each repetition", "INVITE 486 +500 486 +31499 486 180 200",
		">INVITE@0 >ACK@0 486@0 >ACK@500 >ACK@31999 ", 1},
	{"after Timer D", "INVITE 486 +32000 486", ">INVITE@0 >ACK@0 486@0 ", 0},
	{"a failure after provisionals", "INVITE 100 183 +10 603 +32000",
		">INVITE@0 100@0 183@0 >ACK@10 603@10 ", 0},
	{"CANCEL after a provisional", "INVITE 180 +10 cancel +20 c200 487 +5000 cancel +32000",
		">INVITE@0 180@0 >CANCEL@10 >ACK@30 487@30 ", 0},
	{"CANCEL waits for a provisional", "INVITE cancel +500 100 c200 487",
		">INVITE@0 >INVITE@500 >CANCEL@500 100@500 >ACK@500 487@500 ", 2},
	{"a failure comes before there was one", "INVITE cancel +500 486 +32000",
		">INVITE@0 >INVITE@500 >ACK@500 486@500 ", 0},
	{"a 2xx comes before there was one", "INVITE cancel 200 +32000", ">INVITE@0 200@0 ", 0},
	{"nothing at all comes", "INVITE cancel cancel +32000",
		">INVITE@0 >INVITE@500 >INVITE@1500 >INVITE@3500 >INVITE@7500 >INVITE@15500 >INVITE@31500 "
		"timeout@32000 ",
		0},
	{"2xx and CANCEL cross", "INVITE 180 cancel 200 c481 +32000", ">INVITE@0 180@0 >CANCEL@0 200@0 ", 0},
	{"a cancelled INVITE that never ends", "INVITE 180 +100 cancel c200 180 +31999 +1",
		">INVITE@0 180@0 >CANCEL@100 180@100 timeout@32100 ", 0},
	{"a CANCEL that nobody answers", "INVITE 180 cancel +32000",
		">INVITE@0 180@0 >CANCEL@0 >CANCEL@500 >CANCEL@1500 >CANCEL@3500 >CANCEL@7500 >CANCEL@11500 "
		">CANCEL@15500 >CANCEL@19500 >CANCEL@23500 >CANCEL@27500 >CANCEL@31500 timeout@32000 ",
		0},
	{"only one CANCEL", "INVITE 180 cancel cancel c200 +1000", ">INVITE@0 180@0 >CANCEL@0 ", 2},
	{"Timers E and F", "BYE +31999 +1",
		">BYE@0 >BYE@500 >BYE@1500 >BYE@3500 >BYE@7500 >BYE@11500 >BYE@15500 >BYE@19500 >BYE@23500 "
		">BYE@27500 >BYE@31500 timeout@32000 ",
		0},
	{"Timer E goes on at T2 after a provisional", "BYE +600 y100 +10000 y200",
		">BYE@0 >BYE@500 100@600 >BYE@1500 >BYE@5500 >BYE@9500 200@10600 ", 1},
	{"Timer F in PROCEEDING", "BYE y100 +32000",
		">BYE@0 100@0 >BYE@500 >BYE@4500 >BYE@8500 >BYE@12500 >BYE@16500 >BYE@20500 >BYE@24500 "
		">BYE@28500 timeout@32000 ",
		0},
	{"Timer K takes repetitions", "BYE y481 +10 y481 +4989 y481", ">BYE@0 481@0 ", 1},
	{"after Timer K", "BYE y200 +5000 y200", ">BYE@0 200@0 ", 0},
	{"a BYE can't be cancelled", "BYE cancel y100 cancel y200 +5000", ">BYE@0 100@0 200@0 ", 0},
	{"ICMP error of an INVITE", "INVITE +3 icmp", ">INVITE@0 unreachable@3 ", 0},
	{"ICMP error of a BYE", "BYE +3 icmp", ">BYE@0 unreachable@3 ", 0},
	{"ICMP error of a BYE in PROCEEDING", "BYE y100 icmp", ">BYE@0 100@0 unreachable@0 ", 0},
	{"a late ICMP error of an INVITE", "INVITE 180 icmp +1000", ">INVITE@0 180@0 ", 1},
	{"ICMP error of an ACK", "INVITE 486 icmp 486", ">INVITE@0 >ACK@0 486@0 >ACK@0 ", 1},
	{"ICMP error of a CANCEL", "INVITE 180 cancel icmp 487", ">INVITE@0 180@0 >CANCEL@0 >ACK@0 487@0 ",
		2},
	{"the kernel refuses an INVITE", "INVITE refused", ">INVITE@0 unreachable@0 ", 0},
	{"the kernel refuses an ACK", "INVITE 486 refused 486", ">INVITE@0 >ACK@0 486@0 >ACK@0 ", 1},
	{"the kernel refuses a CANCEL", "INVITE 180 cancel refused 487",
		">INVITE@0 180@0 >CANCEL@0 >ACK@0 487@0 ", 1},
	{"a forgotten owner hears nothing", "INVITE forget +500 180 486 +10 486 +32000",
		">INVITE@0 >INVITE@500 >ACK@500 >ACK@510 ", 0},
	{"a forgotten owner's timeout", "BYE y100 forget +32000",
		">BYE@0 100@0 >BYE@500 >BYE@4500 >BYE@8500 >BYE@12500 >BYE@16500 >BYE@20500 >BYE@24500 "
		">BYE@28500 ",
		0},
	{"forgotten and cancelled", "INVITE 180 cancel forget c200 487 +32000",
		">INVITE@0 180@0 >CANCEL@0 >ACK@0 ", 0},
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

START_TEST(request_is_as_it_should_be) {
	char line[512];

	start(METHOD_INVITE, "198.51.100.7", 1);
	const struct sent *s = last_sent();
	ck_assert_int_eq(
		strncmp(s->text,
			"INVITE sip:b@192.0.2.7 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.9:5080;rport;branch=z9hG4bK",
			86),
		0);
	ck_assert_str_eq(line_of(s->text, "Content-Length", line), "Content-Length: 5");
	ck_assert_ptr_nonnull(strstr(s->text, invite_headers));
	ck_assert_str_eq(strstr(s->text, "\r\n\r\n"), "\r\n\r\nv=0\r\n");
	ck_assert_uint_eq(s->to.realm, 1);
}
END_TEST

// RFC 3261 §17.1.1.3: the INVITE's Via, From, Call-ID, CSeq number and Routes, the response's To, no body.
START_TEST(ack_of_a_failure) {
	char from[512], want[1024];

	start(METHOD_INVITE, "192.0.2.7", 0);
	respond("INVITE", 486, "tag-a");
	line_of(last_sent_like("INVITE")->text, "Via", from);
	snprintf(want, sizeof(want),
		"ACK sip:b@192.0.2.7 SIP/2.0\r\n%s\r\nRoute: <sip:192.0.2.50;lr>\r\nRoute: <sip:192.0.2.51;lr>\r\n"
		"Max-Forwards: 70\r\nFrom: \"A\" <sip:a@192.0.2.1>;tag=fromtag\r\nTo: <sip:b@192.0.2.7>;tag=tag-a\r\n"
		"Call-ID: call-1\r\nCSeq: 7 ACK\r\nContent-Length: 0\r\n\r\n",
		from);
	ck_assert_str_eq(last_sent()->text, want);
	ck_assert(endpoint_equal(&last_sent()->to.remote, &last_sent_like("INVITE")->to.remote));
}
END_TEST

// RFC 3261 §9.1: the same Request-URI, Via, Call-ID, To, From, CSeq number, Routes.
START_TEST(cancel_is_like_its_invite) {
	char via[512], want[1024];

	start(METHOD_INVITE, "192.0.2.7", 0);
	respond("INVITE", 180, "tag-a");
	sip_client_cancel(f.stack, client, span_of("Q.850;cause=16"));
	line_of(last_sent_like("INVITE")->text, "Via", via);
	snprintf(want, sizeof(want),
		"CANCEL sip:b@192.0.2.7 SIP/2.0\r\n%s\r\nRoute: <sip:192.0.2.50;lr>\r\nRoute: <sip:192.0.2.51;lr>\r\n"
		"Max-Forwards: 70\r\nFrom: \"A\" <sip:a@192.0.2.1>;tag=fromtag\r\nTo: <sip:b@192.0.2.7>\r\n"
		"Call-ID: call-1\r\nCSeq: 7 CANCEL\r\nReason: Q.850;cause=16\r\nContent-Length: 0\r\n\r\n",
		via);
	ck_assert_str_eq(last_sent()->text, want);
}
END_TEST

// Change one thing of a good response at a time.
static const struct {
	const char *what, *find, *replace;
} forgeries[] = {
	{"another method", "INVITE\r\n", "BYE\r\n"},
	{"a CANCEL that never was", "7 INVITE\r\n", "7 CANCEL\r\n"},
	{"another branch", "branch=z9hG4bK0", "branch=z9hG4bK1"},
	{"no cookie", "branch=z9hG4bK", "branch="},
	{"another host", "192.0.2.1:5060;rport", "192.0.2.2:5060;rport"},
	{"a host name", "192.0.2.1:5060;rport", "edge.example:5060;rport"},
	{"another port", "192.0.2.1:5060;rport", "192.0.2.1:5061;rport"},
	{"no port", "192.0.2.1:5060;rport", "192.0.2.1;rport"},
	{"two Vias", "\r\nFrom:", "\r\nVia: SIP/2.0/UDP 1.2.3.4;branch=z9hG4bKx\r\nFrom:"},
};

static void refuses_stray_responses_of(size_t i) {
	struct flow from = flow_of("192.0.2.7", 5060, 0);
	char good[2048], text[4096], via[512];
	char *at;

	start(METHOD_INVITE, "192.0.2.7", 0);
	f.story[0] = '\0';
	snprintf(good, sizeof(good),
		"SIP/2.0 200 OK\r\n%s\r\nFrom: <sip:a@a>;tag=fromtag\r\nTo: <sip:b@b>;tag=x\r\nCall-ID: call-1\r\n"
		"CSeq: 7 INVITE\r\nContent-Length: 0\r\n\r\n",
		line_of(last_sent()->text, "Via", via));
	at = strstr(good, forgeries[i].find);
	ck_assert_msg(at != NULL, "%s", forgeries[i].what);
	snprintf(text, sizeof(text), "%.*s%s%s", (int)(at - good), good, forgeries[i].replace,
		at + strlen(forgeries[i].find));
	deliver_from(text, &from);
	expect_story(forgeries[i].what, "");
	ck_assert_uint_eq(counter(SIP_COUNTER_STRAY_RESPONSES) + counter(SIP_COUNTER_MALFORMED), 1);
	deliver_from(good, &from);
	expect_story(forgeries[i].what, "200@0 ");
}

START_TEST(refuses_stray_responses) {
	for (size_t i = 0; i < sizeof(forgeries) / sizeof(*forgeries); i++) {
		refuses_stray_responses_of(i);
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

START_TEST(ack_of_a_2xx_is_sent_once) {
	struct flow to = flow_of("192.0.2.7", 5060, 0);
	struct sip_request r = {.method = METHOD_ACK,
		.uri = span_of("sip:b@192.0.2.7:5060"),
		.headers = span_of(bye_headers)};
	char first[512], second[512];

	ck_assert_int_eq(sip_send_ack(f.stack, &r, &to), 0);
	line_of(last_sent()->text, "Via", first);
	ck_assert_int_eq(sip_send_ack(f.stack, &r, &to), 0);
	line_of(last_sent()->text, "Via", second);
	ck_assert_str_ne(first, second); // each is a transaction of its own
	loop_advance(f.loop, 64000);
	expect_story("two ACKs", ">ACK@0 >ACK@0 ");
}
END_TEST

// Timer D is 32 seconds however short T1 is (RFC 3261 §17.1.1.2), for the peer's T1 isn't ours; and 64 of a longer one.
START_TEST(timer_d_is_long) {
	f.realms[0].timers = (struct config_timers){10, 40, 50};
	play("INVITE 486 +31999");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 1);
	loop_advance(f.loop, 1);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
	f.realms[0].timers.t1_ms = 1000;
	play("INVITE 486 +63999");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 1);
	loop_advance(f.loop, 1);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
}
END_TEST

// Timers are the target's.
START_TEST(timers_are_configured) {
	f.realms[0].timers = (struct config_timers){100, 200, 300};
	play("BYE +750 y200 +300");
	expect_story("short timers", ">BYE@0 >BYE@100 >BYE@300 >BYE@500 >BYE@700 200@750 ");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
}
END_TEST

// Hosts send few ICMP errors: one speaks for all that wait for an answer from there, and for no other place.
START_TEST(icmp_fails_all_that_wait_there) {
	start(METHOD_INVITE, "192.0.2.8", 0);
	start(METHOD_INVITE, "192.0.2.7", 1);
	start(METHOD_INVITE, "192.0.2.7", 0);
	start(METHOD_BYE, "192.0.2.7", 0);
	start(METHOD_INVITE, "192.0.2.7", 0);
	respond("INVITE", 180, "x"); // the last: heard of
	start(METHOD_INVITE, "192.0.2.7", 0);
	f.story[0] = '\0';
	icmp();
	expect_story("one for three", "unreachable@0 unreachable@0 unreachable@0 ");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 3);
}
END_TEST

static void try_again(void) {
	if (f.n_sent < 5)
		ck_assert_int_eq(try_start(METHOD_INVITE, "192.0.2.7", 0), 0);
}

START_TEST(icmp_spares_what_is_tried_again) {
	start(METHOD_INVITE, "192.0.2.7", 0);
	start(METHOD_INVITE, "192.0.2.7", 0);
	f.in_failure = try_again;
	icmp();
	expect_story("again", ">INVITE@0 >INVITE@0 unreachable@0 >INVITE@0 unreachable@0 >INVITE@0 ");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 2);
}
END_TEST

START_TEST(icmp_must_prove_itself) {
	static const char *const quotes[] = {"", "INVITE sip:b@192.0.2.7 SI",
		"INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK",
		"INVITE sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK04100p000000e000004g00o000000000000",
		"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 192.0.2.7:5060;branch=z9hG4bKtheirs\r\n"};
	struct flow elsewhere = flow_of("192.0.2.8", 5060, 0);

	start(METHOD_INVITE, "192.0.2.7", 0);
	for (size_t i = 0; i < sizeof(quotes) / sizeof(*quotes); i++)
		f.up.on_icmp(f.up.ctx, &last_sent()->to, span_of(quotes[i]));
	f.up.on_icmp(f.up.ctx, &elsewhere, span_of(last_sent()->text)); // a quote of another place's datagram
	settle();
	expect_story("forged", ">INVITE@0 ");
	ck_assert_uint_eq(counter(SIP_COUNTER_ICMP_ERRORS), 6);
}
END_TEST

static void forget_it(void) {
	sip_client_cancel(f.stack, f.client, (struct span){0});
	sip_client_forget(f.stack, f.client);
}

START_TEST(the_user_may_act_from_within) {
	f.in_response = forget_it;
	play("INVITE 180 200 200 +32000");
	expect_story("forgotten in the callback",
		">INVITE@0 180@0 >CANCEL@0 >CANCEL@500 >CANCEL@1500 >CANCEL@3500 "
		">CANCEL@7500 >CANCEL@11500 >CANCEL@15500 >CANCEL@19500 >CANCEL@23500 >CANCEL@27500 >CANCEL@31500 ");
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
}
END_TEST

START_TEST(old_handles_do_nothing) {
	uint64_t old;

	play("BYE y200 +5000");
	old = client;
	start(METHOD_INVITE, "192.0.2.7", 0);
	respond("INVITE", 180, "x");
	sip_client_cancel(f.stack, old, (struct span){0});
	sip_client_forget(f.stack, old);
	sip_client_cancel(f.stack, 0, (struct span){0});
	sip_server_set_owner(f.stack, client, 1); // a client is no server
	ck_assert_int_eq(sip_server_respond(f.stack, client, &(struct sip_answer){.status = 200}), -ENOENT);
	expect_story("nothing", ">BYE@0 200@0 >INVITE@5000 180@5000 ");
}
END_TEST

START_TEST(limits) {
	static char long_headers[70000];
	struct flow to = flow_of("192.0.2.7", 5060, 0);
	struct sip_request r = {.method = METHOD_BYE, .uri = span_of("sip:b@b")};
	unsigned n = 0;
	int ret;

	memset(long_headers, 'x', sizeof(long_headers));
	r.headers = (struct span){long_headers, sizeof(long_headers)};
	ck_assert_int_eq(sip_client_start(f.stack, &r, &to, &f.realms[0].timers, OWNER, &client), -EMSGSIZE);
	ck_assert_int_eq(sip_send_ack(f.stack, &r, &to), -EMSGSIZE);
	r.headers.len = 65480; // with the start line, Via and Content-Length more than UDP holds
	ck_assert_int_eq(sip_client_start(f.stack, &r, &to, &f.realms[0].timers, OWNER, &client), -EMSGSIZE);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
	while ((ret = try_start(METHOD_BYE, "192.0.2.7", 0)) == 0)
		n++;
	ck_assert_int_eq(ret, -ENOSPC);
	ck_assert_uint_eq(n, 4 * 10 + 1000);
	loop_advance(f.loop, 32000);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
	ck_assert_int_eq(try_start(METHOD_BYE, "192.0.2.7", 0), 0);
}
END_TEST

START_TEST(survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		int ret, n_sent = f.n_sent;
		unsigned before = sip_stack_transactions(f.stack);

		fail_alloc_at(k);
		ret = try_start(METHOD_INVITE, "192.0.2.7", 0);
		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		if (ret < 0) {
			ck_assert_int_eq(ret, -ENOMEM);
			ck_assert_uint_eq(sip_stack_transactions(f.stack), before);
			ck_assert_int_eq(f.n_sent, n_sent);
		}
	}
	// A CANCEL for which there is no memory: the INVITE ends all the same.
	respond("INVITE", 180, "x");
	f.story[0] = '\0';
	for (unsigned k = 1; k <= 3; k++) {
		start(METHOD_INVITE, "192.0.2.7", 0);
		respond("INVITE", 180, "x");
		fail_alloc_at(k);
		sip_client_cancel(f.stack, client, span_of("SIP"));
		fail_alloc_end();
	}
	loop_advance(f.loop, 3600000);
	ck_assert_uint_eq(sip_stack_transactions(f.stack), 0);
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_client");
	TCase *c = tcase_create("client");

	tcase_add_checked_fixture(c, fixture_setup, fixture_teardown);
	tcase_add_test(c, plays_the_story);
	tcase_add_test(c, request_is_as_it_should_be);
	tcase_add_test(c, ack_of_a_failure);
	tcase_add_test(c, cancel_is_like_its_invite);
	tcase_add_test(c, refuses_stray_responses);
	tcase_add_test(c, ack_of_a_2xx_is_sent_once);
	tcase_add_test(c, timer_d_is_long);
	tcase_add_test(c, timers_are_configured);
	tcase_add_test(c, icmp_fails_all_that_wait_there);
	tcase_add_test(c, icmp_spares_what_is_tried_again);
	tcase_add_test(c, icmp_must_prove_itself);
	tcase_add_test(c, the_user_may_act_from_within);
	tcase_add_test(c, old_handles_do_nothing);
	tcase_add_test(c, limits);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
