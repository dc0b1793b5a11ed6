#include "dpdk_app/buffer_watch.h"
#include "tests/unit/run_suite.h"

#include <check.h>

static const struct {
	const char *what;
	uint64_t n_free;
	enum buffer_news news;
	uint64_t lowest;
} steps[] = {
	{"the first look", 900, BUFFERS_SAME, 900},
	{"more", 1000, BUFFERS_SAME, 900},
	{"fewer", 32, BUFFERS_SAME, 32},
	{"less than a burst", 31, BUFFERS_LOW, 31},
	{"none", 0, BUFFERS_SAME, 0},
	{"none is remembered", 33, BUFFERS_SAME, 0},
	{"on the edge", 127, BUFFERS_SAME, 0},
	{"well again", 128, BUFFERS_BACK, 0},
	{"and still", 1000, BUFFERS_SAME, 0},
	{"low once more", 5, BUFFERS_LOW, 0},
};

START_TEST(all_steps) {
	struct buffer_watch w = {0};

	for (unsigned i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		const enum buffer_news news = buffer_watch_see(&w, steps[i].n_free, 1000 + 100 * i);

		ck_assert_msg(news == steps[i].news && w.lowest == steps[i].lowest, "%s: news %d, lowest %lu",
			steps[i].what, (int)news, (unsigned long)w.lowest);
		if (news == BUFFERS_BACK)
			ck_assert_uint_eq(w.low_ns, 400);
	}
}
END_TEST

START_TEST(low_from_the_start) {
	struct buffer_watch w = {0};

	ck_assert_int_eq(buffer_watch_see(&w, 3, 50), BUFFERS_LOW);
	ck_assert_uint_eq(w.lowest, 3);
	ck_assert_int_eq(buffer_watch_see(&w, 500, 80), BUFFERS_BACK);
	ck_assert_uint_eq(w.low_ns, 30);
}
END_TEST

int main(void) {
	Suite *s = suite_create("buffer_watch");
	TCase *t = tcase_create("buffer_watch");

	tcase_add_test(t, all_steps);
	tcase_add_test(t, low_from_the_start);
	suite_add_tcase(s, t);
	return run_suite(s);
}
