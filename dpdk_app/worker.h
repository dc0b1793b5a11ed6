// The polling thread: takes packets from all queues of all ports, has the media core rewrite them, sends them on.
#pragma once

#include "relay/relay.h"

#include <stdatomic.h>

// A port as the worker sees it.
struct worker_queues {
	uint16_t id; // DPDK's
	uint16_t n_queues;
};

struct worker {
	// Fixed before launch; the worker reads.
	struct relay_worker *core;
	struct stats_worker *stats;
	struct worker_queues ports[RELAY_PORTS_MAX];
	uint16_t n_ports;
	uint32_t idle_sleep_us; // 0: never sleep
	unsigned lcore;

	// Main writes, the worker reads.
	_Alignas(64) atomic_bool stop;
};

// Launch on its lcore. Returns 0 or a negative errno.
[[nodiscard]] int worker_start(struct worker *w);
// Ask it to end and wait until it has.
void worker_stop(struct worker *w);
