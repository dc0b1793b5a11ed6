// The control protocol's server: replies that wait for the worker, in order, and readers that don't read.
#include "tests/unit/run_suite.h"
#include "tests/unit/server_fixture.h"

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
	Suite *suite = suite_create("server_replies");

	suite_add_tcase(suite, replies_case());
	return run_suite(suite);
}
