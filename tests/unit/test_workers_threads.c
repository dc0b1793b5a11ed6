// Two workers and main at once: traffic comes to the wrong worker on purpose and is handed over by rings, while main changes
// sessions. For the thread sanitizer, and for what must hold: every packet once, in order within a component.
#include "dpdk_app/hand_ring.h"
#include "relay/steering.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <pthread.h>

enum { WORKERS = 2, SESSIONS = 8, ROUNDS = 60, FIRST_PORT = 16384, BUFFERS = 4096, PACKETS = 40000 };

struct buffer {
	_Atomic(bool) used;
	struct relay_packet packet;
	uint8_t room[8 + 128];
};

struct thread {
	unsigned index;
	struct buffer buffers[BUFFERS];
	struct hand_ring inbox; // from the other one
	uint64_t received, ring_full;
	uint32_t expected[SESSIONS * 4]; // number after that of the last packet, by component
	uint64_t forwarded, out_of_order;
};

static struct fixture *f;
static struct thread *threads[WORKERS];
static _Atomic(bool) go, stop;
static _Atomic(unsigned) n_done;

static struct proto_session make(unsigned i, unsigned round) {
	struct proto_session s = fix_session(i + 1);

	s.side[0].local = fix_endpoint("203.0.113.1", (uint16_t)(FIRST_PORT + 2 * i));
	s.side[1].local = fix_endpoint("198.51.100.1", (uint16_t)(FIRST_PORT + 2 * i));
	s.side[0].latch = round % 2 == 0 ? LATCH_OFF : LATCH_STRICT;
	return s;
}

// Where RTP has its timestamp.
static uint32_t number_of(const struct relay_packet *p) {
	return packet_load32(p->data + PACKET_PAYLOAD + 4);
}

// ---- a worker ----

static void note_forwarded(struct thread *t, const struct relay_packet *p) {
	uint32_t number = number_of(p);

	if (number < t->expected[p->component])
		t->out_of_order++;
	t->expected[p->component] = number + 1;
	t->forwarded++;
}

static void process(struct thread *t, struct buffer *b) {
	struct relay_worker *w = relay_worker(f->r, t->index);
	struct relay_packet *p = &b->packet;
	void *item = b;

	relay_burst(w, p, 1, f->now);
	if (p->verdict == RELAY_HAND_OVER) {
		*p = (struct relay_packet){
			.data = p->data, .length = p->length, .port = p->port, .hairpins = p->hairpins};
		if (hand_ring_push(&threads[1 - t->index]->inbox, &item, 1) == 1)
			return;
		p->verdict = VERDICT_RING_FULL;
		p->component = UINT32_MAX;
		t->ring_full++;
	} else if (p->verdict == VERDICT_FORWARDED) {
		note_forwarded(t, p);
	}
	relay_count(w, p, 1);
	atomic_store_explicit(
		&b->used, false, memory_order_release); // whoever fills it next sees us done with it
}

// RTP of either side: of one session that comes to its owner, and of those of the other worker, which come to the wrong one.
static bool receive(struct thread *t, unsigned n) {
	struct buffer *b = &t->buffers[n % BUFFERS];
	unsigned others = (n / 2 % (SESSIONS / 2 - 1) + 1) * 2 + 1 - t->index;
	unsigned session = n % 31 == 0 ? t->index : others, core = n % 2;
	struct endpoint from = core ? fix_endpoint("198.51.100.20", 5000) : fix_endpoint("192.0.2.10", 4000);
	struct endpoint to = core ? fix_endpoint("198.51.100.1", 0) : fix_endpoint("203.0.113.1", 0);
	uint8_t rtp[sizeof(fix_rtp)];

	if (atomic_load_explicit(&b->used, memory_order_acquire)) // the release above
		return false;
	to.port = (uint16_t)(FIRST_PORT + 2 * session);
	memcpy(rtp, fix_rtp, sizeof(rtp));
	memcpy(rtp + 4, &n, sizeof(n));
	b->packet = (struct relay_packet){.data = b->room + 8, .port = (uint16_t)core};
	b->packet.length = fix_frame(b->packet.data, &from, &to, rtp, sizeof(rtp));
	atomic_store_explicit(&b->used, true, memory_order_relaxed); // the ring hands it over
	t->received++;
	process(t, b);
	return true;
}

static unsigned take_inbox(struct thread *t) {
	void *items[RELAY_BURST];
	unsigned n = hand_ring_pop(&t->inbox, items, RELAY_BURST);

	for (unsigned i = 0; i < n; i++)
		process(t, items[i]);
	return n;
}

static void *work(void *arg) {
	struct thread *t = arg;
	struct relay_worker *w = relay_worker(f->r, t->index);
	unsigned n = 0;

	while (!atomic_load(&stop)) {
		relay_worker_poll(w, 1);
		for (unsigned i = 0; i < RELAY_BURST && n < PACKETS && atomic_load(&go); i++)
			n += receive(t, n);
		take_inbox(t);
		if (n == PACKETS) {
			n++;
			atomic_fetch_add(&n_done, 1);
		}
	}
	return NULL;
}

// ---- main ----

static void change_sessions(unsigned round, bool with_delete) {
	struct proto_session sessions[SESSIONS];
	struct proto_session_ref refs[SESSIONS] = {0};

	for (unsigned i = 0; i < SESSIONS; i++) {
		sessions[i] = make(i, round);
		refs[i].session_id = sessions[i].session_id;
	}
	ck_assert_uint_eq(fix_ask_running(f, PROTO_SESSION_PUT, sessions, sizeof(sessions[0]), SESSIONS), 0);
	if (with_delete && round % 3 == 2)
		ck_assert_uint_eq(
			fix_ask_running(f, PROTO_SESSION_DELETE, refs, sizeof(refs[0]), SESSIONS), 0);
}

static void start(pthread_t *ids) {
	f = calloc(1, sizeof(*f));
	ck_assert_ptr_nonnull(f);
	fix_params(f, SESSIONS);
	f->params.n_workers = WORKERS;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		threads[i] = aligned_alloc(64, (sizeof(struct thread) + 63) / 64 * 64);
		ck_assert_ptr_nonnull(threads[i]);
		memset(threads[i], 0, sizeof(struct thread));
		threads[i]->index = i;
		hand_ring_init(&threads[i]->inbox);
	}
	for (unsigned i = 0; i < SESSIONS; i++)
		ck_assert_uint_eq(steering_owner((uint16_t)(FIRST_PORT + 2 * i), WORKERS), i % WORKERS);
	f->now += 1; // the workers' clock stands still, main's too
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_int_eq(pthread_create(&ids[i], NULL, work, threads[i]), 0);
	change_sessions(0, false);
	atomic_store(&go, true);
}

// Returns the packets that were forwarded.
static uint64_t finish(const pthread_t *ids) {
	uint64_t counted = 0, received = 0, forwarded = 0;

	while (atomic_load(&n_done) < WORKERS)
		relay_tick(f->r, f->now);
	atomic_store(&stop, true);
	for (unsigned i = 0; i < WORKERS; i++)
		pthread_join(ids[i], NULL);
	for (unsigned i = 0; i < WORKERS; i++) // what was handed over last
		while (take_inbox(threads[i]) > 0)
			;
	for (unsigned i = 0; i < WORKERS; i++) {
		const struct stats_worker *s = relay_worker_stats(relay_worker(f->r, i));

		for (unsigned v = 0; v < VERDICT_COUNT; v++)
			counted += s->verdicts[v];
		ck_assert_uint_eq(s->verdicts[VERDICT_RING_FULL], threads[i]->ring_full);
		ck_assert_uint_eq(s->verdicts[VERDICT_FORWARDED], threads[i]->forwarded);
		ck_assert_uint_eq(threads[i]->out_of_order, 0);
		received += threads[i]->received;
		forwarded += threads[i]->forwarded;
	}
	ck_assert_uint_eq(received, (uint64_t)WORKERS * PACKETS);
	ck_assert_uint_eq(counted, received); // each once
	for (unsigned i = 0; i < WORKERS; i++)
		free(threads[i]);
	fix_settle(f);
	fix_destroy(f);
	return forwarded;
}

START_TEST(every_packet_once_and_in_order) {
	pthread_t ids[WORKERS];

	start(ids);
	ck_assert_uint_gt(finish(ids), 0);
}
END_TEST

START_TEST(while_main_changes_sessions) {
	pthread_t ids[WORKERS];

	start(ids);
	for (unsigned round = 0; round < ROUNDS; round++)
		change_sessions(round, true);
	ck_assert_uint_gt(finish(ids), 0);
}
END_TEST

int main(void) {
	Suite *suite = suite_create("workers_threads");
	TCase *tc = tcase_create("threads");

	tcase_add_test(tc, every_packet_once_and_in_order);
	tcase_add_test(tc, while_main_changes_sessions);
	tcase_set_timeout(tc, 50);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
