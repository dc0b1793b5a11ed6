#include "dpdk_app/worker.h"

#include "dpdk_app/clock.h"
#include "dpdk_app/packet_pool.h"
#include "dpdk_app/punt_send.h"

#include <errno.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <time.h>

enum { IDLE_LOOPS = 64 }; // empty loops before the first sleep: a gap between packets of a burst is shorter

// A burst on its way: what the core knows of each packet, and the buffer it is in.
struct burst {
	unsigned n;
	struct relay_packet packets[RELAY_BURST];
	struct rte_mbuf *mbufs[RELAY_BURST];
};

static void add_packet(struct burst *b, struct rte_mbuf *m, uint16_t port, uint8_t hairpins) {
	b->mbufs[b->n] = m;
	b->packets[b->n++] = (struct relay_packet){
		.data = rte_pktmbuf_mtod(m, uint8_t *),
		.length = m->data_len, // a frame in several pieces is cut off, so a runt
		.port = port,
		.hairpins = hairpins,
	};
}

// ---- out ----

// A buffer that goes to another worker carries its port, which is an index of ours, and how often it was sent to ourselves.
static void address(struct rte_mbuf *m, const struct relay_packet *p) {
	m->port = p->port;
	m->hash.usr = p->hairpins;
}

// Send buffers, or hand them to the worker that can; those not taken stay the caller's. Returns how many were.
static unsigned send_some(struct worker *w, uint16_t port, struct rte_mbuf **mbufs, unsigned n) {
	const struct worker_queues *q = &w->ports[port];
	unsigned sent;

	if (q->tx_worker == w->index) {
		sent = rte_eth_tx_burst(q->id, q->tx_queue, mbufs, (uint16_t)n);
		w->stats->out += sent;
		return sent;
	}
	sent = hand_ring_push(&w->all[q->tx_worker].inbox[w->index]->ready, (void **)mbufs, n);
	w->stats->ring_drops += n - sent;
	return sent;
}

// Send the packets that leave by one port; those that it doesn't take get their verdict and are freed.
static void send_port(struct worker *w, uint16_t port, struct burst *b) {
	const bool pass_on = w->ports[port].tx_worker != w->index;
	struct rte_mbuf *out[RELAY_BURST];
	uint8_t index[RELAY_BURST];
	unsigned n_out = 0, sent;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->packets[i].verdict != VERDICT_FORWARDED || b->packets[i].port != port)
			continue;
		if (pass_on)
			address(b->mbufs[i], &b->packets[i]);
		index[n_out] = (uint8_t)i;
		out[n_out++] = b->mbufs[i];
	}
	if (n_out == 0)
		return;
	sent = send_some(w, port, out, n_out);
	for (unsigned i = 0; i < sent && pass_on; i++)
		b->packets[index[i]].passed_on = true;
	for (unsigned i = sent; i < n_out; i++)
		b->packets[index[i]].verdict = VERDICT_TX_FULL;
	rte_pktmbuf_free_bulk(out + sent, n_out - sent);
}

// Give one worker what belongs to its sessions; what its ring has no room for gets its verdict.
static void hand_over(struct worker *w, unsigned owner, struct burst *b) {
	struct hand_ring *ring = &w->all[owner].inbox[w->index]->owned;
	void *out[RELAY_BURST];
	uint8_t index[RELAY_BURST];
	unsigned n_out = 0, handed;

	for (unsigned i = 0; i < b->n; i++) {
		if (b->packets[i].verdict != RELAY_HAND_OVER || b->packets[i].owner != owner)
			continue;
		address(b->mbufs[i], &b->packets[i]);
		index[n_out] = (uint8_t)i;
		out[n_out++] = b->mbufs[i];
	}
	handed = hand_ring_push(ring, out, n_out);
	w->stats->handed += handed;
	w->stats->ring_drops += n_out - handed;
	for (unsigned i = handed; i < n_out; i++) {
		b->packets[index[i]].verdict = VERDICT_RING_FULL;
		rte_pktmbuf_free(out[i]);
	}
}

// Write what the core decided back into the buffers, and free those that go nowhere. Returns a bit for each worker that
// gets some.
static uint32_t settle(struct burst *b) {
	struct rte_mbuf *drop[RELAY_BURST];
	unsigned n_drop = 0;
	uint32_t owners = 0;

	for (unsigned i = 0; i < b->n; i++) {
		const struct relay_packet *p = &b->packets[i];
		struct rte_mbuf *m = b->mbufs[i];

		if (p->verdict == RELAY_HAND_OVER) {
			owners |= 1u << p->owner;
		} else if (p->verdict != VERDICT_FORWARDED) {
			drop[n_drop++] = m;
			continue;
		}
		m->data_off = (uint16_t)(p->data - (uint8_t *)m->buf_addr);
		m->data_len = (uint16_t)p->length;
		m->pkt_len = p->length;
	}
	rte_pktmbuf_free_bulk(drop, n_drop);
	return owners;
}

// Through the core and out. The buffer that came in is the one that leaves.
static void process(struct worker *w, struct burst *b, uint64_t now_ns) {
	uint32_t owners;

	relay_burst(w->core, b->packets, b->n, now_ns);
	punt_push(w->punt, b->packets, b->n, now_ns);
	owners = settle(b);
	for (; owners != 0; owners &= owners - 1)
		hand_over(w, (unsigned)__builtin_ctz(owners), b);
	for (uint16_t out = 0; out < w->n_ports; out++)
		send_port(w, out, b);
	relay_count(w->core, b->packets, b->n);
}

// ---- in ----

// Have the drivers give back what is sent: until they send again, they may keep it for good. af_xdp knows no other way
// than to be called with nothing to send.
static void reclaim(const struct worker *w) {
	for (uint16_t p = 0; p < w->n_ports; p++) {
		const struct worker_queues *q = &w->ports[p];

		if (q->tx_worker == w->index && rte_eth_tx_done_cleanup(q->id, q->tx_queue, 0) < 0)
			rte_eth_tx_burst(q->id, q->tx_queue, NULL, 0);
	}
}

// How many packets may be received now. A driver takes either a whole burst out of its ring, with a new buffer for each
// packet of it, or nothing at all: with few buffers left, only small bursts go on.
static uint16_t burst_size(const struct worker *w) {
	unsigned room = packet_pool_room(w->pool, RELAY_BURST);

	if (room < RELAY_BURST) {
		w->stats->starved++;
		reclaim(w);
		room = packet_pool_room(w->pool, RELAY_BURST);
	}
	return (uint16_t)RTE_MAX(room, 1u);
}

// One burst of one queue.
static unsigned receive(struct worker *w, uint16_t port, uint16_t queue, uint64_t now_ns) {
	struct rte_mbuf *mbufs[RELAY_BURST];
	const unsigned n = rte_eth_rx_burst(w->ports[port].id, queue, mbufs, burst_size(w));
	struct burst b;

	if (n == 0)
		return 0;
	b.n = 0;
	for (unsigned i = 0; i < n; i++)
		add_packet(&b, mbufs[i], port, 0);
	w->stats->in += n;
	process(w, &b, now_ns);
	return n;
}

static unsigned receive_all(struct worker *w, uint64_t now_ns) {
	unsigned n = 0;

	for (uint16_t p = 0; p < w->n_ports; p++)
		for (uint16_t q = w->index; q < w->ports[p].n_queues; q = (uint16_t)(q + w->n_workers))
			n += receive(w, p, q, now_ns);
	return n;
}

static unsigned take_owned(struct worker *w, struct worker_inbox *inbox, uint64_t now_ns) {
	void *mbufs[RELAY_BURST];
	const unsigned n = hand_ring_pop(&inbox->owned, mbufs, RELAY_BURST);
	struct burst b;

	if (n == 0)
		return 0;
	b.n = 0;
	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		add_packet(&b, m, m->port, (uint8_t)m->hash.usr);
	}
	process(w, &b, now_ns);
	return n;
}

// Send what another worker decided on, in runs of one port.
static unsigned send_ready(struct worker *w, struct worker_inbox *inbox) {
	struct rte_mbuf *mbufs[RELAY_BURST];
	const unsigned n = hand_ring_pop(&inbox->ready, (void **)mbufs, RELAY_BURST);

	for (unsigned i = 0, run; i < n; i += run) {
		unsigned sent;

		for (run = 1; i + run < n && mbufs[i + run]->port == mbufs[i]->port; run++)
			;
		sent = send_some(w, mbufs[i]->port, mbufs + i, run);
		relay_count_sent(w->core, VERDICT_FORWARDED, sent);
		relay_count_sent(w->core, VERDICT_TX_FULL, run - sent);
		rte_pktmbuf_free_bulk(mbufs + i + sent, run - sent);
	}
	return n;
}

static unsigned take_inboxes(struct worker *w, uint64_t now_ns) {
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_workers; i++) {
		if (i == w->index)
			continue;
		n += take_owned(w, w->inbox[i], now_ns);
		n += send_ready(w, w->inbox[i]);
	}
	return n;
}

// ---- the loop ----

// An idle worker keeps no buffers while others have too few.
static void share_buffers(struct worker *w) {
	if (rte_mempool_ops_get_count(w->pool) >= RELAY_BURST)
		return;
	reclaim(w);
	rte_mempool_cache_flush(NULL, w->pool);
}

static void sleep_us(uint32_t us) {
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static int run(void *arg) {
	struct worker *w = arg;
	struct stats_worker *s = w->stats;
	uint64_t now = clock_now_ns(), looked = now; // when the loop before this one began
	unsigned idle = 0;

	prctl(PR_SET_TIMERSLACK, 1ul); // ns; the default of 50 µs would double every sleep
	// Relaxed: nothing is handed over by it, main waits for the thread's end.
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		const uint64_t began = now;
		unsigned n, n_punts;

		relay_worker_poll(w->core, now);
		n = receive_all(w, now);
		n += take_inboxes(w, now);
		n_punts = punt_send(w);
		s->loops++;
		now = clock_now_ns();
		if (n + n_punts > 0) {
			s->busy_loops++;
			s->busy_ns += now - began;
			s->residence[residence_step(now - looked)] += n;
			idle = 0;
		} else if (++idle >= IDLE_LOOPS) {
			share_buffers(w);
			if (w->idle_sleep_us > 0) {
				sleep_us(w->idle_sleep_us);
				now = clock_now_ns();
			}
		}
		looked = began;
	}
	return 0;
}

struct worker_queues worker_split(uint16_t port_id, uint16_t n_queues, unsigned index, unsigned n_workers) {
	const unsigned queue = index % n_queues;

	return (struct worker_queues){
		.id = port_id,
		.n_queues = n_queues,
		.tx_queue = (uint16_t)queue,
		.tx_worker = (uint16_t)(queue % n_workers),
	};
}

unsigned workers_ring_slots(unsigned n) {
	return n * (n - 1) * 2 * HAND_RING;
}

int workers_join(struct worker *workers, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		workers[i].all = workers;
		workers[i].index = (uint16_t)i;
		workers[i].n_workers = (uint16_t)n;
		for (unsigned from = 0; from < n; from++) {
			struct worker_inbox *inbox;

			if (from == i)
				continue;
			inbox = aligned_alloc(64, sizeof(*inbox));
			if (inbox == NULL)
				return -ENOMEM;
			hand_ring_init(&inbox->owned);
			hand_ring_init(&inbox->ready);
			workers[i].inbox[from] = inbox;
		}
	}
	return 0;
}

void workers_unjoin(struct worker *workers, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		for (unsigned from = 0; from < n; from++) {
			free(workers[i].inbox[from]);
			workers[i].inbox[from] = NULL;
		}
}

int worker_start(struct worker *w) {
	return rte_eal_remote_launch(run, w, w->lcore);
}

void workers_stop(struct worker *workers, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		atomic_store_explicit(&workers[i].stop, true, memory_order_relaxed);
	for (unsigned i = 0; i < n; i++)
		rte_eal_wait_lcore(workers[i].lcore);
}
