#include "control/sip/grammar.h"

#include <check.h>
#include <errno.h>

#include "control/sip/param.h"
#include "tests/unit/run_suite.h"

// RFC 3261 §25.1: token = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~").
START_TEST(knows_each_byte) {
	for (int c = 0; c < 256; c++) {
		bool alnum = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		bool token = alnum || (c != 0 && strchr("-.!%*_+`'~", c) != NULL);
		bool visible = c > 0x20 && c < 0x7f;
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;

		ck_assert_msg(sip_char_is((char)c, SIP_CHAR_TOKEN) == token, "%02x", (unsigned)c);
		ck_assert_msg(sip_char_is((char)c, SIP_CHAR_VISIBLE) == visible, "%02x", (unsigned)c);
		ck_assert_msg(sip_char_is((char)c, SIP_CHAR_CONTROL) == control, "%02x", (unsigned)c);
		ck_assert_msg(sip_char_is((char)c, SIP_CHAR_URI) == (visible && strchr("\"<>\\", c) == NULL),
			"%02x", (unsigned)c);
		ck_assert_msg(
			sip_char_is((char)c, SIP_CHAR_BLANK) == (c == ' ' || c == '\t'), "%02x", (unsigned)c);
	}
}
END_TEST

// At every place of a longer text: the search takes eight bytes at a time where it can.
START_TEST(finds_controls) {
	char text[32];

	for (int c = 0; c < 256; c++) {
		bool control = (c < 0x20 && c != '\t') || c == 0x7f;

		for (size_t at = 0; at < sizeof(text); at++) {
			memset(text, at % 2 == 0 ? 'a' : '\xff', sizeof(text));
			text[at] = (char)c;
			ck_assert(sip_grammar_has_control((struct span){text, sizeof(text)}) == control);
			ck_assert(sip_grammar_has_control((struct span){text, at + 1}) == control);
			ck_assert(!sip_grammar_has_control((struct span){text, at}));
		}
	}
}
END_TEST

static const struct {
	const char *text;
	size_t length;
} quoted[] = {
	{"\"\"", 2},
	{"\"a\" b", 3},
	{"\"a\\\"b\"c", 6},
	{"\"a\\\\\"", 5},
	{"\"a", 0},
	{"\"a\\\"", 0},
	{"\"\\", 0},
	{"\"", 0},
	{"a\"\"", 0},
	{"", 0},
};

START_TEST(measures_quoted_strings) {
	ck_assert_uint_eq(sip_grammar_quoted(span_of(quoted[_i].text)), quoted[_i].length);
}
END_TEST

static const struct {
	const char *text;
	int n;
	const char *elements[4];
	int end;
} lists[] = {
	{"a", 1, {"a"}, 0},
	{"a, b ,c", 3, {"a", "b", "c"}, 0},
	{"\"a,b\",c", 2, {"\"a,b\"", "c"}, 0},
	{"\"a\\\",b\",c", 2, {"\"a\\\",b\"", "c"}, 0},
	{",a", 2, {"", "a"}, 0},
	{"a,\"b", 1, {"a"}, -EINVAL},
};

START_TEST(takes_elements) {
	struct span rest = span_of(lists[_i].text), e;

	for (int i = 0; i < lists[_i].n; i++) {
		ck_assert_int_eq(sip_grammar_element(&rest, &e), 0);
		ck_assert(span_equal(e, span_of(lists[_i].elements[i])));
	}
	if (lists[_i].end == 0)
		ck_assert(span_is_empty(rest));
	else
		ck_assert_int_eq(sip_grammar_element(&rest, &e), lists[_i].end);
}
END_TEST

static const struct {
	const char *text;
	int ret;
	const char *host;
	uint32_t port;
	bool is_ipv6;
} hosts[] = {
	{"example.com", 0, "example.com", 0, false},
	{"example.com:5060", 0, "example.com", 5060, false},
	{"192.0.2.1 : 65535", 0, "192.0.2.1", 65535, false},
	{"a_b-c.", 0, "a_b-c.", 0, false},
	{"[2001:db8::1]", 0, "2001:db8::1", 0, true},
	{"[2001:db8::1]:1", 0, "2001:db8::1", 1, true},
	{"[::ffff:192.0.2.1]:5060", 0, "::ffff:192.0.2.1", 5060, true},
	{"", -EINVAL, NULL, 0, false},
	{":5060", -EINVAL, NULL, 0, false},
	{"a:", -EINVAL, NULL, 0, false},
	{"a:0", -EINVAL, NULL, 0, false},
	{"a:65536", -EINVAL, NULL, 0, false},
	{"a:-1", -EINVAL, NULL, 0, false},
	{"a:5060x", -EINVAL, NULL, 0, false},
	{"a b", -EINVAL, NULL, 0, false},
	{"a/b", -EINVAL, NULL, 0, false},
	{"2001:db8::1", -EINVAL, NULL, 0, false},
	{"[2001:db8::1", -EINVAL, NULL, 0, false},
	{"[2001:db8::1]5060", -EINVAL, NULL, 0, false},
	{"[192.0.2.1]", -EINVAL, NULL, 0, false},
	{"[example.com]", -EINVAL, NULL, 0, false},
	{"[]", -EINVAL, NULL, 0, false},
	{"[", -EINVAL, NULL, 0, false},
	{"[1:2:3]", -EINVAL, NULL, 0, false},
	{"[2001:db8:::192.0.2.1]", -EINVAL, NULL, 0, false},
	{"[fe80::1%25eth0]", -EINVAL, NULL, 0, false},
};

START_TEST(reads_hosts) {
	struct sip_hostport h = {.port = 4711};

	ck_assert_int_eq(sip_grammar_hostport(span_of(hosts[_i].text), &h), hosts[_i].ret);
	if (hosts[_i].ret < 0) {
		ck_assert_uint_eq(h.port, 4711);
		return;
	}
	ck_assert(span_equal(h.host, span_of(hosts[_i].host)));
	ck_assert_uint_eq(h.port, hosts[_i].port);
	ck_assert(h.is_ipv6 == hosts[_i].is_ipv6);
}
END_TEST

static const struct {
	const char *params, *name;
	bool found;
	const char *value;
	int count; // -EINVAL: no list of parameters
} params[] = {
	{"tag=a", "tag", true, "a", 1},
	{"TAG=a", "tag", true, "a", 1},
	{"a=b; tag = c ;d", "tag", true, "c", 1},
	{"a;lr", "lr", true, "", 1},
	{"lr=", "lr", true, "", 1},
	{"tag=a;tag=b", "tag", true, "a", 2},
	{"x=\";tag=a\";tag=b", "tag", true, "b", 1},
	{"x=\"\\\";tag=a\"", "tag", false, NULL, 0},
	{"x=\"a=b\"", "x", true, "\"a=b\"", 1},
	{"a=b=c", "a", true, "b=c", 1},
	{"tagg=a;ta=b", "tag", false, NULL, 0},
	{"", "tag", false, NULL, 0},
	{"a;", "a", true, "", 1},
	{"a;;b", "b", false, NULL, -EINVAL},
	{";a", "a", false, NULL, -EINVAL},
	{"=b;a", "a", false, NULL, -EINVAL},
	{"a b;c", "c", false, NULL, -EINVAL},
	{"a=b c", "a", false, NULL, -EINVAL},
	{"a=\"b", "a", false, NULL, -EINVAL},
	{"a=\"b\"c", "a", false, NULL, -EINVAL},
	{"a=b\"c\"", "a", false, NULL, -EINVAL},
	{"a=<b>", "a", false, NULL, -EINVAL},
	{"a>b", "a", false, NULL, -EINVAL},
	{"received=2001:db8::1", "received", true, "2001:db8::1", 1},
};

START_TEST(finds_params) {
	struct span value = {0}, text = span_of(params[_i].params);

	ck_assert_msg(
		sip_param_find(text, params[_i].name, &value) == params[_i].found, "%s", params[_i].params);
	if (params[_i].found)
		ck_assert(span_equal(value, span_of(params[_i].value)));
	ck_assert_msg(
		sip_param_count(text, params[_i].name, &value) == params[_i].count, "%s", params[_i].params);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_grammar");
	TCase *tc = tcase_create("sip_grammar");

	tcase_add_test(tc, knows_each_byte);
	tcase_add_test(tc, finds_controls);
	tcase_add_loop_test(tc, measures_quoted_strings, 0, LEN(quoted));
	tcase_add_loop_test(tc, takes_elements, 0, LEN(lists));
	tcase_add_loop_test(tc, reads_hosts, 0, LEN(hosts));
	tcase_add_loop_test(tc, finds_params, 0, LEN(params));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
