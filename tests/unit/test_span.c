#include "control/span.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

static const struct {
	const char *what, *a, *b;
	bool equal, equal_nocase;
} comparisons[] = {
	{"the same", "Via", "Via", true, true},
	{"another case", "Via", "vIA", false, true},
	{"another length", "Via", "Vi", false, false},
	{"another text", "Via", "Vib", false, false},
	{"both empty", "", "", true, true},
	{"one empty", "a", "", false, false},
	{"not letters: @ and ` differ by the case bit", "@", "`", false, false},
	{"not letters: [ and { differ by the case bit", "[", "{", false, false},
	{"UTF-8 is not folded", "\xc3\x84", "\xc3\xa4", false, false},
};

START_TEST(compares) {
	struct span a = span_of(comparisons[_i].a), b = span_of(comparisons[_i].b);

	ck_assert_msg(span_equal(a, b) == comparisons[_i].equal, "%s", comparisons[_i].what);
	ck_assert_msg(span_equal_nocase(a, b) == comparisons[_i].equal_nocase, "%s", comparisons[_i].what);
	ck_assert_msg(span_equal_nocase(b, a) == comparisons[_i].equal_nocase, "%s", comparisons[_i].what);
}
END_TEST

START_TEST(compares_beyond_nul) {
	struct span a = {"a\0b", 3}, b = {"a\0c", 3};

	ck_assert(!span_equal(a, b));
	ck_assert(!span_equal_nocase(a, b));
}
END_TEST

START_TEST(of_null_is_empty) {
	ck_assert(span_is_empty(span_of(NULL)));
	ck_assert(span_equal(span_of(NULL), span_of("")));
	ck_assert(span_is_empty(span_trim(span_of(NULL))));
}
END_TEST

static const struct {
	const char *in, *out;
} trims[] = {
	{"", ""},
	{" \t\r\n", ""},
	{"a", "a"},
	{" a b ", "a b"},
	{"\r\n a\t", "a"},
	{"\va\f", "\va\f"},
};

START_TEST(trims_blanks) {
	ck_assert(span_equal(span_trim(span_of(trims[_i].in)), span_of(trims[_i].out)));
}
END_TEST

static const struct {
	const char *text;
	uint64_t max;
	int ret;
	uint64_t value;
} numbers[] = {
	{"0", 0, 0, 0},
	{"0009", 9, 0, 9},
	{"255", 255, 0, 255},
	{"256", 255, -ERANGE, 0},
	{"18446744073709551615", UINT64_MAX, 0, UINT64_MAX},
	{"18446744073709551616", UINT64_MAX, -ERANGE, 0},
	{"36893488147419103232", UINT64_MAX, -ERANGE, 0},
	{"99999999999999999999999999999999", UINT64_MAX, -ERANGE, 0},
	{"00000000000000000000000000000000007", UINT64_MAX, 0, 7},
	{"", 9, -EINVAL, 0},
	{"-1", 9, -EINVAL, 0},
	{"+1", 9, -EINVAL, 0},
	{" 1", 9, -EINVAL, 0},
	{"1 ", 9, -EINVAL, 0},
	{"0x1", 9, -EINVAL, 0},
	{"99999999999999999999999999999999x", 9, -EINVAL, 0},
};

START_TEST(reads_numbers) {
	uint64_t value = 4711;

	ck_assert_int_eq(span_to_u64(span_of(numbers[_i].text), numbers[_i].max, &value), numbers[_i].ret);
	ck_assert_uint_eq(value, numbers[_i].ret == 0 ? numbers[_i].value : 4711);
}
END_TEST

static const struct {
	const char *text, *head, *rest;
} cuts[] = {
	{"a;b;c", "a", "b;c"},
	{";b", "", "b"},
	{"a;", "a", ""},
	{"a", "a", ""},
	{"", "", ""},
};

START_TEST(cuts_at_a_byte) {
	struct span rest = span_of(cuts[_i].text);

	ck_assert(span_equal(span_cut(&rest, ';'), span_of(cuts[_i].head)));
	ck_assert(span_equal(rest, span_of(cuts[_i].rest)));
}
END_TEST

START_TEST(duplicates) {
	char *copy = span_dup((struct span){"abc", 2});

	ck_assert_str_eq(copy, "ab");
	free(copy);
	copy = span_dup((struct span){NULL, 0});
	ck_assert_str_eq(copy, "");
	free(copy);
	fail_alloc_at(1);
	copy = span_dup(span_of("abc"));
	ck_assert(fail_alloc_end());
	ck_assert_ptr_null(copy);
}
END_TEST

#define LEN(a) (int)(sizeof(a) / sizeof((a)[0]))

int main(void) {
	Suite *suite = suite_create("span");
	TCase *tc = tcase_create("span");

	tcase_add_loop_test(tc, compares, 0, LEN(comparisons));
	tcase_add_test(tc, compares_beyond_nul);
	tcase_add_test(tc, of_null_is_empty);
	tcase_add_loop_test(tc, trims_blanks, 0, LEN(trims));
	tcase_add_loop_test(tc, reads_numbers, 0, LEN(numbers));
	tcase_add_loop_test(tc, cuts_at_a_byte, 0, LEN(cuts));
	tcase_add_test(tc, duplicates);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
