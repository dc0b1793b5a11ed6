// The control protocol's server: sessions put, moved, listed and deleted, and what is refused.
#include "tests/unit/run_suite.h"
#include "tests/unit/server_fixture.h"

// ---- put ----

struct bad_put {
	const char *what;
	void (*spoil)(struct proto_session *s);
	uint32_t status;
};

static void spoil_realm(struct proto_session *s) {
	snprintf(s->side[1].realm, PROTO_NAME, "nowhere");
}
static void spoil_empty_realm(struct proto_session *s) {
	s->side[0].realm[0] = '\0';
}
static void spoil_endless_realm(struct proto_session *s) {
	memset(s->side[0].realm, 'a', PROTO_NAME);
}
static void spoil_local(struct proto_session *s) {
	s->side[0].local = fix_endpoint("198.51.100.1", 0); // core's
}
static void spoil_local_odd(struct proto_session *s) {
	s->side[0].local = fix_endpoint("203.0.113.1", 16385);
}
static void spoil_local_below(struct proto_session *s) {
	s->side[0].local = fix_endpoint("203.0.113.1", 16382);
}
static void spoil_local_above(struct proto_session *s) {
	s->side[0].local = fix_endpoint("203.0.113.1", 16484);
}
static void spoil_local_v6(struct proto_session *s) {
	s->side[0].local = fix_endpoint("2001:db8::1", 16384);
}
static void spoil_remote_v6(struct proto_session *s) {
	s->side[1].remote[1] = fix_endpoint("2001:db8::2", 5001);
}
static void spoil_vouched_v6(struct proto_session *s) {
	s->side[1].vouched = fix_endpoint("2001:db8::2", 0);
}
static void spoil_learnt_v6(struct proto_session *s) {
	s->side[1].learnt[0] = fix_endpoint("2001:db8::2", 1);
}
static void spoil_family(struct proto_session *s) {
	s->side[1].remote[0].family = 9;
}
static void spoil_remote_port(struct proto_session *s) {
	s->side[1].remote[0].port = 0;
}
static void spoil_remote_group(struct proto_session *s) {
	s->side[1].remote[0] = fix_endpoint("239.1.2.3", 5000);
}
static void spoil_remote_none(struct proto_session *s) {
	s->side[1].remote[0] = fix_endpoint("0.0.0.0", 5000);
}
static void spoil_latch(struct proto_session *s) {
	s->side[0].latch = LATCH_ANY + 1;
}
static void spoil_owner(struct proto_session *s) {
	s->session_id += 1ull << 48;
}
static void spoil_id(struct proto_session *s) {
	s->session_id = 0;
}

static const struct bad_put bad_puts[] = {
	{"unknown realm", spoil_realm, EINVAL},
	{"no realm", spoil_empty_realm, EINVAL},
	{"realm without end", spoil_endless_realm, EINVAL},
	{"local address of another realm", spoil_local, EINVAL},
	{"odd port", spoil_local_odd, EINVAL},
	{"port below the range", spoil_local_below, EINVAL},
	{"port above the range", spoil_local_above, EINVAL},
	{"IPv6 local", spoil_local_v6, EAFNOSUPPORT},
	{"IPv6 remote", spoil_remote_v6, EAFNOSUPPORT},
	{"IPv6 vouched", spoil_vouched_v6, EAFNOSUPPORT},
	{"IPv6 learnt", spoil_learnt_v6, EAFNOSUPPORT},
	{"no family of ours", spoil_family, EINVAL},
	{"remote without port", spoil_remote_port, EINVAL},
	{"multicast remote", spoil_remote_group, EINVAL},
	{"remote 0.0.0.0", spoil_remote_none, EINVAL},
	{"unknown latch mode", spoil_latch, EINVAL},
	{"another owner's id", spoil_owner, EPERM},
	{"no id", spoil_id, EPERM},
};

// Alone, and as the last of three: nothing of the batch is done.
START_TEST(bad_puts_change_nothing) {
	const struct bad_put *bad = &bad_puts[_i];
	struct proto_session batch[3] = {fix_session(1), fix_session(2), fix_session(3)};
	uint64_t access = free_ports(0), core = free_ports(1);

	bad->spoil(&batch[2]);
	for (unsigned n = 1; n <= 3; n += 2) {
		uint32_t status =
			fix_ask(f, PROTO_SESSION_PUT, &batch[3 - n], sizeof(batch[0]), n, NULL, 0, 0);

		ck_assert_msg(status == bad->status, "%s: %u", bad->what, status);
		ck_assert_uint_eq(relay_sessions(f->r), 0);
		ck_assert_uint_eq(free_ports(0), access);
		ck_assert_uint_eq(free_ports(1), core);
		ck_assert_uint_eq(fix_hops_used(f), 0);
	}
	ck_assert_uint_eq(relay_stats(f->r)->sessions_refused, 4);
}
END_TEST

START_TEST(an_id_twice_in_a_batch) {
	struct proto_session batch[2] = {fix_session(1), fix_session(1)};

	ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_PUT, batch, sizeof(batch[0]), 2, NULL, 0, 0), EINVAL);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
}
END_TEST

START_TEST(a_refused_change_keeps_what_was) {
	struct proto_session batch[2] = {fix_session(1), fix_session(2)};
	struct proto_put_result before;

	ck_assert_uint_eq(fix_put(f, &batch[0], &before), 0);
	batch[0].side[0].local = fix_endpoint("203.0.113.3", 20000);
	batch[0].side[0].remote[0] = fix_endpoint("192.0.2.99", 1000);
	spoil_realm(&batch[1]);
	ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_PUT, batch, sizeof(batch[0]), 2, NULL, 0, 0), EINVAL);
	batch[1] = fix_session(2);
	batch[1].side[1].local = before.local[1]; // taken: refused only once side 0 of both have their ports
	ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_PUT, batch, sizeof(batch[0]), 2, NULL, 0, 0), EADDRINUSE);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
	ck_assert(endpoint_equal(&state.wanted.side[0].local, &before.local[0]));
	ck_assert_uint_eq(state.wanted.side[0].remote[0].port, 4000);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	ck_assert_uint_eq(free_ports(0), 51);
}
END_TEST

START_TEST(puts_are_idempotent) {
	struct proto_session s = fix_session(1);
	struct proto_put_result again;
	unsigned hops;

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(put.session_id, s.session_id);
	ck_assert_uint_eq(put.local[0].port % 2, 0);
	hops = fix_hops_used(f);
	ck_assert_uint_eq(fix_put(f, &s, &again), 0);
	ck_assert_mem_eq(&again, &put, sizeof(put));
	s.side[0].local = put.local[0]; // named: the same
	s.side[1].local.port = put.local[1].port;
	ck_assert_uint_eq(fix_put(f, &s, &again), 0);
	ck_assert_mem_eq(&again, &put, sizeof(put));
	ck_assert_uint_eq(fix_hops_used(f), hops);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	ck_assert_uint_eq(free_ports(0), 51);
}
END_TEST

START_TEST(of_several_addresses_any_will_do) {
	struct proto_session s;

	// 52 pairs on two addresses.
	for (unsigned i = 1; i <= 26; i++) {
		s = fix_session(i);
		snprintf(s.side[1].realm, PROTO_NAME, "access");
		ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	}
	ck_assert_uint_eq(free_ports(0), 0);
	s = fix_session(27);
	ck_assert_uint_eq(fix_put(f, &s, &put), EADDRNOTAVAIL);
	ck_assert_uint_eq(free_ports(1), 50);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(fix_put(f, &s, &put), EADDRNOTAVAIL); // they rest
	ck_assert_uint_eq(counters_realm(relay_stats(f->r), 0)->media_ports_resting, 2);
	f->now += 2 * S;
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
}
END_TEST

START_TEST(a_certain_port_even_if_it_rests) {
	struct proto_session s = fix_session(1), other = fix_session(2);

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	other.side[0].local = put.local[0];
	ck_assert_uint_eq(fix_put(f, &other, &put), EADDRINUSE);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(fix_put(f, &other, &put), 0);
	ck_assert(endpoint_equal(&put.local[0], &other.side[0].local));
}
END_TEST

START_TEST(the_table_fills) {
	struct proto_session s;

	teardown();
	f = fix_create(3);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	for (unsigned i = 1; i <= 3; i++) {
		s = fix_session(i);
		ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	}
	s = fix_session(4);
	ck_assert_uint_eq(fix_put(f, &s, &put), ENOSPC);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(2), &state), 0);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
}
END_TEST

START_TEST(draining_takes_no_new_sessions) {
	struct proto_session s = fix_session(1), fresh = fix_session(2);

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	relay_drain(f->r);
	ck_assert_uint_eq(fix_put(f, &fresh, &put), ESHUTDOWN);
	s.side[1].remote[0].port += 2; // a change of one that is here
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
}
END_TEST

START_TEST(moving_a_side_frees_what_it_had) {
	struct proto_session s = fix_session(1);

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	snprintf(s.side[0].realm, PROTO_NAME, "edge");
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(counters_realm(relay_stats(f->r), 0)->media_ports_used, 0);
	ck_assert_uint_eq(counters_realm(relay_stats(f->r), 0)->media_ports_resting, 1);
	ck_assert_uint_eq(counters_realm(relay_stats(f->r), 2)->media_ports_used, 1);
	for (unsigned i = 1; i < FIX_HOPS; i++)
		ck_assert(f->hop_users[i] == 0 || f->params.media[f->hop_media[i]].realm != 0);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
	ck_assert_uint_eq(counters_realm(relay_stats(f->r), 2)->media_ports_used, 0);
}
END_TEST

// ---- delete, get, list ----

START_TEST(deleting_twice_is_fine) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref refs[3] = {
		{.session_id = fix_id(1)}, {.session_id = fix_id(99)}, {.session_id = fix_id(1)}};
	struct proto_session_state states[3];

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(
		fix_ask(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), 3, states, sizeof(states[0]), 3), 0);
	ck_assert_uint_eq(states[0].slot, put.slot);
	ck_assert_uint_eq(states[0].wanted.call_id, s.call_id);
	ck_assert_uint_eq(states[1].slot, UINT32_MAX);
	ck_assert_uint_eq(states[1].wanted.session_id, fix_id(99));
	ck_assert_uint_eq(states[2].slot, UINT32_MAX);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(state.slot, UINT32_MAX);
	ck_assert_uint_eq(fix_hops_used(f), 0);
	ck_assert_uint_eq(relay_stats(f->r)->sessions_deleted, 1);
}
END_TEST

START_TEST(other_owners_sessions_are_theirs) {
	struct proto_session s = fix_session(1);

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 8), 0);
	ck_assert_uint_eq(fix_put(f, &s, &put), EPERM);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), EPERM);
	ck_assert_uint_eq(fix_ref(f, PROTO_CLAIM, fix_id(1), &state), EPERM);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
}
END_TEST

START_TEST(too_many_to_delete_at_once) {
	struct proto_session_ref refs[PROTO_STATES_MAX + 1] = {0};

	for (unsigned i = 0; i < LEN(refs); i++)
		refs[i].session_id = fix_id(i + 1);
	ck_assert_uint_eq(
		fix_ask(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), LEN(refs), NULL, 0, 0), EMSGSIZE);
	ck_assert_uint_eq(
		fix_ask(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), LEN(refs) - 1, NULL, 0, 0), 0);
	ck_assert_uint_eq(last().n_items, PROTO_STATES_MAX);
}
END_TEST

START_TEST(get_tells_what_is_wanted_and_what_is) {
	struct proto_session s = fix_session(1);
	const struct proto_component_state *c = &state.component[1][0];

	s.media_timeout_ms = 5000;
	s.side[0].vouched = fix_endpoint("192.0.2.50", 0);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), ENOENT);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
	s.side[0].local = put.local[0];
	s.side[1].local = put.local[1];
	s.length = sizeof(s);
	ck_assert_mem_eq(&state.wanted, &s, sizeof(s));
	ck_assert_uint_eq(state.slot, put.slot);
	ck_assert_uint_eq(state.created_ns, f->now);
	ck_assert_uint_eq(c->counters.session_id, s.session_id);
	ck_assert_uint_eq(c->next_hop_state, NEXT_HOP_REACHABLE);
	ck_assert(endpoint_same_addr(&c->next_hop, &s.side[1].remote[0]));
	ck_assert_uint_eq(c->mac[0], 2);
}
END_TEST

START_TEST(lists_come_in_pages) {
	struct proto_list list = {.length = sizeof(list), .limit = 20};
	struct proto_session_state page[PROTO_STATES_MAX];
	const unsigned n = PROTO_STATES_MAX + 10;
	uint64_t seen = 0;
	struct proto_header h;

	fix_destroy(f);
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, n);
	f->params.media[0].port_last = f->params.media[2].port_last = 16999;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	for (unsigned i = n; i >= 1; i--) {
		struct proto_session s = fix_session(i);

		ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	}
	do {
		ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_LIST, &list, sizeof(list), 1, page,
					  sizeof(page[0]), PROTO_STATES_MAX),
			0);
		h = last();
		ck_assert_uint_le(h.n_items, 20);
		for (unsigned i = 0; i < h.n_items; i++)
			ck_assert_uint_eq(page[i].wanted.session_id, fix_id(++seen));
		list.after = h.n_items > 0 ? page[h.n_items - 1].wanted.session_id : 0;
	} while (h.n_items > 0);
	ck_assert_uint_eq(seen, n);

	list = (struct proto_list){.length = sizeof(list)}; // as many as fit
	ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_LIST, &list, sizeof(list), 1, NULL, 0, 0), 0);
	ck_assert_uint_eq(last().n_items, PROTO_STATES_MAX);
	list.limit = UINT32_MAX;
	list.call_id = 0xca11 + 33;
	ck_assert_uint_eq(
		fix_ask(f, PROTO_SESSION_LIST, &list, sizeof(list), 1, page, sizeof(page[0]), 1), 0);
	ck_assert_uint_eq(last().n_items, 1);
	ck_assert_uint_eq(page[0].wanted.session_id, fix_id(33));
}
END_TEST

static TCase *sessions_case(void) {
	TCase *tc = tcase_create("sessions");

	tcase_add_checked_fixture(tc, setup_connected, teardown);
	tcase_add_loop_test(tc, bad_puts_change_nothing, 0, LEN(bad_puts));
	tcase_add_test(tc, an_id_twice_in_a_batch);
	tcase_add_test(tc, a_refused_change_keeps_what_was);
	tcase_add_test(tc, puts_are_idempotent);
	tcase_add_test(tc, of_several_addresses_any_will_do);
	tcase_add_test(tc, a_certain_port_even_if_it_rests);
	tcase_add_test(tc, the_table_fills);
	tcase_add_test(tc, draining_takes_no_new_sessions);
	tcase_add_test(tc, moving_a_side_frees_what_it_had);
	tcase_add_test(tc, deleting_twice_is_fine);
	tcase_add_test(tc, other_owners_sessions_are_theirs);
	tcase_add_test(tc, too_many_to_delete_at_once);
	tcase_add_test(tc, get_tells_what_is_wanted_and_what_is);
	tcase_add_test(tc, lists_come_in_pages);
	return tc;
}

int main(void) {
	Suite *suite = suite_create("server_sessions");

	suite_add_tcase(suite, sessions_case());
	return run_suite(suite);
}
