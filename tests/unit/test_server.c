// The control protocol's server: refusals, batches, replies that wait for the worker.
#include "tests/unit/fail_alloc.h"
#include "relay/core.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>

#define LEN(a) (sizeof(a) / sizeof((a)[0]))
#define S 1000000000ull

enum { MAX = 60 };

static struct fixture *f;
static struct proto_put_result put;
static struct proto_session_state state;

static void setup(void) {
	f = fix_create(MAX);
}

static void teardown(void) {
	fix_destroy(f);
}

static void setup_connected(void) {
	setup();
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	fix_forget(f);
}

// What a connection got as its last message.
static struct proto_header last(void) {
	return fix_last(f, NULL, 0, 0);
}

// Free pairs of a realm, as the counters show them.
static uint64_t free_ports(unsigned realm) {
	fix_settle(f);
	return counters_realm(relay_stats(f->r), realm)->media_ports_free;
}

// ---- hello ----

START_TEST(hello_says_who_is_here) {
	struct proto_hello hello = {.length = sizeof(hello), .role = PROTO_CONTROLLER, .owner_id = 1};
	struct proto_welcome welcome;

	ck_assert_uint_eq(fix_ask(f, PROTO_HELLO, &hello, sizeof(hello), 1, &welcome, sizeof(welcome), 1), 0);
	ck_assert_uint_eq(welcome.boot_id, 99);
	ck_assert_uint_eq(welcome.sessions, 0);
	ck_assert_uint_eq(welcome.sessions_max, MAX);
	ck_assert_uint_eq(relay_stats(f->r)->controller_connected, 1);
}
END_TEST

struct hello_vector {
	uint32_t role, owner, status;
	bool allowed;
};

static const struct hello_vector hellos[] = {
	{PROTO_CONTROLLER, 1, 0, true},
	{PROTO_CONTROLLER, 65535, 0, true},
	{PROTO_CONTROLLER, 65536, EINVAL, true},
	{PROTO_CONTROLLER, 0, EINVAL, true},
	{PROTO_CONTROLLER, 1, EPERM, false},
	{PROTO_OBSERVER, 0, 0, true},
	{PROTO_OBSERVER, 0, 0, false},
	{0, 1, EINVAL, true},
	{3, 1, EINVAL, true},
};

START_TEST(hellos_are_judged) {
	const struct hello_vector *v = &hellos[_i];

	relay_conn_close(f->r, f->c, f->now);
	f->c = fix_open(f, f, v->allowed);
	ck_assert_uint_eq(fix_hello(f, v->role, v->owner), v->status);
}
END_TEST

START_TEST(one_connection_an_owner) {
	struct server_conn *first = f->c;

	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 1), 0);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 1), EINVAL); // once a connection
	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 1), EBUSY);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 2), 0);
	relay_conn_close(f->r, first, f->now);
	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 1), 0);
}
END_TEST

START_TEST(owners_are_bounded) {
	struct proto_session s = fix_session(1);

	// Owners that left nothing behind don't count.
	for (uint32_t i = 1; i <= 3 * OWNERS_MAX; i++) {
		ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, i), 0);
		relay_conn_close(f->r, f->c, f->now);
		f->c = fix_open(f, f, true);
	}
	for (uint32_t i = 1; i <= OWNERS_MAX && i <= MAX; i++) {
		ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, i), 0);
		s.session_id = (uint64_t)i << 48;
		snprintf(s.side[0].realm, PROTO_NAME, i % 2 ? "access" : "core");
		snprintf(s.side[1].realm, PROTO_NAME, i % 2 ? "access" : "core");
		if (i <= 30)
			ck_assert_uint_eq(fix_put(f, &s, &put), 0);
		relay_conn_close(f->r, f->c, f->now);
		f->c = fix_open(f, f, true);
	}
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 1000), 0);
}
END_TEST

// ---- messages that are none ----

START_TEST(nothing_before_hello) {
	for (uint16_t type = 0; type < 70; type++) {
		if (type == PROTO_HELLO)
			continue;
		fix_forget(f);
		f->c = fix_open(f, f, true);
		ck_assert_int_eq(fix_request(f, type, NULL, 0, 0), -EPROTO);
		ck_assert_uint_eq(last().status, EPROTO);
		ck_assert_uint_eq(last().type, type | PROTO_REPLY);
		relay_conn_close(f->r, f->c, f->now);
	}
}
END_TEST

START_TEST(unknown_types_are_not_supported) {
	static const uint16_t types[] = {0, PROTO_STATS + 1, 63, PROTO_EVENTS, PROTO_EVENTS_LOST, 0x7fff,
		PROTO_REPLY | PROTO_HELLO, 0xffff};

	for (unsigned i = 0; i < LEN(types); i++)
		ck_assert_uint_eq(fix_ask(f, types[i], NULL, 0, 0, NULL, 0, 0), EOPNOTSUPP);
	ck_assert_uint_eq(relay_stats(f->r)->control_refused, LEN(types));
}
END_TEST

static int send_raw(const struct proto_header *h, size_t len) {
	memset(f->message, 0, sizeof(f->message));
	memcpy(f->message, h, sizeof(*h));
	fix_forget(f);
	return relay_conn_message(f->r, f->c, f->message, len, f->now);
}

START_TEST(malformed_messages) {
	struct proto_header h = {
		.length = sizeof(h), .major = PROTO_MAJOR, .type = PROTO_SESSION_GET, .id = 5};

	ck_assert_int_eq(send_raw(&h, 0), -EBADMSG);
	ck_assert_int_eq(send_raw(&h, sizeof(h) - 1), -EBADMSG);
	ck_assert_int_eq(send_raw(&h, sizeof(h) + 1), -EBADMSG); // not as long as it says
	ck_assert_uint_eq(f->n_sent, 0);
	h.n_items = 1;
	ck_assert_int_eq(send_raw(&h, sizeof(h)), 0);
	ck_assert_uint_eq(last().status, EBADMSG);
	ck_assert_uint_eq(last().id, 5);
	h.n_items = 0;
	ck_assert_int_eq(send_raw(&h, sizeof(h)), 0); // GET of nothing
	ck_assert_uint_eq(last().status, EBADMSG);
	h.major++;
	ck_assert_int_eq(send_raw(&h, sizeof(h)), -EPROTO);
	ck_assert_uint_eq(last().status, EPROTO);
	ck_assert_uint_eq(f->n_logged, 2); // owner connected, version refused
	ck_assert_ptr_nonnull(strstr(f->logged, "version"));
}
END_TEST

START_TEST(short_items_are_malformed) {
	static const uint16_t types[] = {
		PROTO_SESSION_PUT, PROTO_SESSION_DELETE, PROTO_SESSION_GET, PROTO_SESSION_LIST, PROTO_CLAIM};
	struct proto_session_ref good = {.session_id = fix_id(1)};

	for (unsigned i = 0; i < LEN(types); i++)
		ck_assert_uint_eq(fix_ask(f, types[i], &good, 8, 1, NULL, 0, 0), EBADMSG);
	// A batch with one bad item does nothing, and leaves nothing behind in the queue of replies.
	struct proto_session s = fix_session(1);

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	uint8_t two[32] = {0};
	struct proto_writer w;

	memcpy(two, &good, sizeof(good));
	proto_write_begin(&w, f->message, sizeof(f->message), PROTO_SESSION_DELETE, 77, 0);
	proto_write_item(&w, &good, sizeof(good));
	proto_write_item(&w, two, 8);
	fix_forget(f);
	ck_assert_int_eq(relay_conn_message(f->r, f->c, f->message, proto_write_end(&w), f->now), 0);
	ck_assert_uint_eq(last().status, EBADMSG);
	ck_assert_uint_eq(f->c->n_items, 0);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
}
END_TEST

START_TEST(observers_only_look) {
	static const uint16_t denied[] = {
		PROTO_SESSION_PUT, PROTO_SESSION_DELETE, PROTO_CLAIM, PROTO_SYNC_DONE};
	struct proto_session s = fix_session(1);
	struct proto_list list = {.length = sizeof(list)};

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	f->c = fix_open(f, f, false);
	ck_assert_uint_eq(fix_hello(f, PROTO_OBSERVER, 0), 0);
	for (unsigned i = 0; i < LEN(denied); i++)
		ck_assert_uint_eq(fix_ask(f, denied[i], &s, sizeof(s), 1, NULL, 0, 0), EPERM);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, s.session_id, &state), 0);
	ck_assert_uint_eq(
		fix_ask(f, PROTO_SESSION_LIST, &list, sizeof(list), 1, &state, sizeof(state), 1), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_SUBSCRIBE, NULL, 0, 0, NULL, 0, 0), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_STATS, NULL, 0, 0, NULL, 0, 0), 0);
	ck_assert_int_eq(f->sent[f->n_sent - 1].fd, 55);
}
END_TEST

START_TEST(connections_are_bounded) {
	struct server_conn *c;

	for (unsigned i = 1; i < CONNS_MAX; i++)
		fix_open(f, f, false);
	ck_assert_int_eq(relay_conn_open(f->r, f, true, f->now, &c), -EMFILE);
	relay_conn_close(f->r, f->c, f->now);
	relay_conn_close(f->r, NULL, f->now);
	ck_assert_int_eq(relay_conn_open(f->r, f, true, f->now, &c), 0);
}
END_TEST

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

// ---- replies wait, in order ----

START_TEST(replies_wait_for_the_worker) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};

	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_GET, &ref, sizeof(ref), 1), 0);
	ck_assert_int_eq(fix_request(f, PROTO_STATS, NULL, 0, 0), 0);
	ck_assert(relay_tick(f->r, f->now));
	ck_assert_uint_eq(f->n_sent, 0);
	relay_worker_poll(f->w, f->now);
	ck_assert(!relay_tick(f->r, f->now));
	ck_assert_uint_eq(f->n_sent, 3);
	for (unsigned i = 0; i < 3; i++) {
		struct proto_header h;

		memcpy(&h, f->sent[i].bytes, sizeof(h));
		ck_assert_uint_eq(h.id, f->next_id - 2 + i);
		ck_assert_uint_eq(h.status, 0);
	}
}
END_TEST

START_TEST(final_counters_are_final) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct relay_packet p;
	uint8_t frame[128];

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	fix_forget(f);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1), 0);
	relay_tick(f->r, f->now);
	// The worker has not polled yet: it still forwards, and that is still counted.
	p = (struct relay_packet){.data = frame, .port = 0};
	p.length = fix_frame(frame, &from, &put.local[0], fix_rtp, sizeof(fix_rtp));
	relay_burst(f->w, &p, 1, f->now);
	relay_count(f->w, &p, 1);
	ck_assert_uint_eq(p.verdict, VERDICT_FORWARDED);
	ck_assert_uint_eq(f->n_sent, 0);
	fix_settle(f);
	fix_last(f, &state, sizeof(state), 1);
	ck_assert_uint_eq(state.component[0][0].counters.forwarded, 1);
	ck_assert_uint_eq(state.component[0][0].counters.session_id, fix_id(1));
}
END_TEST

START_TEST(deleted_before_it_was_sent) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};

	ck_assert_uint_eq(fix_put(f, &s, &put), 0); // leaves figures behind in the slot
	fix_media(f, "192.0.2.10", 4000, &put.local[0], 0, false);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	fix_forget(f);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1), 0);
	fix_settle(f);
	fix_last(f, &state, sizeof(state), 1);
	ck_assert_uint_eq(state.slot, put.slot);
	ck_assert_uint_eq(state.component[0][0].counters.forwarded, 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
}
END_TEST

START_TEST(an_id_is_free_again_at_once) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};
	uint32_t slot;

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	slot = put.slot;
	fix_forget(f);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1), 0);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_ne(put.slot, slot);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
}
END_TEST

START_TEST(too_many_requests_under_way) {
	struct proto_session s = fix_session(1);

	for (unsigned i = 0; i < PROTO_OUTSTANDING_MAX; i++)
		ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), -ENOBUFS);
	ck_assert_uint_eq(f->n_sent, 0);
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, PROTO_OUTSTANDING_MAX);
}
END_TEST

// More commands than the ring holds: nothing is refused, the replies come when the worker gets to it.
START_TEST(a_full_ring_passes_the_last_state_on) {
	struct proto_session s = fix_session(1), batch[10];
	unsigned n = 0;

	for (unsigned round = 0; round < WORKER_RING / 10 + 20; round++, n++) {
		for (unsigned i = 0; i < 10; i++) {
			batch[i] = fix_session(i + 1);
			batch[i].side[0].latch_epoch = round;
		}
		ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, batch, sizeof(s), 10), 0);
	}
	ck_assert_uint_eq(f->n_sent, 0);
	ck_assert(outbox_done(f->r) < f->r->outbox.touches);
	ck_assert_uint_ne(f->r->outbox.lanes[0].first, SESSION_NONE); // some wait outside the ring
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, n);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(3), &state), 0);
	ck_assert_uint_eq(state.wanted.side[0].latch_epoch, WORKER_RING / 10 + 19);
}
END_TEST

// Changes that can't be applied pile up what they replaced; beyond that they are refused, until the worker moves.
START_TEST(too_much_under_way_is_refused) {
	struct proto_session batch[20];
	unsigned round;

	for (round = 0; round < 200; round++) {
		const struct server_conn *c = f->c;

		for (unsigned i = 0; i < LEN(batch); i++) {
			batch[i] = fix_session(i + 1);
			for (unsigned j = 0; j < 4; j++)
				batch[i].side[j / 2].remote[j % 2].addr[3] = (uint8_t)(1 + round % 2);
		}
		ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, batch, sizeof(batch[0]), LEN(batch)), 0);
		if (c->replies[(c->first_reply + c->n_replies - 1) % PROTO_OUTSTANDING_MAX].status == EAGAIN)
			break;
	}
	ck_assert_uint_gt(round, OUTBOX_RELEASES / LEN(batch) / 4 - 3);
	ck_assert_uint_lt(round, 200);
	fix_settle(f);
	ck_assert_uint_eq(fix_hops_used(f), LEN(batch) * 4);
	ck_assert_uint_eq(fix_ask(f, PROTO_SESSION_PUT, batch, sizeof(batch[0]), LEN(batch), NULL, 0, 0), 0);
	ck_assert_uint_eq(fix_hops_used(f), LEN(batch) * 4);
}
END_TEST

START_TEST(slow_readers_get_their_reply_later) {
	struct proto_session s = fix_session(1);

	f->send_result = -EAGAIN;
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_PUT, &s, sizeof(s), 1), 0);
	fix_settle(f);
	f->now += 4 * S;
	fix_settle(f);
	ck_assert_uint_eq(f->n_closed, 0);
	f->send_result = 0;
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, 1);
	ck_assert_uint_eq(last().status, 0);
}
END_TEST

START_TEST(stuck_readers_are_closed) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	f->send_result = -EAGAIN;
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1), 0);
	fix_settle(f);
	f->now += 5 * S;
	fix_settle(f);
	fix_settle(f);
	ck_assert_uint_eq(f->n_closed, 1);
	ck_assert_int_eq(fix_request(f, PROTO_STATS, NULL, 0, 0), -EPIPE);
	relay_conn_close(f->r, f->c, f->now);
	f->send_result = 0;
	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	ck_assert_uint_eq(f->r->store.n_free, MAX); // the slot that its reply held is free
}
END_TEST

START_TEST(gone_readers_are_closed) {
	f->send_result = -EPIPE;
	ck_assert_int_eq(fix_request(f, PROTO_STATS, NULL, 0, 0), -EPIPE);
	ck_assert_uint_eq(f->n_closed, 1);
}
END_TEST

START_TEST(closing_with_replies_under_way) {
	struct proto_session s = fix_session(1);
	struct proto_session_ref ref = {.session_id = fix_id(1)};

	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	fix_forget(f);
	ck_assert_int_eq(fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1), 0);
	relay_conn_close(f->r, f->c, f->now);
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, 0);
	ck_assert_uint_eq(f->r->store.n_free, MAX);
	ck_assert_uint_eq(fix_hops_used(f), 0);
}
END_TEST

START_TEST(stats_without_memory) {
	const struct relay_io io = {fix_send, NULL, NULL};

	relay_server_set_io(f->r, &io, -1);
	ck_assert_uint_eq(fix_ask(f, PROTO_STATS, NULL, 0, 0, NULL, 0, 0), ENODATA);
}
END_TEST

START_TEST(opening_survives_failing_allocations) {
	for (unsigned k = 1;; k++) {
		struct server_conn *c = NULL;

		fail_alloc_at(k);
		int ret = relay_conn_open(f->r, f, true, f->now, &c);
		bool failed = fail_alloc_end();

		if (!failed)
			break;
		ck_assert_int_eq(ret, -ENOMEM);
		ck_assert_ptr_null(c);
	}
	ck_assert_uint_eq(f->r->server.n_conns, 2);
}
END_TEST

static TCase *before_case(void) {
	TCase *tc = tcase_create("before hello");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, hello_says_who_is_here);
	tcase_add_loop_test(tc, hellos_are_judged, 0, LEN(hellos));
	tcase_add_test(tc, one_connection_an_owner);
	tcase_add_test(tc, owners_are_bounded);
	tcase_add_test(tc, nothing_before_hello);
	tcase_add_test(tc, connections_are_bounded);
	tcase_add_test(tc, opening_survives_failing_allocations);
	return tc;
}

static TCase *messages_case(void) {
	TCase *tc = tcase_create("messages");

	tcase_add_checked_fixture(tc, setup_connected, teardown);
	tcase_add_test(tc, unknown_types_are_not_supported);
	tcase_add_test(tc, malformed_messages);
	tcase_add_test(tc, short_items_are_malformed);
	tcase_add_test(tc, observers_only_look);
	tcase_add_test(tc, stats_without_memory);
	return tc;
}

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

static TCase *replies_case(void) {
	TCase *tc = tcase_create("replies");

	tcase_add_checked_fixture(tc, setup_connected, teardown);
	tcase_add_test(tc, replies_wait_for_the_worker);
	tcase_add_test(tc, final_counters_are_final);
	tcase_add_test(tc, deleted_before_it_was_sent);
	tcase_add_test(tc, an_id_is_free_again_at_once);
	tcase_add_test(tc, too_many_requests_under_way);
	tcase_add_test(tc, a_full_ring_passes_the_last_state_on);
	tcase_add_test(tc, too_much_under_way_is_refused);
	tcase_add_test(tc, slow_readers_get_their_reply_later);
	tcase_add_test(tc, stuck_readers_are_closed);
	tcase_add_test(tc, gone_readers_are_closed);
	tcase_add_test(tc, closing_with_replies_under_way);
	return tc;
}

int main(void) {
	Suite *suite = suite_create("server");

	suite_add_tcase(suite, before_case());
	suite_add_tcase(suite, messages_case());
	suite_add_tcase(suite, sessions_case());
	suite_add_tcase(suite, replies_case());
	return run_suite(suite);
}
