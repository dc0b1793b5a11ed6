// What a stack's server answers with: Vias, tags, what is copied, and where it goes.
#include "tests/unit/run_suite.h"
#include "tests/unit/stack_requests.h"

// RFC 3261 §18.2.1, §18.2.2, RFC 3581 §4. The request comes from 192.0.2.7:6000.
static const struct {
	const char *what, *via, *want;
	bool nated;
	const char *to;
} vias[] = {
	{"plain", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa",
		false, "192.0.2.7:5062"},
	{"no port", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa", "SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa", false,
		"192.0.2.7:5060"},
	{"plain, but nated", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa",
		"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa", true, "192.0.2.7:6000"},
	{"another address", "SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bKa",
		"SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bKa;received=192.0.2.7", false, "192.0.2.7:5062"},
	{"a host name", "SIP/2.0/UDP pc.example.com;branch=z9hG4bKa",
		"SIP/2.0/UDP pc.example.com;branch=z9hG4bKa;received=192.0.2.7", false, "192.0.2.7:5060"},
	{"rport", "SIP/2.0/UDP 10.1.1.1:5062;rport;branch=z9hG4bKa",
		"SIP/2.0/UDP 10.1.1.1:5062;branch=z9hG4bKa;received=192.0.2.7;rport=6000", false,
		"192.0.2.7:6000"},
	{"rport of an equal address", "SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa;rport",
		"SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKa;received=192.0.2.7;rport=6000", false,
		"192.0.2.7:6000"},
	{"lies", "SIP/2.0/UDP 10.1.1.1;received=9.9.9.9;rport=99;branch=z9hG4bKa;Received=8.8.8.8",
		"SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa;received=192.0.2.7;rport=6000", false,
		"192.0.2.7:6000"},
	{"maddr is not followed", "SIP/2.0/UDP 192.0.2.7:5062;maddr=224.0.1.75;ttl=16;branch=z9hG4bKa",
		"SIP/2.0/UDP 192.0.2.7:5062;maddr=224.0.1.75;ttl=16;branch=z9hG4bKa", false,
		"192.0.2.7:5062"},
	{"a quoted parameter", "SIP/2.0/UDP 10.1.1.1 ; x=\"a;received=b\" ; branch=z9hG4bKa",
		"SIP/2.0/UDP 10.1.1.1;x=\"a;received=b\";branch=z9hG4bKa;received=192.0.2.7", false,
		"192.0.2.7:5060"},
	{"a list", "SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa, SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb",
		"SIP/2.0/UDP 10.1.1.1;branch=z9hG4bKa;received=192.0.2.7, SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb",
		false, "192.0.2.7:5060"},
	{"no branch", "SIP/2.0/UDP 10.1.1.1:5070", "SIP/2.0/UDP 10.1.1.1:5070;received=192.0.2.7", false,
		"192.0.2.7:5070"},
};

static void answers_by_via_of(size_t i) {
	struct wish w = plain;
	char line[512], to[ENDPOINT_TEXT];

	w.via = vias[i].via;
	send(w);
	if (vias[i].nated)
		sip_server_set_nated(f.stack, f.server);
	ck_assert_int_eq(answer(180), 0);
	ck_assert_msg(strcmp(line_of(last_sent()->text, "Via", line) + 5, vias[i].want) == 0, "%s: %s",
		vias[i].what, line);
	ck_assert_msg(strcmp(endpoint_format(&last_sent()->to.remote, to), vias[i].to) == 0, "%s: %s",
		vias[i].what, to);
}
START_TEST(answers_by_via) {
	for (size_t i = 0; i < sizeof(vias) / sizeof(*vias); i++) {
		answers_by_via_of(i);
		fixture_teardown();
		fixture_setup();
	}
}
END_TEST

// RFC 3261 §8.2.6.2: everything copied, in order; Record-Route in what makes a dialog; Timestamp in a 100 (§8.2.6.1).
START_TEST(answers_copy_the_request) {
	struct sip_answer a = {.status = 200,
		.reason = span_of("Fine"),
		.to_tag = span_of("ours"),
		.headers = span_of("Contact: <sip:192.0.2.1>\r\nContent-Type: application/sdp\r\n"),
		.body = span_of("v=0\r\n")};
	struct wish w = plain;

	w.more = "Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb\r\nRecord-Route: <sip:p1;lr>, <sip:p2;lr>\r\n"
		 "Timestamp: 54\r\nRecord-Route: <sip:p3;lr>\r\n";
	send(w);
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &(struct sip_answer){.status = 100}), 0);
	ck_assert_str_eq(last_sent()->text,
		"SIP/2.0 100 Trying\r\n"
		"Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKabc;received=192.0.2.7;rport=6000\r\n"
		"Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb\r\n"
		"From: \"Bob\" <sip:b@192.0.2.7>;tag=ft\r\nTo: <sip:+1@192.0.2.1>\r\nCall-ID: id-1\r\nCSeq: 3 INVITE\r\n"
		"Timestamp: 54\r\nContent-Length: 0\r\n\r\n");
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &a), 0);
	ck_assert_str_eq(last_sent()->text,
		"SIP/2.0 200 Fine\r\n"
		"Via: SIP/2.0/UDP 192.0.2.7:5062;branch=z9hG4bKabc;received=192.0.2.7;rport=6000\r\n"
		"Via: SIP/2.0/UDP 10.9.9.9;branch=z9hG4bKb\r\n"
		"Record-Route: <sip:p1;lr>, <sip:p2;lr>\r\nRecord-Route: <sip:p3;lr>\r\n"
		"From: \"Bob\" <sip:b@192.0.2.7>;tag=ft\r\nTo: <sip:+1@192.0.2.1>;tag=ours\r\nCall-ID: id-1\r\n"
		"CSeq: 3 INVITE\r\nContact: <sip:192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: 5\r\n\r\nv=0\r\n");
}
END_TEST

static const char *to_of_last(void) {
	static char line[512];

	return line_of(last_sent()->text, "To", line);
}
START_TEST(to_tags) {
	struct wish w = plain;
	char minted[512];

	// Minted when the user gives none, and kept; CANCEL's answer has the same.
	send(w);
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &(struct sip_answer){.status = 180}), 0);
	strcpy(minted, to_of_last());
	ck_assert_uint_gt(strlen(minted), strlen("To: <sip:+1@192.0.2.1>;tag=") + 19); // §19.3
	w.method = "CANCEL";
	send(w);
	ck_assert_str_eq(to_of_last(), minted);
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &(struct sip_answer){.status = 487}), 0);
	ck_assert_str_eq(to_of_last(), minted);
	// Within a dialog the request's stays, whatever the user says.
	w = plain;
	w.method = "BYE";
	w.to_tag = "theirs";
	send(w);
	ck_assert_int_eq(answer(200), 0);
	ck_assert_str_eq(to_of_last(), "To: <sip:+1@192.0.2.1>;tag=theirs");
}
END_TEST

// A ";" at the very end, as some phones write it, is not doubled.
START_TEST(to_tags_stand_behind_one_semicolon) {
	const struct flow from = flow_of("192.0.2.7", 6000, 0);
	static const char text[] = "OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKa\r\n"
				   "From: <sip:a@b>;tag=x;\r\nTo: <sip:a@b>;x=y ; \r\nCSeq: 1 OPTIONS\r\n"
				   "Call-ID: 1\r\nMax-Forwards: 3\r\nContent-Length: 0\r\n\r\n";

	deliver_from(text, &from);
	ck_assert_int_eq(answer(100), 0);
	ck_assert_str_eq(to_of_last(), "To: <sip:a@b>;x=y ;");
	ck_assert_int_eq(answer(200), 0);
	ck_assert_str_eq(to_of_last(), "To: <sip:a@b>;x=y;tag=ours");
}
END_TEST

START_TEST(refuses_answers_that_are_too_long) {
	static char body[70000];
	struct sip_answer a = {.status = 200, .body = {body, sizeof(body)}};

	memset(body, 'x', sizeof(body));
	send(plain);
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &a), -EMSGSIZE);
	a.body = (struct span){0};
	a.to_tag = (struct span){body, TAG_MAX + 1};
	ck_assert_int_eq(sip_server_respond(f.stack, f.server, &a), -EMSGSIZE);
	ck_assert_int_eq(answer(200), 0); // it can still be answered
	expect_story("long", "INVITE@0 >200@0 ");
}
END_TEST

int main(void) {
	Suite *s = suite_create("stack_answers");
	TCase *c = tcase_create("answers");

	tcase_add_checked_fixture(c, fixture_setup, fixture_teardown);
	tcase_add_test(c, answers_by_via);
	tcase_add_test(c, answers_copy_the_request);
	tcase_add_test(c, to_tags);
	tcase_add_test(c, to_tags_stand_behind_one_semicolon);
	tcase_add_test(c, refuses_answers_that_are_too_long);
	suite_add_tcase(s, c);
	return run_suite(s);
}
