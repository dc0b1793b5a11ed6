// Hops: the kernel's neighbours that destinations lead to, gateways or the destinations themselves. What the kernel says of
// each, when it is to be told that one is in use, and when one that it can't reach is given up. Pure; part of next_hops.c.
#pragma once

#include "dpdk_app/next_hops.h"

#include <sys/queue.h>

struct destination;
LIST_HEAD(destination_list, destination);

struct hop {
	LIST_ENTRY(hop) chain; // of the hash bucket, or of the free ones
	TAILQ_ENTRY(hop) timed; // steady or probing, in the order of due_ns
	TAILQ_ENTRY(hop) asking;
	struct destination_list sharers; // the owner's
	struct endpoint address;
	uint64_t due_ns; // of the next use
	uint64_t lost_ns; // since when the kernel can't reach it; 0: it can, or is at it
	int ifindex;
	uint32_t generation;
	enum next_hops_question to_ask; // NEIGHBOUR, USE or NOTHING
	uint8_t mac[6];
	bool has_mac, failed, probing;
};

LIST_HEAD(hop_list, hop);
TAILQ_HEAD(hop_queue, hop);

struct hops {
	uint32_t capacity, mask; // mask: of the hash table
	struct hop_list *buckets, free;
	struct hop_queue steady, probing, asking;
	struct hop *at;
	uint32_t n; // places that were ever in use: memory beyond is not touched
};

// capacity: hops at a time, one more than are used; mask: of the hash table, a power of two less one.
// Returns 0 or -ENOMEM; to be ended with hops_fini in any case.
[[nodiscard]] int hops_init(struct hops *hs, uint32_t capacity, uint32_t mask);
void hops_fini(struct hops *hs);

// The hop, added and to be asked for if it is not there.
struct hop *hops_get(struct hops *hs, int ifindex, const struct endpoint *address, uint64_t now_ns);
struct hop *hops_find(const struct hops *hs, int ifindex, const struct endpoint *address); // may be NULL
void hops_del(struct hops *hs, struct hop *h);
enum next_hop_state hops_state(const struct hop *h);

// Have a question put to the kernel. One at a time: a look-up is not replaced by a use, since it leads to one.
void hops_ask(struct hops *hs, struct hop *h, enum next_hops_question q);
void hops_ask_all(struct hops *hs, enum next_hops_question q);
// Take the next question, false if there is none.
bool hops_take_question(struct hops *hs, struct next_hops_ask *out);

// The kernel's entry. Returns true if the hop's state or MAC is another one now.
bool hops_on_neighbour(struct hops *hs, struct hop *h, uint16_t nud, const uint8_t *mac, uint64_t now_ns);
// The kernel forgot it (garbage collection, an operator's flush): the MAC is good until something else is known.
void hops_on_gone(struct hops *hs, struct hop *h, uint64_t now_ns);
// Uses that are due. Returns a hop that is given up now, NULL when there is none (any more): call until then.
struct hop *hops_tick(struct hops *hs, uint64_t now_ns);

// Addresses come from our own signalling and tables; still, mix them so that neighbours in a row spread.
static inline uint32_t hops_hash(const struct endpoint *e, uint32_t salt, uint32_t mask) {
	uint64_t x = ((uint64_t)salt << 32 | endpoint_v4_addr_be(e)) * 0x9e3779b97f4a7c15ull;

	return (uint32_t)(x >> 32) & mask;
}
