// The kernel is played by the test: it takes the questions and gives answers and news.
#include "dpdk_app/next_hops.h"

#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

static const uint64_t MS = 1000000, S = 1000000000;
// A realm and its media address have the same index; the core has a second address.
enum { CAPACITY = 8, ACCESS = 0, CORE = 1, CORE_SECOND = 2, ACCESS_IF = 3, CORE_IF = 4 };
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

static struct next_hops *t;
static uint64_t now;
static unsigned n_failed;
static uint32_t last_failed;

static void on_failed(void *ctx, uint32_t id) {
	ck_assert_ptr_eq(ctx, &n_failed);
	n_failed++;
	last_failed = id;
}

static struct endpoint address(const char *text) {
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse(text, strlen(text), 0, &e), 0);
	return e;
}

static struct next_hops_params params(void) {
	struct next_hops_params p = {
		.capacity = CAPACITY, .n_realms = 2, .n_media = 3, .failed = on_failed, .ctx = &n_failed};

	p.vlan[CORE] = 7;
	p.media[ACCESS].address = address("10.1.0.1");
	p.media[CORE].realm = p.media[CORE_SECOND].realm = CORE;
	p.media[CORE].address = address("10.2.0.1");
	p.media[CORE_SECOND].address = address("10.2.0.77");
	return p;
}

static void setup(void) {
	const struct next_hops_params p = params();

	now = 100 * S;
	n_failed = 0;
	ck_assert_int_eq(next_hops_create(&p, &t), 0);
	next_hops_set_interface(t, ACCESS, ACCESS_IF);
	next_hops_set_interface(t, CORE, CORE_IF);
}

static void teardown(void) {
	next_hops_destroy(t);
}

static uint32_t get(uint16_t media, const char *to) {
	const struct endpoint e = address(to);

	return next_hops_get(t, media, &e);
}

static uint64_t word(uint32_t id) {
	return next_hops_words(t)[id];
}

static enum next_hop_state state(uint32_t id) {
	return next_hop_state(word(id));
}

static struct next_hops_ask expect(enum next_hops_question q, const char *of) {
	const struct next_hops_ask ask = next_hops_ask(t);
	char text[ENDPOINT_TEXT];

	ck_assert_msg(ask.question == q, "asked %d, expected %d of %s", ask.question, q, of);
	if (q != ASK_NOTHING)
		ck_assert_str_eq(endpoint_format_addr(&ask.address, text), of);
	return ask;
}

static void answer_route(const struct next_hops_ask *ask, const char *gateway) {
	const struct endpoint e = gateway == NULL ? (struct endpoint){0} : address(gateway);

	next_hops_on_route(t, ask, true, &e, now);
}

static void no_route(const struct next_hops_ask *ask) {
	const struct endpoint none = {0};

	next_hops_on_route(t, ask, false, &none, now);
}

static void tell(int ifindex, const char *of, uint16_t nud, const uint8_t *mac) {
	const struct endpoint e = address(of);

	next_hops_on_neighbour(t, ifindex, &e, nud, mac, now);
}

static void forget(const char *of) {
	const struct endpoint e = address(of);

	next_hops_on_neighbour_gone(t, CORE_IF, &e, now);
}

static void pass(uint64_t ns) {
	for (uint64_t until = now + ns; now < until;) {
		now += 100 * MS;
		next_hops_tick(t, now);
	}
}

static void drop_questions(void) {
	while (next_hops_ask(t).question != ASK_NOTHING)
		;
}

// A destination of the core whose neighbour is itself and known as mac_a.
static uint32_t reachable(const char *to) {
	const uint32_t id = get(CORE, to);
	struct next_hops_ask ask = expect(ASK_ROUTE, to);

	answer_route(&ask, NULL);
	expect(ASK_NEIGHBOUR, to);
	tell(CORE_IF, to, NUD_REACHABLE, mac_a);
	ck_assert_int_eq(state(id), NEXT_HOP_REACHABLE);
	expect(ASK_NOTHING, "");
	return id;
}

static void check_states(unsigned no_route_, unsigned unresolved, unsigned reachable_, unsigned failed) {
	const uint64_t *n = next_hops_states(t);

	ck_assert_uint_eq(n[NEXT_HOP_NO_ROUTE], no_route_);
	ck_assert_uint_eq(n[NEXT_HOP_UNRESOLVED], unresolved);
	ck_assert_uint_eq(n[NEXT_HOP_REACHABLE], reachable_);
	ck_assert_uint_eq(n[NEXT_HOP_FAILED], failed);
}

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
	ck_assert_uint_eq(n_failed, 0);
	expect(ASK_USE, "10.2.0.2"); // probing all the while
	pass(2 * S);
	ck_assert_uint_eq(word(id), next_hop_word(mac_a, 7, NEXT_HOP_FAILED));
	ck_assert_uint_eq(n_failed, 1);
	ck_assert_uint_eq(last_failed, id);
	check_states(0, 0, 0, 1);
	drop_questions();
	pass(10 * S);
	ck_assert_uint_eq(n_failed, 1);
	expect(ASK_USE, "10.2.0.2"); // still probing
	tell(CORE_IF, "10.2.0.2", NUD_REACHABLE, mac_b);
	ck_assert_uint_eq(word(id), next_hop_word(mac_b, 7, NEXT_HOP_REACHABLE));
	tell(CORE_IF, "10.2.0.2", NUD_FAILED, NULL);
	pass(7 * S);
	ck_assert_uint_eq(n_failed, 2);
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
	ck_assert_uint_eq(n_failed, 0);
}
END_TEST

START_TEST(never_resolved_fails) {
	const uint32_t id = get(CORE, "10.2.0.2");
	struct next_hops_ask ask = expect(ASK_ROUTE, "10.2.0.2");
	uint32_t late;

	answer_route(&ask, NULL);
	pass(7 * S);
	ck_assert_int_eq(state(id), NEXT_HOP_FAILED);
	ck_assert_uint_eq(n_failed, 1);
	// Another destination behind the same neighbour learns it at once.
	drop_questions();
	late = get(CORE, "192.0.2.1");
	ask = expect(ASK_ROUTE, "192.0.2.1");
	answer_route(&ask, "10.2.0.2");
	ck_assert_int_eq(state(late), NEXT_HOP_FAILED);
	ck_assert_uint_eq(n_failed, 2);
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

// ---- many ----

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
	tcase_add_test(c, no_route_until_one_comes);
	tcase_add_test(c, route_moves);
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
	tcase_add_test(c, loss_asks_everything_anew);
	tcase_add_test(c, interface_goes_and_returns);
	tcase_add_test(c, each_media_address_has_its_own_routes);
	tcase_add_test(c, media_addresses_share_a_neighbour);
	tcase_add_test(c, change_concerns_its_network);
	tcase_add_test(c, many_behind_one_gateway);
	tcase_add_test(c, questions_take_turns);
	tcase_add_test(c, survives_failing_allocations);
	suite_add_tcase(s, c);
	return run_suite(s);
}
