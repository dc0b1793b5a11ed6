// Keeps next hops in step with the kernel: asks its tables by netlink and follows what they tell. Main thread.
#pragma once

#include "dpdk_app/next_hops.h"
#include "dpdk_app/poller.h"
#include "dpdk_app/port.h"

struct neighbour;

// Follow links, routes, rules and neighbours for the table. Borrows ports, config and p until close. Logs.
// Returns 0 or a negative errno.
[[nodiscard]] int neighbour_open(struct next_hops *table, const struct port *ports,
	const struct config *config, struct poller *p, struct neighbour **out);
void neighbour_close(struct neighbour *n); // NULL is fine

// Put the table's questions to the kernel, a batch at most. Call every turn of the loop.
void neighbour_ask(struct neighbour *n);
// Every 100 ms or so.
void neighbour_tick(struct neighbour *n, uint64_t now_ns);

// What the kernel says of the interface that a port's device is or sits upon; nothing where it has none (nic_index 0).
struct neighbour_link {
	bool up;
	uint64_t rx, tx, rx_dropped; // packets, the interface's own counters
};
void neighbour_ask_links(struct neighbour *n); // refresh them all
struct neighbour_link neighbour_link(const struct neighbour *n, unsigned port);
// True once an interface is gone, or has another MAC: the relay can't go on with it. Logged already.
bool neighbour_lost_device(const struct neighbour *n);
