#include "control/sip/names.h"

#include <check.h>
#include <ctype.h>

#include "control/sip/header.h"
#include "tests/unit/run_suite.h"

START_TEST(finds_each_method) {
	for (unsigned m = 0; m < METHOD_UNKNOWN; m++)
		ck_assert_uint_eq(sip_method_find(span_of(sip_method_name((enum sip_method)m))), m);
	ck_assert_str_eq(sip_method_name(METHOD_INVITE), "INVITE");
	ck_assert(sip_method_is_done(METHOD_BYE));
	ck_assert(!sip_method_is_done(METHOD_REGISTER));
}
END_TEST

static const char *const unknown[] = {"", "invite", "Invite", "INVITES", "INVIT", "IN%56ITE", "UNKNOWN"};

START_TEST(knows_no_other_method) {
	ck_assert_uint_eq(sip_method_find(span_of(unknown[_i])), METHOD_UNKNOWN);
	ck_assert_str_eq(sip_method_name(METHOD_UNKNOWN), "");
	ck_assert(!sip_method_is_done(METHOD_UNKNOWN));
}
END_TEST

// As in RFC 3261 §20 and the IANA registry, written down a second time.
static const struct {
	enum sip_header_id id;
	const char *name, *compact;
} headers[] = {
	{HEADER_VIA, "Via", "v"},
	{HEADER_FROM, "From", "f"},
	{HEADER_TO, "To", "t"},
	{HEADER_CALL_ID, "Call-ID", "i"},
	{HEADER_CSEQ, "CSeq", NULL},
	{HEADER_MAX_FORWARDS, "Max-Forwards", NULL},
	{HEADER_CONTENT_LENGTH, "Content-Length", "l"},
	{HEADER_CONTENT_TYPE, "Content-Type", "c"},
	{HEADER_CONTENT_ENCODING, "Content-Encoding", "e"},
	{HEADER_CONTENT_DISPOSITION, "Content-Disposition", NULL},
	{HEADER_CONTACT, "Contact", "m"},
	{HEADER_ROUTE, "Route", NULL},
	{HEADER_RECORD_ROUTE, "Record-Route", NULL},
	{HEADER_REQUIRE, "Require", NULL},
	{HEADER_PROXY_REQUIRE, "Proxy-Require", NULL},
	{HEADER_SUPPORTED, "Supported", "k"},
	{HEADER_UNSUPPORTED, "Unsupported", NULL},
	{HEADER_ALLOW, "Allow", NULL},
	{HEADER_REASON, "Reason", NULL},
	{HEADER_PRIVACY, "Privacy", NULL},
	{HEADER_P_ASSERTED_IDENTITY, "P-Asserted-Identity", NULL},
	{HEADER_RETRY_AFTER, "Retry-After", NULL},
	{HEADER_EXPIRES, "Expires", NULL},
	{HEADER_WARNING, "Warning", NULL},
};

START_TEST(finds_each_header_in_each_form) {
	char text[64];
	size_t len = strlen(headers[_i].name);

	ck_assert_str_eq(sip_header_name(headers[_i].id), headers[_i].name);
	ck_assert_uint_eq(sip_header_find(span_of(headers[_i].name)), headers[_i].id);
	for (size_t i = 0; i <= len; i++)
		text[i] = (char)(i % 2 == 0 ? tolower(headers[_i].name[i]) : toupper(headers[_i].name[i]));
	ck_assert_uint_eq(sip_header_find(span_of(text)), headers[_i].id);
	if (len > 2) // "T" is To
		ck_assert_uint_ne(sip_header_find((struct span){text, len - 1}), headers[_i].id);
	text[len] = 'x';
	ck_assert_uint_eq(sip_header_find((struct span){text, len + 1}), HEADER_OTHER);
	if (headers[_i].compact == NULL)
		return;
	text[0] = (char)toupper(headers[_i].compact[0]);
	ck_assert_uint_eq(sip_header_find(span_of(headers[_i].compact)), headers[_i].id);
	ck_assert_uint_eq(sip_header_find((struct span){text, 1}), headers[_i].id);
}
END_TEST

START_TEST(tests_every_header) {
	ck_assert_uint_eq(sizeof(headers) / sizeof(headers[0]), HEADER_OTHER);
}
END_TEST

static const char *const strangers[] = {
	"", "s", "Subject", "o", "x", "a", "V_a", "Vi", "Vial", "Call_ID", "V\xe9"};

START_TEST(knows_no_other_header) {
	ck_assert_uint_eq(sip_header_find(span_of(strangers[_i])), HEADER_OTHER);
}
END_TEST

START_TEST(knows_singletons) {
	for (unsigned id = 0; id < HEADER_IDS; id++) {
		bool single = id == HEADER_FROM || id == HEADER_TO || id == HEADER_CALL_ID ||
			id == HEADER_CSEQ || id == HEADER_MAX_FORWARDS || id == HEADER_CONTENT_LENGTH;

		ck_assert(sip_header_is_single((enum sip_header_id)id) == single);
	}
	ck_assert_str_eq(sip_header_name(HEADER_OTHER), "");
}
END_TEST

static const struct {
	unsigned status;
	const char *reason;
} reasons[] = {
	{100, "Trying"},
	{180, "Ringing"},
	{200, "OK"},
	{302, "Moved Temporarily"},
	{400, "Bad Request"},
	{481, "Call/Transaction Does Not Exist"},
	{487, "Request Terminated"},
	{488, "Not Acceptable Here"},
	{503, "Service Unavailable"},
	{505, "Version Not Supported"},
	{603, "Decline"},
	{199, "Early Dialog Terminated"},
	{150, "Provisional"},
	{299, "Success"},
	{399, "Redirection"},
	{499, "Request Failure"},
	{599, "Server Failure"},
	{699, "Global Failure"},
	{700, "Unknown"},
	{99, "Unknown"},
	{0, "Unknown"},
	{UINT32_MAX, "Unknown"},
};

START_TEST(has_reasons) {
	ck_assert_str_eq(sip_reason(reasons[_i].status), reasons[_i].reason);
}
END_TEST

START_TEST(has_faults) {
	ck_assert_str_eq(sip_fault_name(SIP_FAULT_BAD_VERSION), "bad_version");
	ck_assert_uint_eq(sip_fault_status(SIP_FAULT_BAD_VERSION), 505);
	ck_assert_uint_eq(sip_fault_status(SIP_FAULT_BAD_SCHEME), 416);
	ck_assert_uint_eq(sip_fault_status(SIP_FAULT_NONE), 0);
	ck_assert_str_eq(sip_fault_name(SIP_FAULT_KINDS), "");
	ck_assert_uint_eq(sip_fault_status(SIP_FAULT_KINDS), 0);
	for (unsigned f = 0; f < SIP_FAULT_KINDS; f++)
		ck_assert_uint_gt(strlen(sip_fault_name((enum sip_fault)f)), 0);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_names");
	TCase *tc = tcase_create("sip_names");

	tcase_add_test(tc, finds_each_method);
	tcase_add_loop_test(tc, knows_no_other_method, 0, LEN(unknown));
	tcase_add_loop_test(tc, finds_each_header_in_each_form, 0, LEN(headers));
	tcase_add_test(tc, tests_every_header);
	tcase_add_loop_test(tc, knows_no_other_header, 0, LEN(strangers));
	tcase_add_test(tc, knows_singletons);
	tcase_add_loop_test(tc, has_reasons, 0, LEN(reasons));
	tcase_add_test(tc, has_faults);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
