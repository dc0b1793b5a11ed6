#include "relay/session_store.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

enum { MAX = 200 };

static struct session_store store;
static const uint64_t key[2] = {1, 2};

static void setup(void) {
	ck_assert_int_eq(session_store_init(&store, MAX, key), 0);
}

static void teardown(void) {
	session_store_fini(&store);
}

static void drop(uint32_t slot) {
	session_store_hide(&store, slot);
	session_store_free(&store, slot);
}

// From the SipHash authors' reference: key 00 01 … 0f, input 00 01 … 07 (also what OpenSSL's SIPHASH MAC gives).
START_TEST(siphash_is_siphash) {
	const uint64_t k[2] = {0x0706050403020100, 0x0f0e0d0c0b0a0908};

	ck_assert_uint_eq(siphash_u64(k, 0x0706050403020100), 0x93f5f5799a932462);
}
END_TEST

START_TEST(finds_what_was_added) {
	uint32_t slot = session_store_add(&store, 5), generation = store.sessions[slot].generation;

	ck_assert_uint_eq(session_store_find(&store, 5), slot);
	ck_assert_uint_eq(session_store_find(&store, 6), SESSION_NONE);
	ck_assert_uint_eq(session_store_find(&store, 0), SESSION_NONE);
	session_store_hide(&store, slot);
	ck_assert_uint_eq(session_store_find(&store, 5), SESSION_NONE);
	ck_assert_uint_ne(session_store_add(&store, 5), slot); // the slot is not free yet
	session_store_free(&store, slot);
	ck_assert_uint_eq(session_store_add(&store, 7), slot);
	ck_assert_uint_ne(store.sessions[slot].generation, generation);
}
END_TEST

START_TEST(fills_up) {
	for (uint64_t id = 1; id <= MAX; id++)
		ck_assert_uint_ne(session_store_add(&store, id), SESSION_NONE);
	ck_assert_uint_eq(session_store_add(&store, MAX + 1), SESSION_NONE);
	ck_assert_uint_eq(store.n, MAX);
	drop(session_store_find(&store, 100));
	ck_assert_uint_ne(session_store_add(&store, MAX + 1), SESSION_NONE);
}
END_TEST

START_TEST(generation_skips_zero) {
	uint32_t slot = session_store_add(&store, 1);

	store.sessions[slot].generation = UINT32_MAX;
	drop(slot);
	ck_assert_uint_eq(session_store_add(&store, 2), slot);
	ck_assert_uint_eq(store.sessions[slot].generation, 1);
}
END_TEST

// Against a plain array as the model, through many additions and removals (gaps in the table move).
START_TEST(agrees_with_a_model) {
	bool there[2 * MAX] = {false};
	uint32_t seed = 3, n = 0;

	for (int i = 0; i < 50000; i++) {
		uint32_t id = (seed = seed * 1664525 + 1013904223) >> 16 & (MAX - 1);
		uint32_t slot = session_store_find(&store, id + 1);

		ck_assert(there[id] == (slot != SESSION_NONE));
		if (there[id]) {
			ck_assert_uint_eq(store.ids[slot], id + 1);
			drop(slot);
			n--;
		} else {
			ck_assert_uint_ne(session_store_add(&store, id + 1), SESSION_NONE);
			n++;
		}
		there[id] = !there[id];
		ck_assert_uint_eq(store.n, n);
	}
}
END_TEST

START_TEST(pages_ascend) {
	uint32_t slots[16], n, seen = 0;
	uint64_t after = 0;

	for (uint64_t i = 0; i < 101; i++) { // 37 runs through all residues of 101
		uint32_t slot = session_store_add(&store, 1000 + i * 37 % 101);

		store.call_ids[slot] = i % 2 + 1;
	}
	while ((n = session_store_page(&store, after, 0, 16, slots)) > 0)
		for (uint32_t i = 0; i < n; i++) {
			ck_assert_uint_eq(store.ids[slots[i]], 1000 + seen++);
			after = store.ids[slots[i]];
		}
	ck_assert_uint_eq(seen, 101);
	ck_assert_uint_eq(session_store_page(&store, 0, 0, 0, slots), 0);
}
END_TEST

START_TEST(pages_can_be_of_one_call) {
	uint32_t slots[MAX], n;

	for (uint64_t i = 1; i <= 50; i++)
		store.call_ids[session_store_add(&store, i)] = i % 5;
	n = session_store_page(&store, 10, 3, MAX, slots);
	ck_assert_uint_eq(n, 8); // 13, 18, … 48
	for (uint32_t i = 0; i < n; i++)
		ck_assert_uint_eq(store.ids[slots[i]], 13 + 5 * i);
}
END_TEST

START_TEST(survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		struct session_store s;

		fail_alloc_at(k);
		int ret = session_store_init(&s, MAX, key);
		bool failed = fail_alloc_end();

		session_store_fini(&s);
		if (!failed)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
}
END_TEST

int main(void) {
	Suite *suite = suite_create("session_store");
	TCase *tc = tcase_create("session_store");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, siphash_is_siphash);
	tcase_add_test(tc, finds_what_was_added);
	tcase_add_test(tc, fills_up);
	tcase_add_test(tc, generation_skips_zero);
	tcase_add_test(tc, agrees_with_a_model);
	tcase_add_test(tc, pages_ascend);
	tcase_add_test(tc, pages_can_be_of_one_call);
	tcase_add_test(tc, survives_failing_allocations);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
