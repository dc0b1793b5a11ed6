// Next hops and the kernel's routes: which are asked for, when again, and what their changes concern.
#include "tests/unit/next_hops_fixture.h"
#include "tests/unit/run_suite.h"

START_TEST(no_route_until_one_comes) {
	const uint32_t id = get(CORE, "203.0.113.5");
	struct next_hops_ask ask = expect(ASK_ROUTE, "203.0.113.5");

	no_route(&ask);
	ck_assert_int_eq(state(id), NEXT_HOP_NO_ROUTE);
	check_states(1, 0, 0, 0);
	pass(60 * S);
	expect(ASK_NOTHING, "");
	for (int i = 0; i < 1000; i++)
		next_hops_on_change(t);
	expect(ASK_NOTHING, ""); // gathered until the tick
	pass(100 * MS);
	ask = expect(ASK_ROUTE, "203.0.113.5");
	answer_route(&ask, "10.2.0.9");
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	expect(ASK_NEIGHBOUR, "10.2.0.9");
	expect(ASK_NOTHING, ""); // asked once, not a thousand times
}
END_TEST

START_TEST(route_moves) {
	const uint32_t id = reachable("10.2.0.2");
	struct next_hops_ask ask;

	next_hops_on_change(t);
	pass(100 * MS);
	ask = expect(ASK_ROUTE, "10.2.0.2");
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE); // while asking
	answer_route(&ask, NULL); // the same again
	expect(ASK_NOTHING, "");
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	next_hops_on_change(t);
	pass(100 * MS);
	ask = expect(ASK_ROUTE, "10.2.0.2");
	answer_route(&ask, "10.2.0.9");
	expect(ASK_NEIGHBOUR, "10.2.0.9");
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_a); // no longer concerns it
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(id), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	next_hops_on_change(t);
	pass(100 * MS);
	ask = expect(ASK_ROUTE, "10.2.0.2");
	no_route(&ask);
	ck_assert_int_eq(state(id), NEXT_HOP_NO_ROUTE);
}
END_TEST

// A VLAN's interface goes and comes back, as another one.
START_TEST(interface_goes_and_returns) {
	const uint32_t id = reachable("10.2.0.2"), access = get(ACCESS, "10.1.0.2");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.1.0.2"), late;
	uint32_t other;

	answer_route(&ask, NULL);
	expect(ASK_NEIGHBOUR, "10.1.0.2");
	next_hops_on_change(t);
	pass(100 * MS);
	late = expect(ASK_ROUTE, "10.2.0.2");
	next_hops_set_interface(t, CORE, 0);
	ck_assert_int_eq(state(id), NEXT_HOP_NO_ROUTE);
	ck_assert_int_eq(state(access), NEXT_HOP_UNRESOLVED); // the other realm's is untouched
	other = get(CORE, "10.2.0.3");
	ck_assert_int_eq(state(other), NEXT_HOP_NO_ROUTE);
	check_states(2, 1, 0, 0);
	next_hops_put(t, other);
	answer_route(&late, NULL); // of the interface that went
	ck_assert_int_eq(state(id), NEXT_HOP_NO_ROUTE);
	next_hops_on_change(t);
	next_hops_put(t, access);
	drop_questions();
	pass(60 * S);
	expect(ASK_NOTHING, "");
	next_hops_set_interface(t, CORE, 99);
	ask = expect(ASK_ROUTE, "10.2.0.2");
	ck_assert_int_eq(ask.ifindex, 99);
	answer_route(&ask, NULL);
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_a); // of the one that went
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	tell(99, "10.2.0.2", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(id), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	next_hops_set_interface(t, CORE, 99); // the same again
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
}
END_TEST

static struct next_hops_ask expect_from(const char *source, const char *to) {
	const struct next_hops_ask ask = expect(ASK_ROUTE, to);
	char text[ENDPOINT_TEXT];

	ck_assert_str_eq(endpoint_format_addr(&ask.source, text), source);
	ck_assert_int_eq(ask.ifindex, CORE_IF);
	return ask;
}
// A rule sends what comes from one of a realm's addresses by another gateway.
START_TEST(each_media_address_has_its_own_routes) {
	const uint32_t first = get(CORE, "192.0.2.1"), second = get(CORE_SECOND, "192.0.2.1");
	struct next_hops_ask ask = expect_from("10.2.0.1", "192.0.2.1");
	struct next_hops_ask ask_second = expect_from("10.2.0.77", "192.0.2.1");

	ck_assert_uint_ne(first, second);
	ck_assert_uint_eq(get(CORE_SECOND, "192.0.2.1"), second);
	answer_route(&ask, "10.2.0.9");
	answer_route(&ask_second, "10.2.0.10");
	expect(ASK_NEIGHBOUR, "10.2.0.9");
	expect(ASK_NEIGHBOUR, "10.2.0.10");
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_a);
	tell(CORE_IF, "10.2.0.10", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(first), next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE));
	ck_assert_uint_eq(word(second), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	// The first address is gone from the host, which refuses it as a source.
	next_hops_on_change(t);
	pass(100 * MS);
	ask = expect_from("10.2.0.1", "192.0.2.1");
	ask_second = expect_from("10.2.0.77", "192.0.2.1");
	no_route(&ask);
	answer_route(&ask_second, "10.2.0.10");
	ck_assert_int_eq(state(first), NEXT_HOP_NO_ROUTE);
	ck_assert_uint_eq(word(second), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	// The realm's interface is that of both.
	next_hops_set_interface(t, CORE, 0);
	check_states(2, 0, 0, 0);
	next_hops_put(t, first);
	next_hops_put(t, second);
	next_hops_put(t, second);
	check_states(0, 0, 0, 0);
}
END_TEST

START_TEST(media_addresses_share_a_neighbour) {
	const uint32_t first = get(CORE, "192.0.2.1"), second = get(CORE_SECOND, "192.0.2.1");
	struct next_hops_ask ask = expect_from("10.2.0.1", "192.0.2.1");
	struct next_hops_ask ask_second = expect_from("10.2.0.77", "192.0.2.1");

	answer_route(&ask, "10.2.0.9");
	answer_route(&ask_second, "10.2.0.9");
	expect(ASK_NEIGHBOUR, "10.2.0.9");
	expect(ASK_NOTHING, "");
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_a);
	ck_assert_uint_eq(word(first), next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE));
	ck_assert_uint_eq(word(second), word(first));
	next_hops_put(t, first);
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(second), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
}
END_TEST

START_TEST(change_concerns_its_network) {
	const struct endpoint network = address("192.0.2.0");
	const uint32_t ids[2] = {get(CORE, "192.0.2.1"), get(CORE, "192.0.3.1")};
	struct next_hops_ask ask = expect(ASK_ROUTE, "192.0.2.1"), other = expect(ASK_ROUTE, "192.0.3.1");

	answer_route(&ask, "10.2.0.9");
	answer_route(&other, "10.2.0.9");
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_a);
	drop_questions();
	next_hops_on_route_change(t, &network, 24);
	pass(100 * MS);
	ask = expect(ASK_ROUTE, "192.0.2.1");
	expect(ASK_NOTHING, "");
	no_route(&ask);
	ck_assert_int_eq(state(ids[0]), NEXT_HOP_NO_ROUTE);
	ck_assert_int_eq(state(ids[1]), NEXT_HOP_REACHABLE);
	pass(100 * MS);
	expect(ASK_NOTHING, ""); // once for each change
}
END_TEST

START_TEST(loss_asks_everything_anew) {
	const uint32_t id = reachable("10.2.0.2");
	struct next_hops_ask ask;

	pass(31 * S); // a use is due; it does not hide the look-up
	next_hops_on_loss(t);
	pass(31 * S);
	expect(ASK_ROUTE, "10.2.0.2");
	ask = expect(ASK_NEIGHBOUR, "10.2.0.2");
	expect(ASK_NOTHING, "");
	next_hops_on_unknown(t, &ask); // it went while we weren't told
	expect(ASK_USE, "10.2.0.2");
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
}
END_TEST

int main(void) {
	Suite *s = suite_create("next_hops_routes");
	TCase *c = tcase_create("next_hops_routes");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, no_route_until_one_comes);
	tcase_add_test(c, route_moves);
	tcase_add_test(c, interface_goes_and_returns);
	tcase_add_test(c, each_media_address_has_its_own_routes);
	tcase_add_test(c, media_addresses_share_a_neighbour);
	tcase_add_test(c, change_concerns_its_network);
	tcase_add_test(c, loss_asks_everything_anew);
	suite_add_tcase(s, c);
	return run_suite(s);
}
