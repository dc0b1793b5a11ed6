#include "dpdk_app/packet_pool.h"

#include "config/log.h"
#include "relay/relay.h"

#include <errno.h>
#include <linux/bpf.h> // XDP_PACKET_HEADROOM
#include <rte_errno.h>
#include <rte_ether.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <unistd.h>

enum {
	XDP_HEADROOM = 256, // the kernel's, in front of every AF_XDP frame
	FRAME_OVERHEAD = RTE_ETHER_HDR_LEN + RTE_ETHER_CRC_LEN + 2 * RTE_VLAN_HLEN,
	SPARE = 512, // watching, odds and ends
};

// A worker's, or main's. A cache may grow to one and a half times its size before it gives back (mempool's flush
// threshold).
static unsigned thread_buffers(const struct packet_pool_params *p) {
	return p->cache * 3 / 2 + 2 * RELAY_BURST;
}

unsigned packet_pool_formula(const struct packet_pool_params *p) {
	const unsigned queue = PACKET_POOL_FILL + PACKET_POOL_RING + PACKET_POOL_COMPLETION;

	return p->n_queues * queue + (p->n_workers + 1) * thread_buffers(p) + p->n_ring_slots + SPARE;
}

unsigned packet_pool_least(const struct packet_pool_params *p) {
	return p->n_queues * (PACKET_POOL_FILL + RELAY_BURST) + p->n_workers * thread_buffers(p);
}

unsigned packet_pool_buffers(const struct packet_pool_params *p) {
	return p->wanted > 0 ? p->wanted : packet_pool_formula(p);
}

unsigned packet_pool_data_room(unsigned mtu) {
	unsigned need = RTE_PKTMBUF_HEADROOM + XDP_HEADROOM + mtu + FRAME_OVERHEAD;

	return RTE_MAX(RTE_ALIGN_CEIL(need, 64u), (unsigned)RTE_MBUF_DEFAULT_BUF_SIZE);
}

static unsigned object_bytes(unsigned mtu) {
	return rte_mempool_calc_obj_size((uint32_t)sizeof(struct rte_mbuf) + packet_pool_data_room(mtu),
		RTE_MEMPOOL_F_NO_IOVA_CONTIG, NULL);
}

unsigned packet_pool_mtu_max(void) {
	unsigned mtu = 1500;

	while (object_bytes(mtu + 1) <= 4096)
		mtu++;
	return mtu;
}

size_t packet_pool_bytes(const struct packet_pool_params *p) {
	return (size_t)packet_pool_buffers(p) * object_bytes(p->mtu);
}

// AF_XDP's umem is one range that begins at the pool's first chunk and is n × object size long. A pool in several
// chunks would look well until its cache rotates to a buffer outside, and then receive goes deaf.
struct range {
	const uint8_t *begin, *end;
	unsigned outside;
};

static void check_object(struct rte_mempool *pool, void *ctx, void *object, unsigned index) {
	struct range *r = ctx;
	const uint8_t *begin = (const uint8_t *)object - pool->header_size;

	(void)index;
	if (begin < r->begin || begin + pool->header_size + pool->elt_size + pool->trailer_size > r->end)
		r->outside++;
}

static int check_packed(struct rte_mempool *pool) {
	const struct rte_mempool_memhdr *first = STAILQ_FIRST(&pool->mem_list);
	const size_t size = pool->header_size + pool->elt_size + pool->trailer_size;
	struct range r = {0};

	if (pool->nb_mem_chunks != 1 || first == NULL) {
		log_error("buffers chunks=%u: memory is in pieces; free or reserve more of it",
			pool->nb_mem_chunks);
		return -EFAULT;
	}
	r.begin = (const uint8_t *)first->addr;
	r.end = r.begin + size * pool->populated_size;
	rte_mempool_obj_iter(pool, check_object, &r);
	if (r.outside > 0) {
		log_error("buffers outside=%u of=%u: memory is not packed", r.outside, pool->populated_size);
		return -EFAULT;
	}
	return 0;
}

static int check_wanted(const struct packet_pool_params *p) {
	if (p->wanted == 0 || p->wanted >= packet_pool_formula(p))
		return 0;
	if (p->wanted >= packet_pool_least(p)) {
		log_warning(
			"buffers n=%u: %u never run out here, fewer may", p->wanted, packet_pool_formula(p));
		return 0;
	}
	log_error("relay.buffers=%u: at least %u are needed here, %u never run out", p->wanted,
		packet_pool_least(p), packet_pool_formula(p));
	return -EINVAL;
}

static struct rte_mempool *create_empty(const struct packet_pool_params *p) {
	const unsigned n = packet_pool_buffers(p), room = packet_pool_data_room(p->mtu);
	struct rte_pktmbuf_pool_private private = {.mbuf_data_room_size = (uint16_t)room};
	struct rte_mempool *pool =
		rte_mempool_create_empty("kedge-packets", n, (unsigned)sizeof(struct rte_mbuf) + room,
			p->cache, sizeof(private), (int)rte_socket_id(), RTE_MEMPOOL_F_NO_IOVA_CONTIG);

	if (pool == NULL)
		log_error("buffers n=%u data_room=%u: no pool: %s", n, room, rte_strerror(rte_errno));
	else
		rte_pktmbuf_pool_init(pool, &private);
	return pool;
}

int packet_pool_create(const struct packet_pool_params *p, struct rte_mempool **out) {
	const unsigned n = packet_pool_buffers(p), room = packet_pool_data_room(p->mtu);
	struct rte_mempool *pool;
	int ret = check_wanted(p);

	if (ret < 0)
		return ret;
	pool = create_empty(p);
	if (pool == NULL)
		return -ENOMEM;
	ret = rte_mempool_populate_default(pool);
	if (ret != (int)n) {
		log_error("buffers n=%u data_room=%u: not enough memory", n, room);
		rte_mempool_free(pool);
		return -ENOMEM;
	}
	rte_mempool_obj_iter(pool, rte_pktmbuf_init, NULL);
	ret = check_packed(pool);
	if (ret < 0) {
		rte_mempool_free(pool);
		return ret;
	}
	log_info("buffers n=%u data_room=%u bytes=%zu cache=%u", n, room, packet_pool_bytes(p), p->cache);
	*out = pool;
	return 0;
}
