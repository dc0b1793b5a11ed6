// Each allocation of control failing once, over whole calls: nothing crashes, leaks or is stuck.
#include "tests/unit/call_phone.h"
#include "tests/unit/fail_alloc.h"

static const struct phone_plan plans[] = {
	// cancel, caller's BYE, ring, answer, status, forks, early media, callee's BYE
	{NEVER, 500, 100, 300, 200, 1, true, NEVER},
	{NEVER, NEVER, 100, 300, 200, 2, false, 500},
	{NEVER, NEVER, 100, 300, 486, 1, false, NEVER},
	{300, NEVER, 100, NEVER, 200, 1, false, NEVER},
};
enum { PLANS = sizeof(plans) / sizeof(*plans), MOST = 2000 };

// Returns false when k is more than the call allocates.
static bool run(unsigned k, const struct phone_plan *plan, struct phones_seen *seen) {
	const struct network perfect = {.seed = k, .may_leave = true};
	bool has_failed;

	bench_open(NULL);
	bench_may_reap();
	fail_alloc_at(k);
	*seen = phones_call(&perfect, plan);
	has_failed = fail_alloc_end();
	bench_close();
	return has_failed;
}

START_TEST(whole_calls) {
	for (unsigned i = 0; i < PLANS; i++) {
		struct phones_seen seen;
		unsigned k = 1;

		while (run(k, &plans[i], &seen))
			ck_assert_uint_lt(++k, MOST);
		ck_assert_uint_gt(k, 30); // it does allocate
		ck_assert_int_eq(seen.caller_status, i == 3 ? 487 : plans[i].status);
	}
}
END_TEST

START_TEST(creation) {
	unsigned k = 1;

	while (bench_fails_to_open(k))
		ck_assert_uint_lt(++k, MOST);
	ck_assert_uint_gt(k, 10);
}
END_TEST

int main(void) {
	const TTest *const tests[] = {whole_calls, creation};

	return BENCH_RUN("calls_alloc", tests);
}
