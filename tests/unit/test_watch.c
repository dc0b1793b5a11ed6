// What subscribers are told: latches, silence, one-way media, next hops and links that fail.
#include "tests/unit/run_suite.h"
#include "tests/unit/watch_fixture.h"

static struct proto_event event;

// The one event that came since the last look, or none.
static bool got_event(void) {
	struct proto_header h;

	fix_settle(f);
	memset(&event, 0, sizeof(event));
	h = fix_last(f, &event, sizeof(event), 1);
	ck_assert_uint_le(f->n_sent, 1);
	fix_forget(f);
	if (h.type == 0)
		return false;
	ck_assert_uint_eq(h.type, PROTO_EVENTS);
	ck_assert_uint_eq(h.n_items, 1);
	ck_assert_uint_eq(event.session_id, session.session_id);
	ck_assert_uint_eq(event.call_id, session.call_id);
	return true;
}

START_TEST(latches_are_told) {
	struct endpoint a = fix_endpoint("203.0.113.200", 30000), b = fix_endpoint("203.0.113.200", 40000);

	session.side[0].latch = LATCH_ADDRESS;
	session.side[0].vouched = a;
	put_session();
	ck_assert(!got_event());
	fix_media(f, "203.0.113.200", 30000, &put.local[0], 0, false);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_LATCHED);
	ck_assert_uint_eq(event.events[1], 0);
	ck_assert(endpoint_equal(&event.learnt[0][0], &a));
	ck_assert(!endpoint_is_set(&event.learnt[0][1]));
	fix_media(f, "203.0.113.200", 30000, &put.local[0], 0, false);
	ck_assert(!got_event());
	f->now += 2 * S;
	fix_media(f, "203.0.113.200", 40000, &put.local[0], 0, false);
	ck_assert(got_event()); // again: it is somewhere else now
	ck_assert_uint_eq(event.events[0], EVENT_LATCHED);
	ck_assert(endpoint_equal(&event.learnt[0][0], &b));
}
END_TEST

START_TEST(refused_sources_are_told_once) {
	put_session();
	for (unsigned i = 0; i < 3; i++) {
		fix_media(f, "198.51.100.66", 5000, &put.local[1], 1, false);
		ck_assert(got_event() == (i == 0));
	}
	fix_media(f, "198.51.100.66", 5001, &put.local[1], 1, true); // the side's other component
	ck_assert(!got_event());
}
END_TEST

START_TEST(events_of_a_dead_session_are_nobodys) {
	struct proto_session_ref ref = {.session_id = fix_id(1)};

	put_session();
	fix_request(f, PROTO_SESSION_DELETE, &ref, sizeof(ref), 1);
	fix_media(f, "198.51.100.66", 5000, &put.local[1], 1, false);
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, 1); // the reply
}
END_TEST

START_TEST(media_timeout_is_told_once) {
	put_session();
	pass(20 * S);
	caller_sends();
	callee_sends();
	pass(29 * S);
	ck_assert(!got_event());
	pass(2 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_MEDIA_TIMEOUT);
	ck_assert_uint_eq(event.events[1], EVENT_MEDIA_TIMEOUT);
	pass(5 * S);
	ck_assert(!got_event());
	ck_assert_uint_eq(relay_sessions(f->r), 1); // its controller is here to decide
}
END_TEST

START_TEST(media_that_is_back_is_told) {
	put_session();
	pass(31 * S);
	ck_assert(got_event());
	caller_sends();
	pass(2 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_MEDIA_BACK);
	ck_assert_uint_eq(event.events[1], EVENT_MEDIA_BACK);
	caller_sends();
	pass(28 * S);
	ck_assert(!got_event());
	pass(3 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_MEDIA_TIMEOUT);
}
END_TEST

// A controller that did not end it for its other sessions' sake may have to by now.
START_TEST(silence_that_lasts_is_told_again) {
	put_session();
	for (unsigned i = 0; i < 3; i++) {
		pass(20 * S);
		ck_assert(!got_event());
		pass(10 * S + S / 2);
		ck_assert(got_event());
		ck_assert_uint_eq(event.events[0], EVENT_MEDIA_TIMEOUT);
	}
}
END_TEST

START_TEST(rtcp_is_no_silence) {
	put_session();
	for (unsigned i = 0; i < 5; i++) {
		pass(20 * S);
		fix_media(f, "192.0.2.10", 4001, &put.local[0], 0, true);
	}
	ck_assert(!got_event());
}
END_TEST

START_TEST(held_calls_may_be_silent) {
	session.media_timeout_ms = 0;
	put_session();
	pass(100 * S);
	ck_assert(!got_event());
	session.media_timeout_ms = 30000; // taken up again: from now on
	put_session();
	pass(28 * S);
	ck_assert(!got_event());
	pass(3 * S);
	ck_assert(got_event());
}
END_TEST

START_TEST(one_way_is_told) {
	put_session();
	one_side_sends(9, caller_sends);
	ck_assert(!got_event());
	one_side_sends(2, caller_sends);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], 0);
	ck_assert_uint_eq(event.events[1], EVENT_ONE_WAY);
	one_side_sends(5, caller_sends);
	ck_assert(!got_event());
}
END_TEST

START_TEST(one_way_after_both) {
	put_session();
	for (unsigned i = 0; i < 20; i++) {
		caller_sends();
		callee_sends();
		pass(S);
	}
	ck_assert(!got_event());
	one_side_sends(11, callee_sends);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_ONE_WAY);
	ck_assert_uint_eq(event.events[1], 0);
}
END_TEST

START_TEST(no_way_is_not_one_way) {
	put_session();
	caller_sends();
	pass(25 * S);
	ck_assert(!got_event());
}
END_TEST

START_TEST(held_calls_may_be_one_way) {
	session.media_timeout_ms = 0;
	put_session();
	one_side_sends(15, callee_sends);
	ck_assert(!got_event());
}
END_TEST

START_TEST(failed_neighbours_are_told) {
	const uint8_t mac[6] = {0};
	struct proto_session_state state;
	uint32_t hop;

	put_session();
	pass(2 * S);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
	fix_forget(f);
	for (hop = 1; !endpoint_same_addr(&f->hop_target[hop], &session.side[1].remote[0]); hop++)
		;
	f->words[hop] = next_hop_word(mac, 0, NEXT_HOP_FAILED);
	relay_next_hop_failed(f->r, hop);
	fix_settle(f);
	fix_settle(f); // the rest of the scan
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], 0);
	ck_assert_uint_eq(event.events[1], EVENT_NEIGHBOUR_FAILED);
}
END_TEST

// Port 1 carries the callee's realm.
START_TEST(links_that_fall_are_told) {
	put_session();
	relay_port_link(f->r, 0, true);
	relay_port_link(f->r, 1, true);
	pass(2 * S);
	ck_assert(!got_event());
	relay_port_link(f->r, 1, false);
	fix_settle(f);
	fix_settle(f); // the rest of the scan
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], 0);
	ck_assert_uint_eq(event.events[1], EVENT_LINK_DOWN);
	pass(2 * S);
	ck_assert(!got_event()); // once
}
END_TEST

START_TEST(a_link_that_is_back_before_the_scan_is_told) {
	put_session();
	pass(2 * S);
	relay_port_link(f->r, 0, false);
	relay_port_link(f->r, 0, true);
	fix_settle(f);
	fix_settle(f);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_LINK_DOWN);
	ck_assert_uint_eq(event.events[1], 0);
	session.session_id++; // a later session has lost nothing
	put_session();
	pass(2 * S);
	ck_assert(!got_event());
}
END_TEST

START_TEST(a_link_that_is_down_already_is_told) {
	relay_port_link(f->r, 0, false);
	pass(2 * S);
	put_session();
	pass(2 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_LINK_DOWN);
}
END_TEST

// So that who lost events can list what they said: what the workers raised, and what only main knows.
START_TEST(what_was_told_is_listed) {
	struct proto_session_state state;

	session.side[0].latch = LATCH_ANY;
	put_session();
	caller_sends();
	relay_port_link(f->r, 1, false);
	pass(32 * S);
	fix_forget(f);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_GET, fix_id(1), &state), 0);
	ck_assert_uint_eq(state.events[0], EVENT_LATCHED | EVENT_MEDIA_TIMEOUT);
	ck_assert_uint_eq(state.events[1], EVENT_LINK_DOWN | EVENT_MEDIA_TIMEOUT);
	ck_assert_uint_eq(state.component[0][0].counters.events, EVENT_LATCHED);
	ck_assert_uint_eq(fix_ref(f, PROTO_SESSION_DELETE, fix_id(1), &state), 0);
	ck_assert_uint_eq(state.events[1], EVENT_LINK_DOWN | EVENT_MEDIA_TIMEOUT);
}
END_TEST

START_TEST(another_silence_is_told_too) {
	put_session();
	pass(31 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_MEDIA_TIMEOUT);
	session.media_timeout_ms = 0; // held, then not
	put_session();
	pass(31 * S);
	session.media_timeout_ms = 30000;
	put_session();
	pass(29 * S);
	ck_assert(!got_event());
	pass(2 * S);
	ck_assert(got_event());
	ck_assert_uint_eq(event.events[0], EVENT_MEDIA_TIMEOUT);
	ck_assert_uint_eq(event.events[1], EVENT_MEDIA_TIMEOUT);
}
END_TEST

START_TEST(slow_subscribers_lose_events_and_are_told) {
	session.side[0].latch = LATCH_ANY;
	put_session();
	f->send_result = -EAGAIN;
	fix_media(f, "198.51.100.66", 5000, &put.local[1], 1, false);
	fix_settle(f);
	fix_media(f, "192.0.2.77", 1, &put.local[0], 0, false);
	fix_settle(f);
	f->send_result = 0;
	fix_settle(f);
	ck_assert_uint_eq(f->n_sent, 1);
	ck_assert_uint_eq(fix_last(f, NULL, 0, 0).type, PROTO_EVENTS_LOST);
	fix_forget(f);
	fix_media(f, "192.0.2.78", 1, &put.local[0], 0, true); // and from then on all is told
	ck_assert(got_event());
}
END_TEST

START_TEST(gone_subscribers_are_closed) {
	put_session();
	f->send_result = -EPIPE;
	fix_media(f, "198.51.100.66", 5000, &put.local[1], 1, false);
	fix_settle(f);
	fix_settle(f);
	ck_assert_uint_eq(f->n_closed, 1);
	ck_assert_int_eq(fix_request(f, PROTO_STATS, NULL, 0, 0), -EPIPE);
}
END_TEST

START_TEST(many_events_take_several_messages) {
	struct proto_session s;
	unsigned n = 0;

	teardown();
	f = calloc(1, sizeof(*f));
	fix_params(f, 700);
	f->params.media[0].port_last = 16384 + 1999;
	f->params.media[2].port_last = 16384 + 1999;
	fix_start(f);
	controller = f->c;
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_SUBSCRIBE, NULL, 0, 0, NULL, 0, 0), 0);
	for (unsigned i = 0; i < 700; i++) {
		s = fix_session(i + 1);
		ck_assert_uint_eq(fix_put(f, &s, &put), 0);
	}
	fix_forget(f);
	for (unsigned i = 1; i < FIX_HOPS; i++)
		f->words[i] = NEXT_HOP_FAILED;
	relay_next_hop_failed(f->r, 1);
	fix_settle(f);
	for (unsigned i = 0; i < f->n_sent; i++) {
		struct proto_header h;

		memcpy(&h, f->sent[i].bytes, sizeof(h));
		ck_assert_uint_eq(h.type, PROTO_EVENTS);
		n += h.n_items;
	}
	ck_assert_uint_eq(f->n_sent, 2);
	ck_assert_uint_eq(n, 700);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("all");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, latches_are_told);
	tcase_add_test(tc, refused_sources_are_told_once);
	tcase_add_test(tc, events_of_a_dead_session_are_nobodys);
	tcase_add_test(tc, media_timeout_is_told_once);
	tcase_add_test(tc, media_that_is_back_is_told);
	tcase_add_test(tc, silence_that_lasts_is_told_again);
	tcase_add_test(tc, rtcp_is_no_silence);
	tcase_add_test(tc, held_calls_may_be_silent);
	tcase_add_test(tc, one_way_is_told);
	tcase_add_test(tc, one_way_after_both);
	tcase_add_test(tc, no_way_is_not_one_way);
	tcase_add_test(tc, held_calls_may_be_one_way);
	tcase_add_test(tc, failed_neighbours_are_told);
	tcase_add_test(tc, links_that_fall_are_told);
	tcase_add_test(tc, a_link_that_is_back_before_the_scan_is_told);
	tcase_add_test(tc, a_link_that_is_down_already_is_told);
	tcase_add_test(tc, what_was_told_is_listed);
	tcase_add_test(tc, another_silence_is_told_too);
	tcase_add_test(tc, slow_subscribers_lose_events_and_are_told);
	tcase_add_test(tc, gone_subscribers_are_closed);
	tcase_add_test(tc, many_events_take_several_messages);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
