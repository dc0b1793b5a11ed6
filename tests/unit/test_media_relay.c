// What happens when the relay restarts, is late, is full, tells something: over the real relay, in this process.
#include "tests/unit/fail_alloc.h"
#include "tests/unit/media_calls.h"
#include "tests/unit/run_suite.h"

static struct endpoint local_of(unsigned side) {
	return view(0).local[side];
}

START_TEST(without_the_relay_there_is_no_new_call) {
	begin();
	mf_relay_kill(&f);
	mf_run(&f);
	ck_assert(!media_is_connected(f.m));
	ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, ENOTCONN);
	delete_call();
	ck_assert(!f.finals[0].has_state);
	mf_relay_start(&f);
	mf_wait(&f, 1000);
	ck_assert(media_is_connected(f.m));
	set_up();
	delete_call();
	end();
}
END_TEST

START_TEST(sessions_come_back_with_a_new_relay) {
	struct media_party party[2] = {nated_party("203.0.113.50", "x"), plain_parties[1]};
	struct proto_session before[2], after[2];
	uint64_t other;

	begin();
	offer(0, party, SDP_HEAD("10.0.0.1") AUDIO("4000") VIDEO("4002"));
	answer(1, party, CALLEE_SDP VIDEO("0"));
	media_set_answered(f.m, call);
	before[0] = wanted(0);
	other = call;
	call = 0;
	set_up();
	before[1] = wanted(0);
	// The caller's packets come from elsewhere than it says.
	fix_media(f.relay, "203.0.113.50", 6000, &before[0].side[0].local, 0, false);
	fix_media(f.relay, "203.0.113.50", 6003, &before[0].side[0].local, 0, true);
	mf_run(&f);
	ck_assert_uint_eq(f.events, EVENT_LATCHED);

	mf_relay_kill(&f);
	mf_run(&f);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_RELAY_LOST], 1);
	mf_relay_start(&f);
	mf_wait(&f, 1000);
	ck_assert(media_is_connected(f.m));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 2);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_RESTORED], 2);
	after[1] = wanted(0);
	ck_assert_mem_eq(&after[1], &before[1], sizeof(after[1]));
	delete_call();
	call = other;
	after[0] = wanted(0);
	for (int i = 0; i < 2; i++) {
		ck_assert(endpoint_equal(&after[0].side[i].local, &before[0].side[i].local));
		ck_assert_mem_eq(
			after[0].side[i].remote, before[0].side[i].remote, sizeof(after[0].side[i].remote));
	}
	// Media towards the caller flows at once to where it was learnt: no packet of his is needed first.
	ck_assert_int_eq(fix_media(f.relay, "198.51.100.20", 5000, &after[0].side[1].local, 1, false),
		VERDICT_FORWARDED);
	ck_assert_int_eq(fix_media(f.relay, "198.51.100.20", 5001, &after[0].side[1].local, 1, true),
		VERDICT_FORWARDED);
	ck_assert_int_eq(fix_media(f.relay, "203.0.113.50", 6000, &after[0].side[0].local, 0, false),
		VERDICT_FORWARDED);
	delete_call();
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

// More than are put at a time.
START_TEST(many_sessions_come_back) {
	uint64_t calls[80];

	call = 0;
	mf_start(&f, 200);
	for (unsigned i = 0; i < 45; i++) { // ports of core: 50 pairs
		call = 0;
		offer(0, plain_parties, CALLER_SDP);
		calls[i] = call;
	}
	for (int i = 0; i < 40; i++)
		media_delete(f.m, calls[i]);
	mf_wait(&f, 2100); // their ports rest
	for (unsigned i = 45; i < 80; i++) {
		call = 0;
		ck_assert_int_eq(offer(0, plain_parties, CALLER_SDP)->status, 0);
		calls[i] = call;
	}
	ck_assert_uint_eq(relay_sessions(f.relay->r), 40);
	mf_relay_kill(&f);
	mf_run(&f);
	mf_relay_start(&f);
	mf_wait(&f, 1000);
	ck_assert(media_is_connected(f.m));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 40);
	for (unsigned i = 40; i < 80; i++)
		media_delete(f.m, calls[i]);
	mf_run(&f);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

// The same relay, another connection: ours are marked, what else has our owner id is swept.
START_TEST(a_mere_reconnect_changes_nothing) {
	struct proto_session before, after;
	struct media_party party[2] = {nated_party("203.0.113.50", "x"), plain_parties[1]};

	begin();
	offer(0, party, SDP_HEAD("10.0.0.1") AUDIO("4000"));
	answer(1, party, CALLEE_SDP);
	before = wanted(0);
	fix_media(f.relay, "203.0.113.50", 6000, &before.side[0].local, 0, false);
	mf_run(&f);
	relay_client_on_end(f.client, 0);
	mf_run(&f);
	ck_assert(!media_is_connected(f.m));
	mf_wait(&f, 100);
	ck_assert(media_is_connected(f.m));
	after = wanted(0);
	ck_assert_mem_eq(&after, &before, sizeof(after));
	ck_assert_int_eq(
		fix_media(f.relay, "198.51.100.20", 5000, &after.side[1].local, 1, false), VERDICT_FORWARDED);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_RESTORED], 0);
	delete_call();
	end();
}
END_TEST

START_TEST(our_own_restart_sweeps_dead_calls) {
	const struct relay_link link = mf_link(&f);
	const struct media_user user = mf_user(&f);

	begin();
	set_up();
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	media_destroy(f.m); // as a crash would: nothing is deleted
	ck_assert_int_eq(media_create_over(f.loop, &f.config, &user, &link, &f.m), 0);
	mf_run(&f);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert(media_is_connected(f.m));
	end();
}
END_TEST

START_TEST(a_late_relay_leaves_no_session) {
	begin();
	f.deaf = true;
	ck_assert_int_eq(
		media_offer(f.m, &call, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP)), 0);
	mf_wait(&f, MF_DEADLINE_MS - 1);
	ck_assert_uint_eq(f.n_results, 0);
	mf_wait(&f, 1);
	ck_assert_uint_eq(f.n_results, 1);
	ck_assert_int_eq(f.results[0].status, ETIMEDOUT);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_LATE], 1);
	f.deaf = false;
	mf_run(&f); // the late replies
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(f.n_results, 1);
	ck_assert(media_is_connected(f.m));
	delete_call();
	set_up();
	delete_call();
	end();
}
END_TEST

// A worker that hangs and comes back.
START_TEST(a_stuck_worker_leaves_no_session) {
	begin();
	f.stuck = true;
	ck_assert_int_eq(
		media_offer(f.m, &call, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP)), 0);
	mf_wait(&f, MF_DEADLINE_MS);
	ck_assert_int_eq(f.results[0].status, ETIMEDOUT);
	media_delete(f.m, call);
	mf_wait(&f, 10);
	f.stuck = false;
	mf_run(&f);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(f.n_last, 1);
	end();
}
END_TEST

START_TEST(a_late_reoffer_keeps_the_old_state) {
	struct proto_session before, after;

	begin();
	set_up();
	before = wanted(0);
	f.deaf = true;
	ck_assert_int_eq(media_offer(f.m, &call, OWNER, CALL_ID, 9, 0, plain_parties,
				 span_of(SDP_HEAD("192.0.2.11") AUDIO("4100") VIDEO("4102"))),
		0);
	mf_wait(&f, MF_DEADLINE_MS);
	ck_assert_int_eq(last_result()->status, ETIMEDOUT);
	f.deaf = false;
	after = wanted(0);
	ck_assert_mem_eq(&after, &before, sizeof(after));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 1);
	check_endpoint(&view(0).signalled[0][0], "192.0.2.10:4000");
	delete_call();
	end();
}
END_TEST

START_TEST(a_lost_relay_fails_what_is_under_way) {
	begin();
	set_up();
	f.deaf = true;
	ck_assert_int_eq(media_offer(f.m, &call, OWNER, CALL_ID, 9, 0, plain_parties,
				 span_of(SDP_HEAD("192.0.2.11") AUDIO("4100"))),
		0);
	ck_assert_int_eq(
		media_answer(f.m, call, 10, 1, plain_parties, span_of(CALLEE_SDP "a=sendonly\r\n")), 0);
	mf_run(&f);
	mf_relay_kill(&f);
	f.deaf = false;
	mf_run(&f);
	ck_assert_uint_eq(f.n_results, 4);
	ck_assert_int_eq(f.results[2].status, ENOTCONN);
	ck_assert_int_eq(f.results[3].status, ENOTCONN);
	mf_relay_start(&f);
	mf_wait(&f, 100);
	check_endpoint(&wanted(0).side[0].remote[0], "192.0.2.10:4000");
	delete_call();
	end();
}
END_TEST

// At every moment of a call: before it is sent, while it is under way, after the answer, with the relay gone.
START_TEST(may_be_deleted_at_any_moment) {
	begin();
	f.deaf = _i & 1;
	ck_assert_int_eq(
		media_offer(f.m, &call, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP)), 0);
	if (_i >= 2)
		mf_run(&f);
	if (_i >= 4)
		ck_assert_int_eq(media_answer(f.m, call, 2, 1, plain_parties, span_of(CALLEE_SDP)), 0);
	if (_i >= 6)
		mf_run(&f);
	if (_i >= 8)
		media_set_answered(f.m, call);
	if (_i >= 10) {
		mf_relay_kill(&f);
		mf_relay_start(&f);
	}
	if (_i >= 12)
		mf_run(&f);
	media_delete(f.m, call);
	f.n_results = 0;
	f.deaf = false;
	mf_wait(&f, 100);
	ck_assert_uint_eq(f.n_last, 1);
	ck_assert_uint_eq(f.n_results, 0); // not delivered any more
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert(media_is_connected(f.m));
	end();
}
END_TEST

START_TEST(passes_events_on) {
	struct endpoint to_caller, to_callee;

	begin();
	set_up();
	to_caller = local_of(0);
	to_callee = local_of(1);
	ck_assert_int_eq(fix_media(f.relay, "203.0.113.99", 4000, &to_caller, 0, false), VERDICT_BAD_SOURCE);
	mf_run(&f);
	ck_assert_uint_eq(f.events, EVENT_SOURCE_REFUSED);
	ck_assert_uint_eq(f.event_owner, OWNER);
	f.events = 0;
	fix_media(f.relay, "192.0.2.10", 4000, &to_caller, 0, false);
	fix_media(f.relay, "198.51.100.20", 5000, &to_callee, 1, false);
	for (int i = 0; i < MF_TIMEOUT_S + 2; i++) {
		f.relay->now += 1000000000;
		mf_run(&f);
	}
	ck_assert_uint_eq(f.events & EVENT_MEDIA_TIMEOUT, EVENT_MEDIA_TIMEOUT);
	delete_call();
	f.n_events = 0;
	mf_run(&f);
	ck_assert_uint_eq(f.n_events, 0);
	end();
}
END_TEST

START_TEST(lists_when_events_are_lost) {
	struct proto_header h = {.length = sizeof(h), .major = PROTO_MAJOR, .type = PROTO_EVENTS_LOST};
	struct endpoint to_caller;

	begin();
	set_up();
	to_caller = local_of(0);
	ck_assert_int_eq(fix_media(f.relay, "203.0.113.99", 4000, &to_caller, 0, false), VERDICT_BAD_SOURCE);
	mf_settle(&f); // the relay has told, but nobody heard
	mf_forget(&f);
	mf_run(&f);
	ck_assert_uint_eq(f.n_events, 0);
	relay_client_on_message(f.client, &h, sizeof(h));
	mf_run(&f);
	ck_assert_uint_eq(f.events, EVENT_SOURCE_REFUSED);
	ck_assert_uint_eq(media_counters(f.m)[MEDIA_COUNTER_EVENTS_LOST], 1);
	f.n_events = 0;
	relay_client_on_message(f.client, &h, sizeof(h));
	mf_run(&f);
	ck_assert_uint_eq(f.n_events, 0); // known by now
	f.events = 0;
	for (int i = 0; i < MF_TIMEOUT_S + 2; i++) { // an event of the relay's main thread
		f.relay->now += 1000000000;
		mf_settle(&f);
	}
	mf_forget(&f);
	relay_client_on_message(f.client, &h, sizeof(h));
	mf_run(&f);
	ck_assert_uint_eq(f.events, EVENT_MEDIA_TIMEOUT);
	delete_call();
	end();
}
END_TEST

// The new relay has no room for all (another config): those calls' media is at its end, and they are told.
START_TEST(says_which_calls_did_not_come_back) {
	uint64_t first;

	begin();
	set_up();
	first = call;
	call = 0;
	set_up();
	mf_relay_kill(&f);
	f.max_sessions = 1;
	mf_relay_start(&f);
	mf_wait(&f, 100);
	ck_assert(media_is_connected(f.m));
	ck_assert_uint_eq(f.events, EVENT_MEDIA_TIMEOUT);
	ck_assert_uint_eq(f.n_events, 1);
	delete_call();
	media_delete(f.m, first);
	mf_run(&f);
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	end();
}
END_TEST

static void whole_story(void) {
	uint64_t other = 0;

	call = 0;
	if (media_offer(f.m, &call, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP VIDEO("4002"))) ==
		0) {
		if (media_answer(f.m, call, 2, 1, plain_parties, span_of(CALLEE_SDP VIDEO("0"))) == 0)
			mf_run(&f);
		media_set_answered(f.m, call);
		mf_run(&f);
	}
	if (media_offer(f.m, &other, OWNER, CALL_ID, 3, 1, plain_parties, span_of(CALLER_SDP)) < 0 &&
		other != 0)
		abort();
	mf_run(&f);
	media_delete(f.m, other);
	media_delete(f.m, call);
	mf_wait(&f, 60);
}

// Every allocation fails once: an error or a result that says so, and nothing is left anywhere.
START_TEST(survives_failing_allocations) {
	const struct relay_link link = mf_link(&f);
	const struct media_user user = mf_user(&f);
	bool failed = true;

	for (unsigned k = 1; failed; k++) {
		int ret;

		mf_prepare(&f, 16);
		fail_alloc_at(k);
		ret = media_create_over(f.loop, &f.config, &user, &link, &f.m);
		failed = fail_alloc_end();
		if (ret < 0)
			f.m = NULL;
		ck_assert(failed ? ret == -ENOMEM : ret == 0);
		mf_stop(&f);
	}
}
END_TEST

// The relay's side of this process allocates too (a connection, the test's copies of messages), so failures are kept to
// our own calls: no message moves while they are on.
START_TEST(a_call_survives_failing_allocations) {
	unsigned k = 1;

	for (bool failed = true; failed; k++) {
		uint64_t handle = 0;
		int ret[3];

		mf_start(&f, 16);
		fail_alloc_at(k);
		ret[0] = media_offer(
			f.m, &handle, OWNER, CALL_ID, 1, 0, plain_parties, span_of(CALLER_SDP VIDEO("4002")));
		ret[1] = handle == 0
			? 0
			: media_answer(f.m, handle, 2, 1, plain_parties, span_of(CALLEE_SDP VIDEO("0")));
		f.send_result = -EAGAIN; // plans and queues are made, nothing is sent
		loop_advance(f.loop, 0);
		failed = fail_alloc_end();
		f.send_result = 0;
		relay_client_on_writable(f.client);
		mf_wait(&f, 100);
		ck_assert(ret[0] == 0 || ret[0] == -ENOMEM || ret[0] == -ENOSPC);
		ck_assert(ret[1] == 0 || ret[1] == -ENOMEM);
		ck_assert((handle == 0) == (ret[0] < 0));
		ck_assert_uint_eq(f.n_results, (unsigned)(ret[0] == 0) + (ret[0] == 0 && ret[1] == 0));
		ck_assert(failed || (f.results[0].status == 0 && f.results[1].status == 0));
		media_delete(f.m, handle);
		mf_run(&f);
		ck_assert_uint_eq(f.n_last, ret[0] == 0);
		ck_assert_uint_eq(media_count(f.m), 0);
		ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
		whole_story();
		ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
		mf_stop(&f);
	}
	ck_assert_uint_gt(k, 3);
}
END_TEST

static uint64_t seed;

static unsigned any(unsigned n) { // xorshift64
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return (unsigned)(seed % n);
}

static const char *const descriptions[] = {
	CALLER_SDP,
	CALLEE_SDP,
	CALLER_SDP VIDEO("4002"),
	CALLER_SDP VIDEO("0"),
	SDP_HEAD("10.0.0.1") AUDIO("4000") "a=sendonly\r\n",
	SDP_HEAD("0.0.0.0") AUDIO("4000"),
	SDP_HEAD("example.com") AUDIO("4000"),
	SDP_HEAD("192.0.2.1") AUDIO("0"),
	"rubbish",
};

static void any_step(uint64_t calls[8]) {
	static const char *const tags[] = {"", "a", "b"};
	struct media_party party[2] = {{.realm = (uint16_t)any(3)}, {.realm = (uint16_t)any(3)}};
	uint64_t *handle = &calls[any(8)];
	struct span sdp = span_of(descriptions[any(9)]);
	unsigned from = any(2);

	party[from].tag = span_of(tags[any(3)]);
	party[from].nated = any(2);
	party[from].vouched = fix_endpoint("203.0.113.50", 5060);
	switch (any(12)) {
	case 0:
	case 1:
	case 2:
		(void)!media_offer(f.m, handle, OWNER, CALL_ID, 0, from, party, sdp);
		break;
	case 3:
	case 4:
	case 5:
		(void)!media_answer(f.m, *handle, 0, from, party, sdp);
		break;
	case 6:
		media_set_answered(f.m, *handle);
		break;
	case 7:
		media_delete(f.m, *handle);
		*handle = 0;
		break;
	case 8:
		f.deaf = !f.deaf;
		break;
	case 9:
		mf_wait(&f, any(MF_DEADLINE_MS + 100));
		break;
	case 10:
		if (f.relay != NULL && any(4) == 0)
			mf_relay_kill(&f);
		else if (f.relay == NULL)
			mf_relay_start(&f);
		break;
	default:
		mf_run(&f);
		break;
	}
}

// Whatever happens in whatever order: when all pairings are deleted, the relay holds nothing and nobody waits.
START_TEST(nothing_is_left_after_anything) {
	uint64_t calls[8] = {0};

	seed = 88172645463325252ull + (uint64_t)_i;
	mf_start(&f, 12);
	for (int i = 0; i < 300; i++)
		any_step(calls);
	f.deaf = false;
	if (f.relay == NULL)
		mf_relay_start(&f);
	for (int i = 0; i < 8; i++)
		media_delete(f.m, calls[i]);
	mf_wait(&f, 2500);
	ck_assert_uint_eq(media_count(f.m), 0);
	ck_assert(media_is_connected(f.m));
	ck_assert_uint_eq(relay_sessions(f.relay->r), 0);
	ck_assert_uint_eq(fix_hops_used(f.relay), 0);
	end();
}
END_TEST

int main(void) {
	Suite *suite = suite_create("media_relay");
	TCase *tcase = tcase_create("all");

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, without_the_relay_there_is_no_new_call);
	tcase_add_test(tcase, sessions_come_back_with_a_new_relay);
	tcase_add_test(tcase, many_sessions_come_back);
	tcase_add_test(tcase, a_mere_reconnect_changes_nothing);
	tcase_add_test(tcase, our_own_restart_sweeps_dead_calls);
	tcase_add_test(tcase, a_late_relay_leaves_no_session);
	tcase_add_test(tcase, a_stuck_worker_leaves_no_session);
	tcase_add_test(tcase, a_late_reoffer_keeps_the_old_state);
	tcase_add_test(tcase, a_lost_relay_fails_what_is_under_way);
	tcase_add_loop_test(tcase, may_be_deleted_at_any_moment, 0, 14);
	tcase_add_test(tcase, passes_events_on);
	tcase_add_test(tcase, lists_when_events_are_lost);
	tcase_add_test(tcase, says_which_calls_did_not_come_back);
	tcase_add_test(tcase, survives_failing_allocations);
	tcase_add_test(tcase, a_call_survives_failing_allocations);
	tcase_add_loop_test(tcase, nothing_is_left_after_anything, 0, 20);
	return run_suite(suite);
}
