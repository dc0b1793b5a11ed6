// What the packet path reads of a frame: untagged Ethernet, IPv4 without options, UDP.
//
//	0           14                          34           42
//	| Ethernet  | IPv4 (version, …, addrs)  | UDP        | payload …
#pragma once

#include "relay/verdict.h"

#include <arpa/inet.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
	PACKET_MAC_SOURCE = 6,
	PACKET_TYPE = 12,
	PACKET_IP = 14,
	PACKET_IP_TOS = PACKET_IP + 1,
	PACKET_IP_LENGTH = PACKET_IP + 2,
	PACKET_IP_ID = PACKET_IP + 4,
	PACKET_IP_FRAGMENT = PACKET_IP + 6,
	PACKET_IP_TTL = PACKET_IP + 8,
	PACKET_IP_PROTOCOL = PACKET_IP + 9,
	PACKET_IP_CHECKSUM = PACKET_IP + 10,
	PACKET_IP_SOURCE = PACKET_IP + 12,
	PACKET_IP_TARGET = PACKET_IP + 16,
	PACKET_UDP = PACKET_IP + 20,
	PACKET_UDP_SOURCE = PACKET_UDP,
	PACKET_UDP_TARGET = PACKET_UDP + 2,
	PACKET_UDP_LENGTH = PACKET_UDP + 4,
	PACKET_UDP_CHECKSUM = PACKET_UDP + 6,
	PACKET_PAYLOAD = PACKET_UDP + 8,
};

static inline uint16_t packet_load16(const uint8_t *p) {
	uint16_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint32_t packet_load32(const uint8_t *p) {
	uint32_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t packet_load64(const uint8_t *p) {
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

// The one's complement sum of 16-bit words (RFC 1071), in memory's order: it doesn't depend on the byte order.
static inline uint16_t packet_fold(uint64_t sum) {
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

// The sum of the IPv4 header's five words: 0xffff after folding if its checksum is right.
static inline uint64_t packet_ip_sum(const uint8_t *frame) {
	uint64_t sum = 0;

	for (int i = PACKET_IP; i < PACKET_UDP; i += 4)
		sum += packet_load32(frame + i);
	return sum;
}

struct packet_view {
	uint32_t source_be, target_be;
	uint16_t source_port, target_port; // host order
	uint16_t payload; // bytes of UDP payload
};

// Check one frame. Borrows data. Returns VERDICT_FORWARDED with *out written, or why it can't be media.
static inline enum verdict packet_parse(const uint8_t *data, uint32_t length, struct packet_view *out) {
	uint32_t ip_length, udp_length;

	if (length < PACKET_IP)
		return VERDICT_RUNT;
	if (packet_load16(data + PACKET_TYPE) != htons(0x0800))
		return VERDICT_NOT_MEDIA;
	if (length < PACKET_UDP)
		return VERDICT_RUNT;
	if (data[PACKET_IP] != 0x45)
		return VERDICT_NOT_MEDIA;
	ip_length = ntohs(packet_load16(data + PACKET_IP_LENGTH));
	if (ip_length > length - PACKET_IP || ip_length < PACKET_UDP - PACKET_IP)
		return VERDICT_RUNT;
	if (packet_fold(packet_ip_sum(data)) != 0xffff)
		return VERDICT_BAD_CHECKSUM;
	// More fragments, or an offset: only the flag "don't fragment" and the reserved one may be there.
	if (data[PACKET_IP_PROTOCOL] != 17 || (packet_load16(data + PACKET_IP_FRAGMENT) & htons(0x3fff)) != 0)
		return VERDICT_NOT_MEDIA;
	if (ip_length < PACKET_PAYLOAD - PACKET_IP)
		return VERDICT_RUNT;
	udp_length = ntohs(packet_load16(data + PACKET_UDP_LENGTH));
	if (udp_length < PACKET_PAYLOAD - PACKET_UDP || udp_length > ip_length - (PACKET_UDP - PACKET_IP))
		return VERDICT_RUNT;
	out->source_be = packet_load32(data + PACKET_IP_SOURCE);
	out->target_be = packet_load32(data + PACKET_IP_TARGET);
	out->source_port = ntohs(packet_load16(data + PACKET_UDP_SOURCE));
	out->target_port = ntohs(packet_load16(data + PACKET_UDP_TARGET));
	out->payload = (uint16_t)(udp_length - (PACKET_PAYLOAD - PACKET_UDP));
	return VERDICT_FORWARDED;
}

// True for an address that one host may have: not 0.0.0.0/8, multicast, reserved or broadcast.
static inline bool packet_is_unicast(uint32_t addr_be) {
	uint32_t top = ntohl(addr_be) >> 24;

	return top != 0 && top < 224;
}
