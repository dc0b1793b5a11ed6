#include "relay/rtp.h"

static uint32_t be32(const uint8_t *p) {
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

int rtp_parse(const void *buf, size_t len, struct rtp_view *out) {
	const uint8_t *p = buf;

	if (len > 0 && p[0] >> 6 != 2)
		return -EPROTO;
	if (len > UINT16_MAX || !rtp_is_valid(p, len))
		return -EBADMSG;

	size_t header = rtp_header_bytes(p, len);
	size_t padding = p[0] & 0x20 ? p[len - 1] : 0;

	*out = (struct rtp_view){
		.marker = p[1] >> 7,
		.payload_type = p[1] & 0x7f,
		.sequence = (uint16_t)(p[2] << 8 | p[3]),
		.timestamp = be32(p + 4),
		.ssrc = be32(p + 8),
		.header = (uint16_t)header,
		.payload = (uint16_t)(len - header - padding),
	};
	return 0;
}

// One packet of a compound: its bytes, 0 if it can't be. Padding is the last one's only, in whole words (§6.4.1).
static size_t rtcp_packet_bytes(const uint8_t *p, size_t left) {
	size_t n;

	if (left < RTCP_HEADER || p[0] >> 6 != 2 || p[1] < 192 || p[1] > 223)
		return 0;
	n = 4 * ((size_t)(p[2] << 8 | p[3]) + 1);
	if (n > left)
		return 0;
	if (p[0] & 0x20) {
		uint8_t padding = p[n - 1];

		if (n != left || padding == 0 || padding % 4 != 0 || padding > n - RTCP_HEADER)
			return 0;
	}
	return n;
}

int rtcp_parse(const void *buf, size_t len) {
	const uint8_t *p = buf;

	if (len == 0)
		return -EBADMSG;
	if (p[0] >> 6 != 2)
		return -EPROTO;
	while (len > 0) {
		size_t n = rtcp_packet_bytes(p, len);

		if (n == 0)
			return -EBADMSG;
		p += n;
		len -= n;
	}
	return 0;
}
