// What follows the kernel's tables, opened over real netlink sockets; no device is needed for that.
#include "dpdk_app/neighbour.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>

START_TEST(each_allocation_may_fail) {
	const struct next_hops_params params = {.capacity = 4, .n_realms = 1};
	const struct config config = {0};
	struct neighbour *n = NULL;
	struct next_hops *table;
	struct poller poller;
	unsigned k;

	ck_assert_int_eq(next_hops_create(&params, &table), 0);
	ck_assert_int_eq(poller_open(&poller), 0);
	for (k = 1;; k++) {
		int ret;

		fail_alloc_at(k);
		ret = neighbour_open(table, NULL, &config, &poller, &n);
		if (!fail_alloc_end()) {
			ck_assert_int_eq(ret, 0);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(n);
	}
	ck_assert_uint_eq(k, 2);
	neighbour_close(n);
	neighbour_close(NULL);
	poller_close(&poller);
	next_hops_destroy(table);
}
END_TEST

int main(void) {
	Suite *s = suite_create("neighbour");
	TCase *t = tcase_create("neighbour");

	tcase_add_test(t, each_allocation_may_fail);
	suite_add_tcase(s, t);
	return run_suite(s);
}
