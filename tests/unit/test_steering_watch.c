#include "dpdk_app/steering_watch.h"
#include "tests/unit/run_suite.h"

#include <check.h>

struct step {
	uint64_t in, handed; // totals
	bool want;
	uint64_t want_in, want_handed;
};

static const struct step steps[] = {
	{0, 0, false, 0, 0},
	{999, 999, false, 0, 0}, // not enough to judge by
	{1000, 999, true, 1000, 999},
	{1500, 999, false, 0, 0},
	{2000, 1049, false, 0, 0}, // 50 of 1000: one in twenty
	{3000, 1100, true, 1000, 51},
	{100000, 1100, false, 0, 0},
};

START_TEST(judges_what_came_since) {
	struct steering_watch w = {0};

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		uint64_t in = steps[i].in, handed = steps[i].handed;

		ck_assert_msg(steering_watch_see(&w, &in, &handed) == steps[i].want, "step %u", i);
		if (!steps[i].want)
			continue;
		ck_assert_uint_eq(in, steps[i].want_in);
		ck_assert_uint_eq(handed, steps[i].want_handed);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("steering_watch");
	TCase *tc = tcase_create("steering_watch");

	tcase_add_test(tc, judges_what_came_since);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
