// Whole calls over a network that loses, repeats and reorders, by fixed seeds. Whatever happens, everything is cleaned up
// and no side is left in a dialog that the other has ended.
#include "tests/unit/call_phone.h"

enum { RUNS = 150 };

static const struct phone_plan plans[] = {
	// cancel, caller's BYE, ring, answer, status, forks, early media, callee's BYE
	{NEVER, 3000, 200, 1000, 200, 1, false, NEVER},
	{NEVER, NEVER, 200, 1000, 200, 1, true, 2000},
	{NEVER, 1000, 0, 0, 200, 1, false, 1000},
	{NEVER, 0, 0, 0, 200, 1, false, 0},
	{NEVER, NEVER, 100, 800, 486, 1, false, NEVER},
	{0, 500, 100, 700, 200, 1, false, NEVER},
	{300, NEVER, 100, 300, 200, 1, false, 700},
	{700, NEVER, 100, NEVER, 200, 1, true, NEVER},
	{1000, 0, 0, 900, 200, 1, false, 0},
	{1000, 0, 0, 900, 486, 1, false, 0},
	{NEVER, 2000, 100, 500, 200, 2, true, NEVER},
	{NEVER, NEVER, 100, 500, 200, 2, false, 900},
	{600, 0, 100, 500, 200, 2, false, 900},
	{900, NEVER, NEVER, NEVER, 200, 1, false, NEVER},
};
enum { PLANS = sizeof(plans) / sizeof(*plans) };

START_TEST(a_good_network) {
	const struct network perfect = {.seed = 1};

	for (unsigned i = 0; i < PLANS; i++) {
		struct phones_seen seen;

		bench_open(NULL);
		seen = phones_call(&perfect, &plans[i]);
		ck_assert_uint_eq(bench_ended()->n, 1);
		ck_assert_int_eq(seen.caller_status, (int)bench_ended()->status);
		if (plans[i].cancel_ms == NEVER)
			ck_assert_int_eq(seen.caller_status, plans[i].status);
		bench_close();
	}
}
END_TEST

static void run(unsigned first, struct network network) {
	bench_open(NULL);
	for (unsigned i = first; i < first + RUNS; i++) {
		unsigned n_before = bench_ended()->n;
		struct phones_seen seen;

		network.seed = i * 7919 + 17;
		seen = phones_call(&network, &plans[i % PLANS]);
		// One call, or none if each of the INVITE's seven copies was lost.
		ck_assert_msg(bench_ended()->n == n_before + 1 ||
				(bench_ended()->n == n_before && seen.caller_status == 0),
			"seed %u: %u calls", i, bench_ended()->n - n_before);
		// The caller believes what the record says, if it heard anything at all.
		ck_assert_msg(seen.caller_status == 0 || seen.caller_status == (int)bench_ended()->status,
			"seed %u: caller saw %d, recorded %u", i, seen.caller_status, bench_ended()->status);
	}
	bench_close();
}

START_TEST(reordered) {
	run(0, (struct network){.delay_ms = 400});
}
END_TEST

START_TEST(repeated_and_reordered) {
	run(1000, (struct network){.twice = 30, .delay_ms = 900});
}
END_TEST

START_TEST(lost) {
	run(2000, (struct network){.loss = 20, .delay_ms = 50});
}
END_TEST

START_TEST(everything_at_once) {
	run(3000, (struct network){.loss = 20, .twice = 20, .delay_ms = 1500});
}
END_TEST

// A relay that takes its time, sometimes longer than its deadline: the caller then gets a 503.
START_TEST(a_slow_relay) {
	run(4000, (struct network){.twice = 10, .delay_ms = 600, .relay_stuck = 93});
}
END_TEST

int main(void) {
	const TTest *const tests[] = {
		a_good_network, reordered, repeated_and_reordered, lost, everything_at_once, a_slow_relay};

	return BENCH_RUN("calls_races", tests);
}
