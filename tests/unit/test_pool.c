#include "control/pool.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdint.h>

enum { MAX = 600 }; // more than two chunks

struct thing {
	uint64_t value;
	char filler[40];
};

static struct pool *new_pool(uint32_t max) {
	struct pool *p;

	ck_assert_int_eq(pool_create(sizeof(struct thing), max, &p), 0);
	return p;
}

START_TEST(fills_up_to_max) {
	struct pool *p = new_pool(MAX);
	uint64_t handles[MAX], extra;

	for (uint64_t i = 0; i < MAX; i++) {
		struct thing *t = pool_add(p, &handles[i]);

		ck_assert_ptr_nonnull(t);
		ck_assert_uint_eq((uintptr_t)t % _Alignof(max_align_t), 0);
		ck_assert_uint_ne(handles[i], 0);
		t->value = i;
	}
	ck_assert_ptr_null(pool_add(p, &extra));
	ck_assert_uint_eq(pool_count(p), MAX);
	for (uint64_t i = 0; i < MAX; i++)
		ck_assert_uint_eq(((struct thing *)pool_find(p, handles[i]))->value, i);
	pool_del(p, handles[7]);
	ck_assert_ptr_nonnull(pool_add(p, &extra));
	ck_assert_ptr_null(pool_add(p, &extra));
	pool_destroy(p);
}
END_TEST

START_TEST(old_handles_name_nothing) {
	struct pool *p = new_pool(1);
	uint64_t old, now;
	struct thing *t = pool_add(p, &old);

	t->value = 1;
	pool_del(p, old);
	ck_assert_ptr_null(pool_find(p, old));
	t = pool_add(p, &now);
	ck_assert_uint_eq(t->value, 0); // zeroed
	ck_assert_uint_ne(now, old);
	ck_assert_ptr_null(pool_find(p, old));
	pool_del(p, old); // ignored
	ck_assert_ptr_eq(pool_find(p, now), t);
	ck_assert_uint_eq(pool_count(p), 1);
	pool_destroy(p);
}
END_TEST

START_TEST(unknown_handles_name_nothing) {
	static const uint64_t unknown[] = {
		0, 1, 2, UINT32_MAX, UINT64_MAX, UINT64_C(1) << 32, UINT64_C(5) << 32 | 9999};
	struct pool *p = new_pool(MAX);
	uint64_t handle;

	pool_add(p, &handle);
	for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
		if (unknown[i] == handle)
			continue;
		ck_assert_ptr_null(pool_find(p, unknown[i]));
		pool_del(p, unknown[i]);
	}
	ck_assert_uint_eq(pool_count(p), 1);
	pool_destroy(p);
}
END_TEST

START_TEST(another_start_names_nothing) {
	int same = 0;

	for (int i = 0; i < 8; i++) {
		struct pool *a = new_pool(1), *b = new_pool(1);
		uint64_t in_a, in_b;

		pool_add(a, &in_a);
		pool_add(b, &in_b);
		same += in_a == in_b;
		pool_destroy(a);
		pool_destroy(b);
	}
	ck_assert_int_lt(same, 2); // each by chance once in 2^32
}
END_TEST

START_TEST(next_walks_in_slot_order) {
	struct pool *p = new_pool(MAX);
	uint64_t handles[MAX], at = 0;
	int seen = 0;

	ck_assert_ptr_null(pool_next(p, 0, &at));
	for (uint64_t i = 0; i < MAX; i++)
		((struct thing *)pool_add(p, &handles[i]))->value = i;
	for (struct thing *t = pool_next(p, 0, &at); t != NULL; t = pool_next(p, at, &at)) {
		ck_assert_uint_eq(t->value, (uint64_t)seen);
		pool_del(p, at); // what we stand on may go
		if (seen % 2 == 0 && seen + 1 < MAX)
			pool_del(p, handles[seen + 1]), seen++; // and what comes next
		seen++;
	}
	ck_assert_int_eq(seen, MAX);
	ck_assert_uint_eq(pool_count(p), 0);
	pool_destroy(p);
}
END_TEST

START_TEST(survives_failing_allocations) {
	struct pool *p = NULL;
	uint64_t handle;

	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		int ret = pool_create(sizeof(struct thing), MAX, &p);

		if (!fail_alloc_end()) {
			ck_assert_uint_gt(k, 1);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
	}
	fail_alloc_at(1);
	ck_assert_ptr_null(pool_add(p, &handle));
	ck_assert(fail_alloc_end());
	ck_assert_ptr_nonnull(pool_add(p, &handle));
	pool_destroy(p);
	pool_destroy(NULL);
}
END_TEST

int main(void) {
	Suite *s = suite_create("pool");
	TCase *c = tcase_create("pool");

	tcase_add_test(c, fills_up_to_max);
	tcase_add_test(c, old_handles_name_nothing);
	tcase_add_test(c, unknown_handles_name_nothing);
	tcase_add_test(c, another_start_names_nothing);
	tcase_add_test(c, next_walks_in_slot_order);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
