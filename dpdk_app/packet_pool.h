// The packet buffers: one mempool for all AF_XDP ports.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct rte_mempool;

enum {
	PACKET_POOL_RING = 2048, // descriptors of a receive or transmit ring
	PACKET_POOL_FILL = 2048, // buffers that the PMD keeps with the kernel for each queue, always
	PACKET_POOL_COMPLETION = 2048, // sent buffers that wait in a queue's completion ring
	PACKET_POOL_CACHE = 256, // of each lcore
};

// What the buffers are for.
struct packet_pool_params {
	unsigned n_queues; // of all ports
	unsigned n_workers;
	unsigned mtu; // the largest of the ports, bytes
};

// Buffers for these params: what queues, caches and bursts can hold at the worst, so that receive never starves.
[[nodiscard]] unsigned packet_pool_buffers(const struct packet_pool_params *p);
// Data room of one buffer, bytes: both headrooms and a frame of that MTU.
[[nodiscard]] unsigned packet_pool_data_room(unsigned mtu);
// The largest MTU that a buffer can carry: the kernel wants an AF_XDP frame within a page.
[[nodiscard]] unsigned packet_pool_mtu_max(void);
// Bytes of memory that the pool takes.
[[nodiscard]] size_t packet_pool_bytes(const struct packet_pool_params *p);

// Create and check the pool: one piece of memory, every buffer within. Logs what is wrong.
// Returns 0, -ENOMEM or -EFAULT.
[[nodiscard]] int packet_pool_create(const struct packet_pool_params *p, struct rte_mempool **out);
