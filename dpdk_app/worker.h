// The polling threads: each takes packets from its queues of all ports, has the media core rewrite them, sends them on.
//
//	         ┌─ queue 0 ─► worker 0 ─► queue 0 ─┐
//	port ────┤               │ ▲ rings          ├──► port
//	         └─ queue 1 ─► worker 1 ─► queue 1 ─┘
//
// What belongs to another worker's session goes to its owner by a ring; what leaves by a port that has no queue for this
// worker goes by a ring to one that has. Queue q of a port is worker q % n_workers's.
#pragma once

#include "dpdk_app/hand_ring.h"
#include "dpdk_app/punt.h"

#include <stdatomic.h>

struct rte_mempool;

// A port as one worker sees it.
struct worker_queues {
	uint16_t id; // DPDK's
	uint16_t n_queues; // of the port; this worker's are index, index + n_workers, …
	uint16_t tx_queue;
	uint16_t tx_worker; // which worker has it
};

// What one other worker has for this one.
struct worker_inbox {
	struct hand_ring owned; // packets of this one's sessions, as they were received
	struct hand_ring ready; // packets to be sent; the port is in the buffer
};

struct worker {
	// Fixed before launch; the worker reads.
	struct relay_worker *core;
	struct stats_worker *stats;
	struct rte_mempool *pool; // which all ports receive into
	struct worker *all; // by index
	struct worker_inbox *inbox[RELAY_WORKERS_MAX]; // by whose they are; NULL: its own
	struct punt_worker *punt; // NULL: no port has a TAP
	struct worker_queues ports[RELAY_PORTS_MAX];
	uint16_t n_ports, index, n_workers;
	uint32_t idle_sleep_us; // 0: never sleep
	unsigned lcore;

	// Main writes, the worker reads.
	_Alignas(64) atomic_bool stop;
};

// Buffers that the rings of n workers hold at the most.
unsigned workers_ring_slots(unsigned n);
// Join n workers by rings. Returns 0 or -ENOMEM; workers_unjoin copes with half of them.
[[nodiscard]] int workers_join(struct worker *workers, unsigned n);
void workers_unjoin(struct worker *workers, unsigned n);
// How a port's queues are split up, for one worker.
struct worker_queues worker_split(uint16_t port_id, uint16_t n_queues, unsigned index, unsigned n_workers);

// Launch on its lcore. Returns 0 or a negative errno.
[[nodiscard]] int worker_start(struct worker *w);
// Ask n workers to end and wait until they have.
void workers_stop(struct worker *workers, unsigned n);
