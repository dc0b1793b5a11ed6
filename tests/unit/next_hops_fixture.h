// A table of next hops. The kernel is played by the test: it takes the questions and gives answers and news.
#pragma once

#include "dpdk_app/next_hops.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/neighbour.h>
#include <stdio.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

static const uint64_t MS = 1000000, S = 1000000000;
// A realm and its media address have the same index; the core has a second address.
enum { CAPACITY = 8, ACCESS = 0, CORE = 1, CORE_SECOND = 2, ACCESS_IF = 3, CORE_IF = 4 };
static const uint8_t mac_a[6] = {2, 0, 0, 0, 0, 0xa}, mac_b[6] = {2, 0, 0, 0, 0, 0xb};

static struct next_hops *t;
static uint64_t now;
static unsigned n_failures;
static uint32_t last_failed;

static void on_failed(void *ctx, uint32_t id) {
	ck_assert_ptr_eq(ctx, &n_failures);
	n_failures++;
	last_failed = id;
}

static struct endpoint address(const char *text) {
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse(text, strlen(text), 0, &e), 0);
	return e;
}

static struct next_hops_params params(void) {
	struct next_hops_params p = {
		.capacity = CAPACITY, .n_realms = 2, .n_media = 3, .failed = on_failed, .ctx = &n_failures};

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
	n_failures = 0;
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

#pragma GCC diagnostic pop
