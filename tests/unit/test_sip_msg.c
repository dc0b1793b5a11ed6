#include "control/sip/msg.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define FROM "From: \"A, \\\"B\\\"\" <sip:a@example.net>;tag=f1\r\n"
#define TO "To: sip:b@example.com;tag=t1\r\n"
#define REST "Call-ID: c1@192.0.2.1\r\nCSeq: 7 INVITE\r\n"
#define VIA "Via: SIP/2.0/UDP 192.0.2.1:5062;rport;branch=z9hG4bKx1\r\n"
#define INVITE "INVITE sip:b@example.com SIP/2.0\r\n"

static struct sip_msg msg;
static enum sip_fault fault;
static char buffer[SIP_MESSAGE_MAX + 64];

static enum sip_frame parse(const char *text) {
	size_t len = strlen(text);

	memcpy(buffer, text, len);
	return sip_msg_parse(buffer, len, &msg, &fault);
}

static void assert_text(struct span s, const char *text) {
	ck_assert_msg(span_equal(s, span_of(text)), "'" SPAN_FMT "' is not '%s'", SPAN_ARG(s), text);
}

START_TEST(fills_in_a_request) {
	ck_assert_int_eq(
		parse("\r\n" INVITE VIA "Via: SIP/2.0/TCP x, SIP/2.0/TCP y\r\n" FROM TO REST
		      "Max-Forwards: 0068\r\nContact: <sip:a@192.0.2.1>, <sip:c@d>\r\nContact: <sip:e@f>\r\n"
		      "Content-Type: text/plain\r\nContent-Length: 5\r\n\r\nhello, and more"),
		SIP_FRAME_OK);
	ck_assert_int_eq(fault, SIP_FAULT_NONE);
	ck_assert(msg.is_request);
	ck_assert_int_eq(msg.method, METHOD_INVITE);
	assert_text(msg.method_text, "INVITE");
	assert_text(msg.uri, "sip:b@example.com");
	assert_text(msg.via.host, "192.0.2.1");
	ck_assert_uint_eq(msg.via.port, 5062);
	assert_text(msg.via.branch, "z9hG4bKx1");
	assert_text(msg.via.transport, "UDP");
	ck_assert(msg.via.has_rport);
	ck_assert_uint_eq(msg.n_vias, 3);
	assert_text(msg.from.display, "\"A, \\\"B\\\"\"");
	assert_text(msg.from.uri, "sip:a@example.net");
	assert_text(msg.from_tag, "f1");
	assert_text(msg.to.uri, "sip:b@example.com");
	assert_text(msg.to_tag, "t1");
	assert_text(msg.call_id, "c1@192.0.2.1");
	ck_assert_uint_eq(msg.cseq, 7);
	ck_assert_int_eq(msg.cseq_method, METHOD_INVITE);
	assert_text(msg.cseq_method_text, "INVITE");
	ck_assert_int_eq(msg.max_forwards, 68);
	assert_text(msg.contact, "<sip:a@192.0.2.1>, <sip:c@d>");
	assert_text(msg.content_type, "text/plain");
	assert_text(msg.body, "hello");
	ck_assert_ptr_eq(msg.raw.data, buffer + 2);
	ck_assert_ptr_eq(msg.raw.data + msg.raw.len, msg.body.data + msg.body.len);
	ck_assert_uint_eq(msg.n_headers, 11);
	assert_text(sip_msg_header(&msg, HEADER_CONTACT, 1)->value, "<sip:e@f>");
	ck_assert_ptr_null(sip_msg_header(&msg, HEADER_CONTACT, 2));
	ck_assert_ptr_null(sip_msg_header(&msg, HEADER_ROUTE, 0));
}
END_TEST

START_TEST(fills_in_a_response) {
	ck_assert_int_eq(parse("SIP/2.0 183 Session  Progress \r\n" VIA FROM TO REST "\r\nbody to the end"),
		SIP_FRAME_OK);
	ck_assert(!msg.is_request);
	ck_assert_uint_eq(msg.status, 183);
	assert_text(msg.reason, "Session  Progress");
	ck_assert_int_eq(msg.method, METHOD_INVITE);
	ck_assert_int_eq(msg.max_forwards, -1);
	assert_text(msg.contact, "");
	assert_text(msg.body, "body to the end");
}
END_TEST

START_TEST(does_without_tags_and_branch) {
	ck_assert_int_eq(parse(INVITE "Via: SIP/2.0/UDP h\r\nFrom: sip:a@b\r\nTo: sip:c@d\r\n" REST "\r\n"),
		SIP_FRAME_OK);
	assert_text(msg.from_tag, "");
	assert_text(msg.to_tag, "");
	assert_text(msg.via.branch, "");
	assert_text(msg.body, "");
	ck_assert(!msg.via.has_rport);
}
END_TEST

// Every row of header.def, in full and compact, with blanks before the colon and a fold behind it.
START_TEST(takes_each_header) {
	static const struct {
		const char *text;
		char compact;
	} rows[] = {
#define HEADER(name, text, compact, single) {text, compact},
#include "control/sip/header.def"
#undef HEADER
	};
	enum sip_header_id id = (enum sip_header_id)_i;
	char text[256], compact[] = {rows[_i].compact, 0};

	for (unsigned form = 0; form < (rows[_i].compact == 0 ? 1 : 2); form++) {
		snprintf(text, sizeof(text), INVITE "%s \t:\r\n\tfolded  \r\n  value \t\r\nX: y\r\n\r\n",
			form == 0 ? rows[_i].text : compact);
		(void)parse(text);
		ck_assert_uint_eq(msg.n_headers, 2);
		ck_assert_ptr_nonnull(sip_msg_header(&msg, id, 0));
		ck_assert_int_eq(sip_msg_header(&msg, id, 0)->id, id);
		assert_text(sip_msg_header(&msg, id, 0)->name, form == 0 ? rows[_i].text : compact);
		assert_text(sip_msg_header(&msg, id, 0)->value, "folded      value");
		assert_text(sip_msg_header(&msg, HEADER_OTHER, 0)->value, "y");
	}
}
END_TEST

static const struct {
	const char *what, *text;
	enum sip_frame frame;
	enum sip_fault fault;
} orders[] = {
	{"the start line's fault comes first",
		"INVITE tel:1 SIP/2.0\r\n" VIA FROM TO REST "Max-Forwards: x\r\n\r\n", SIP_FRAME_REFUSE,
		SIP_FAULT_BAD_SCHEME},
	{"a repeated header before what is wrong in it", INVITE VIA FROM TO REST "To: x\r\n\r\n",
		SIP_FRAME_REFUSE, SIP_FAULT_REPEATED_HEADER},
	{"a good request but for its missing To is dropped", INVITE VIA FROM REST "\r\n", SIP_FRAME_BAD,
		SIP_FAULT_MISSING_HEADER},
	{"no answer without a From, whatever the fault", "INVITE tel:1 SIP/2.0\r\n" VIA TO REST "\r\n",
		SIP_FRAME_BAD, SIP_FAULT_BAD_SCHEME},
	{"no answer without a good Via, whatever the fault", INVITE "Via: x\r\n" FROM TO REST "a\r\n\r\n",
		SIP_FRAME_BAD, SIP_FAULT_BAD_HEADER},
	{"an empty CSeq answers nothing", INVITE VIA FROM TO "Call-ID: a\r\nCSeq:\r\n\r\n", SIP_FRAME_BAD,
		SIP_FAULT_BAD_CSEQ},
	{"fields behind an unended header section", INVITE VIA FROM TO REST, SIP_FRAME_REFUSE,
		SIP_FAULT_BAD_HEADER},
	{"a bad second Via", INVITE VIA "Via: ,\r\n" FROM TO REST "\r\n", SIP_FRAME_BAD, SIP_FAULT_BAD_VIA},
};

START_TEST(names_the_first_fault) {
	ck_assert_msg(parse(orders[_i].text) == orders[_i].frame, "%s", orders[_i].what);
	ck_assert_msg(fault == orders[_i].fault, "%s: %s", orders[_i].what, sip_fault_name(fault));
}
END_TEST

START_TEST(refusal_has_what_an_answer_copies) {
	ck_assert_int_eq(
		parse("INVITE sip:b@example.com SIP/2.0\r\n" VIA "To: \"open <sip:b@c>\r\n" FROM REST "\r\n"),
		SIP_FRAME_REFUSE);
	assert_text(sip_msg_header(&msg, HEADER_TO, 0)->value, "\"open <sip:b@c>");
	assert_text(msg.to_tag, "");
	assert_text(msg.via.branch, "z9hG4bKx1");
	ck_assert_int_eq(parse("INVITE tel:1 SIP/2.0\r\n" VIA TO FROM REST "\r\n"), SIP_FRAME_REFUSE);
	assert_text(msg.to_tag, "t1");
}
END_TEST

START_TEST(drops_what_is_too_long) {
	char *big = malloc(SIP_MESSAGE_MAX + 1);
	const char *head = INVITE VIA FROM TO REST "\r\n";

	memset(big, 'x', SIP_MESSAGE_MAX + 1);
	memcpy(big, head, strlen(head));
	ck_assert_int_eq(sip_msg_parse(big, SIP_MESSAGE_MAX + 1, &msg, &fault), SIP_FRAME_BAD);
	ck_assert_int_eq(fault, SIP_FAULT_MESSAGE_TOO_LONG);
	ck_assert_int_eq(sip_msg_parse(big, SIP_MESSAGE_MAX, &msg, &fault), SIP_FRAME_OK);
	ck_assert_uint_eq(msg.body.len, SIP_MESSAGE_MAX - strlen(head));
	free(big);
}
END_TEST

static const struct {
	const char *what;
	unsigned char bytes[24];
	size_t len;
	enum sip_frame frame;
} frames[] = {
	{"nothing", {0}, 0, SIP_FRAME_KEEPALIVE},
	{"CRLF", "\r\n", 2, SIP_FRAME_KEEPALIVE},
	{"CRLFCRLF", "\r\n\r\n", 4, SIP_FRAME_KEEPALIVE},
	{"a NUL", {0}, 1, SIP_FRAME_BAD},
	{"a blank", " ", 1, SIP_FRAME_BAD},
	// RFC 5389 §6: the two top bits are 0, the magic cookie is 0x2112A442
	{"STUN request", {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20, SIP_FRAME_STUN},
	{"STUN response", {1, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20, SIP_FRAME_STUN},
	{"first byte 3", {3, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20, SIP_FRAME_STUN},
	{"first byte 4", {4, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 20, SIP_FRAME_BAD},
	{"another cookie", {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x43}, 20, SIP_FRAME_BAD},
	{"a short one", {0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42}, 19, SIP_FRAME_BAD},
};

START_TEST(tells_frames_apart) {
	char *exact = malloc(frames[_i].len);

	memcpy(exact, frames[_i].bytes, frames[_i].len);
	ck_assert_msg(sip_msg_parse(exact, frames[_i].len, &msg, &fault) == frames[_i].frame, "%s",
		frames[_i].what);
	free(exact);
}
END_TEST

START_TEST(blanks_folds_in_place_once) {
	static char text[] = INVITE VIA FROM TO REST "Subject: a\r\n b\n\tc\r\n \r\n\r\n fold-like body";
	const struct sip_header *h;

	ck_assert_int_eq(sip_msg_parse(text, sizeof(text) - 1, &msg, &fault), SIP_FRAME_OK);
	h = sip_msg_header(&msg, HEADER_OTHER, 0);
	assert_text(h->value, "a   b \tc");
	assert_text(msg.body, " fold-like body");
	// A second pass over the same bytes sees the same message.
	ck_assert_int_eq(sip_msg_parse(text, sizeof(text) - 1, &msg, &fault), SIP_FRAME_OK);
	assert_text(sip_msg_header(&msg, HEADER_OTHER, 0)->value, "a   b \tc");
}
END_TEST

static const struct {
	const char *token;
	bool found;
} tokens[] = {
	{"100rel", true}, {"TIMER", true}, {"replaces", true}, {"outbound", true}, {"100re", false},
	{"rel", false}, {"", true}, // the empty element between two commas
};

START_TEST(finds_tokens) {
	ck_assert_int_eq(
		parse(INVITE VIA FROM TO REST "Supported: 100rel,timer\r\nk: replaces ,, outbound\r\n\r\n"),
		SIP_FRAME_OK);
	ck_assert_msg(sip_msg_has_token(&msg, HEADER_SUPPORTED, tokens[_i].token) == tokens[_i].found, "%s",
		tokens[_i].token);
	ck_assert(!sip_msg_has_token(&msg, HEADER_REQUIRE, tokens[_i].token));
}
END_TEST

START_TEST(knows_no_header_beyond_its_ids) {
	ck_assert_int_eq(parse(INVITE VIA FROM TO REST "\r\n"), SIP_FRAME_OK);
	ck_assert_ptr_null(sip_msg_header(&msg, HEADER_IDS, 0));
	ck_assert_ptr_null(sip_msg_header(&msg, HEADER_VIA, UINT32_MAX));
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_msg");
	TCase *tc = tcase_create("sip_msg");

	tcase_add_test(tc, fills_in_a_request);
	tcase_add_test(tc, fills_in_a_response);
	tcase_add_test(tc, does_without_tags_and_branch);
	tcase_add_loop_test(tc, takes_each_header, 0, HEADER_OTHER);
	tcase_add_loop_test(tc, names_the_first_fault, 0, LEN(orders));
	tcase_add_test(tc, refusal_has_what_an_answer_copies);
	tcase_add_test(tc, drops_what_is_too_long);
	tcase_add_loop_test(tc, tells_frames_apart, 0, LEN(frames));
	tcase_add_test(tc, blanks_folds_in_place_once);
	tcase_add_loop_test(tc, finds_tokens, 0, LEN(tokens));
	tcase_add_test(tc, knows_no_header_beyond_its_ids);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
