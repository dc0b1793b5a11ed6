// What the packet path reads of a frame: Ethernet, IPv4 without options, UDP.
//
//	0           14                          34           42
//	| Ethernet  | IPv4 (version, …, addrs)  | UDP        | payload …
//
// A frame with an 802.1Q tag is looked at from 4 bytes on, so that everything behind its MAC addresses is where it is in an
// untagged one:
//
//	0       4                   16          18
//	| MAC addresses    | 8100 id | type     | IPv4 …
//	        └ offset 0
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
	PACKET_TAG = 4, // bytes of an 802.1Q tag
	PACKET_VLANS = 4096,
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

static inline void packet_store16(uint8_t *p, uint16_t v) {
	memcpy(p, &v, sizeof(v));
}

static inline void packet_store32(uint8_t *p, uint32_t v) {
	memcpy(p, &v, sizeof(v));
}

// The one's complement sum of 16-bit words (RFC 1071), in memory's order: it doesn't depend on the byte order.
static inline uint16_t packet_fold(uint64_t sum) {
	uint32_t half = (uint32_t)(sum >> 32), word = (uint32_t)sum + half;
	uint16_t quarter, folded;

	word += word < half; // the carry comes round
	quarter = (uint16_t)(word >> 16);
	folded = (uint16_t)(word + quarter);
	return (uint16_t)(folded + (folded < quarter));
}

// The sum of the IPv4 header's five words: a multiple of 0xffff if its checksum is right (it can't be 0).
static inline uint64_t packet_ip_sum(const uint8_t *frame) {
	const uint8_t *p = frame + PACKET_IP;

	return (uint64_t)packet_load32(p) + packet_load32(p + 4) + packet_load32(p + 8) +
		packet_load32(p + 12) + packet_load32(p + 16);
}

struct packet_view {
	uint32_t target_be;
	uint16_t target_port; // host order
	uint16_t payload; // bytes of UDP payload
};

// Type IPv4, version 4, five words: from the type on. No fragment (of the flags, "don't fragment" and the reserved one may
// be set), UDP: from the fragment field on. Each in one comparison.
#define PACKET_START_MASK htonl(0xffffff00)
#define PACKET_START htonl(0x08004500)
#define PACKET_MIDDLE_MASK htonl(0x3fff00ff)
#define PACKET_MIDDLE htonl(0x00000011)

// Check one frame. Borrows data. Returns VERDICT_FORWARDED with *out written, or why it can't be media.
static inline enum verdict packet_parse(const uint8_t *data, uint32_t length, struct packet_view *out) {
	uint32_t ip_length, udp_length;

	if (length < PACKET_PAYLOAD)
		return VERDICT_RUNT;
	if ((packet_load32(data + PACKET_TYPE) & PACKET_START_MASK) != PACKET_START)
		return VERDICT_NOT_MEDIA;
	ip_length = ntohs(packet_load16(data + PACKET_IP_LENGTH));
	udp_length = ntohs(packet_load16(data + PACKET_UDP_LENGTH));
	if (ip_length > length - PACKET_IP)
		return VERDICT_RUNT;
	if (packet_ip_sum(data) % 0xffff != 0)
		return VERDICT_BAD_CHECKSUM;
	if ((packet_load32(data + PACKET_IP_FRAGMENT) & PACKET_MIDDLE_MASK) != PACKET_MIDDLE)
		return VERDICT_NOT_MEDIA;
	if (udp_length < PACKET_PAYLOAD - PACKET_UDP || udp_length + (PACKET_UDP - PACKET_IP) > ip_length)
		return VERDICT_RUNT;
	out->target_be = packet_load32(data + PACKET_IP_TARGET);
	out->target_port = ntohs(packet_load16(data + PACKET_UDP_TARGET));
	out->payload = (uint16_t)(udp_length - (PACKET_PAYLOAD - PACKET_UDP));
	return VERDICT_FORWARDED;
}

// The VLAN id of a frame with one 802.1Q tag (an id of 0 tags only a priority), or -1: it has none.
static inline int packet_vlan(const uint8_t *data, uint32_t length) {
	if (length < PACKET_IP + PACKET_TAG || packet_load16(data + PACKET_TYPE) != htons(0x8100))
		return -1;
	return ntohs(packet_load16(data + PACKET_TYPE + 2)) & (PACKET_VLANS - 1);
}

// True for an address that one host may have: not 0.0.0.0/8, multicast, reserved or broadcast.
static inline bool packet_is_unicast(uint32_t addr_be) {
	uint32_t top = ntohl(addr_be) >> 24;

	return top != 0 && top < 224;
}
