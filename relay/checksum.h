// The UDP checksum of a whole datagram over IPv4 (RFC 768, RFC 1071): for the first packet of a component, and where a
// port's frames come without one that can be updated.
#pragma once

#include "relay/packet.h"

enum checksum_state {
	CHECKSUM_GOOD, // or not used
	// The sum of the pseudo header alone: the sender left the rest to a network card, and none has done it.
	CHECKSUM_PARTIAL,
	CHECKSUM_WRONG,
};

// Judge a frame that packet_parse took.
enum checksum_state checksum_judge(const uint8_t *frame);
// Compute it anew; 0 (not used) stays 0.
void checksum_compute(uint8_t *frame);
// The sum of n bytes that begin at an even place of a datagram, for rewrite_udp_checksum: below 2^46 for n below 2^16.
uint64_t checksum_sum(const uint8_t *p, uint32_t n);
