// The control protocol's server: who may say what.
#include "tests/unit/fail_alloc.h"
#include "tests/unit/run_suite.h"
#include "tests/unit/server_fixture.h"

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

int main(void) {
	Suite *suite = suite_create("server");

	suite_add_tcase(suite, before_case());
	suite_add_tcase(suite, messages_case());
	return run_suite(suite);
}
