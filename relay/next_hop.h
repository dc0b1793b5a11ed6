// A next hop as the workers see it: one 8-byte word, changed by one store.
//
//	bits 63..16 MAC, 15..4 VLAN, 3..0 state
#pragma once

#include <endian.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum next_hop_state {
	NEXT_HOP_NO_ROUTE = 0, // verdict no_route
	NEXT_HOP_UNRESOLVED = 1, // no MAC yet: verdict no_neighbour, unless a frame's source MAC is at hand
	NEXT_HOP_REACHABLE = 2, // use it (the kernel's REACHABLE, STALE, DELAY, PROBE, PERMANENT)
	NEXT_HOP_FAILED = 3, // verdict no_neighbour
};

static inline uint64_t next_hop_word(const uint8_t mac[6], uint16_t vlan, enum next_hop_state state) {
	uint64_t w = 0;

	memcpy(&w, mac, 6);
	return be64toh(w) | (uint64_t)(vlan & 0xfff) << 4 | (uint64_t)state;
}

static inline enum next_hop_state next_hop_state(uint64_t word) {
	return (enum next_hop_state)(word & 15);
}

static inline void next_hop_mac(uint64_t word, uint8_t mac[static 6]) {
	uint64_t be = htobe64(word);

	memcpy(mac, &be, 6);
}
