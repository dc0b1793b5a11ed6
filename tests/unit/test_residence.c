#include "relay/residence.h"
#include "tests/unit/run_suite.h"

#include <check.h>

START_TEST(steps_follow_each_other) {
	unsigned last = 0;

	for (uint64_t ns = 0; ns < 2000000; ns++) {
		const unsigned step = residence_step(ns);

		ck_assert(step == last || step == last + 1);
		ck_assert_uint_lt(ns, residence_bound_ns(step));
		if (step > last)
			ck_assert_uint_eq(ns, residence_bound_ns(last));
		last = step;
	}
}
END_TEST

START_TEST(steps_are_narrow) {
	for (unsigned i = 8; i < RESIDENCE_STEPS - 1; i++)
		ck_assert_uint_le(residence_bound_ns(i) * 4, residence_bound_ns(i - 1) * 5);
	ck_assert_uint_ge(residence_bound_ns(RESIDENCE_STEPS - 2), 1000000);
	ck_assert_uint_eq(residence_step(UINT64_MAX), RESIDENCE_STEPS - 1);
	ck_assert_uint_eq(residence_bound_ns(RESIDENCE_STEPS - 1), UINT64_MAX);
}
END_TEST

START_TEST(percentiles) {
	uint64_t packets[RESIDENCE_STEPS] = {0};

	ck_assert_uint_eq(residence_percentile_ns(packets, 100), 0);
	packets[residence_step(5000)] = 990;
	packets[residence_step(40000)] = 9;
	packets[residence_step(900000)] = 1;
	ck_assert_uint_eq(residence_percentile_ns(packets, 2), residence_bound_ns(residence_step(5000)));
	ck_assert_uint_eq(residence_percentile_ns(packets, 100), residence_bound_ns(residence_step(5000)));
	ck_assert_uint_eq(residence_percentile_ns(packets, 101), residence_bound_ns(residence_step(40000)));
	ck_assert_uint_eq(residence_percentile_ns(packets, 1000), residence_bound_ns(residence_step(40000)));
	ck_assert_uint_eq(residence_percentile_ns(packets, 1001), residence_bound_ns(residence_step(900000)));
}
END_TEST

int main(void) {
	Suite *s = suite_create("residence");
	TCase *t = tcase_create("all");

	suite_add_tcase(s, t);
	tcase_add_test(t, steps_follow_each_other);
	tcase_add_test(t, steps_are_narrow);
	tcase_add_test(t, percentiles);
	return run_suite(s);
}
