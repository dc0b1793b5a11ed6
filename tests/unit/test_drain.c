// When the relay ends.
#include "dpdk_app/drain.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <signal.h>

static const uint64_t NOW = 5, SECOND = 1000000000;

START_TEST(not_told) {
	const struct drain d = {0};

	ck_assert(!drain_is_over(&d, 0, UINT64_MAX));
}
END_TEST

START_TEST(waits_for_its_sessions) {
	struct drain d = {0};

	ck_assert(drain_on_signal(&d, SIGTERM, NOW));
	ck_assert(!drain_is_over(&d, 1, NOW));
	ck_assert(drain_is_over(&d, 0, NOW));
}
END_TEST

START_TEST(waits_no_longer_than_30_s) {
	struct drain d = {0};

	ck_assert(drain_on_signal(&d, SIGTERM, NOW));
	ck_assert(!drain_is_over(&d, 1, NOW + 30 * SECOND - 1));
	ck_assert(drain_is_over(&d, 1, NOW + 30 * SECOND));
}
END_TEST

START_TEST(told_twice_waits_for_nothing) {
	static const int second[] = {SIGTERM, SIGINT};
	struct drain d = {0};

	ck_assert(drain_on_signal(&d, SIGTERM, NOW));
	ck_assert(!drain_on_signal(&d, second[_i], NOW + 1));
	ck_assert(drain_is_over(&d, 1, NOW + 1));
}
END_TEST

START_TEST(an_interrupt_waits_for_nothing) {
	struct drain d = {0};

	ck_assert(!drain_on_signal(&d, SIGINT, NOW));
	ck_assert(drain_is_over(&d, 1, NOW));
}
END_TEST

int main(void) {
	Suite *s = suite_create("drain");
	TCase *t = tcase_create("drain");

	tcase_add_test(t, not_told);
	tcase_add_test(t, waits_for_its_sessions);
	tcase_add_test(t, waits_no_longer_than_30_s);
	tcase_add_loop_test(t, told_twice_waits_for_nothing, 0, 2);
	tcase_add_test(t, an_interrupt_waits_for_nothing);
	suite_add_tcase(s, t);
	return run_suite(s);
}
