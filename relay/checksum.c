#include "relay/checksum.h"

// The sum of what a UDP checksum covers beside the datagram itself.
static uint64_t pseudo_sum(const uint8_t *frame) {
	return (uint64_t)packet_load32(frame + PACKET_IP_SOURCE) + packet_load32(frame + PACKET_IP_TARGET) +
		packet_load16(frame + PACKET_UDP_LENGTH) + htons(frame[PACKET_IP_PROTOCOL]);
}

uint64_t checksum_sum(const uint8_t *p, uint32_t n) {
	uint8_t last[2] = {0};
	uint64_t sum = 0;

	for (; n >= 4; n -= 4, p += 4)
		sum += packet_load32(p);
	if (n >= 2)
		sum += packet_load16(p);
	if (n % 2 != 0) {
		last[0] = p[n - 1];
		sum += packet_load16(last);
	}
	return sum;
}

// The sum of the datagram with its checksum field as it is.
static uint64_t datagram_sum(const uint8_t *frame) {
	return checksum_sum(frame + PACKET_UDP, ntohs(packet_load16(frame + PACKET_UDP_LENGTH)));
}

enum checksum_state checksum_judge(const uint8_t *frame) {
	uint16_t checksum = packet_load16(frame + PACKET_UDP_CHECKSUM);
	uint64_t pseudo = pseudo_sum(frame);

	if (checksum == 0 || packet_fold(pseudo + datagram_sum(frame)) == 0xffff)
		return CHECKSUM_GOOD;
	return checksum == packet_fold(pseudo) ? CHECKSUM_PARTIAL : CHECKSUM_WRONG;
}

void checksum_compute(uint8_t *frame) {
	uint16_t checksum;

	if (packet_load16(frame + PACKET_UDP_CHECKSUM) == 0)
		return;
	packet_store16(frame + PACKET_UDP_CHECKSUM, 0);
	checksum = (uint16_t)~packet_fold(pseudo_sum(frame) + datagram_sum(frame));
	packet_store16(frame + PACKET_UDP_CHECKSUM, checksum != 0 ? checksum : 0xffff); // RFC 768
}
