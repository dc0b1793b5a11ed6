// A packet port: one network interface shared with the kernel by AF_XDP. Main thread, at start and end.
#pragma once

#include "config/config.h"
#include "dpdk_app/host.h"
#include "dpdk_app/steer.h"

struct rte_mempool;

struct port {
	// Fixed once open; the worker reads.
	uint16_t id; // DPDK's
	uint16_t n_queues;

	// Main's.
	char name[CONFIG_NAME];
	struct host_interface interface;
	int claim_fd; // held while this process owns the interface's media
	int counts_fd; // XDP counters
	bool open;
	bool rx_vlan_was_on;
};

// Look at the port's interface and claim it against another relay. Touches nothing. Logs what is wrong.
// Returns 0 or a negative errno. p is to be closed by port_close in any case.
[[nodiscard]] int port_claim(const struct config_port *config, struct port *p);
// Open all queues with our XDP program, which replaces one left by a killed relay. Logs. Returns 0 or a negative errno.
[[nodiscard]] int port_open(
	struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool);
// Detach the program and give the interface back. Copes with a port that is only claimed, or not even that.
void port_close(struct port *p);

// ---- pure, for tests ----

// The interface named by a device ("af_xdp:eth0"), or NULL when it is of another kind.
const char *port_interface_name(const char *device);
// Format the PMD's arguments. Returns 0 or -E2BIG.
[[nodiscard]] int port_format_args(
	const struct host_interface *i, unsigned n_queues, int object_fd, char *buf, size_t size);
