#include "control/sip/uri.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

static const struct {
	const char *text, *scheme, *user, *password, *host;
	uint32_t port;
	const char *params, *headers;
	bool is_ipv6;
} good[] = {
	// RFC 3261 §19.1.3
	{"sip:alice@atlanta.com", "sip", "alice", "", "atlanta.com", 0, "", "", false},
	{"sip:alice:secretword@atlanta.com;transport=tcp", "sip", "alice", "secretword", "atlanta.com", 0,
		"transport=tcp", "", false},
	{"sips:alice@atlanta.com?subject=project%20x&priority=urgent", "sips", "alice", "", "atlanta.com", 0,
		"", "subject=project%20x&priority=urgent", false},
	{"sip:+1-212-555-1212:1234@gateway.com;user=phone", "sip", "+1-212-555-1212", "1234", "gateway.com",
		0, "user=phone", "", false},
	{"sips:1212@gateway.com", "sips", "1212", "", "gateway.com", 0, "", "", false},
	{"sip:alice@192.0.2.4", "sip", "alice", "", "192.0.2.4", 0, "", "", false},
	{"sip:atlanta.com;method=REGISTER?to=alice%40atlanta.com", "sip", "", "", "atlanta.com", 0,
		"method=REGISTER", "to=alice%40atlanta.com", false},
	{"sip:alice;day=tuesday@atlanta.com", "sip", "alice;day=tuesday", "", "atlanta.com", 0, "", "",
		false},
	// ports, IPv6, odd but legal
	{"SIP:a@b:5060;lr;x?y", "SIP", "a", "", "b", 5060, "lr;x", "y", false},
	{"sip:[2001:db8::10]:5070", "sip", "", "", "2001:db8::10", 5070, "", "", true},
	{"sip:a@[::1];maddr=[::2]", "sip", "a", "", "::1", 0, "maddr=[::2]", "", true},
	{"sip:user;par=u%40example.net@example.com", "sip", "user;par=u%40example.net", "", "example.com", 0,
		"", "", false},
	{"sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:&it+has=1,weird!*pas$wo~d_too.(doesn't-it)@example.com",
		"sip", "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
		"&it+has=1,weird!*pas$wo~d_too.(doesn't-it)", "example.com", 0, "", "", false},
	{"sip:*67#@h", "sip", "*67#", "", "h", 0, "", "", false},
	{"sip:a:@h", "sip", "a", "", "h", 0, "", "", false},
	{"sip:a%00b@h", "sip", "a%00b", "", "h", 0, "", "", false},
};

START_TEST(parses_sip) {
	struct sip_uri u;

	ck_assert_msg(sip_uri_parse(span_of(good[_i].text), &u) == 0, "%s", good[_i].text);
	ck_assert(span_equal(u.whole, span_of(good[_i].text)));
	ck_assert(span_equal(u.scheme, span_of(good[_i].scheme)));
	ck_assert(span_equal(u.user, span_of(good[_i].user)));
	ck_assert(span_equal(u.password, span_of(good[_i].password)));
	ck_assert(span_equal(u.host, span_of(good[_i].host)));
	ck_assert_uint_eq(u.port, good[_i].port);
	ck_assert(span_equal(u.params, span_of(good[_i].params)));
	ck_assert(span_equal(u.headers, span_of(good[_i].headers)));
	ck_assert(u.host_is_ipv6 == good[_i].is_ipv6);
	ck_assert(sip_uri_is_sip(&u));
}
END_TEST

static const char *const others[] = {"isbn:2983792873", "http://www.example.com", "urn:service:sos",
	"soap.beep://192.0.2.103:3002", "nobodyKnowsThisScheme:totallyopaquecontent", "a+b-c.d1:x"};

START_TEST(takes_other_schemes_whole) {
	struct sip_uri u;

	ck_assert_int_eq(sip_uri_parse(span_of(others[_i]), &u), 0);
	ck_assert(span_equal(u.whole, span_of(others[_i])));
	ck_assert(!sip_uri_is_sip(&u));
	ck_assert(span_is_empty(u.host));
	ck_assert(span_is_empty(u.user));
}
END_TEST

// RFC 3966 §3
START_TEST(takes_a_tels_number_as_user) {
	static const char *const rows[][2] = {{"tel:+1-201-555-0123", "+1-201-555-0123"},
		{"TEL:7042;phone-context=example.com", "7042"}, {"tel:;x=y", ""}, {"tel:a@b", ""},
		{"tel:%zz", ""}, {"tel:1:2", ""}, {"tel:[1]", ""}, {"tel:*31#", ""},
		{"tel:(0)*31", "(0)*31"}};
	struct sip_uri u;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		ck_assert_int_eq(sip_uri_parse(span_of(rows[i][0]), &u), 0);
		ck_assert(span_equal(u.user, span_of(rows[i][1])));
		ck_assert(span_is_empty(u.host));
		ck_assert(!sip_uri_is_sip(&u));
	}
}
END_TEST

static const char *const bad[] = {"", "sip", "sip:", ":a", "a@b", "1sip:a", "_a:b", "s_p:a@b", "sip:@h",
	"sip::p@h", "sip:a@", "sip:a@b@c", "sip:a@h;p=x@y", "sip:h:", "sip:h:0", "sip:h:65536", "sip:h:5060x",
	"sip:h;a b", "sip: h", "sip:a@h ", " sip:h", "<sip:h>", "sip:\"a\"@h", "sip:a\\b@h", "sip:a\tb@h",
	"sip:j\xc3\xbcrg@h", "sip:a%@h", "sip:a%4@h", "sip:a%4g@h", "sip:a@h;x=%", "sip:a@h?x=%f",
	"sip:2001:db8::10", "sip:[2001:db8::10", "sip:[h]", "sip:;lr", "sip:?x", "sip:a@;lr"};

START_TEST(refuses) {
	struct sip_uri u = {.port = 4711};

	ck_assert_msg(sip_uri_parse(span_of(bad[_i]), &u) == -EINVAL, "%s", bad[_i]);
	ck_assert_uint_eq(u.port, 4711);
}
END_TEST

START_TEST(refuses_nul) {
	struct sip_uri u;

	ck_assert_int_eq(sip_uri_parse((struct span){"sip:a\0b@h", 9}, &u), -EINVAL);
}
END_TEST

static const struct {
	const char *text;
	size_t size;
	int ret;
	const char *out;
} escapes[] = {
	{"alice", 16, 5, "alice"},
	{"%61%4C%2b", 16, 3, "aL+"},
	{"I%20have%20spaces", 16, 13, "I have spaces"},
	{"%C3%BC", 16, 2, "\xc3\xbc"},
	{"", 16, 0, ""},
	{"", 1, 0, ""},
	{"", 0, -ENOSPC, NULL},
	{"ab", 3, 2, "ab"},
	{"ab", 2, -ENOSPC, NULL},
	{"%61%62", 2, -ENOSPC, NULL},
	{"a%00", 16, -EINVAL, NULL},
	{"a%", 16, -EINVAL, NULL},
	{"a%4", 16, -EINVAL, NULL},
	{"a%zz", 16, -EINVAL, NULL},
};

START_TEST(unescapes) {
	char out[16];

	ck_assert_int_eq(sip_unescape(span_of(escapes[_i].text), out, escapes[_i].size), escapes[_i].ret);
	if (escapes[_i].ret >= 0)
		ck_assert_str_eq(out, escapes[_i].out);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_uri");
	TCase *tc = tcase_create("sip_uri");

	tcase_add_loop_test(tc, parses_sip, 0, LEN(good));
	tcase_add_test(tc, takes_a_tels_number_as_user);
	tcase_add_loop_test(tc, takes_other_schemes_whole, 0, LEN(others));
	tcase_add_loop_test(tc, refuses, 0, LEN(bad));
	tcase_add_test(tc, refuses_nul);
	tcase_add_loop_test(tc, unescapes, 0, LEN(escapes));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
