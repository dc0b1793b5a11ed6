// Next hops and their neighbours: each state of the kernel's, and how long it is believed.
#include "tests/unit/fail_alloc.h"
#include "tests/unit/next_hops_fixture.h"
#include "tests/unit/run_suite.h"

START_TEST(resolves_on_link) {
	const uint32_t id = get(CORE, "10.2.0.2");
	struct next_hops_ask ask;
	struct endpoint gateway;
	char text[ENDPOINT_TEXT];
	uint8_t mac[6];

	ck_assert_uint_ne(id, 0);
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	next_hops_describe(t, id, &gateway);
	ck_assert(!endpoint_is_set(&gateway));
	ask = expect(ASK_ROUTE, "10.2.0.2");
	ck_assert_int_eq(ask.ifindex, CORE_IF);
	ck_assert_str_eq(endpoint_format_addr(&ask.source, text), "10.2.0.1");
	answer_route(&ask, NULL);
	ask = expect(ASK_NEIGHBOUR, "10.2.0.2");
	next_hops_on_unknown(t, &ask); // the kernel never heard of it
	expect(ASK_USE, "10.2.0.2");
	tell(CORE_IF, "10.2.0.2", NUD_INCOMPLETE, NULL);
	ck_assert_int_eq(state(id), NEXT_HOP_UNRESOLVED);
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_a);
	ck_assert_uint_eq(word(id), next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE));
	next_hop_mac(word(id), mac);
	ck_assert_mem_eq(mac, mac_a, 6);
	next_hops_describe(t, id, &gateway);
	ck_assert_str_eq(endpoint_format_addr(&gateway, text), "10.2.0.2");
	expect(ASK_NOTHING, "");
	check_states(0, 0, 1, 0);
}
END_TEST

START_TEST(gateway_is_shared) {
	const uint32_t x = get(CORE, "192.0.2.1"), y = get(CORE, "192.0.2.2"), again = get(CORE, "192.0.2.1");
	struct next_hops_ask ask_x = expect(ASK_ROUTE, "192.0.2.1"), ask_y = expect(ASK_ROUTE, "192.0.2.2");

	ck_assert_uint_eq(x, again);
	ck_assert_uint_ne(x, y);
	answer_route(&ask_x, "10.2.0.9");
	answer_route(&ask_y, "10.2.0.9");
	expect(ASK_NEIGHBOUR, "10.2.0.9");
	expect(ASK_NOTHING, ""); // once for both
	tell(CORE_IF, "10.2.0.9", NUD_PERMANENT, mac_a);
	ck_assert_uint_eq(word(x), word(y));
	ck_assert_int_eq(state(x), NEXT_HOP_REACHABLE);
	tell(CORE_IF, "10.2.0.9", NUD_REACHABLE, mac_b); // a failover of the gateway
	ck_assert_uint_eq(word(x), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	ck_assert_uint_eq(word(y), word(x));
}
END_TEST

// The same address in two realms is two destinations; news of the other interface are not ours.
START_TEST(interfaces_are_apart) {
	const uint32_t core = get(CORE, "10.9.0.1"), access = get(ACCESS, "10.9.0.1");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.9.0.1");

	ck_assert_uint_ne(core, access);
	answer_route(&ask, NULL);
	expect(ASK_NEIGHBOUR, "10.9.0.1");
	ask = expect(ASK_ROUTE, "10.9.0.1");
	ck_assert_int_eq(ask.ifindex, ACCESS_IF);
	answer_route(&ask, NULL);
	tell(ACCESS_IF, "10.9.0.1", NUD_REACHABLE, mac_a);
	ck_assert_int_eq(state(access), NEXT_HOP_REACHABLE);
	ck_assert_int_eq(state(core), NEXT_HOP_UNRESOLVED);
}
END_TEST

// What each of the kernel's states does to one that is reachable, and to one that is not resolved.
static const struct {
	const char *what;
	uint16_t nud;
	bool mac;
	enum next_hop_state from_reachable, from_unresolved;
} news[] = {
	{"none", NUD_NONE, false, NEXT_HOP_REACHABLE, NEXT_HOP_UNRESOLVED},
	{"incomplete", NUD_INCOMPLETE, false, NEXT_HOP_REACHABLE, NEXT_HOP_UNRESOLVED},
	{"reachable", NUD_REACHABLE, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"stale", NUD_STALE, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"delay", NUD_DELAY, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"probe", NUD_PROBE, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"failed", NUD_FAILED, false, NEXT_HOP_REACHABLE, NEXT_HOP_UNRESOLVED}, // for 5 s yet
	{"noarp", NUD_NOARP, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"permanent", NUD_PERMANENT, true, NEXT_HOP_REACHABLE, NEXT_HOP_REACHABLE},
	{"noarp without an address", NUD_NOARP, false, NEXT_HOP_REACHABLE, NEXT_HOP_UNRESOLVED},
};
START_TEST(each_kernel_state) {
	const uint32_t known = reachable("10.2.0.2"), unknown = get(CORE, "10.2.0.3");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.2.0.3");

	answer_route(&ask, NULL);
	tell(CORE_IF, "10.2.0.2", news[_i].nud, news[_i].mac ? mac_b : NULL);
	tell(CORE_IF, "10.2.0.3", news[_i].nud, news[_i].mac ? mac_b : NULL);
	ck_assert_msg(state(known) == news[_i].from_reachable, "%s", news[_i].what);
	ck_assert_msg(state(unknown) == news[_i].from_unresolved, "%s", news[_i].what);
	ck_assert_uint_eq(
		word(known), next_hop_word(news[_i].mac ? mac_b : mac_a, 7, news[_i].from_reachable));
	forget("10.2.0.2");
	forget("10.2.0.3");
	ck_assert_msg(state(known) == news[_i].from_reachable, "%s, gone", news[_i].what);
	ck_assert_msg(state(unknown) == news[_i].from_unresolved, "%s, gone", news[_i].what);
}
END_TEST

START_TEST(used_every_30_s) {
	reachable("10.2.0.2");
	pass(29 * S);
	expect(ASK_NOTHING, "");
	pass(2 * S);
	expect(ASK_USE, "10.2.0.2");
	expect(ASK_NOTHING, "");
	pass(30 * S);
	expect(ASK_USE, "10.2.0.2");
}
END_TEST

START_TEST(stale_at_first_sight_is_confirmed) {
	const uint32_t id = get(CORE, "10.2.0.2");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.2.0.2");

	answer_route(&ask, NULL);
	expect(ASK_NEIGHBOUR, "10.2.0.2");
	tell(CORE_IF, "10.2.0.2", NUD_STALE, mac_a);
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	expect(ASK_USE, "10.2.0.2");
	tell(CORE_IF, "10.2.0.2", NUD_DELAY, mac_a);
	expect(ASK_NOTHING, "");
}
END_TEST

START_TEST(failed_after_5_s) {
	const uint32_t id = reachable("10.2.0.2");

	tell(CORE_IF, "10.2.0.2", NUD_FAILED, NULL);
	pass(4 * S + 900 * MS);
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	ck_assert_uint_eq(n_failures, 0);
	expect(ASK_USE, "10.2.0.2"); // probing all the while
	pass(2 * S);
	ck_assert_uint_eq(word(id), next_hop_word(mac_a, 7, NEXT_HOP_FAILED));
	ck_assert_uint_eq(n_failures, 1);
	ck_assert_uint_eq(last_failed, id);
	check_states(0, 0, 0, 1);
	drop_questions();
	pass(10 * S);
	ck_assert_uint_eq(n_failures, 1);
	expect(ASK_USE, "10.2.0.2"); // still probing
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(id), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	tell(CORE_IF, "10.2.0.2", NUD_FAILED, NULL);
	pass(7 * S);
	ck_assert_uint_eq(n_failures, 2);
}
END_TEST

// A flap: what comes back in time is not noticed.
START_TEST(failure_that_passes) {
	const uint32_t id = reachable("10.2.0.2");

	for (int i = 0; i < 5; i++) {
		tell(CORE_IF, "10.2.0.2", NUD_FAILED, NULL);
		pass(3 * S);
		tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_a);
		pass(3 * S);
	}
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	ck_assert_uint_eq(n_failures, 0);
}
END_TEST

START_TEST(never_resolved_fails) {
	const uint32_t id = get(CORE, "10.2.0.2");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.2.0.2");
	uint32_t late;

	answer_route(&ask, NULL);
	pass(7 * S);
	ck_assert_int_eq(state(id), NEXT_HOP_FAILED);
	ck_assert_uint_eq(n_failures, 1);
	// Another destination behind the same neighbour learns it at once.
	drop_questions();
	late = get(CORE, "192.0.2.1");
	ask = expect(ASK_ROUTE, "192.0.2.1");
	answer_route(&ask, "10.2.0.2");
	ck_assert_int_eq(state(late), NEXT_HOP_FAILED);
	ck_assert_uint_eq(n_failures, 2);
	ck_assert_uint_eq(last_failed, late);
}
END_TEST

START_TEST(deleted_keeps_mac_and_probes) {
	const uint32_t id = reachable("10.2.0.2");

	forget("10.2.0.2");
	ck_assert_uint_eq(word(id), next_hop_word(mac_a, 7, NEXT_HOP_REACHABLE));
	expect(ASK_USE, "10.2.0.2");
	tell(CORE_IF, "10.2.0.2", NUD_INCOMPLETE, NULL);
	pass(20 * S);
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE); // the kernel has not said that it failed
	tell(CORE_IF, "10.2.0.2", NUD_FAILED, NULL);
	pass(7 * S);
	ck_assert_int_eq(state(id), NEXT_HOP_FAILED);
}
END_TEST

START_TEST(put_frees) {
	uint32_t id = get(CORE, "10.2.0.2");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.2.0.2");
	uint32_t other;

	ck_assert_uint_eq(get(CORE, "10.2.0.2"), id);
	next_hops_put(t, id);
	answer_route(&ask, NULL); // still held once
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_a);
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	next_hops_put(t, id);
	ck_assert_uint_eq(word(id), 0);
	check_states(0, 0, 0, 0);
	expect(ASK_NOTHING, ""); // nor is its neighbour asked for any more
	pass(60 * S);
	expect(ASK_NOTHING, "");
	// An answer to the earlier tenant's question does not touch the next one.
	other = get(CORE, "10.2.0.3");
	ck_assert_uint_eq(other, id);
	answer_route(&ask, "10.2.0.9");
	ck_assert_int_eq(state(other), NEXT_HOP_UNRESOLVED);
	expect(ASK_ROUTE, "10.2.0.3");
	expect(ASK_NOTHING, "");
	next_hops_put(t, 0); // no next hop
}
END_TEST

START_TEST(full_table) {
	char text[16];
	uint32_t ids[CAPACITY];

	for (int i = 1; i < CAPACITY; i++) {
		snprintf(text, sizeof(text), "10.2.0.%d", i);
		ids[i] = get(CORE, text);
		ck_assert_uint_ne(ids[i], 0);
	}
	ck_assert_uint_eq(get(CORE, "10.2.0.99"), 0);
	ck_assert_uint_eq(get(CORE, "10.2.0.1"), ids[1]); // one that is there can still be shared
	next_hops_put(t, ids[3]);
	ck_assert_uint_eq(get(CORE, "10.2.0.99"), ids[3]);
}
END_TEST

START_TEST(refuses) {
	ck_assert_uint_eq(get(CORE, "2001:db8::1"), 0);
	ck_assert_uint_eq(get(3, "10.2.0.2"), 0);
}
END_TEST

START_TEST(survives_failing_allocations) {
	const struct next_hops_params p = params();

	for (unsigned k = 1;; k++) {
		struct next_hops *n = NULL;
		int ret;

		fail_alloc_at(k);
		ret = next_hops_create(&p, &n);
		if (!fail_alloc_end()) {
			ck_assert_uint_gt(k, 5);
			next_hops_destroy(n);
			break;
		}
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(n);
	}
	next_hops_destroy(NULL);
}
END_TEST

int main(void) {
	Suite *s = suite_create("next_hops");
	TCase *c = tcase_create("next_hops");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, resolves_on_link);
	tcase_add_test(c, gateway_is_shared);
	tcase_add_test(c, interfaces_are_apart);
	tcase_add_loop_test(c, each_kernel_state, 0, (int)(sizeof(news) / sizeof(news[0])));
	tcase_add_test(c, used_every_30_s);
	tcase_add_test(c, stale_at_first_sight_is_confirmed);
	tcase_add_test(c, failed_after_5_s);
	tcase_add_test(c, failure_that_passes);
	tcase_add_test(c, never_resolved_fails);
	tcase_add_test(c, deleted_keeps_mac_and_probes);
	tcase_add_test(c, put_frees);
	tcase_add_test(c, full_table);
	tcase_add_test(c, refuses);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
