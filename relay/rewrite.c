#include "relay/rewrite.h"

enum { TTL = 64, PROTOCOL_UDP = 17 };

void rewrite_prepare(uint8_t header[static PACKET_PAYLOAD], const struct rewrite_path *path) {
	uint8_t *h = header;

	memset(h + PACKET_MAC_SOURCE, 0, PACKET_PAYLOAD - PACKET_MAC_SOURCE);
	memcpy(h + PACKET_MAC_SOURCE, path->mac, sizeof(path->mac));
	packet_store16(h + PACKET_TYPE, htons(path->vlan));
	h[PACKET_IP] = 0x45;
	h[PACKET_IP_TOS] = path->tos;
	h[PACKET_IP_TTL] = TTL;
	h[PACKET_IP_PROTOCOL] = PROTOCOL_UDP;
	packet_store32(h + PACKET_IP_SOURCE, path->local_be);
	packet_store32(h + PACKET_IP_TARGET, path->target_be);
	packet_store16(h + PACKET_UDP_SOURCE, htons(path->local_port));
	packet_store16(h + PACKET_UDP_TARGET, htons(path->target_port));
	packet_store16(h + PACKET_UDP_CHECKSUM,
		packet_fold(
			(uint64_t)path->local_be + path->target_be + packet_load32(h + PACKET_UDP_SOURCE)));
	packet_store16(h + PACKET_IP_CHECKSUM, packet_fold(packet_ip_sum(h)));
}
