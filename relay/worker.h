// A worker's state: the components it owns, and the ring that main's commands come by. The tables are there once for all
// workers.
#pragma once

#include "relay/command.h"
#include "relay/hot.h"
#include "relay/keyed_hash.h"
#include "relay/relay.h"
#include "relay/ring.h"

enum { WORKER_RING = 1024, WORKER_POLL_MAX = 32 };

// One media address of a packet port and VLAN. Fixed before launch, except what entries points to.
struct worker_media {
	uint32_t addr_be;
	uint16_t first, span; // UDP ports first to first + span
	uint16_t vlan, port;
	uint32_t *entries; // by UDP port - first
};

// An entry of the port table: owner << ENTRY_SHIFT | component, or ENTRY_NONE. The owner writes it and every worker reads
// it, with relaxed atomic access: whoever isn't the owner only learns from it who is.
#define ENTRY_NONE UINT32_MAX
enum { ENTRY_SHIFT = 24, ENTRY_COMPONENT = (1 << ENTRY_SHIFT) - 1 };
static_assert(RELAY_WORKERS_MAX <= UINT8_MAX); // no owner makes an entry look like none

// All media addresses of a packet port.
struct worker_port {
	const struct worker_media *first, *end;
};

// What the packet path needs of a component only when it is not sure of a source.
struct worker_cold {
	uint64_t window_ns; // when the latch epoch was applied
	struct latch_addr remote;
	uint32_t vouched_be;
	uint32_t hop, hop_addr_be;
	uint32_t latch_epoch;
	uint16_t media, local_port; // local_port 0: not in the port table
	uint16_t vlan;
	uint8_t mode;
	uint8_t tos;
	uint8_t egress;
	bool latched, relearn;
};

// A component's slot in the shared memory, as the array has it.
struct worker_slot {
	_Alignas(64) struct component_slot counters;
};

// What all workers share. Each line of hot, cold and slots is written by its session's owner alone.
struct worker_tables {
	// Fixed before launch.
	uint16_t n_ports, n_media;
	uint8_t port_mac[RELAY_PORTS_MAX][6];
	bool port_compute_checksum[RELAY_PORTS_MAX];
	struct worker_port ports[RELAY_PORTS_MAX];
	struct worker_media media_table[RELAY_MEDIA_MAX]; // one port's after the other's
	struct worker_media *media[RELAY_MEDIA_MAX]; // by index into relay_params.media
	const _Atomic(uint64_t) *next_hop_words;
	uint8_t names_key[KEYED_HASH_KEY];

	struct worker_slot *slots;
	struct hot *hot;
	struct worker_cold *cold;
};

struct relay_worker {
	// Fixed before launch.
	uint8_t index, n_workers;
	const struct worker_tables *tables;
	struct stats_worker *counters;
	struct worker_slot *slots; // the tables'
	struct hot *hot;
	struct worker_cold *cold;
	struct command *commands;
	struct keyed_hash *names; // of sources (sdes.h); one key for all workers

	// Both: main writes head, the worker tail.
	struct ring ring;

	// The worker writes.
	_Alignas(64) uint16_t ip_id;

	// The worker sets, main clears: sessions with a new event. Number first looked at: it tells whether any is set.
	_Alignas(64) _Atomic(uint64_t) event_seq;
	_Atomic(uint64_t) *dirty; // a bit a session
};

// Allocate the tables for these params over laid out stats. Returns 0, -ENOMEM or -EIO (no randomness); fini copes with
// half of them.
[[nodiscard]] int worker_tables_init(
	struct worker_tables *t, const struct relay_params *p, const struct stats_header *stats);
void worker_tables_fini(struct worker_tables *t);
// Of a local or remote endpoint: the media address of ours that it is, NULL: none. Of several VLANs' that one of prefer,
// which may be NULL.
const struct worker_media *worker_find_media(
	const struct worker_tables *t, struct latch_addr addr, const struct worker_media *prefer);

// Allocate a worker over tables. Returns 0, -ENOMEM or -EIO (keyed_hash_create).
[[nodiscard]] int worker_create(const struct relay_params *p, const struct stats_header *stats,
	const struct worker_tables *t, unsigned index, struct relay_worker **out);
void worker_destroy(struct relay_worker *w);

// Worker thread: set a component's event bits; main is told if one is new.
void worker_raise(struct relay_worker *w, uint32_t component, uint32_t events);
// Worker thread: point a component at addr and use the next hop that is known to lead there. It keeps the target MAC.
void worker_aim(struct relay_worker *w, uint32_t component, struct latch_addr addr);
// Worker thread: learn addr for a component, as of a frame from this MAC (NULL: restored, nothing known), and tell main,
// which finds the next hop.
void worker_learn(struct relay_worker *w, uint32_t component, struct latch_addr addr, const uint8_t mac[6]);

// Main thread: the sessions with new events among those of one dirty word, cleared by this.
static inline uint64_t worker_take_dirty(struct relay_worker *w, uint32_t word) {
	// Most words have none, and looking is far cheaper than exchanging. A bit that comes right now moves the number again.
	if (atomic_load_explicit(&w->dirty[word], memory_order_relaxed) == 0)
		return 0;
	// Acquire: the events that set the bits are visible.
	return atomic_exchange_explicit(&w->dirty[word], 0, memory_order_acquire);
}

// Main thread: put some back, to be taken again.
static inline void worker_set_dirty(struct relay_worker *w, uint32_t word, uint64_t bits) {
	atomic_fetch_or_explicit(&w->dirty[word], bits, memory_order_relaxed); // main's own note
}
