#include "control/sink.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>

START_TEST(takes_text) {
	char buf[16];
	struct sink s = sink_over(buf, sizeof(buf));

	sink_text(&s, "a");
	sink_span(&s, span_of("bc"));
	sink_put(&s, "d\0e", 3);
	sink_format(&s, "%u", 42u);
	sink_span(&s, (struct span){NULL, 0});
	ck_assert(!s.overflow);
	ck_assert(span_equal(sink_result(&s), (struct span){"abcd\0e42", 8}));
}
END_TEST

START_TEST(fills_to_the_brim) {
	char buf[4];
	struct sink s = sink_over(buf, sizeof(buf));

	sink_text(&s, "abcd");
	ck_assert(!s.overflow);
	sink_text(&s, "");
	ck_assert(!s.overflow);
	sink_text(&s, "e");
	ck_assert(s.overflow);
	ck_assert(span_equal(sink_result(&s), span_of("abcd")));
}
END_TEST

START_TEST(overflow_sticks) {
	char buf[4];
	struct sink s = sink_over(buf, sizeof(buf));

	sink_text(&s, "abcde");
	ck_assert(s.overflow);
	sink_text(&s, "f");
	sink_format(&s, "%d", 1);
	ck_assert(s.overflow);
	ck_assert_uint_eq(s.len, 0);
}
END_TEST

START_TEST(format_overflows) {
	char buf[5] = "zzzz", *guard = malloc(3);
	struct sink s = sink_over(buf, 4);

	sink_format(&s, "%s", "abc");
	ck_assert(!s.overflow);
	sink_format(&s, "%s", "def");
	ck_assert(s.overflow);
	ck_assert(span_equal(sink_result(&s), span_of("abc")));
	s = sink_over(guard, 3); // a byte too far is a sanitizer's find
	sink_format(&s, "%s", "abcdef");
	ck_assert(s.overflow);
	free(guard);
}
END_TEST

START_TEST(has_no_room_at_all) {
	struct sink s = sink_over(NULL, 0);

	sink_text(&s, "");
	sink_format(&s, "%s", "");
	ck_assert(!s.overflow);
	sink_format(&s, "%d", 1);
	ck_assert(s.overflow);
}
END_TEST

START_TEST(huge_length_does_not_wrap) {
	char buf[8];
	struct sink s = sink_over(buf, sizeof(buf));

	sink_text(&s, "abc");
	sink_put(&s, "x", SIZE_MAX);
	ck_assert(s.overflow);
	ck_assert_uint_eq(s.len, 3);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("sink");
	TCase *tc = tcase_create("sink");

	tcase_add_test(tc, takes_text);
	tcase_add_test(tc, fills_to_the_brim);
	tcase_add_test(tc, overflow_sticks);
	tcase_add_test(tc, format_overflows);
	tcase_add_test(tc, has_no_room_at_all);
	tcase_add_test(tc, huge_length_does_not_wrap);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
