// The shared counters: a sealed memfd that the relay writes and any observer maps read-only.
//
//	struct stats_header | n_workers × worker_stride | n_ports × port_stride | n_realms × realm_stride | n_slots × slot_stride
//
// Offsets and strides are in the header, so that readers survive growth. Every field has one writer (a worker, or
// the main thread), is never reset, and is naturally aligned; readers keep baselines. No keys in here.
#pragma once

#include "relay/endpoint.h"
#include "relay/residence.h"
#include "relay/verdict.h"

#define STATS_MAGIC 0x3153544547444b45ull // "EKDGETS1"
enum { STATS_NAME = 32, STATS_VERDICTS = 32, STATS_PUNTS = 8, STATS_INTERFACE = 16, NEXT_HOP_STATES = 4 };
static_assert((int)VERDICT_COUNT <= (int)STATS_VERDICTS);

// What the XDP program saw of a port's frames. PASS_*: given to the kernel, by class.
enum xdp_class {
	XDP_CLASS_MEDIA, // redirected to the relay
	XDP_CLASS_DROPPED, // media, but no queue took it
	XDP_CLASS_NOT_IP, // ARP, IPv6, several VLAN tags, …
	XDP_CLASS_OTHER, // IPv4 but not UDP
	XDP_CLASS_FRAGMENT, // IPv4 fragment
	XDP_CLASS_OPTIONS, // IPv4 with options
	XDP_CLASS_UDP, // UDP, but not to a media address and port range
	XDP_CLASS_COUNT,
};
const char *xdp_class_name(enum xdp_class c);

// What the relay itself gives to the kernel, of a port that it took from it.
enum punt_class {
#define PUNT_CLASS(name, text, packets_per_s, help) PUNT_##name,
#include "relay/punt_class.def"
#undef PUNT_CLASS
	PUNT_CLASS_COUNT,
};
static_assert((int)PUNT_CLASS_COUNT <= (int)STATS_PUNTS);
const char *punt_class_name(enum punt_class c);

struct stats_header {
	uint64_t magic;
	uint32_t length; // bytes of this struct
	uint32_t version; // 1
	uint64_t boot_id;
	uint64_t total_bytes; // of the mapping
	uint32_t n_workers, worker_offset, worker_stride;
	uint32_t n_ports, port_offset, port_stride;
	uint32_t n_realms, realm_offset, realm_stride;
	uint32_t n_slots, slot_offset, slot_stride;
	uint32_t n_verdicts, reserved;

	// The main thread writes from here on: the server the sessions and control figures, the application buffers and next_hops.
	_Alignas(64) uint64_t now_ns; // CLOCK_MONOTONIC, refreshed at least once a second
	uint64_t sessions, sessions_max;
	uint64_t sessions_put, sessions_deleted, sessions_timed_out, sessions_swept, sessions_refused;
	uint64_t buffers, buffers_free, buffers_free_lowest; // packet buffers
	uint64_t next_hops[NEXT_HOP_STATES]; // by enum next_hop_state
	uint64_t controller_connected; // 0 or 1
	uint64_t control_messages; // of the protocol, taken
	uint64_t control_refused; // messages refused or malformed, and peers that said no HELLO
};

struct stats_worker {
	uint64_t verdicts[STATS_VERDICTS];
	uint64_t in, out; // packets: what rx_burst gave, what tx_burst took
	uint64_t loops, busy_loops;
	uint64_t busy_ns; // time of the loops that carried packets
	uint64_t ring_drops; // packets that another worker's ring had no room for
	uint32_t cpu, reserved;
	uint64_t handed; // packets given to the worker that owns their session
	uint64_t starved; // turns of receive that found fewer packet buffers free than a burst has
	// Packets by how long they were here at the most (residence.h): from when their queue was looked at and they were not there yet,
	// until they were given to the driver or to another worker, who counts them again.
	uint64_t residence[RESIDENCE_STEPS];
};

// The main thread writes.
struct stats_port {
	char name[STATS_NAME], device[STATS_NAME];
	uint64_t rx, tx; // packets of the device's own counters
	uint64_t xdp[XDP_CLASS_COUNT + 1]; // by enum xdp_class; zero where no XDP program runs
	uint32_t link_up, queues;
	// The device's own: on veth, media that the relay's receive ring had no room for is in here.
	uint64_t rx_dropped;
	// Of a port that the relay took from the kernel and shares with it by a TAP: the TAP's name, else empty; packets given to
	// the kernel and held back over the limit, by enum punt_class; packets that the kernel sent.
	char kernel_if[STATS_INTERFACE];
	uint64_t punted[STATS_PUNTS], punt_limited[STATS_PUNTS];
	uint64_t from_kernel;
	uint64_t from_kernel_dropped; // read from the TAP, but the worker was behind
	uint64_t kernel_refused; // of those punted: the TAP didn't take them
};

// The main thread writes.
struct stats_realm {
	char name[STATS_NAME];
	uint64_t media_ports_used, media_ports_resting, media_ports_free; // pairs (RTP and RTCP)
};

// What a side's media did that signalling may want to know. Bits only ever get set while a session lives, but for silence
// (MEDIA_TIMEOUT and MEDIA_BACK, always of both sides), which ends and begins anew.
enum media_event {
	EVENT_LATCHED = 1 << 0, // learnt an endpoint
	EVENT_SOURCE_REFUSED = 1 << 1, // first packet from a source that was refused
	// This side's RTP silent for 10 s while the other's flows; not while the timeout is off.
	EVENT_ONE_WAY = 1 << 2,
	// No RTP or RTCP from either side for the session's timeout; raised again after each further one.
	EVENT_MEDIA_TIMEOUT = 1 << 3,
	EVENT_NEIGHBOUR_FAILED = 1 << 4,
	EVENT_BAD_CHECKSUM = 1 << 5, // the UDP checksum of a component's first packet is wrong
	EVENT_PARTIAL_CHECKSUM = 1 << 6, // why: the sender left it to a network card that didn't complete it
	EVENT_LINK_DOWN = 1 << 7, // the packet port of this side's realm had no link
	// Packets from either side after EVENT_MEDIA_TIMEOUT, which this takes back.
	EVENT_MEDIA_BACK = 1 << 8,

	EVENTS_SILENCE = EVENT_MEDIA_TIMEOUT | EVENT_MEDIA_BACK,
	EVENTS_ANEW = EVENT_ONE_WAY | EVENTS_SILENCE, // that another timeout of the session begins anew
};
enum { EVENT_KINDS = 9 };
const char *media_event_name(unsigned bit_index);

// Fill a header's sizes, offsets and strides (all else zero) for that many of each.
void counters_layout(
	struct stats_header *h, uint32_t n_workers, uint32_t n_ports, uint32_t n_realms, uint32_t n_slots);

// One component (RTP or RTCP of one side). The session's owner writes; index = session slot * 4 + side * 2 + component.
// A packet is counted at the component that received it.
struct component_slot {
	uint64_t session_id; // 0: free
	uint32_t generation; // changes with every tenant
	uint32_t latch_seq; // odd while learnt is being written
	uint64_t forwarded; // packets
	uint64_t forwarded_bytes; // UDP payload
	uint64_t last_in_ns; // CLOCK_MONOTONIC of the last admitted packet, 0: none yet
	uint64_t first_in_ns;
	struct endpoint learnt; // where the peer's packets really come from; not set: not latched
	uint32_t events; // worker's sticky bits of enum media_event
	// By enum verdict (VERDICT_FORWARDED stays 0). Half as wide as the rest, so that a slot is two lines: each stays at its
	// greatest value, which only a flood of hours reaches; the workers' totals go on.
	uint32_t drops[COMPONENT_VERDICTS];
};
static_assert(sizeof(struct component_slot) == 128);

// Of a copy: the worker writes learnt (learnt.h).
static inline bool component_is_latched(const struct component_slot *c) {
	return endpoint_is_set(&c->learnt);
}

// The i-th of each kind in a mapping that begins with h.
static inline struct stats_worker *counters_worker(const struct stats_header *h, uint32_t i) {
	return (struct stats_worker *)((uintptr_t)h + h->worker_offset + (size_t)i * h->worker_stride);
}
static inline struct stats_port *counters_port(const struct stats_header *h, uint32_t i) {
	return (struct stats_port *)((uintptr_t)h + h->port_offset + (size_t)i * h->port_stride);
}
static inline struct stats_realm *counters_realm(const struct stats_header *h, uint32_t i) {
	return (struct stats_realm *)((uintptr_t)h + h->realm_offset + (size_t)i * h->realm_stride);
}
static inline struct component_slot *counters_component(const struct stats_header *h, uint32_t i) {
	return (struct component_slot *)((uintptr_t)h + h->slot_offset + (size_t)i * h->slot_stride);
}
