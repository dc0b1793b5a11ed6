#include "control/loop.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

// What happened, in order: "name@time " each.
static char story[4096];
static struct loop *loop;
static struct timer again;

static void told(const char *what) {
	size_t len = strlen(story);

	snprintf(story + len, sizeof(story) - len, "%s@%llu ", what, (unsigned long long)loop_now_ms(loop));
}

static void tell(void *ctx, uint64_t ref) {
	(void)ref;
	told(ctx);
}

static void defer_two(void *ctx, uint64_t ref) {
	(void)ref;
	told(ctx);
	ck_assert_int_eq(loop_defer(loop, tell, (void *)"second", 0), 0);
	ck_assert_int_eq(loop_defer(loop, tell, (void *)"third", 0), 0);
	told("still-first");
}

static void setup(void) {
	story[0] = '\0';
	again = (struct timer){0};
	ck_assert_int_eq(loop_create_manual(&loop), 0);
}

static void teardown(void) {
	loop_destroy(loop);
}

START_TEST(timers_come_in_order_of_their_time) {
	struct timer a = {0}, b = {0}, c = {0}, d = {0};

	loop_timer_start(loop, &c, 300, tell, (void *)"c", 0);
	loop_timer_start(loop, &a, 100, tell, (void *)"a", 0);
	loop_timer_start(loop, &b, 100, tell, (void *)"b", 0);
	loop_timer_start(loop, &d, 200, tell, (void *)"d", 0);
	loop_timer_stop(loop, &d);
	loop_advance(loop, 99);
	ck_assert_str_eq(story, "");
	loop_advance(loop, 1);
	ck_assert_str_eq(story, "a@100 b@100 ");
	loop_advance(loop, 1000);
	ck_assert_str_eq(story, "a@100 b@100 c@300 ");
	ck_assert_uint_eq(loop_now_ms(loop), 1100);
	ck_assert_ptr_null(loop_base(loop));
}
END_TEST

START_TEST(starting_again_moves_it) {
	struct timer t = {0};

	loop_timer_start(loop, &t, 100, tell, (void *)"early", 0);
	loop_timer_start(loop, &t, 200, tell, (void *)"late", 0);
	loop_advance(loop, 500);
	ck_assert_str_eq(story, "late@200 ");
	ck_assert(!loop_timer_is_running(&t));
}
END_TEST

static void restart(void *ctx, uint64_t ref) {
	told(ctx);
	if (ref > 0)
		loop_timer_start(loop, &again, 50, restart, ctx, ref - 1);
}

START_TEST(timers_restart_from_within) {
	loop_timer_start(loop, &again, 0, restart, (void *)"r", 3);
	loop_advance(loop, 0);
	ck_assert_str_eq(story, "r@0 ");
	loop_advance(loop, 120);
	ck_assert_str_eq(story, "r@0 r@50 r@100 ");
	loop_advance(loop, 30);
	ck_assert_str_eq(story, "r@0 r@50 r@100 r@150 ");
}
END_TEST

START_TEST(deferred_run_later_and_before_the_flush) {
	loop_on_flush(loop, FLUSH_SIP, tell, (void *)"sip");
	loop_on_flush(loop, FLUSH_RELAY, tell, (void *)"relay");
	ck_assert_int_eq(loop_defer(loop, defer_two, (void *)"first", 0), 0);
	ck_assert_str_eq(story, "");
	loop_advance(loop, 0);
	ck_assert_str_eq(story, "first@0 still-first@0 second@0 third@0 relay@0 sip@0 ");
	loop_on_flush(loop, FLUSH_SIP, NULL, NULL);
	story[0] = '\0';
	loop_advance(loop, 0);
	ck_assert_str_eq(story, "relay@0 ");
}
END_TEST

static void flush_with_more(void *ctx, uint64_t ref) {
	(void)ref;
	told("flush");
	if (*(int *)ctx > 0) {
		--*(int *)ctx;
		ck_assert_int_eq(loop_defer(loop, tell, (void *)"error", 0), 0);
	}
}

START_TEST(what_a_flush_defers_runs_and_is_flushed) {
	int more = 1;

	loop_on_flush(loop, FLUSH_SIP, flush_with_more, &more);
	loop_advance(loop, 0);
	ck_assert_str_eq(story, "flush@0 error@0 flush@0 ");
}
END_TEST

START_TEST(timers_end_in_a_flush_of_their_time) {
	struct timer t = {0};

	loop_on_flush(loop, FLUSH_SIP, tell, (void *)"flush");
	loop_timer_start(loop, &t, 30, defer_two, (void *)"timer", 0);
	loop_advance(loop, 100);
	ck_assert_str_eq(story, "flush@0 timer@30 still-first@30 second@30 third@30 flush@30 ");
}
END_TEST

static void count(void *ctx, uint64_t ref) {
	int *n = ctx;

	ck_assert_uint_eq(ref, (uint64_t)*n);
	++*n;
}

START_TEST(many_deferred_keep_their_order) {
	int n = 0;

	for (uint64_t i = 0; i < 1000; i++)
		ck_assert_int_eq(loop_defer(loop, count, &n, i), 0);
	loop_advance(loop, 0);
	ck_assert_int_eq(n, 1000);
}
END_TEST

START_TEST(survives_failing_allocations) {
	struct loop *l = NULL;
	int n = 0, ret = 0;
	uint64_t i = 0;

	for (unsigned k = 1;; k++) {
		fail_alloc_at(k);
		ret = loop_create_manual(&l);
		if (!fail_alloc_end())
			break;
		ck_assert_int_eq(ret, -ENOMEM);
	}
	loop_destroy(l);
	loop_destroy(NULL);
	fail_alloc_at(1);
	while ((ret = loop_defer(loop, count, &n, i)) == 0)
		i++;
	ck_assert(fail_alloc_end());
	ck_assert_int_eq(ret, -ENOMEM);
	loop_advance(loop, 0); // none of the others is lost
	ck_assert_uint_eq((uint64_t)n, i);
}
END_TEST

static void stop(void *ctx, uint64_t ref) {
	(void)ctx, (void)ref;
	loop_stop(loop);
}

// The real clock, without any sleep of ours: two timers a few milliseconds away.
START_TEST(real_loop_runs_timers_and_stops) {
	struct timer a = {0}, b = {0};
	uint64_t from_ms;
	struct loop *manual = loop;

	ck_assert_int_eq(loop_create(&loop), 0);
	ck_assert_ptr_nonnull(loop_base(loop));
	from_ms = loop_now_ms(loop);
	ck_assert_uint_gt(loop_wall_ms(loop), UINT64_C(1600000000000));
	loop_timer_start(loop, &b, 4, stop, NULL, 0);
	loop_timer_start(loop, &a, 2, tell, (void *)"", 0);
	ck_assert_int_eq(loop_run(loop), 0);
	ck_assert_uint_ge(loop_now_ms(loop), from_ms + 4);
	ck_assert_uint_ge(strlen(story), 2);
	loop_destroy(loop);
	loop = manual;
}
END_TEST

START_TEST(real_loop_runs_what_was_deferred_before) {
	struct loop *manual = loop;

	ck_assert_int_eq(loop_create(&loop), 0);
	ck_assert_int_eq(loop_defer(loop, stop, NULL, 0), 0);
	ck_assert_int_eq(loop_run(loop), 0);
	loop_destroy(loop);
	loop = manual;
}
END_TEST

int main(void) {
	Suite *s = suite_create("loop");
	TCase *c = tcase_create("loop");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, timers_come_in_order_of_their_time);
	tcase_add_test(c, starting_again_moves_it);
	tcase_add_test(c, timers_restart_from_within);
	tcase_add_test(c, deferred_run_later_and_before_the_flush);
	tcase_add_test(c, what_a_flush_defers_runs_and_is_flushed);
	tcase_add_test(c, timers_end_in_a_flush_of_their_time);
	tcase_add_test(c, many_deferred_keep_their_order);
	tcase_add_test(c, survives_failing_allocations);
	tcase_add_test(c, real_loop_runs_timers_and_stops);
	tcase_add_test(c, real_loop_runs_what_was_deferred_before);
	suite_add_tcase(s, c);
	return run_suite(s);
}
