// Whole calls that go well, and those whose messages are lost, repeated or late (RFC 3261 §13, §15, §17; RFC 6026).
#include "tests/unit/call_ladder.h"

static struct party alice, bob;

static void open_both(void) {
	bench_open(NULL);
	caller_init(&alice);
	callee_init(&bob);
}

START_TEST(caller_hangs_up) {
	open_both();
	talk(&alice, &bob);
	ck_assert_uint_eq(calls_now(bench_calls()), 1);
	hang_up(&alice, &bob);
	bench_close();
}
END_TEST

START_TEST(callee_hangs_up) {
	open_both();
	talk(&alice, &bob);
	hang_up(&bob, &alice);
	bench_close();
}
END_TEST

int main(void) {
	const TTest *const tests[] = {caller_hangs_up, callee_hangs_up};

	return BENCH_RUN("calls_plain", tests);
}
