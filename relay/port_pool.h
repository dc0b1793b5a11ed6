// The UDP port pairs (even RTP, odd RTCP) of one media address: O(1) to take, to take a certain one, and to give back.
// What was used rests for PORT_REST_NS before it is given to someone who didn't ask for it: late packets of a call that
// is over must not reach the next one. Free pairs are kept by the worker that owns them (steering.h).
#pragma once

#include <stdbool.h>
#include <stdint.h>

#define PORT_REST_NS 2000000000ull
enum { PORT_OWNERS_MAX = 16 };

enum pair_state { PAIR_FREE, PAIR_RESTING, PAIR_USED };

struct port_pair {
	uint64_t freed_ns;
	uint32_t prev, next; // in its list
	uint8_t state; // enum pair_state
};

struct port_list {
	uint32_t first, last, n;
};

struct port_pool {
	uint16_t first;
	uint32_t n_pairs;
	struct port_pair *pairs;
	unsigned n_owners;
	struct port_list free[PORT_OWNERS_MAX], resting; // least recently used first
};

// All pairs of first (even) to last, free, in an order that seed decides (RFC 6056: not to be guessed), for n_owners
// workers. Returns 0 or -ENOMEM.
[[nodiscard]] int port_pool_init(
	struct port_pool *p, uint16_t first, uint16_t last, unsigned n_owners, uint64_t seed);
void port_pool_fini(struct port_pool *p);

// True if port is the even one of a pair of this pool.
bool port_pool_has(const struct port_pool *p, uint16_t port);
// Free pairs of one owner, and of all.
uint32_t port_pool_free_of(const struct port_pool *p, unsigned owner);
uint32_t port_pool_free(const struct port_pool *p);
// Take the pair of this owner that has been free for longest; if it has none, one of the owner that has most.
// Returns 0 or -EADDRNOTAVAIL.
[[nodiscard]] int port_pool_take(struct port_pool *p, unsigned owner, uint64_t now_ns, uint16_t *port);
// Take this pair, resting or not (a session that is put again). Returns 0, -EINVAL (not of the pool), -EADDRINUSE.
[[nodiscard]] int port_pool_take_port(struct port_pool *p, uint16_t port);
// Give a used pair back, to rest.
void port_pool_give(struct port_pool *p, uint16_t port, uint64_t now_ns);
// Give a pair back that was taken and never used.
void port_pool_return(struct port_pool *p, uint16_t port);
// Move what has rested to the free ones.
void port_pool_refresh(struct port_pool *p, uint64_t now_ns);
