// A packet port: one network device, shared with the kernel in the way of its kind. Main thread, at start and end.
//
//	port.c           what all kinds have in common
//	port_af_xdp.c    af_xdp: the NIC stays with its kernel driver, our XDP program takes media only
//	port_taken.c     pci:, vdev: DPDK's driver has the NIC; the kernel sees a TAP in its place, if any
#pragma once

#include "config/config.h"
#include "dpdk_app/host.h"
#include "dpdk_app/steer.h"
#include "dpdk_app/steering.h"

#include <stdatomic.h>

struct rte_mempool;
struct port_kind;

struct port {
	// Fixed once open; the worker reads.
	uint16_t id; // DPDK's
	uint16_t n_queues;

	// Main's.
	unsigned n_workers;
	enum steering_kind steering;
	char name[CONFIG_NAME];
	const struct config_port *config;
	const struct port_kind *kind;
	// What the host's addresses are on: the NIC's own, or the TAP; index 0: none. MAC, MTU and queues are the port's in any
	// case; of a device that is taken, the queues are what the workers could use until it is found.
	struct host_interface interface;
	int nic_index; // of the kernel's interface that the device is or sits upon; 0: none
	int claim_fd; // held while this process owns the device's media
	int counts_fd; // XDP counters, or -1
	int tap_fd; // or -1
	bool found; // DPDK has the device
	bool link_up, carrier; // what DPDK says of a device without nic_index; what the TAP shows
	bool rx_vlan_was_on;

	// DPDK's interrupt thread writes.
	atomic_bool removed;
};

// Look at the port's device and claim it against another relay. Touches nothing. Borrows config for the port's life.
// n_workers: how many queues may be of use. Logs what is wrong. Returns 0 or a negative errno. p is to be closed by
// port_close in any case.
[[nodiscard]] int port_claim(const struct config_port *config, unsigned n_workers, struct port *p);
// EAL runs: find the device, if it wasn't yet, its MAC address and its queues; make the TAP or take it up. Logs.
[[nodiscard]] int port_find(struct port *p);
// Open all queues and start. table: what an XDP program is to take, which replaces one left by a killed relay. Logs.
[[nodiscard]] int port_open(
	struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool);
// Give the device back. The TAP stays, without carrier. Copes with a port that is only claimed, or not even that.
void port_close(struct port *p);

// Of a port that is taken: DPDK's figures of it, and its link, where no interface of the kernel tells that (nic_index).
// Logs a change.
static inline bool port_is_taken(const struct port *p); // pci:, vdev:
void port_count(const struct port *p, struct stats_port *out);
bool port_link_up(struct port *p);
// Let the TAP's carrier follow the link.
void port_show_link(struct port *p, bool up);

// ---- for the kinds ----

struct port_kind {
	int (*claim)(struct port *p);
	int (*find)(struct port *p); // may be NULL
	int (*open)(
		struct port *p, unsigned index, const struct steer_table *table, struct rte_mempool *pool);
	void (*close)(struct port *p); // what is left of a device that was found; may be NULL
};
extern const struct port_kind port_af_xdp, port_taken;

static inline bool port_is_taken(const struct port *p) {
	return p->kind == &port_taken;
}

// Hold "kedge-relay/device/<what>" until port_close, or log that another port or relay has it.
[[nodiscard]] int port_hold(struct port *p, const char *what);
// Configure and start the DPDK device with n_queues queues of either direction.
[[nodiscard]] int port_start(struct port *p, struct rte_mempool *pool);

// ---- pure, for tests ----

enum { PORT_REPAIR = 40 };
// How many queues AF_XDP is to open: the combined ones, or the one of a device without those. 0: the device receives on other
// queues too, or on none; repair is then what `ethtool -L DEVICE` takes to change that.
unsigned port_rx_queues(const struct host_channels *c, char repair[static PORT_REPAIR]);
// Format the AF_XDP PMD's arguments. Returns 0 or -E2BIG.
[[nodiscard]] int port_format_args(
	const struct host_interface *i, unsigned n_queues, int object_fd, char *buf, size_t size);
