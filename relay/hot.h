// What the packet path touches of a component: one read-mostly line, beside its slot in the shared counters.
// A packet reads the line of the component that received it and the line of the opposite one, whose header it gets.
#pragma once

#include "relay/packet.h"

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum hot_state {
	HOT_FREE = 0, // no session
	HOT_NO_ENDPOINT, // nowhere to send to
	HOT_WAITING, // not latched yet
	HOT_READY, // header is complete
	HOT_HAIRPIN, // likewise, and it leads to a media address of ours
};

struct hot {
	// The header of what is sent to this component's peer, as rewrite.h prepares it; its IPv4 target and UDP target port
	// are also the source that is expected. Target MAC: the learning frame's source, all zero: none.
	uint8_t header[PACKET_PAYLOAD];
	uint8_t state; // enum hot_state
	uint8_t egress; // packet port; HOT_ANY_PORT is or-ed: the expected source's port doesn't matter
	uint32_t hop; // next-hop id, 0: none yet
	uint64_t payload_types[2]; // bit n: RTP payload type n is admitted
};
static_assert(sizeof(struct hot) == 64);

enum { HOT_ANY_PORT = 0x80, HOT_EGRESS_MASK = 0x7f };

static inline uint32_t hot_target_be(const struct hot *h) {
	return packet_load32(h->header + PACKET_IP_TARGET);
}

static inline uint16_t hot_target_port_be(const struct hot *h) {
	return packet_load16(h->header + PACKET_UDP_TARGET);
}

static inline uint16_t hot_target_port(const struct hot *h) {
	return ntohs(hot_target_port_be(h));
}

// The opposite side's same component, and which component an index is.
static inline uint32_t hot_opposite(uint32_t component) {
	return component ^ 2;
}

static inline bool hot_is_rtcp(uint32_t component) {
	return component & 1;
}
