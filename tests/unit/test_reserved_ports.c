#include "dpdk_app/reserved_ports.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint8_t bitmap[65536 / 8];
static char text[RESERVED_PORTS_TEXT];

// Lists as the kernel writes them: what is read is written the same.
static const char *const same[] = {
	"", "8080", "8080,9148", "1-3,5", "0", "65535", "0-65535", "16384-32767,40000-40001"};

START_TEST(round_trip) {
	ck_assert_int_eq(reserved_ports_parse(same[_i], bitmap), 0);
	ck_assert_uint_eq(reserved_ports_format(bitmap, text, sizeof(text)), strlen(same[_i]));
	ck_assert_str_eq(text, same[_i]);
}
END_TEST

static const struct {
	const char *in, *out;
} merged[] = {{"8080\n", "8080"}, {"5,4,3\n", "3-5"}, {"1-4,3-9\n", "1-9"}, {"\n", ""}};

START_TEST(merges) {
	ck_assert_int_eq(reserved_ports_parse(merged[_i].in, bitmap), 0);
	reserved_ports_format(bitmap, text, sizeof(text));
	ck_assert_str_eq(text, merged[_i].out);
}
END_TEST

static const char *const bad[] = {
	"x", "1-", "-1", "5-4", "65536", "1;2", "1--2", ",", "99999999999999999999", "1 2"};

START_TEST(refuses) {
	memset(bitmap, 0xa5, sizeof(bitmap));
	ck_assert_msg(reserved_ports_parse(bad[_i], bitmap) == -EINVAL, "%s", bad[_i]);
	for (size_t i = 0; i < sizeof(bitmap); i++)
		ck_assert_uint_eq(bitmap[i], 0xa5); // untouched
}
END_TEST

// Every other port: the longest list there is.
START_TEST(longest) {
	uint8_t again[sizeof(bitmap)];

	memset(bitmap, 0xaa, sizeof(bitmap));
	ck_assert_uint_lt(reserved_ports_format(bitmap, text, sizeof(text)), sizeof(text));
	ck_assert_int_eq(reserved_ports_parse(text, again), 0);
	ck_assert_int_eq(memcmp(bitmap, again, sizeof(bitmap)), 0);
}
END_TEST

#define N(a) ((int)(sizeof(a) / sizeof((a)[0])))

int main(void) {
	Suite *s = suite_create("reserved_ports");
	TCase *t = tcase_create("reserved_ports");

	tcase_add_loop_test(t, round_trip, 0, N(same));
	tcase_add_loop_test(t, merges, 0, N(merged));
	tcase_add_loop_test(t, refuses, 0, N(bad));
	tcase_add_test(t, longest);
	suite_add_tcase(s, t);
	SRunner *r = srunner_create(s);
	srunner_run_all(r, CK_NORMAL);
	int failed = srunner_ntests_failed(r);
	srunner_free(r);
	return failed == 0 ? 0 : 1;
}
