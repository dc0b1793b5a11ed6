// Rings between workers: full ones take what they can, and go on when there is room again.
#include "dpdk_app/hand_ring.h"
#include "tests/unit/run_suite.h"

#include <check.h>

enum { BATCH = 48 };

static struct hand_ring ring;
static int things[3 * HAND_RING];

static void setup(void) {
	hand_ring_init(&ring);
}

static unsigned push(unsigned first, unsigned n) {
	void *items[BATCH];

	for (unsigned i = 0; i < n; i++)
		items[i] = &things[first + i];
	return hand_ring_push(&ring, items, n);
}

// Pop up to n and check that they are things from first on.
static unsigned pop(unsigned first, unsigned n) {
	void *items[BATCH];
	unsigned got = hand_ring_pop(&ring, items, n);

	for (unsigned i = 0; i < got; i++)
		ck_assert_ptr_eq(items[i], &things[first + i]);
	return got;
}

START_TEST(an_empty_one_gives_nothing) {
	ck_assert_uint_eq(pop(0, BATCH), 0);
	ck_assert_uint_eq(push(0, 0), 0);
	ck_assert_uint_eq(pop(0, BATCH), 0);
}
END_TEST

START_TEST(order_is_kept_over_many_turns) {
	unsigned pushed = 0, popped = 0;

	while (pushed < 3 * HAND_RING - BATCH) {
		pushed += push(pushed, 1 + pushed % BATCH);
		popped += pop(popped, 1 + popped % 31);
	}
	while (popped < pushed)
		popped += pop(popped, BATCH);
	ck_assert_uint_eq(pop(0, BATCH), 0);
}
END_TEST

START_TEST(a_full_one_takes_the_first_and_recovers) {
	unsigned pushed = 0;

	while (pushed < HAND_RING - 5)
		pushed += push(pushed, 1);
	ck_assert_uint_eq(push(pushed, BATCH), 5);
	ck_assert_uint_eq(push(pushed, BATCH), 0);
	ck_assert_uint_eq(pop(0, 7), 7);
	ck_assert_uint_eq(push(HAND_RING, BATCH), 7);
	ck_assert_uint_eq(push(0, 1), 0);
	for (unsigned i = 7; i < HAND_RING + 7; i++)
		ck_assert_uint_eq(pop(i, 1), 1);
	ck_assert_uint_eq(pop(0, 1), 0);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("hand_ring");
	TCase *tc = tcase_create("hand_ring");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, an_empty_one_gives_nothing);
	tcase_add_test(tc, order_is_kept_over_many_turns);
	tcase_add_test(tc, a_full_one_takes_the_first_and_recovers);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
