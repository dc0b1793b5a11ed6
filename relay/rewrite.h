// Header templates: all of a frame's 42 bytes that don't change from packet to packet are prepared when a component
// changes; a packet adds its length, id and checksums (RFC 1624). Where a frame has its type, a template has the VLAN id.
#pragma once

#include "relay/packet.h"

struct rewrite_path {
	uint8_t mac[6]; // ours
	uint8_t tos;
	uint32_t local_be, target_be;
	uint16_t local_port, target_port; // host order
	uint16_t vlan; // 0: untagged
};

// Prepare a header, keeping its target MAC. Its two checksum fields hold sums to go on from: of the IPv4 header with
// length, id and fragment field zero, and of the addresses and ports.
void rewrite_prepare(uint8_t header[static PACKET_PAYLOAD], const struct rewrite_path *path);

// The UDP checksum after what sums to was, as addresses and ports, is replaced by what sums to now (RFC 1624 eqn. 3; both
// sums below 2^47). 0 (not used, RFC 768) stays 0.
static inline uint16_t rewrite_udp_checksum(uint16_t old, uint64_t was, uint64_t now) {
	const uint64_t zero = 0xffffull << 32; // as a one's complement sum; was is less
	uint16_t checksum;

	if (old == 0)
		return 0;
	checksum = (uint16_t)~packet_fold((uint16_t)~old + (zero - was) + now);
	return checksum != 0 ? checksum : 0xffff; // a computed 0 is sent as all ones
}

static inline uint16_t rewrite_vlan(const uint8_t header[static PACKET_PAYLOAD]) {
	return ntohs(packet_load16(header + PACKET_TYPE));
}

// Rewrite a checked frame in place, as an untagged one; its length doesn't change. The target MAC is the header's.
// "Don't fragment" is kept as the sender had it, its id is not: ids are ours to keep apart (RFC 6864).
static inline void rewrite_frame(uint8_t *frame, const uint8_t header[static PACKET_PAYLOAD], uint16_t id) {
	uint16_t udp_length = packet_load16(frame + PACKET_UDP_LENGTH);
	uint16_t ip_length = htons((uint16_t)(ntohs(udp_length) + (PACKET_UDP - PACKET_IP)));
	uint16_t fragment = packet_load16(frame + PACKET_IP_FRAGMENT) & htons(0x4000);
	uint16_t udp_checksum = packet_load16(frame + PACKET_UDP_CHECKSUM);
	uint64_t was = (uint64_t)packet_load32(frame + PACKET_IP_SOURCE) +
		packet_load32(frame + PACKET_IP_TARGET) + packet_load32(frame + PACKET_UDP_SOURCE);
	uint16_t ip_checksum;
	uint32_t sum;

	udp_checksum = rewrite_udp_checksum(udp_checksum, was, packet_load16(header + PACKET_UDP_CHECKSUM));
	sum = (uint32_t)packet_load16(header + PACKET_IP_CHECKSUM) + ip_length + id + fragment;
	sum = (sum & 0xffff) + (sum >> 16);
	ip_checksum = (uint16_t) ~(sum + (sum >> 16));
	memcpy(frame, header, PACKET_PAYLOAD);
	packet_store16(frame + PACKET_TYPE, htons(0x0800));
	packet_store16(frame + PACKET_IP_LENGTH, ip_length);
	packet_store16(frame + PACKET_IP_ID, id);
	packet_store16(frame + PACKET_IP_FRAGMENT, fragment);
	packet_store16(frame + PACKET_IP_CHECKSUM, ip_checksum);
	packet_store16(frame + PACKET_UDP_LENGTH, udp_length);
	packet_store16(frame + PACKET_UDP_CHECKSUM, udp_checksum);
}

// Tag an untagged frame: it begins 4 bytes earlier then.
static inline void rewrite_tag(uint8_t *frame, uint16_t vlan) {
	memmove(frame - PACKET_TAG, frame, PACKET_TYPE);
	packet_store16(frame + PACKET_TYPE - PACKET_TAG, htons(0x8100));
	packet_store16(frame + PACKET_TYPE - PACKET_TAG + 2, htons(vlan));
}
