// Ten thousand destinations: one neighbour behind a gateway, and questions that take turns.
#include "tests/unit/next_hops_fixture.h"
#include "tests/unit/run_suite.h"

enum { MANY = 10000 };

static struct endpoint many_address(uint32_t i) {
	return endpoint_v4(htonl(0xc6120000 + i), 0); // 198.18.0.0/15
}

// A table of MANY destinations, all asked for.
static struct next_hops *many(uint32_t ids[static MANY]) {
	struct next_hops_params p = params();
	struct next_hops *table;

	p.capacity = MANY + 10;
	ck_assert_int_eq(next_hops_create(&p, &table), 0);
	next_hops_set_interface(table, CORE, CORE_IF);
	for (uint32_t i = 0; i < MANY; i++) {
		const struct endpoint e = many_address(i);

		ids[i] = next_hops_get(table, CORE, &e);
		ck_assert_uint_ne(ids[i], 0);
	}
	return table;
}

// Answer all questions: each route leads to the gateway. Gives how many there were of each kind.
static void answer_all(struct next_hops *table, const char *gateway, unsigned asked[static ASK_USE + 1]) {
	const struct endpoint g = address(gateway);
	struct next_hops_ask ask;

	memset(asked, 0, (ASK_USE + 1) * sizeof(*asked));
	while ((ask = next_hops_ask(table)).question != ASK_NOTHING) {
		asked[ask.question]++;
		if (ask.question == ASK_ROUTE)
			next_hops_on_route(table, &ask, true, &g, now);
	}
}

static unsigned n_words(const struct next_hops *table, const uint32_t ids[static MANY], uint64_t value) {
	unsigned n = 0;

	for (uint32_t i = 0; i < MANY; i++)
		n += next_hops_words(table)[ids[i]] == value;
	return n;
}
// 10,000 peers behind one gateway: one neighbour, asked for once and used once in 30 s; its news reach all of them.
START_TEST(many_behind_one_gateway) {
	const struct endpoint gateway = address("10.2.0.9"), other = address("10.2.0.10");
	static uint32_t ids[MANY];
	struct next_hops *table = many(ids);
	unsigned asked[ASK_USE + 1];

	answer_all(table, "10.2.0.9", asked);
	ck_assert_uint_eq(asked[ASK_ROUTE], MANY);
	ck_assert_uint_eq(asked[ASK_NEIGHBOUR], 1);
	ck_assert_uint_eq(asked[ASK_USE], 0);
	next_hops_on_neighbour(table, CORE_IF, &gateway, NUD_REACHABLE, mac_a, now);
	ck_assert_uint_eq(n_words(table, ids, next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE)), MANY);
	ck_assert_uint_eq(next_hops_states(table)[NEXT_HOP_REACHABLE], MANY);
	next_hops_on_neighbour(table, CORE_IF, &gateway, NUD_REACHABLE, mac_b, now);
	ck_assert_uint_eq(n_words(table, ids, next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE)), MANY);
	for (int i = 0; i < 10; i++)
		next_hops_tick(table, now += 30 * S);
	answer_all(table, "10.2.0.9", asked);
	ck_assert_uint_eq(asked[ASK_ROUTE] + asked[ASK_NEIGHBOUR], 0);
	ck_assert_uint_eq(asked[ASK_USE], 1);
	// Half of them move to another gateway: one more neighbour, and the rest stays as it is.
	next_hops_on_route_change(table, &(struct endpoint){.addr = {198, 18, 0, 0}, .family = IP_V4}, 20);
	next_hops_tick(table, now += 100 * MS);
	answer_all(table, "10.2.0.10", asked);
	ck_assert_uint_eq(asked[ASK_ROUTE], 4096);
	ck_assert_uint_eq(asked[ASK_NEIGHBOUR], 1);
	next_hops_on_neighbour(table, CORE_IF, &other, NUD_REACHABLE, mac_a, now);
	ck_assert_uint_eq(n_words(table, ids, next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE)), 4096);
	ck_assert_uint_eq(n_words(table, ids, next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE)), MANY - 4096);
	for (uint32_t i = 0; i < MANY; i++)
		next_hops_put(table, ids[i]);
	ck_assert_uint_eq(next_hops_states(table)[NEXT_HOP_REACHABLE], 0);
	next_hops_destroy(table);
}
END_TEST

// While all of them are asked for again, neither a new call nor a neighbour waits behind them.
START_TEST(questions_take_turns) {
	const struct endpoint gateway = address("10.2.0.9"), fresh = address("203.0.113.5");
	static uint32_t ids[MANY];
	struct next_hops *table = many(ids);
	unsigned asked[ASK_USE + 1], n = 0;
	struct next_hops_ask ask;
	bool route = false, use = false;

	answer_all(table, "10.2.0.9", asked);
	next_hops_on_neighbour(table, CORE_IF, &gateway, NUD_REACHABLE, mac_a, now);
	next_hops_on_change(table);
	next_hops_tick(table, now += 31 * S); // a use is due, too
	ck_assert_uint_ne(next_hops_get(table, CORE, &fresh), 0);
	for (; n < 3; n++) {
		ask = next_hops_ask(table);
		use |= ask.question == ASK_USE;
		route |= ask.question == ASK_ROUTE && endpoint_same_addr(&ask.address, &fresh);
		if (ask.question == ASK_ROUTE)
			next_hops_on_route(table, &ask, true, &gateway, now);
	}
	ck_assert(use);
	ck_assert(route);
	answer_all(table, "10.2.0.9", asked);
	// Changes that don't end don't begin with the first again and again: each is asked once in a round.
	for (n = 0; n < MANY; n++) {
		next_hops_on_change(table);
		next_hops_tick(table, now += 1);
		ask = next_hops_ask(table);
		ck_assert_int_eq(ask.question, ASK_ROUTE);
	}
	ck_assert_uint_eq(ask.id, ids[MANY - 1]);
	next_hops_destroy(table);
}
END_TEST

int main(void) {
	Suite *s = suite_create("next_hops_many");
	TCase *c = tcase_create("next_hops_many");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, many_behind_one_gateway);
	tcase_add_test(c, questions_take_turns);
	suite_add_tcase(s, c);
	return run_suite(s);
}
