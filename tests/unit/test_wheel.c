#include "control/wheel.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>

enum { N = 3000 };

static void start(struct wheel *w, struct timer *t, uint64_t due_ms) {
	t->due_ms = due_ms;
	wheel_add(w, t);
}

// Every boundary of the levels, from both sides, from several starts.
START_TEST(each_expires_at_its_time) {
	static const uint64_t starts[] = {
		0, 1, 255, 256, 65535, 65536, 16777215, 123456789, 4294967295, 1099511000000};
	static const uint64_t waits[] = {
		1,
		2,
		254,
		255,
		256,
		257,
		511,
		512,
		65279,
		65280,
		65535,
		65536,
		65537,
		16777215,
		16777216,
		16777217,
		4294967295,
		4294967296,
		68719476736,
	};
	static struct wheel w;

	for (size_t s = 0; s < sizeof(starts) / sizeof(*starts); s++) {
		for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
			struct timer t = {0};
			uint64_t due = starts[s] + waits[i];

			if (due >> 40 != starts[s] >> 40)
				continue; // beyond the wheel, see clamps_the_far_future
			wheel_init(&w, starts[s]);
			start(&w, &t, due);
			ck_assert(loop_timer_is_running(&t));
			ck_assert_uint_le(wheel_next_ms(&w), due);
			ck_assert_ptr_null(wheel_expire(&w, due - 1));
			ck_assert_uint_eq(w.now_ms, due - 1);
			ck_assert_ptr_eq(wheel_expire(&w, due), &t);
			ck_assert(!loop_timer_is_running(&t));
			ck_assert_ptr_null(wheel_expire(&w, due));
			ck_assert_uint_eq(wheel_next_ms(&w), UINT64_MAX);
		}
	}
}
END_TEST

// Against a plain sort: by due time, then by order of starting.
START_TEST(many_expire_in_order) {
	static struct wheel w;
	static struct timer timers[N];
	uint64_t last_due = 0, last_ref = 0;
	unsigned n_seen = 0, n_stopped = 0;
	struct timer *t;

	srand(1);
	memset(timers, 0, sizeof(timers));
	wheel_init(&w, 1000);
	for (unsigned i = 0; i < N; i++) {
		if (i == N / 2) // the second half starts from another time
			ck_assert_ptr_null(wheel_expire(&w, 1100));
		timers[i].ref = i;
		start(&w, &timers[i], 1101 + (uint64_t)rand() % (i % 2 == 0 ? 300 : 200000));
	}
	for (unsigned i = 0; i < N; i += 7, n_stopped++)
		wheel_del(&timers[i]);
	while ((t = wheel_expire(&w, UINT64_C(1) << 30)) != NULL) {
		ck_assert_uint_eq(w.now_ms, t->due_ms);
		ck_assert_uint_ge(t->due_ms, last_due);
		if (t->due_ms == last_due)
			ck_assert_uint_gt(t->ref, last_ref);
		ck_assert_uint_ne(t->ref % 7, 0);
		last_due = t->due_ms;
		last_ref = t->ref;
		n_seen++;
	}
	ck_assert_uint_eq(n_seen, N - n_stopped);
}
END_TEST

START_TEST(one_big_step_is_like_many_small) {
	static struct wheel w;
	struct timer a = {0}, b = {0}, c = {0};

	wheel_init(&w, 5);
	start(&w, &b, 70000);
	start(&w, &a, 300);
	start(&w, &c, 70000);
	ck_assert_ptr_eq(wheel_expire(&w, 1000000), &a);
	ck_assert_ptr_eq(wheel_expire(&w, 1000000), &b);
	ck_assert_ptr_eq(wheel_expire(&w, 1000000), &c);
	ck_assert_ptr_null(wheel_expire(&w, 1000000));
	ck_assert_uint_eq(w.now_ms, 1000000);
}
END_TEST

// Between expiring and being handed out a timer can still be stopped, as another's callback may.
START_TEST(stops_what_is_ready) {
	static struct wheel w;
	struct timer a = {0}, b = {0}, c = {0};

	wheel_init(&w, 0);
	start(&w, &a, 10);
	start(&w, &b, 10);
	start(&w, &c, 10);
	ck_assert_ptr_eq(wheel_expire(&w, 10), &a);
	ck_assert_uint_eq(wheel_next_ms(&w), 10);
	wheel_del(&b);
	wheel_del(&b); // not running: ignored
	ck_assert_ptr_eq(wheel_expire(&w, 10), &c);
	ck_assert_ptr_null(wheel_expire(&w, 10));
}
END_TEST

START_TEST(what_is_late_already_comes_once_a_turn) {
	static struct wheel w;
	struct timer a = {0}, b = {0};

	wheel_init(&w, 100);
	start(&w, &a, 100);
	start(&w, &b, 40);
	ck_assert_uint_eq(wheel_next_ms(&w), 100);
	ck_assert_ptr_null(wheel_expire(&w, 100));
	wheel_take_soon(&w);
	ck_assert_ptr_eq(wheel_expire(&w, 100), &a);
	start(&w, &a, 100); // not in this turn again
	ck_assert_ptr_eq(wheel_expire(&w, 100), &b);
	ck_assert_ptr_null(wheel_expire(&w, 100));
	wheel_take_soon(&w);
	ck_assert_ptr_eq(wheel_expire(&w, 100), &a);
}
END_TEST

START_TEST(clamps_the_far_future) {
	static struct wheel w;
	struct timer t = {0};

	wheel_init(&w, 7);
	start(&w, &t, UINT64_MAX);
	ck_assert_uint_eq(t.due_ms, (UINT64_C(1) << 40) - 1);
	ck_assert_ptr_null(wheel_expire(&w, UINT64_C(1) << 39));
	ck_assert_ptr_eq(wheel_expire(&w, UINT64_C(1) << 40), &t);
}
END_TEST

int main(void) {
	Suite *s = suite_create("wheel");
	TCase *c = tcase_create("wheel");

	tcase_add_test(c, each_expires_at_its_time);
	tcase_add_test(c, many_expire_in_order);
	tcase_add_test(c, one_big_step_is_like_many_small);
	tcase_add_test(c, stops_what_is_ready);
	tcase_add_test(c, what_is_late_already_comes_once_a_turn);
	tcase_add_test(c, clamps_the_far_future);
	suite_add_tcase(s, c);
	return run_suite(s);
}
