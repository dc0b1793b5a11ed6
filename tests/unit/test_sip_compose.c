#include "control/sip/compose.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

static char buf[256];
static struct sink sink;

static void start(void) {
	sink = sink_over(buf, sizeof(buf));
}

static void assert_written(const char *text) {
	ck_assert(!sink.overflow);
	ck_assert_msg(span_equal(sink_result(&sink), span_of(text)), SPAN_FMT, SPAN_ARG(sink_result(&sink)));
}

START_TEST(writes_headers) {
	sip_compose_header(&sink, HEADER_CALL_ID, span_of("a@b"));
	sip_compose_named(&sink, "Subject", span_of("J\xc3\xbcrg\tx"));
	sip_compose_named(&sink, "X", span_of(""));
	assert_written("Call-ID: a@b\r\nSubject: J\xc3\xbcrg\tx\r\nX: \r\n");
}
END_TEST

static const struct {
	const char *text;
	size_t len;
} injections[] = {{"a\r\nVia: x", 9}, {"a\nb", 3}, {"a\rb", 3}, {"a\0b", 3}, {"\x1b[2J", 4}, {"\x7f", 1}};

START_TEST(nothing_breaks_out) {
	struct span evil = {injections[_i].text, injections[_i].len};
	const struct sip_addr addr = {.display = evil, .uri = span_of("sip:a")};

	sip_compose_header(&sink, HEADER_REASON, evil);
	ck_assert(sink.overflow);
	start();
	sip_compose_display(&sink, evil);
	ck_assert(sink.overflow);
	start();
	sip_compose_addr(&sink, HEADER_FROM, span_of(""), evil, span_of(""));
	ck_assert(sink.overflow);
	start();
	sip_compose_addr(&sink, HEADER_FROM, span_of(""), span_of("sip:a"), evil);
	ck_assert(sink.overflow);
	start();
	sip_compose_without_tag(&sink, &addr);
	ck_assert(sink.overflow);
}
END_TEST

START_TEST(overflows) {
	sink = sink_over(buf, 10);
	sip_compose_header(&sink, HEADER_VIA, span_of("abcd"));
	ck_assert(sink.overflow);
	sink = sink_over(buf, 11);
	sip_compose_header(&sink, HEADER_VIA, span_of("abcd"));
	assert_written("Via: abcd\r\n");
}
END_TEST

static const struct {
	const char *display, *uri, *tag, *line;
} addrs[] = {
	{"", "sip:a@b", "", "From: <sip:a@b>\r\n"},
	{"", "sip:a@b;x=y", "t", "From: <sip:a@b;x=y>;tag=t\r\n"},
	{"A B", "sip:a@b", "t", "From: \"A B\" <sip:a@b>;tag=t\r\n"},
	{"\"A, \\\"B\\\"\"", "sip:a@b", "t", "From: \"A, \\\"B\\\"\" <sip:a@b>;tag=t\r\n"},
	{"a\\b\"c", "sip:a@b", "", "From: \"a\\\\b\\\"c\" <sip:a@b>\r\n"},
	{"\"open", "sip:a@b", "", "From: \"\\\"open\" <sip:a@b>\r\n"},
	{"\"two\" \"names\"", "sip:a@b", "", "From: \"\\\"two\\\" \\\"names\\\"\" <sip:a@b>\r\n"},
};

START_TEST(writes_addresses) {
	sip_compose_addr(&sink, HEADER_FROM, span_of(addrs[_i].display), span_of(addrs[_i].uri),
		span_of(addrs[_i].tag));
	assert_written(addrs[_i].line);
}
END_TEST

static const char *const bad_uris[] = {"", "sip:a>;tag=x", "sip:a\"b", "sip:a b", "<sip:a>"};

START_TEST(takes_no_other_uri) {
	sip_compose_addr(&sink, HEADER_TO, span_of(""), span_of(bad_uris[_i]), span_of(""));
	ck_assert(sink.overflow);
}
END_TEST

static const struct {
	const char *value, *without;
} tags[] = {
	{"<sip:a@b>;tag=1", "<sip:a@b>"},
	{"<sip:a@b>", "<sip:a@b>"},
	{"sip:a@b;x;TAG=1;y=\"z;tag=2\"", "<sip:a@b>;x;y=\"z;tag=2\""},
	{"A <sip:a@b;tag=u> ; tag = 1 ; q = 2", "\"A\" <sip:a@b;tag=u>;q=2"},
};

START_TEST(leaves_the_tag_out) {
	struct sip_addr a;

	ck_assert_int_eq(sip_addr_parse_single(span_of(tags[_i].value), &a), 0);
	sip_compose_without_tag(&sink, &a);
	assert_written(tags[_i].without);
}
END_TEST

static const struct {
	const char *display;
	size_t size;
	int ret;
	const char *out;
} names[] = {
	{"\"A \\\"B\\\" \\\\\"", 16, 7, "A \"B\" \\"},
	{"A B", 16, 3, "A B"},
	{"a\\b", 16, 3, "a\\b"},
	{"\"\"", 16, 0, ""},
	{"", 1, 0, ""},
	{"", 0, -ENOSPC, NULL},
	{"\"abc\"", 4, 3, "abc"},
	{"\"abc\"", 3, -ENOSPC, NULL},
};

START_TEST(unquotes) {
	char out[16];

	ck_assert_int_eq(sip_compose_unquote(span_of(names[_i].display), out, names[_i].size), names[_i].ret);
	if (names[_i].ret >= 0)
		ck_assert_str_eq(out, names[_i].out);
}
END_TEST

START_TEST(quoting_comes_back) {
	const char *text = "a \"b\" \\c\\\\ J\xc3\xbcrg";
	char out[64];

	sip_compose_quoted(&sink, span_of(text));
	ck_assert_int_eq(sip_compose_unquote(sink_result(&sink), out, sizeof(out)), (int)strlen(text));
	ck_assert_str_eq(out, text);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("sip_compose");
	TCase *tc = tcase_create("sip_compose");

	tcase_add_test(tc, writes_headers);
	tcase_add_loop_test(tc, nothing_breaks_out, 0, LEN(injections));
	tcase_add_test(tc, overflows);
	tcase_add_loop_test(tc, writes_addresses, 0, LEN(addrs));
	tcase_add_loop_test(tc, takes_no_other_uri, 0, LEN(bad_uris));
	tcase_add_loop_test(tc, leaves_the_tag_out, 0, LEN(tags));
	tcase_add_loop_test(tc, unquotes, 0, LEN(names));
	tcase_add_test(tc, quoting_comes_back);
	tcase_add_checked_fixture(tc, start, NULL);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
