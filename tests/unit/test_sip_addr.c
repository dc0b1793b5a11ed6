#include "control/sip/addr.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

static const struct {
	const char *text, *display, *uri, *params, *rest;
} good[] = {
	// RFC 3261 §20.10, §20.20
	{"\"Mr. Watson\" <sip:watson@worcester.bell-telephone.com>;q=0.7; expires=3600,\"Mr. Watson\" "
	 "<mailto:watson@bell-telephone.com> ;q=0.1",
		"\"Mr. Watson\"", "sip:watson@worcester.bell-telephone.com", "q=0.7; expires=3600",
		"\"Mr. Watson\" <mailto:watson@bell-telephone.com> ;q=0.1"},
	{"\"A. G. Bell\" <sip:agb@bell-telephone.com> ;tag=a48s", "\"A. G. Bell\"",
		"sip:agb@bell-telephone.com", "tag=a48s", ""},
	{"sip:+12125551212@server.phone2net.com;tag=887s", "", "sip:+12125551212@server.phone2net.com",
		"tag=887s", ""},
	{"Anonymous <sip:c8oqz84zk7z@privacy.org>;tag=hyh8", "Anonymous", "sip:c8oqz84zk7z@privacy.org",
		"tag=hyh8", ""},
	// whose are the parameters
	{"<sip:a@b;x=y>;z", "", "sip:a@b;x=y", "z", ""},
	{"sip:a@b;x=y", "", "sip:a@b", "x=y", ""},
	{"<sip:a@b?c=d;e,f>", "", "sip:a@b?c=d;e,f", "", ""},
	// commas and angles in quotes
	{"\"a,<b>;c\\\"\" <sip:d>,x:y", "\"a,<b>;c\\\"\"", "sip:d", "", "x:y"},
	{"<sip:a>;p=\"x,y;<z>\",<sip:b>", "", "sip:a", "p=\"x,y;<z>\"", "<sip:b>"},
	// blanks
	{" a b\tc < sip:d@e > ; tag = f ", "a b\tc", "sip:d@e", "tag = f", ""},
	{"caller<sip:c@d>", "caller", "sip:c@d", "", ""},
	{"\"\" <sip:c@d>", "\"\"", "sip:c@d", "", ""},
	{"sip:a@b , sip:c@d", "", "sip:a@b", "", " sip:c@d"},
	{"J\xc3\xbcrg <sip:c@d>", "J\xc3\xbcrg", "sip:c@d", "", ""},
	{"<sip:a>;", "", "sip:a", "", ""},
};

START_TEST(parses) {
	struct span rest = span_of(good[_i].text);
	struct sip_addr a;

	ck_assert_msg(sip_addr_parse(&rest, &a) == 0, "%s", good[_i].text);
	ck_assert(span_equal(a.display, span_of(good[_i].display)));
	ck_assert(span_equal(a.uri, span_of(good[_i].uri)));
	ck_assert(span_equal(a.params, span_of(good[_i].params)) ||
		(span_is_empty(a.params) && span_is_empty(span_of(good[_i].params))));
	ck_assert(span_equal(rest, span_of(good[_i].rest)));
	ck_assert_int_eq(
		sip_addr_parse_single(span_of(good[_i].text), &a), span_is_empty(rest) ? 0 : -EINVAL);
}
END_TEST

static const char *const bad[] = {"", " ", ",", ",sip:a@b", "*", "a", "<>", "<a>", "sip:a@b?c=d",
	"\"a <sip:b@c>", "\"a\" \"b\" <sip:b@c>", "a \"b\" <sip:b@c>", "\"a\" b <sip:b@c>", "<sip:a@b",
	"sip:a@b>", "a> <sip:b>", "<<sip:a@b>>", "<sip:a@b> <sip:c@d>", "<sip:a@b>x", "<sip:a@b>;;",
	"<sip:a@b>;=x", "<sip:a@b>;a b", "<sip:a@b>;t=<x>", "<sip:a b>", "sip:a b", "a, b <sip:c@d>",
	"a;b <sip:c@d>", "<sip:a\"b\"@c>", "<sip:a@b>;x=\"y", ";tag=a"};

START_TEST(refuses) {
	struct span rest = span_of(bad[_i]);
	struct sip_addr a;

	ck_assert_msg(sip_addr_parse(&rest, &a) == -EINVAL, "%s", bad[_i]);
	ck_assert_msg(span_equal(rest, span_of(bad[_i])), "%s", bad[_i]);
}
END_TEST

START_TEST(walks_a_list) {
	struct span rest = span_of("<sip:a;lr>, \"b\" <sip:b;lr>;x=\",\" ,sip:c");
	struct sip_addr a;
	const char *uris[] = {"sip:a;lr", "sip:b;lr", "sip:c"};

	for (int i = 0; i < 3; i++) {
		ck_assert_int_eq(sip_addr_parse(&rest, &a), 0);
		ck_assert(span_equal(a.uri, span_of(uris[i])));
	}
	ck_assert(span_is_empty(rest));
}
END_TEST

START_TEST(single_takes_no_comma) {
	struct sip_addr a;

	ck_assert_int_eq(sip_addr_parse_single(span_of("<sip:a>,"), &a), -EINVAL);
	ck_assert_int_eq(sip_addr_parse_single(span_of("<sip:a>,<sip:b>"), &a), -EINVAL);
	ck_assert_int_eq(sip_addr_parse_single(span_of(""), &a), -EINVAL);
	ck_assert_int_eq(sip_addr_parse_single(span_of("<sip:a>;x=\",\""), &a), 0);
}
END_TEST

static const struct {
	const char *text;
	int ret;
	const char *tag;
} tags[] = {
	{"<sip:a>;tag=1", 0, "1"},
	{"<sip:a>;x;TAG = _token~1'+`*%!-. ;y", 0, "_token~1'+`*%!-."},
	{"sip:a@b;tag=1", 0, "1"},
	{"<sip:a;tag=uri>", 0, ""},
	{"<sip:a>;x=\"tag=no\"", 0, ""},
	{"<sip:a>", 0, ""},
	{"<sip:a>;tag", -EINVAL, NULL},
	{"<sip:a>;tag=", -EINVAL, NULL},
	{"<sip:a>;tag=1;Tag=1", -EINVAL, NULL},
	{"<sip:a>;tag=\"1\"", -EINVAL, NULL},
	{"<sip:a>;tag=\xc3\xbc", -EINVAL, NULL},
};

START_TEST(finds_the_tag) {
	struct sip_addr a;
	struct span tag;

	ck_assert_int_eq(sip_addr_parse_single(span_of(tags[_i].text), &a), 0);
	ck_assert_msg(sip_addr_tag(&a, &tag) == tags[_i].ret, "%s", tags[_i].text);
	if (tags[_i].ret == 0)
		ck_assert(span_equal(tag, span_of(tags[_i].tag)));
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_addr");
	TCase *tc = tcase_create("sip_addr");

	tcase_add_loop_test(tc, parses, 0, LEN(good));
	tcase_add_loop_test(tc, refuses, 0, LEN(bad));
	tcase_add_test(tc, walks_a_list);
	tcase_add_test(tc, single_takes_no_comma);
	tcase_add_loop_test(tc, finds_the_tag, 0, LEN(tags));
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
