#include "control/sip/msg.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdio.h>

#define SDP "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\n"
#define PART(headers, content) "--b1\r\n" headers "\r\n" content "\r\n"
#define TEXT_PART PART("Content-Type: text/plain\r\n", "hello")
#define SDP_PART PART("Content-Type: application/sdp\r\n", SDP)
#define MIXED "Content-Type: multipart/mixed;boundary=b1\r\n"

static const struct {
	const char *what, *headers, *body, *found; // found NULL: none
} bodies[] = {
	{"plain", "Content-Type: application/sdp\r\n", SDP, SDP},
	{"compact, odd case, a parameter", "c: Application / SDP ; charset=utf-8\r\n", SDP, SDP},
	{"another type", "Content-Type: text/plain\r\n", SDP, NULL},
	{"a longer type", "Content-Type: application/sdpx\r\n", SDP, NULL},
	{"no subtype", "Content-Type: application\r\n", SDP, NULL},
	{"no Content-Type", "", SDP, NULL},
	{"no body", "Content-Type: application/sdp\r\n", "", NULL},
	{"encoded", "Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", SDP, NULL},
	{"encoded, compact", "Content-Type: application/sdp\r\ne: gzip\r\n", SDP, NULL},
	{"identity", "Content-Type: application/sdp\r\nContent-Encoding: Identity\r\n", SDP, SDP},
	{"session", "Content-Type: application/sdp\r\nContent-Disposition: Session;handling=required\r\n",
		SDP, SDP},
	{"early session (RFC 3959)",
		"Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n", SDP, NULL},

	{"the only part", MIXED, SDP_PART "--b1--\r\n", SDP},
	{"the second part", MIXED, "preamble\r\n" TEXT_PART SDP_PART "--b1--\r\nepilogue", SDP},
	{"the first of two", MIXED, SDP_PART PART("Content-Type: application/sdp\r\n", "v=1") "--b1--", SDP},
	{"multipart/alternative", "Content-Type: multipart/alternative;boundary=b1\r\n",
		TEXT_PART SDP_PART "--b1--\r\n", SDP},
	{"a quoted boundary", "Content-Type: Multipart/Mixed; x=\"boundary=no\"; Boundary=\"b1\"\r\n",
		SDP_PART "--b1--\r\n", SDP},
	{"a folded part header", MIXED,
		PART("Content-Type:\r\n application/sdp;\r\n\tx=y\r\n", SDP) "--b1--\r\n", SDP},
	{"LF alone", MIXED, "--b1\nContent-Type: application/sdp\n\nv=0\n--b1--\n", "v=0"},
	{"blanks behind the boundary", MIXED, "--b1 \t\r\nc: application/sdp\r\n\r\nv=0\r\n--b1--\r\n",
		"v=0"},
	{"an empty part", MIXED, "--b1\r\nContent-Type: application/sdp\r\n\r\n--b1--\r\n", NULL},
	{"an empty part with its empty line", MIXED,
		PART("Content-Type: application/sdp\r\n", "") "--b1--\r\n", NULL},
	{"a boundary's prefix within a part", MIXED,
		PART("Content-Type: application/sdp\r\n", "v=0\r\n--b12\r\n--b") "--b1--\r\n",
		"v=0\r\n--b12\r\n--b"},
	{"a part in base64", MIXED,
		PART("Content-Type: application/sdp\r\nContent-Transfer-Encoding: base64\r\n",
			"dj0w") "--b1--\r\n",
		NULL},
	{"a part in 8bit", MIXED,
		PART("Content-Type: application/sdp\r\nContent-Transfer-Encoding: 8BIT\r\n",
			SDP) "--b1--\r\n",
		SDP},
	{"a part that is encoded", MIXED,
		PART("Content-Type: application/sdp\r\nContent-Encoding: gzip\r\n", SDP) "--b1--\r\n", NULL},
	{"an icon", MIXED,
		PART("Content-Type: application/sdp\r\nContent-Disposition: icon\r\n", SDP) "--b1--\r\n",
		NULL},
	{"an early session beside the session", MIXED,
		PART("Content-Type: application/sdp\r\nContent-Disposition: early-session\r\n", "v=1")
			SDP_PART "--b1--\r\n",
		SDP},
	{"a part without end", MIXED, "--b1\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n", NULL},
	{"a part without an empty line", MIXED, "--b1\r\nContent-Type: application/sdp\r\n--b1--\r\n", NULL},
	{"no part at all", MIXED, "--b1--\r\n" SDP_PART "--b1--\r\n", NULL},
	{"only a preamble", MIXED, SDP, NULL},
	{"no boundary", "Content-Type: multipart/mixed\r\n", SDP_PART "--b1--\r\n", NULL},
	{"an empty boundary", "Content-Type: multipart/mixed;boundary=\"\"\r\n", SDP_PART "--b1--\r\n", NULL},
	{"an escape in the boundary", "Content-Type: multipart/mixed;boundary=\"b\\1\"\r\n",
		SDP_PART "--b1--\r\n", NULL},
	{"an open boundary", "Content-Type: multipart/mixed;boundary=\"b1\r\n", SDP_PART "--b1--\r\n", NULL},
	{"a boundary of 71 bytes (RFC 2046: at most 70)",
		"Content-Type: multipart/mixed;boundary=bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\n",
		"--bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb\r\nContent-Type: "
		"application/sdp\r\n\r\nv=0\r\n--bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb--\r\n",
		NULL},
	{"nested: one level only", MIXED,
		PART("Content-Type: multipart/mixed;boundary=b2\r\n",
			"--b2\r\nContent-Type: application/sdp\r\n\r\nv=0\r\n--b2--") "--b1--\r\n",
		NULL},
	{"the eighth part", MIXED,
		TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART SDP_PART "--b1--\r\n",
		SDP},
};

static enum sip_frame parse(
	const char *headers, const char *body, struct sip_msg *msg, enum sip_fault *fault) {
	static char text[8192];
	int len = snprintf(text, sizeof(text),
		"INVITE sip:b@example.com SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bKx\r\nFrom: <sip:a@b>;tag=1\r\n"
		"To: <sip:b@c>\r\nCall-ID: a\r\nCSeq: 1 INVITE\r\n%s\r\n%s",
		headers, body);

	ck_assert_int_lt(len, (int)sizeof(text));
	return sip_msg_parse(text, (size_t)len, msg, fault);
}

START_TEST(refuses_a_ninth_part) {
	static struct sip_msg msg;
	enum sip_fault fault;

	ck_assert_int_eq(parse(MIXED,
				 TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART TEXT_PART
					 TEXT_PART SDP_PART "--b1--\r\n",
				 &msg, &fault),
		SIP_FRAME_REFUSE);
	ck_assert_int_eq(fault, SIP_FAULT_TOO_MANY_PARTS);
}
END_TEST

START_TEST(finds_the_session) {
	static struct sip_msg msg;
	enum sip_fault fault;
	struct span found = {NULL, 4711};

	ck_assert_msg(parse(bodies[_i].headers, bodies[_i].body, &msg, &fault) == SIP_FRAME_OK, "%s",
		bodies[_i].what);
	ck_assert_msg(sip_msg_body(&msg, "application/sdp", &found) == (bodies[_i].found != NULL), "%s",
		bodies[_i].what);
	if (bodies[_i].found != NULL)
		ck_assert_msg(span_equal(found, span_of(bodies[_i].found)), "%s: " SPAN_FMT, bodies[_i].what,
			SPAN_ARG(found));
	else
		ck_assert_uint_eq(found.len, 4711);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_body");
	TCase *tc = tcase_create("sip_body");

	tcase_add_loop_test(tc, finds_the_session, 0, LEN(bodies));
	tcase_add_test(tc, refuses_a_ninth_part);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
