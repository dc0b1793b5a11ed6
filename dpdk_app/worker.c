#include "dpdk_app/worker.h"

#include "dpdk_app/clock.h"

#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_mbuf.h>
#include <sys/prctl.h>
#include <time.h>

enum { IDLE_LOOPS = 64 }; // empty loops before the first sleep: a gap between packets of a burst is shorter

// Send the packets that leave by one port; those that it doesn't take get their verdict and are freed.
static unsigned send_port(const struct worker *w, uint16_t port, uint16_t queue, struct relay_packet *packets,
	struct rte_mbuf **mbufs, unsigned n) {
	struct rte_mbuf *out[RELAY_BURST];
	uint8_t index[RELAY_BURST];
	const struct worker_queues *p = &w->ports[port];
	unsigned n_out = 0, sent;

	for (unsigned i = 0; i < n; i++) {
		if (packets[i].verdict != VERDICT_FORWARDED || packets[i].port != port)
			continue;
		index[n_out] = (uint8_t)i;
		out[n_out++] = mbufs[i];
	}
	if (n_out == 0)
		return 0;
	sent = rte_eth_tx_burst(p->id, queue < p->n_queues ? queue : 0, out, (uint16_t)n_out);
	for (unsigned i = sent; i < n_out; i++)
		packets[index[i]].verdict = VERDICT_TX_FULL;
	rte_pktmbuf_free_bulk(out + sent, n_out - sent);
	return sent;
}

// Write what the core decided back into the buffers, and free those that go nowhere.
static void settle(const struct relay_packet *packets, struct rte_mbuf **mbufs, unsigned n) {
	struct rte_mbuf *drop[RELAY_BURST];
	unsigned n_drop = 0;

	for (unsigned i = 0; i < n; i++) {
		struct rte_mbuf *m = mbufs[i];

		if (packets[i].verdict != VERDICT_FORWARDED) {
			drop[n_drop++] = m;
			continue;
		}
		m->data_off = (uint16_t)(packets[i].data - (uint8_t *)m->buf_addr);
		m->data_len = (uint16_t)packets[i].length;
		m->pkt_len = packets[i].length;
	}
	rte_pktmbuf_free_bulk(drop, n_drop);
}

// One burst of one queue: in, through the core, out. The buffer that came in is the one that leaves.
static unsigned turn(struct worker *w, uint16_t port, uint16_t queue, uint64_t now_ns) {
	struct rte_mbuf *mbufs[RELAY_BURST];
	struct relay_packet packets[RELAY_BURST];
	const unsigned n = rte_eth_rx_burst(w->ports[port].id, queue, mbufs, RELAY_BURST);

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++) {
		packets[i] = (struct relay_packet){
			.data = rte_pktmbuf_mtod(mbufs[i], uint8_t *),
			.length = mbufs[i]->pkt_len,
			.port = port,
		};
	}
	relay_burst(w->core, packets, n, now_ns);
	settle(packets, mbufs, n);
	w->stats->in += n;
	for (uint16_t out = 0; out < w->n_ports; out++)
		w->stats->out += send_port(w, out, queue, packets, mbufs, n);
	relay_count(w->core, packets, n);
	return n;
}

static void sleep_us(uint32_t us) {
	nanosleep(&(struct timespec){.tv_nsec = (long)us * 1000}, NULL);
}

static int run(void *arg) {
	struct worker *w = arg;
	struct stats_worker *s = w->stats;
	uint64_t now = clock_now_ns();
	unsigned idle = 0;

	prctl(PR_SET_TIMERSLACK, 1ul); // ns; the default of 50 µs would double every sleep
	// Relaxed: nothing is handed over by it, main waits for the thread's end.
	while (!atomic_load_explicit(&w->stop, memory_order_relaxed)) {
		const uint64_t began = now;
		unsigned n = 0;

		relay_worker_poll(w->core, now);
		for (uint16_t p = 0; p < w->n_ports; p++) {
			for (uint16_t q = 0; q < w->ports[p].n_queues; q++)
				n += turn(w, p, q, now);
		}
		s->loops++;
		now = clock_now_ns();
		if (n > 0) {
			s->busy_loops++;
			s->busy_ns += now - began;
			idle = 0;
		} else if (w->idle_sleep_us > 0 && ++idle >= IDLE_LOOPS) {
			sleep_us(w->idle_sleep_us);
			now = clock_now_ns();
		}
	}
	return 0;
}

int worker_start(struct worker *w) {
	return rte_eal_remote_launch(run, w, w->lcore);
}

void worker_stop(struct worker *w) {
	atomic_store_explicit(&w->stop, true, memory_order_relaxed);
	rte_eal_wait_lcore(w->lcore);
}
