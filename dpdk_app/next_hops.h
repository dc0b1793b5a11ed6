// Where packets to a destination go: the kernel's routes and neighbours as far as sessions need them.
//
//	destination (media, address) ──► hop (interface, address): gateway or the destination itself
//	     │ id: its place in words          │ what the kernel's neighbour table says
//	     └── word: MAC, VLAN, state  ◄─────┘
//
// Pure: no sockets, no clock. What is to be asked comes out of next_hops_ask, answers and news go in. Main thread;
// workers read the words. All memory is allocated at creation.
#pragma once

#include "relay/next_hop.h"
#include "relay/relay.h"

struct next_hops;

struct next_hops_params {
	uint32_t capacity; // destinations
	uint16_t n_realms, n_media;
	uint16_t vlan[RELAY_REALMS_MAX];
	// What packets come from, as the kernel's rules and routes may tell apart.
	struct {
		uint16_t realm;
		struct endpoint address;
	} media[RELAY_MEDIA_MAX];
	// A destination's word became FAILED.
	void (*failed)(void *ctx, uint32_t id);
	void *ctx;
};

[[nodiscard]] int next_hops_create(const struct next_hops_params *p, struct next_hops **out);
void next_hops_destroy(struct next_hops *t);
const _Atomic(uint64_t) *next_hops_words(const struct next_hops *t);
// Destinations now in each enum next_hop_state.
const uint64_t *next_hops_states(const struct next_hops *t);

// The kernel's interface of a realm, 0 (as at first): it has none, so no route. Its destinations are asked for anew.
void next_hops_set_interface(struct next_hops *t, uint16_t realm, int ifindex);

// ---- for the media core (relay_params.next_hop_…) ----

// Id of the way from the media address (an index) to dst, counted up; 0: table full or not IPv4.
uint32_t next_hops_get(struct next_hops *t, uint16_t media, const struct endpoint *dst);
void next_hops_put(struct next_hops *t, uint32_t id);
void next_hops_describe(const struct next_hops *t, uint32_t id, struct endpoint *gateway);

// ---- questions ----

enum next_hops_question { ASK_NOTHING, ASK_ROUTE, ASK_NEIGHBOUR, ASK_USE };
struct next_hops_ask {
	enum next_hops_question question;
	uint32_t id; // of the destination (ROUTE) or hop, to be given back with the answer
	uint32_t generation; // likewise: tells a later tenant of the place
	int ifindex;
	struct endpoint address, source; // source: ROUTE only
};
// The next question to put to the kernel; ASK_NOTHING when there is none. New destinations, neighbours and destinations
// that are asked for again take turns: a change of routes under 100,000s of destinations doesn't hold up a new call.
struct next_hops_ask next_hops_ask(struct next_hops *t);

// ---- answers and news; now_ns: CLOCK_MONOTONIC ----

// The way to a destination. gateway not set: on link. usable false: there is none.
void next_hops_on_route(struct next_hops *t, const struct next_hops_ask *ask, bool usable,
	const struct endpoint *gateway, uint64_t now_ns);
// The kernel does not know the neighbour asked for.
void next_hops_on_unknown(struct next_hops *t, const struct next_hops_ask *ask);
// The kernel's entry of a neighbour, nud: NUD_…; mac may be NULL.
void next_hops_on_neighbour(struct next_hops *t, int ifindex, const struct endpoint *address, uint16_t nud,
	const uint8_t *mac, uint64_t now_ns);
void next_hops_on_neighbour_gone(
	struct next_hops *t, int ifindex, const struct endpoint *address, uint64_t now_ns);
// Rules, links or addresses changed: every destination is asked for again, with the tick after next at the latest.
void next_hops_on_change(struct next_hops *t);
// A route to a network changed: likewise every destination in it.
void next_hops_on_route_change(struct next_hops *t, const struct endpoint *network, unsigned prefix_length);
// News were lost: everything is asked for again.
void next_hops_on_loss(struct next_hops *t);
// Every 100 ms or so: uses due, failures due, changes gathered.
void next_hops_tick(struct next_hops *t, uint64_t now_ns);
