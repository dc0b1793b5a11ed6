// Main puts, changes and deletes sessions while a worker forwards: for the thread sanitizer, and for what must hold.
#include "relay/counter.h"
#include "relay/learnt.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <pthread.h>

enum { SESSIONS = 8, ROUNDS = 99, FIRST_PORT = 16384 };

static struct fixture *f;
static _Atomic(bool) stop;
static _Atomic(uint64_t) packets_in;

// Frames to all sessions' ports on both sides, as fast as it goes.
static void *work(void *arg) {
	static uint8_t frames[RELAY_BURST][128];
	struct relay_packet p[RELAY_BURST];
	uint64_t now = f->now, n = 0;

	(void)arg;
	while (!atomic_load(&stop)) {
		for (unsigned i = 0; i < RELAY_BURST; i++) {
			bool core = i % 2, rtcp = i / 2 % 2;
			struct endpoint from = core ? fix_endpoint("198.51.100.20", (uint16_t)(5000 + rtcp))
						    : fix_endpoint("203.0.113.200", (uint16_t)(7000 + n % 3));
			struct endpoint to =
				core ? fix_endpoint("198.51.100.1", 0) : fix_endpoint("203.0.113.1", 0);

			to.port = (uint16_t)(FIRST_PORT + i / 4 * 2 + rtcp);
			p[i] = (struct relay_packet){.data = frames[i], .port = core};
			p[i].length = fix_frame(frames[i], &from, &to, rtcp ? fix_rtcp : fix_rtp,
				rtcp ? sizeof(fix_rtcp) : sizeof(fix_rtp));
		}
		now += 100000000; // so that latches change hands
		relay_worker_poll(f->w, now);
		relay_burst(f->w, p, RELAY_BURST, now);
		relay_count(f->w, p, RELAY_BURST);
		n++;
		atomic_fetch_add(&packets_in, RELAY_BURST);
	}
	return NULL;
}

static struct proto_session make(unsigned i, unsigned round) {
	struct proto_session s = fix_session(i + 1);

	s.side[0].local = fix_endpoint("203.0.113.1", (uint16_t)(FIRST_PORT + 2 * i));
	s.side[1].local = fix_endpoint("198.51.100.1", (uint16_t)(FIRST_PORT + 2 * i));
	s.side[0].latch = round % 5 == 0 ? LATCH_ANY : LATCH_ADDRESS;
	s.side[0].vouched = fix_endpoint("203.0.113.200", 0);
	s.side[0].latch_epoch = round;
	return s;
}

static void look_at_counters(void) {
	for (uint32_t i = 0; i < SESSIONS * 4; i++) {
		struct endpoint e;

		learnt_read(fix_slot(f, i), &e);
		ck_assert(e.family == IP_NONE || (e.port >= 7000 && e.port < 7003)); // whole, or not at all
	}
}

static void change_sessions(void) {
	struct proto_session sessions[SESSIONS];
	struct proto_session_ref refs[SESSIONS] = {0};

	for (unsigned round = 0; round < ROUNDS; round++) {
		f->now += 100000000;
		for (unsigned i = 0; i < SESSIONS; i++) {
			sessions[i] = make(i, round);
			refs[i].session_id = sessions[i].session_id;
		}
		ck_assert_uint_eq(
			fix_ask_running(f, PROTO_SESSION_PUT, sessions, sizeof(sessions[0]), SESSIONS), 0);
		look_at_counters();
		if (round % 3 == 2)
			ck_assert_uint_eq(
				fix_ask_running(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), SESSIONS), 0);
	}
}

START_TEST(main_and_worker) {
	pthread_t thread;
	uint64_t sum = 0;

	f = fix_create(SESSIONS);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	ck_assert_uint_eq(fix_ask(f, PROTO_SUBSCRIBE, NULL, 0, 0, NULL, 0, 0), 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, work, NULL), 0);
	while (atomic_load(&packets_in) == 0)
		relay_tick(f->r, f->now);
	change_sessions();
	atomic_store(&stop, true);
	pthread_join(thread, NULL);
	fix_settle(f);
	for (unsigned v = 0; v < STATS_VERDICTS; v++)
		sum += relay_worker_stats(f->w)->verdicts[v];
	ck_assert_uint_eq(sum, atomic_load(&packets_in));
	ck_assert_uint_gt(relay_worker_stats(f->w)->verdicts[VERDICT_FORWARDED], 0);
	ck_assert_uint_eq(relay_sessions(f->r), 0);
	ck_assert_uint_eq(fix_hops_used(f), 0);
	fix_destroy(f);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("relay_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, main_and_worker);
	tcase_set_timeout(tc, 50);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
