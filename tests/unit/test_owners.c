// Owners that come and go, and what they leave behind.
#include "tests/unit/run_suite.h"
#include "tests/unit/watch_fixture.h"

static void put_three(void) {
	for (unsigned i = 1; i <= 3; i++) {
		struct proto_session s = fix_session(i);

		ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	}
}

static bool is_there(uint64_t counter) {
	struct proto_session_state state;

	return fix_ref(f, PROTO_SESSION_GET, fix_id(counter), &state) == 0;
}

START_TEST(what_is_not_wanted_is_swept) {
	struct proto_session s = fix_session(2);
	struct proto_session_ref claim = {.session_id = fix_id(1)};

	put_three();
	reconnect();
	ck_assert_uint_eq(fix_ask(f, PROTO_CLAIM, &claim, sizeof(claim), 1, NULL, 0, 0), 0);
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	pass(S);
	ck_assert_uint_eq(relay_sessions(f->r), 3);
	ck_assert_uint_eq(fix_ask(f, PROTO_SYNC_DONE, NULL, 0, 0, NULL, 0, 0), 0);
	pass(S);
	ck_assert(is_there(1) && is_there(2) && !is_there(3));
	ck_assert_uint_eq(relay_stats(f->r)->sessions_swept, 1);
	pass(60 * S);
	ck_assert_uint_eq(relay_sessions(f->r), 2);
}
END_TEST

START_TEST(claims_of_nothing_are_refused_whole) {
	struct proto_session_ref claims[2] = {{.session_id = fix_id(1)}, {.session_id = fix_id(9)}};

	put_three();
	reconnect();
	ck_assert_uint_eq(fix_ask(f, PROTO_CLAIM, claims, sizeof(claims[0]), 2, NULL, 0, 0), ENOENT);
	fix_ask(f, PROTO_SYNC_DONE, NULL, 0, 0, NULL, 0, 0);
	pass(S);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
}
END_TEST

START_TEST(without_sync_done_it_is_swept_after_30_s) {
	put_three();
	reconnect();
	pass(29 * S);
	ck_assert_uint_eq(relay_sessions(f->r), 3);
	pass(2 * S);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
}
END_TEST

START_TEST(sweeps_leave_other_owners_alone) {
	struct proto_session s = fix_session(1);

	put_three();
	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 8), 0);
	s.session_id = 8ull << 48 | 1;
	ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_SYNC_DONE, NULL, 0, 0, NULL, 0, 0), 0);
	pass(S);
	ck_assert_uint_eq(relay_sessions(f->r), 4);
}
END_TEST

START_TEST(a_controller_that_leaves_in_mid_sweep_sweeps_no_more) {
	put_three();
	reconnect();
	fix_request(f, PROTO_SYNC_DONE, NULL, 0, 0); // not ticked yet
	relay_conn_close(f->r, controller, f->now);
	fix_settle(f);
	ck_assert_uint_eq(relay_sessions(f->r), 3);
	controller = f->c = fix_open(f, f, true);
}
END_TEST

START_TEST(media_flows_without_a_controller) {
	put_session();
	relay_conn_close(f->r, controller, f->now);
	controller = f->c = fix_open(f, f, true);
	ck_assert_uint_eq(relay_stats(f->r)->controller_connected, 1);
	one_side_sends(100, caller_sends);
	ck_assert_uint_eq(relay_stats(f->r)->controller_connected, 0);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	pass(28 * S); // then it stops
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	pass(3 * S);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
	ck_assert_uint_eq(relay_stats(f->r)->sessions_timed_out, 1);
	ck_assert_ptr_nonnull(strstr(f->logged, "media_timeout"));
}
END_TEST

START_TEST(no_session_outlives_its_owner_for_an_hour) {
	session.media_timeout_ms = 0;
	put_session();
	relay_conn_close(f->r, controller, f->now);
	controller = f->c = fix_open(f, f, true);
	f->now += 3599 * S;
	fix_settle(f);
	fix_settle(f);
	ck_assert_uint_eq(relay_sessions(f->r), 1);
	pass(3 * S);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
}
END_TEST

// A place is for those who say what they want, whatever else they say.
START_TEST(a_peer_without_hello_is_closed) {
	struct server_conn *silent = fix_open(f, f, true);

	f->c = fix_open(f, f, true);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, 0), EINVAL);
	f->now += 2 * S - 1;
	fix_settle(f);
	f->c = fix_open(f, f, false); // its time begins now
	ck_assert_uint_eq(f->n_closed, 0);
	f->n_logged = 0;
	f->now += 1;
	fix_settle(f);
	fix_settle(f);
	ck_assert_uint_eq(f->n_closed, 2); // once each, and not the one that said HELLO long ago
	ck_assert_uint_eq(f->n_logged, 2);
	ck_assert_ptr_nonnull(strstr(f->logged, "refused=silent"));
	ck_assert_uint_eq(relay_stats(f->r)->control_refused, 1 + 2); // the HELLO, and these
	ck_assert_int_eq(fix_request_on(f, silent, PROTO_HELLO, NULL, 0, 0), -EPIPE);
	ck_assert_uint_eq(fix_hello(f, PROTO_OBSERVER, 0), 0);
	f->now += 10 * S;
	fix_settle(f);
	ck_assert_uint_eq(f->n_closed, 2);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("owners");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_peer_without_hello_is_closed);
	tcase_add_test(tc, what_is_not_wanted_is_swept);
	tcase_add_test(tc, claims_of_nothing_are_refused_whole);
	tcase_add_test(tc, without_sync_done_it_is_swept_after_30_s);
	tcase_add_test(tc, sweeps_leave_other_owners_alone);
	tcase_add_test(tc, a_controller_that_leaves_in_mid_sweep_sweeps_no_more);
	tcase_add_test(tc, media_flows_without_a_controller);
	tcase_add_test(tc, no_session_outlives_its_owner_for_an_hour);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
