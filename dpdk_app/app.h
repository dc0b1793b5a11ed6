// The relay process: everything that main owns, its start, its loop and its end.
#pragma once

#include "config/program.h"
#include "dpdk_app/buffer_watch.h"
#include "dpdk_app/control_socket.h"
#include "dpdk_app/drain.h"
#include "dpdk_app/eal.h"
#include "dpdk_app/neighbour.h"
#include "dpdk_app/reserved_ports.h"
#include "dpdk_app/stats.h"
#include "dpdk_app/steering_watch.h"
#include "dpdk_app/worker.h"

struct app {
	const struct config *config;
	int lock_fd, signal_fd;
	struct poller_source signals;
	struct poller poller;
	struct eal_cpus cpus;
	bool eal_started, ports_reserved;
	struct reserved_ports reserved;
	struct port ports[RELAY_PORTS_MAX];
	struct punt *punt; // NULL: no port has a TAP
	unsigned n_ports;
	struct rte_mempool *pool;
	struct next_hops *next_hops;
	struct neighbour *neighbour;
	struct stats_memory memory;
	struct relay_params params;
	struct relay *relay;
	struct stats_header *stats;
	struct worker workers[RELAY_WORKERS_MAX];
	unsigned n_workers; // that were joined
	unsigned n_started;
	struct control_socket *control;

	// The loop's.
	struct drain drain;
	uint64_t ticked_ns, counted_ns;
	struct buffer_watch buffers;
	struct log_gate buffers_low, missteered;
	struct steering_watch steering;
};

// Run the relay until it is told to end. Returns the exit status.
int app_run(const struct config *config);

// ---- between app.c and app_loop.c ----

// Turn until the end. Returns the exit status.
int app_loop(struct app *a);
// Count what we are told by signals; ready function of signal_fd.
void app_on_signal(void *ctx);
