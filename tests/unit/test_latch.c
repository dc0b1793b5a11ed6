#include "relay/latch.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>

#define S 1000000000ull

enum { HOME = 1, AWAY = 2 }; // addresses

struct vector {
	const char *what;
	struct latch_state state;
	struct latch_addr source;
	uint64_t now_ns;
	enum latch_outcome want;
};

#define OFF .mode = LATCH_OFF
#define STRICT .mode = LATCH_STRICT
#define ADDRESS .mode = LATCH_ADDRESS, .vouched_be = HOME
#define ANY .mode = LATCH_ANY
#define LATCHED .latched = true, .learnt = {HOME, 10}

static const struct vector vectors[] = {
	{"off: signalled", {OFF, .remote = {HOME, 10}}, {HOME, 10}, 1, LATCH_PASS},
	{"off: other port", {OFF, .remote = {HOME, 10}}, {HOME, 11}, 1, LATCH_PASS},
	{"off: other address", {OFF, .remote = {HOME, 10}}, {AWAY, 10}, 1, LATCH_REJECT},
	{"off: nothing signalled", {OFF}, {HOME, 10}, 1, LATCH_BLANK},
	{"strict: signalled", {STRICT, .remote = {HOME, 10}}, {HOME, 10}, 1, LATCH_PASS},
	{"strict: other port", {STRICT, .remote = {HOME, 10}}, {HOME, 11}, 1, LATCH_REJECT},
	{"strict: other address", {STRICT, .remote = {HOME, 10}}, {AWAY, 10}, 1, LATCH_REJECT},
	{"strict: nothing signalled", {STRICT}, {HOME, 10}, 1, LATCH_BLANK},

	{"address: vouched", {ADDRESS}, {HOME, 10}, 1, LATCH_LEARN},
	{"address: vouched, long after", {ADDRESS}, {HOME, 10}, 900 * S, LATCH_LEARN},
	{"address: signalled only", {ADDRESS, .remote = {AWAY, 10}}, {AWAY, 10}, 1, LATCH_REJECT},
	{"address: nobody vouched for", {.mode = LATCH_ADDRESS}, {HOME, 10}, 1, LATCH_BLANK},
	{"address: latched", {ADDRESS, LATCHED}, {HOME, 10}, 1, LATCH_PASS},
	{"address: latched, port", {ADDRESS, LATCHED}, {HOME, 11}, 1, LATCH_REJECT},
	{"address: latched, port after silence", {ADDRESS, LATCHED, .last_in_ns = S}, {HOME, 11}, 3 * S,
		LATCH_LEARN},
	{"address: latched, port before 2 s", {ADDRESS, LATCHED, .last_in_ns = S}, {HOME, 11}, 3 * S - 1,
		LATCH_REJECT},
	{"address: latched, stranger after silence", {ADDRESS, LATCHED}, {AWAY, 10}, 90 * S, LATCH_REJECT},
	{"address: raised", {ADDRESS, LATCHED, .relearn = true, .last_in_ns = 9 * S, .window_ns = 9 * S},
		{HOME, 11}, 10 * S, LATCH_LEARN},
	{"address: raised, same source", {ADDRESS, LATCHED, .relearn = true}, {HOME, 10}, 1, LATCH_PASS},
	{"address: raised, stranger", {ADDRESS, LATCHED, .relearn = true}, {AWAY, 10}, 1, LATCH_REJECT},
	{"address: latched, nobody vouched for now", {.mode = LATCH_ADDRESS, LATCHED}, {HOME, 11}, 90 * S,
		LATCH_REJECT},
	{"address: latched, same source, nobody vouched for", {.mode = LATCH_ADDRESS, LATCHED}, {HOME, 10}, 1,
		LATCH_PASS},

	{"any: first", {ANY, .window_ns = S}, {AWAY, 10}, S, LATCH_LEARN},
	{"any: first at 5 s", {ANY, .window_ns = S}, {AWAY, 10}, 6 * S, LATCH_LEARN},
	{"any: first after 5 s", {ANY, .window_ns = S}, {AWAY, 10}, 6 * S + 1, LATCH_REJECT},
	{"any: clock of the frame is behind", {ANY, .window_ns = S}, {AWAY, 10}, S - 1, LATCH_LEARN},
	{"any: latched", {ANY, LATCHED}, {HOME, 10}, 90 * S, LATCH_PASS},
	{"any: latched, stranger in the window", {ANY, LATCHED, .last_in_ns = S}, {AWAY, 10}, S + 1,
		LATCH_REJECT},
	{"any: latched, stranger after silence", {ANY, LATCHED, .last_in_ns = S}, {AWAY, 10}, 3 * S,
		LATCH_LEARN},
	{"any: restored just now", {ANY, LATCHED, .window_ns = 90 * S}, {AWAY, 10}, 91 * S, LATCH_REJECT},
	{"any: restored, silent", {ANY, LATCHED, .window_ns = 90 * S}, {AWAY, 10}, 92 * S, LATCH_LEARN},
	{"any: raised", {ANY, LATCHED, .relearn = true, .window_ns = S, .last_in_ns = 4 * S}, {AWAY, 10},
		5 * S, LATCH_LEARN},
	{"any: raised, window over", {ANY, LATCHED, .relearn = true, .window_ns = S, .last_in_ns = 7 * S},
		{AWAY, 10}, 7 * S, LATCH_REJECT},
};

START_TEST(check_says) {
	const struct vector *v = &vectors[_i];

	ck_assert_msg(latch_check(&v->state, v->source, v->now_ns) == v->want, "%s", v->what);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("latch");
	TCase *c = tcase_create("latch");

	tcase_add_loop_test(c, check_says, 0, sizeof(vectors) / sizeof(vectors[0]));
	suite_add_tcase(suite, c);
	return run_suite(suite);
}
