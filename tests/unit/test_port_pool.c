#include "relay/port_pool.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdbool.h>

enum { FIRST = 20000, LAST = 20019, PAIRS = 10 };

static struct port_pool pool;

static void setup(void) {
	ck_assert_int_eq(port_pool_init(&pool, FIRST, LAST, 1, 42), 0);
}

static void teardown(void) {
	port_pool_fini(&pool);
}

START_TEST(gives_every_pair_once) {
	bool seen[PAIRS] = {false}, in_order = true;
	uint16_t port;

	for (unsigned i = 0; i < PAIRS; i++) {
		ck_assert_int_eq(port_pool_take(&pool, 0, 0, &port), 0);
		ck_assert(port_pool_has(&pool, port));
		ck_assert(!seen[(port - FIRST) / 2]);
		seen[(port - FIRST) / 2] = true;
		in_order = in_order && port == FIRST + 2 * i;
	}
	ck_assert(!in_order); // not to be guessed
	ck_assert_int_eq(port_pool_take(&pool, 0, 0, &port), -EADDRNOTAVAIL);
}
END_TEST

START_TEST(knows_its_ports) {
	ck_assert(!port_pool_has(&pool, 0));
	ck_assert(!port_pool_has(&pool, FIRST - 2));
	ck_assert(port_pool_has(&pool, FIRST));
	ck_assert(!port_pool_has(&pool, FIRST + 1));
	ck_assert(port_pool_has(&pool, LAST - 1));
	ck_assert(!port_pool_has(&pool, LAST + 1));
	ck_assert_int_eq(port_pool_take_port(&pool, FIRST + 1), -EINVAL);
	ck_assert_int_eq(port_pool_take_port(&pool, LAST + 1), -EINVAL);
}
END_TEST

START_TEST(odd_range_ends_with_whole_pairs) {
	port_pool_fini(&pool);
	ck_assert_int_eq(port_pool_init(&pool, FIRST, FIRST + 4, 1, 1), 0); // the fifth port has no odd mate
	ck_assert_uint_eq(pool.n_pairs, 2);
	ck_assert(!port_pool_has(&pool, FIRST + 4));
}
END_TEST

START_TEST(freed_ports_rest) {
	const uint64_t now = 5000000000ull;
	uint16_t port, again;

	for (unsigned i = 0; i < PAIRS; i++)
		ck_assert_int_eq(port_pool_take(&pool, 0, now, &port), 0);
	port_pool_give(&pool, port, now);
	ck_assert_uint_eq(pool.resting.n, 1);
	ck_assert_int_eq(port_pool_take(&pool, 0, now + PORT_REST_NS - 1, &again), -EADDRNOTAVAIL);
	ck_assert_int_eq(port_pool_take(&pool, 0, now + PORT_REST_NS, &again), 0);
	ck_assert_uint_eq(again, port);
	ck_assert_uint_eq(pool.resting.n, 0);
}
END_TEST

START_TEST(a_certain_port_need_not_rest) {
	ck_assert_int_eq(port_pool_take_port(&pool, FIRST + 6), 0);
	ck_assert_int_eq(port_pool_take_port(&pool, FIRST + 6), -EADDRINUSE);
	port_pool_give(&pool, FIRST + 6, 1);
	ck_assert_int_eq(port_pool_take_port(&pool, FIRST + 6), 0);
	ck_assert_uint_eq(pool.resting.n, 0);
	ck_assert_uint_eq(port_pool_free(&pool), PAIRS - 1);
	port_pool_return(&pool, FIRST + 6);
	ck_assert_uint_eq(port_pool_free(&pool), PAIRS);
}
END_TEST

// Any order of taking and giving: each pair is in one place, and they add up.
START_TEST(lists_hold_together) {
	bool used[PAIRS] = {false};
	uint32_t seed = 7, n_used = 0;
	uint64_t now = 1;

	for (int i = 0; i < 20000; i++) {
		uint32_t k = (seed = seed * 1664525 + 1013904223) >> 16;
		uint16_t port = (uint16_t)(FIRST + 2 * (k % PAIRS));

		now += 100000000;
		if (used[k % PAIRS] && k & 0x400) {
			port_pool_return(&pool, port);
		} else if (used[k % PAIRS]) {
			port_pool_give(&pool, port, now);
		} else if (k & 0x800) {
			ck_assert_int_eq(port_pool_take_port(&pool, port), 0);
		} else if (port_pool_take(&pool, 0, now, &port) < 0) {
			continue;
		}
		k = (uint32_t)(port - FIRST) / 2;
		used[k] = !used[k];
		n_used += used[k] ? 1 : UINT32_MAX;
		ck_assert_uint_eq(port_pool_free(&pool) + pool.resting.n + n_used, PAIRS);
	}
}
END_TEST

START_TEST(survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		struct port_pool p;

		fail_alloc_at(k);
		int ret = port_pool_init(&p, FIRST, LAST, 1, 1);
		bool failed = fail_alloc_end();

		port_pool_fini(&p);
		if (!failed)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("port_pool");
	TCase *tc = tcase_create("port_pool");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, gives_every_pair_once);
	tcase_add_test(tc, knows_its_ports);
	tcase_add_test(tc, odd_range_ends_with_whole_pairs);
	tcase_add_test(tc, freed_ports_rest);
	tcase_add_test(tc, a_certain_port_need_not_rest);
	tcase_add_test(tc, lists_hold_together);
	tcase_add_test(tc, survives_failing_allocations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
