// The packet buffers: one mempool for all AF_XDP ports.
#pragma once

#include <rte_lcore.h>
#include <rte_mempool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	PACKET_POOL_RING = 2048, // descriptors of a receive or transmit ring
	PACKET_POOL_FILL = 2048, // buffers that the PMD keeps with the kernel for each queue, always
	PACKET_POOL_COMPLETION = 2048, // sent buffers that wait in a queue's completion ring
};

// What the buffers are for.
struct packet_pool_params {
	unsigned n_queues; // of all ports
	unsigned n_workers;
	unsigned n_ring_slots; // of all rings that hand buffers from thread to thread
	unsigned cache; // buffers that each lcore keeps for itself, 0 to RTE_MEMPOOL_CACHE_MAX_SIZE
	unsigned mtu; // the largest of the ports, bytes
	unsigned wanted; // buffers that the operator wants, 0: by formula
};

// Buffers by formula: what queues, rings, caches and bursts can hold at the worst, so that receive never starves.
[[nodiscard]] unsigned packet_pool_formula(const struct packet_pool_params *p);
// Fewer don't let the queues start, or leave not one burst to each.
[[nodiscard]] unsigned packet_pool_least(const struct packet_pool_params *p);
// Buffers that the pool gets: those wanted, else by formula.
[[nodiscard]] unsigned packet_pool_buffers(const struct packet_pool_params *p);
// Data room of one buffer, bytes: both headrooms and a frame of that MTU.
[[nodiscard]] unsigned packet_pool_data_room(unsigned mtu);
// The largest MTU that a buffer can carry: the kernel wants an AF_XDP frame within a page.
[[nodiscard]] unsigned packet_pool_mtu_max(void);
// Bytes of memory that the pool takes.
[[nodiscard]] size_t packet_pool_bytes(const struct packet_pool_params *p);

// Create and check the pool: one piece of memory, every buffer within. Logs what is wrong.
// Returns 0, -EINVAL (fewer are wanted than the least), -ENOMEM or -EFAULT.
[[nodiscard]] int packet_pool_create(const struct packet_pool_params *p, struct rte_mempool **out);

// Worker thread: how many buffers it could get at once, up to n. A driver that has not got buffers for a whole burst
// takes none of it.
static inline unsigned packet_pool_room(struct rte_mempool *pool, unsigned n) {
	const struct rte_mempool_cache *cache = rte_mempool_default_cache(pool, rte_lcore_id());
	unsigned room = cache != NULL ? cache->len : 0;

	if (room < n) // seldom: else what all share isn't even looked at
		room += rte_mempool_ops_get_count(pool);
	return room < n ? room : n;
}
