// Workers as they run in the relay, over devices made of rings: what comes to the wrong queue, what has no queue to leave by,
// and rings that are full.
#include "dpdk_app/worker.h"
#include "relay/counter.h"
#include "relay/steering.h"
#include "tests/unit/fail_alloc.h"
#include "tests/unit/relay_fixture.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <sched.h>
#include <unistd.h>

enum {
	WORKERS = 2,
	QUEUES = 2,
	SESSIONS = 6,
	FIRST_PORT = 16384,
	DEVICE_RING = 4096,
	BUFFERS = 8191,
	PATIENCE_MS = 20000,
};

static struct fixture *f;
static struct worker *workers;
static struct rte_mempool *pool;
static struct rte_ring *rx[2][QUEUES], *tx[2][QUEUES]; // by port
static struct proto_put_result put[SESSIONS];
static unsigned n_started;
static uint32_t sent, next_seen[SESSIONS];

// ---- a relay over rings ----

static void start_eal(void) {
	char lcores[64];
	char *args[] = {(char *)"test_worker", (char *)"--no-huge", (char *)"--no-shconf", (char *)"--no-pci",
		(char *)"--no-telemetry", (char *)"--iova-mode=va", (char *)"--log-level=*:error",
		(char *)"-m128", lcores, NULL};
	cpu_set_t mask;
	int cpus[2], n = 0;

	ck_assert_int_eq(sched_getaffinity(0, sizeof(mask), &mask), 0);
	for (int cpu = 0; cpu < CPU_SETSIZE && n < 2; cpu++)
		if (CPU_ISSET(cpu, &mask))
			cpus[n++] = cpu;
	snprintf(lcores, sizeof(lcores), "--lcores=0@%d,1@%d,2@%d", cpus[0], cpus[0], cpus[n - 1]);
	ck_assert_int_ge(rte_eal_init(sizeof(args) / sizeof(args[0]) - 1, args), 0);
	pool = rte_pktmbuf_pool_create("test", BUFFERS, 64, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	ck_assert_ptr_nonnull(pool);
}

static struct rte_ring *make_ring(const char *kind, unsigned port, unsigned queue) {
	char name[32];
	struct rte_ring *r;

	snprintf(name, sizeof(name), "%s%u%u", kind, port, queue);
	r = rte_ring_create(name, DEVICE_RING, SOCKET_ID_ANY, RING_F_SP_ENQ | RING_F_SC_DEQ);
	ck_assert_ptr_nonnull(r);
	return r;
}

static uint16_t make_port(unsigned port, unsigned n_queues) {
	const struct rte_eth_conf conf = {0};
	char name[16];
	int id;

	for (unsigned q = 0; q < n_queues; q++) {
		rx[port][q] = make_ring("rx", port, q);
		tx[port][q] = make_ring("tx", port, q);
	}
	snprintf(name, sizeof(name), "p%u", port);
	id = rte_eth_from_rings(name, rx[port], n_queues, tx[port], n_queues, 0);
	ck_assert_int_ge(id, 0);
	ck_assert_int_eq(
		rte_eth_dev_configure((uint16_t)id, (uint16_t)n_queues, (uint16_t)n_queues, &conf), 0);
	for (uint16_t q = 0; q < n_queues; q++) {
		ck_assert_int_eq(rte_eth_rx_queue_setup((uint16_t)id, q, DEVICE_RING, 0, NULL, pool), 0);
		ck_assert_int_eq(rte_eth_tx_queue_setup((uint16_t)id, q, DEVICE_RING, 0, NULL), 0);
	}
	ck_assert_int_eq(rte_eth_dev_start((uint16_t)id), 0);
	return (uint16_t)id;
}

static void put_sessions(void) {
	for (unsigned i = 0; i < SESSIONS; i++) {
		struct proto_session s = fix_session(i + 1);

		s.side[0].local = fix_endpoint("203.0.113.1", (uint16_t)(FIRST_PORT + 2 * i));
		s.side[1].local = fix_endpoint("198.51.100.1", (uint16_t)(FIRST_PORT + 2 * i));
		ck_assert_uint_eq(fix_put(f, &s, &put[i]), 0);
	}
}

static void setup(unsigned n_queues) {
	uint16_t ids[2];

	start_eal();
	f = calloc(1, sizeof(*f));
	workers = aligned_alloc(64, WORKERS * sizeof(*workers));
	ck_assert(f != NULL && workers != NULL);
	memset(workers, 0, WORKERS * sizeof(*workers));
	fix_params(f, SESSIONS);
	f->params.n_workers = WORKERS;
	fix_start(f);
	ck_assert_uint_eq(fix_hello(f, PROTO_CONTROLLER, FIX_OWNER), 0);
	put_sessions();
	for (unsigned port = 0; port < 2; port++)
		ids[port] = make_port(port, n_queues);
	ck_assert_int_eq(workers_join(workers, WORKERS), 0);
	for (unsigned i = 0; i < WORKERS; i++) {
		struct worker *w = &workers[i];

		w->core = relay_worker(f->r, i);
		w->stats = relay_worker_stats(w->core);
		w->pool = pool;
		w->lcore = i + 1;
		w->idle_sleep_us = 50;
		for (unsigned port = 0; port < 2; port++)
			w->ports[w->n_ports++] = worker_split(ids[port], (uint16_t)n_queues, i, WORKERS);
	}
}

static void launch(unsigned worker) {
	ck_assert_int_eq(worker_start(&workers[worker]), 0);
	n_started++;
}

// All workers must have been launched.
static void end(void) {
	ck_assert_uint_eq(n_started, WORKERS);
	workers_stop(workers, WORKERS);
	workers_unjoin(workers, WORKERS);
	fix_destroy(f);
	free(workers);
	ck_assert_uint_eq(rte_mempool_avail_count(pool), BUFFERS); // no buffer was lost
}

// ---- traffic ----

static unsigned owner_of(unsigned session) {
	return steering_owner((uint16_t)(FIRST_PORT + 2 * session), WORKERS);
}

// RTP from a session's caller, numbered where RTP has its timestamp.
static struct rte_mbuf *make_packet(unsigned session) {
	struct endpoint from = fix_endpoint("192.0.2.10", 4000);
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);
	uint8_t rtp[sizeof(fix_rtp)], frame[128];
	uint32_t length;

	ck_assert_ptr_nonnull(m);
	memcpy(rtp, fix_rtp, sizeof(rtp));
	sent++;
	memcpy(rtp + 4, &sent, sizeof(sent));
	length = fix_frame(frame, &from, &put[session].local[0], rtp, sizeof(rtp));
	memcpy(rte_pktmbuf_append(m, (uint16_t)length), frame, length);
	return m;
}

static void arrive(unsigned session, unsigned queue) {
	ck_assert_int_eq(rte_ring_enqueue(rx[0][queue], make_packet(session)), 0);
}

// Look at a packet that left by port 1: whose it is, and that it comes after all that came before.
static void check_packet(struct rte_mbuf *m) {
	const uint8_t *frame = rte_pktmbuf_mtod(m, const uint8_t *);
	unsigned session = (ntohs(packet_load16(frame + PACKET_UDP_SOURCE)) - FIRST_PORT) / 2u;
	uint32_t number = packet_load32(frame + PACKET_PAYLOAD + 4);

	ck_assert_uint_lt(session, SESSIONS);
	ck_assert(fix_checksums_hold(frame));
	ck_assert_uint_gt(number, next_seen[session]);
	next_seen[session] = number;
	rte_pktmbuf_free(m);
}

// Everything that has left by a queue of port 1. Returns how many.
static unsigned take_left(unsigned queue) {
	unsigned n = 0;
	void *m;

	while (rte_ring_dequeue(tx[1][queue], &m) == 0) {
		check_packet(m);
		n++;
	}
	return n;
}

// Wait until so many have left by all queues together.
static void wait_left(unsigned n_queues, unsigned n) {
	unsigned got = 0;

	for (int ms = 0; ms < PATIENCE_MS && got < n; ms++) {
		for (unsigned q = 0; q < n_queues; q++)
			got += take_left(q);
		usleep(1000);
	}
	ck_assert_uint_eq(got, n);
}

static uint64_t verdicts(enum verdict v) {
	uint64_t n = 0;

	for (unsigned i = 0; i < WORKERS; i++)
		n += counter_read(&workers[i].stats->verdicts[v]);
	return n;
}

static void wait_verdicts(enum verdict v, uint64_t n) {
	for (int ms = 0; ms < PATIENCE_MS && verdicts(v) < n; ms++)
		usleep(1000);
	ck_assert_uint_eq(verdicts(v), n);
}

// in = out + drops, and every packet has one verdict.
static void check_sums(void) {
	uint64_t in = 0, out = 0, all = 0;

	for (unsigned i = 0; i < WORKERS; i++) {
		in += workers[i].stats->in;
		out += workers[i].stats->out;
	}
	for (unsigned v = 0; v < VERDICT_COUNT; v++)
		all += verdicts((enum verdict)v);
	ck_assert_uint_eq(in, sent);
	ck_assert_uint_eq(all, sent);
	ck_assert_uint_eq(in, out + all - verdicts(VERDICT_FORWARDED));
}

START_TEST(from_wrong_queues_once_and_in_order) {
	setup(QUEUES);
	launch(0);
	launch(1);
	for (unsigned round = 0; round < 10; round++) { // of no more than a ring holds
		for (unsigned i = 0; i < 200; i++)
			for (unsigned session = 0; session < 2; session++)
				arrive(session + i % 3 * 2, 1 - owner_of(session));
		wait_left(QUEUES, 400);
	}
	ck_assert_uint_eq(workers[0].stats->handed, 2000);
	ck_assert_uint_eq(workers[1].stats->handed, 2000);
	ck_assert_uint_eq(workers[0].stats->out, 2000); // by the owner's own queue
	check_sums();
	end();
}
END_TEST

START_TEST(from_right_queues_without_rings) {
	setup(QUEUES);
	launch(0);
	launch(1);
	for (unsigned i = 0; i < 3000; i++)
		arrive(i % SESSIONS, owner_of(i % SESSIONS));
	wait_left(QUEUES, 3000);
	ck_assert_uint_eq(workers[0].stats->handed + workers[1].stats->handed, 0);
	check_sums();
	end();
}
END_TEST

START_TEST(one_queue_for_two_workers) {
	setup(1);
	launch(0);
	launch(1);
	for (unsigned round = 0; round < 10; round++) {
		for (unsigned i = 0; i < 300; i++)
			arrive(i % SESSIONS, 0);
		wait_left(1, 300);
	}
	ck_assert_uint_eq(workers[0].stats->handed, 1500);
	ck_assert_uint_eq(workers[0].stats->out, 3000);
	ck_assert_uint_eq(workers[1].stats->out, 0);
	check_sums();
	end();
}
END_TEST

START_TEST(a_full_ring_to_the_owner) {
	unsigned foreign = owner_of(0) == 1 ? 0 : 1; // a session of worker 1

	setup(QUEUES);
	launch(0);
	for (unsigned i = 0; i < HAND_RING + 500; i++)
		arrive(foreign, 0);
	wait_verdicts(VERDICT_RING_FULL, 500);
	ck_assert_uint_eq(workers[0].stats->ring_drops, 500);
	launch(1);
	wait_left(QUEUES, HAND_RING);
	for (unsigned i = 0; i < 200; i++)
		arrive(foreign, 0);
	wait_left(QUEUES, 200); // as before
	check_sums();
	end();
}
END_TEST

START_TEST(a_full_ring_to_a_queue) {
	unsigned own = owner_of(0) == 1 ? 0 : 1; // a session of worker 1, which has no queue

	setup(1);
	for (unsigned i = 0; i < HAND_RING;
		i++) { // as worker 0 would hand them over, before either of them runs
		struct rte_mbuf *m = make_packet(own);
		void *item = m;

		m->port = 0;
		m->hash.usr = 0;
		ck_assert_uint_eq(hand_ring_push(&workers[1].inbox[0]->owned, &item, 1), 1);
		workers[0].stats->in++;
	}
	// Worker 0 has not sent these yet, so there is room for 24 more.
	for (unsigned i = 0; i < HAND_RING - 24; i++) {
		void *item = rte_pktmbuf_alloc(pool);

		ck_assert_ptr_nonnull(item);
		ck_assert_uint_eq(hand_ring_push(&workers[0].inbox[1]->ready, &item, 1), 1);
	}
	launch(1);
	wait_verdicts(VERDICT_TX_FULL, HAND_RING - 24);
	ck_assert_uint_eq(workers[1].stats->ring_drops, HAND_RING - 24);
	for (unsigned i = 0; i < HAND_RING - 24; i++) { // those were nobody's
		void *item;

		ck_assert_uint_eq(hand_ring_pop(&workers[0].inbox[1]->ready, &item, 1), 1);
		rte_pktmbuf_free(item);
	}
	launch(0);
	wait_left(1, 24);
	for (unsigned i = 0; i < 200; i++)
		arrive(own, 0);
	wait_left(1, 200);
	check_sums();
	end();
}
END_TEST

START_TEST(without_a_free_buffer) {
	static struct rte_mbuf *held[BUFFERS];
	unsigned n_held = 0;

	setup(QUEUES);
	for (unsigned i = 0; i < 100; i++)
		arrive(i % SESSIONS, owner_of(i % SESSIONS));
	while ((held[n_held] = rte_pktmbuf_alloc(pool)) != NULL)
		n_held++;
	launch(0);
	launch(1);
	wait_left(QUEUES, 100);
	for (unsigned i = 0; i < WORKERS; i++)
		ck_assert_uint_gt(workers[i].stats->starved, 0);
	rte_pktmbuf_free_bulk(held, n_held);
	check_sums();
	end();
}
END_TEST

// What one worker keeps is not kept from another that has none.
START_TEST(an_idle_worker_keeps_no_buffers) {
	static struct rte_mbuf *held[BUFFERS];
	unsigned n_held = 0;

	setup(QUEUES);
	launch(0);
	launch(1);
	for (unsigned i = 0; i < 60; i++) // dropped by worker 0, into its cache
		ck_assert_int_eq(rte_ring_enqueue(rx[0][0], rte_pktmbuf_alloc(pool)), 0);
	for (int ms = 0; ms < PATIENCE_MS && rte_mempool_avail_count(pool) < BUFFERS; ms++)
		usleep(1000);
	for (int ms = 0; ms < PATIENCE_MS && n_held < BUFFERS; ms++) {
		while (n_held < BUFFERS && (held[n_held] = rte_pktmbuf_alloc(pool)) != NULL)
			n_held++;
		usleep(1000);
	}
	ck_assert_uint_eq(n_held, BUFFERS); // main got them all
	rte_pktmbuf_free_bulk(held, n_held);
	end();
}
END_TEST

START_TEST(each_allocation_of_the_rings_may_fail) {
	static struct worker joined[3];
	unsigned k;

	for (k = 1;; k++) {
		bool failed;
		int ret;

		memset(joined, 0, sizeof(joined));
		fail_alloc_at(k);
		ret = workers_join(joined, 3);
		failed = fail_alloc_end();
		workers_unjoin(joined, 3);
		ck_assert_int_eq(ret, failed ? -ENOMEM : 0);
		if (!failed)
			break;
	}
	ck_assert_uint_eq(k, 7); // a ring pair for each two workers, each way
}
END_TEST

int main(void) {
	Suite *suite = suite_create("worker");
	TCase *tc = tcase_create("worker");

	tcase_add_test(tc, from_wrong_queues_once_and_in_order);
	tcase_add_test(tc, from_right_queues_without_rings);
	tcase_add_test(tc, one_queue_for_two_workers);
	tcase_add_test(tc, a_full_ring_to_the_owner);
	tcase_add_test(tc, a_full_ring_to_a_queue);
	tcase_add_test(tc, without_a_free_buffer);
	tcase_add_test(tc, an_idle_worker_keeps_no_buffers);
	tcase_add_test(tc, each_allocation_of_the_rings_may_fail);
	tcase_set_timeout(tc, 50);
	suite_add_tcase(suite, tc);
	return run_suite(suite);
}
