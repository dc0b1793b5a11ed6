// relay_dry: kedge-relay itself, with a greedy consumer of packet buffers in its first worker.
//
//	relay_dry -c CONFIG COMMANDS
//
// COMMANDS is a FIFO of lines:
//
//	leave N  take buffers away, for as long as more than N are free
//	release  give them all back
//
// It takes them where a leak would: in the worker's thread, from the worker's own cache first, whenever port 0 is polled.
#include "config/log.h"
#include "config/program.h"
#include "dpdk_app/app.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HELD_MAX = 1 << 18 };

struct greed {
	const char *commands;
	// The command thread writes, the worker reads.
	atomic_uint leave; // UINT_MAX: take nothing

	// The worker's.
	struct rte_mempool *pool;
	unsigned n_held;
	struct rte_mbuf *held[HELD_MAX];
};

static void give_back(struct greed *g, unsigned n) {
	for (; n > 0 && g->n_held > 0; n--)
		rte_pktmbuf_free(g->held[--g->n_held]);
}

// Worker thread, after each receive: n packets, which stay as they are.
static uint16_t on_receive(
	uint16_t port, uint16_t queue, struct rte_mbuf **packets, uint16_t n, uint16_t max, void *ctx) {
	struct greed *g = ctx;
	const unsigned leave = atomic_load_explicit(&g->leave, memory_order_relaxed);
	struct rte_mbuf *m;

	(void)port, (void)queue, (void)packets, (void)max;
	if (leave == UINT_MAX) {
		give_back(g, g->n_held);
		return n;
	}
	while (g->n_held < HELD_MAX && (m = rte_pktmbuf_alloc(g->pool)) != NULL)
		g->held[g->n_held++] = m;
	give_back(g, leave);
	return n;
}

static void obey(struct greed *g, const char *line) {
	unsigned n;

	if (g->pool == NULL) {
		g->pool = rte_mempool_lookup("kedge-packets");
		if (g->pool == NULL || rte_eth_add_rx_callback(0, 0, on_receive, g) == NULL) {
			log_error("relay_dry: no pool, or no port");
			exit(EXIT_REFUSED);
		}
	}
	if (sscanf(line, "leave %u", &n) == 1)
		atomic_store_explicit(&g->leave, n, memory_order_relaxed);
	else if (strcmp(line, "release\n") == 0)
		atomic_store_explicit(&g->leave, UINT_MAX, memory_order_relaxed);
	else
		log_error("relay_dry: not a command: %s", line);
}

static void *listen_to(void *ctx) {
	struct greed *g = ctx;
	FILE *f = fopen(g->commands, "r+e"); // for writing too, so that the FIFO outlives its writers
	char line[64];

	while (f != NULL && fgets(line, sizeof(line), f) != NULL)
		obey(g, line);
	log_error("relay_dry: %s: %s", g->commands, strerror(errno));
	exit(EXIT_REFUSED);
}

// Signals are for the relay's main thread.
static int start_listening(struct greed *g) {
	sigset_t all, before;
	pthread_t thread;
	int ret;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	ret = pthread_create(&thread, NULL, listen_to, g);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return ret;
}

int main(int argc, char **argv) {
	static struct greed greed = {.leave = UINT_MAX};
	struct config *config;

	if (argc != 4 || strcmp(argv[1], "-c") != 0) {
		fprintf(stderr, "usage: relay_dry -c CONFIG COMMANDS\n");
		return EXIT_USAGE;
	}
	if (config_load(argv[2], stderr, &config) < 0)
		return EXIT_USAGE;
	log_init("kedge-relay", config->log_level);
	greed.commands = argv[3];
	if (start_listening(&greed) != 0)
		return EXIT_REFUSED;
	return app_run(config);
}
