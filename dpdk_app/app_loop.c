#include "dpdk_app/app.h"

#include "config/log.h"
#include "dpdk_app/clock.h"
#include "dpdk_app/xdp.h"
#include "relay/counter.h"

#include <rte_mempool.h>
#include <string.h>
#include <sys/signalfd.h>
#include <unistd.h>

static const uint64_t MILLISECOND = 1000000u;
static const uint64_t TICK = 100 * MILLISECOND;
static const uint64_t SECOND = 1000 * MILLISECOND;
static const uint64_t COMMAND_WAIT = 50000; // ns; a worker takes a command with its next burst

void app_on_signal(void *ctx) {
	struct app *a = ctx;
	struct signalfd_siginfo info;

	if (read(a->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return;
	if (drain_on_signal(&a->drain, (int)info.ssi_signo, clock_now_ns())) {
		relay_drain(a->relay);
		log_info("relay told to end: waiting for sessions=%u, at most %d s", relay_sessions(a->relay),
			DRAIN_S);
	} else {
		log_info("relay told to end at once, sessions=%u", relay_sessions(a->relay));
	}
}

// ---- counters ----

static void count_buffers(struct app *a, uint64_t now_ns) {
	struct stats_header *s = a->stats;
	const uint64_t n = rte_mempool_avail_count(a->pool);

	const enum buffer_news news = buffer_watch_see(&a->buffers, n, now_ns);

	s->buffers = a->pool->size;
	s->buffers_free = n;
	s->buffers_free_lowest = a->buffers.lowest;
	if (news == BUFFERS_SAME || !log_gate_open(&a->buffers_low, "buffers", now_ns, 10))
		return;
	if (news == BUFFERS_LOW)
		log_error("buffers free=%llu of=%llu: receive slows down, and stops when none is left",
			(unsigned long long)n, (unsigned long long)s->buffers);
	else
		log_info("buffers free=%llu of=%llu again after %llu ms", (unsigned long long)n,
			(unsigned long long)s->buffers,
			(unsigned long long)(a->buffers.low_ns / MILLISECOND));
}

static void count_port(struct app *a, unsigned i) {
	struct stats_port *s = relay_stats_port(a->relay, i);
	const struct neighbour_link link = neighbour_link(a->neighbour, i);
	struct port *p = &a->ports[i];
	uint64_t counts[XDP_CLASS_COUNT];

	if (port_is_taken(p)) {
		port_count(p, s);
	} else {
		s->rx = link.rx;
		s->tx = link.tx;
		s->rx_dropped = link.rx_dropped;
	}
	s->link_up = p->nic_index != 0 ? link.up : port_link_up(p);
	relay_port_link(a->relay, i, s->link_up != 0);
	port_show_link(p, s->link_up != 0);
	if (p->counts_fd >= 0 && xdp_counts_read(p->counts_fd, counts) == 0)
		memcpy(s->xdp, counts, sizeof(counts));
	if (a->punt != NULL)
		punt_count(a->punt, i, s);
}

static bool is_steered(const struct app *a) {
	for (unsigned i = 0; i < a->n_ports; i++)
		if (a->ports[i].steering == STEERING_NONE)
			return false;
	return true;
}

// What arrives, against what the NICs promised at the start.
static void check_steering(struct app *a, uint64_t now_ns) {
	uint64_t in = 0, handed = 0;

	for (unsigned i = 0; i < a->n_workers; i++) {
		in += counter_read(&a->workers[i].stats->in);
		handed += counter_read(&a->workers[i].stats->handed);
	}
	if (steering_watch_see(&a->steering, &in, &handed) &&
		log_gate_open(&a->missteered, "steering", now_ns, 1))
		log_warning(
			"steering handed=%llu of=%llu packets: they arrive at other queues than the NIC was told",
			(unsigned long long)handed, (unsigned long long)in);
}

static bool lost_device(const struct app *a) {
	for (unsigned i = 0; i < a->n_ports; i++) {
		const struct port *p = &a->ports[i];

		if (!atomic_load_explicit(&p->removed, memory_order_relaxed))
			continue;
		log_error("port name=%s device=%s is gone", p->name, p->config->device.text);
		return true;
	}
	return neighbour_lost_device(a->neighbour);
}

static void tick(struct app *a, uint64_t now_ns) {
	a->ticked_ns = now_ns;
	neighbour_tick(a->neighbour, now_ns);
	count_buffers(a, now_ns);
	memcpy(a->stats->next_hops, next_hops_states(a->next_hops), sizeof(a->stats->next_hops));
	for (unsigned i = 0; i < a->n_ports; i++)
		count_port(a, i);
	if (now_ns - a->counted_ns >= SECOND) {
		a->counted_ns = now_ns;
		neighbour_ask_links(a->neighbour);
		if (is_steered(a))
			check_steering(a, now_ns);
	}
}

// ---- the loop ----

int app_loop(struct app *a) {
	uint64_t now = clock_now_ns();
	int ret;

	while (!drain_is_over(&a->drain, relay_sessions(a->relay), now)) {
		const bool commands = relay_tick(a->relay, now);

		if (now - a->ticked_ns >= TICK)
			tick(a, now);
		neighbour_ask(a->neighbour);
		if (lost_device(a))
			return EXIT_REFUSED;
		ret = poller_wait(&a->poller, commands ? COMMAND_WAIT : TICK);
		if (ret < 0) {
			log_error("relay can't wait for events: %s", strerror(-ret));
			return EXIT_REFUSED;
		}
		now = clock_now_ns();
	}
	log_info("relay ends, sessions=%u", relay_sessions(a->relay));
	return EXIT_OK;
}
