// RTP and RTCP as far as a relay must know them (RFC 3550), and the first byte that tells what shares a media port.
#pragma once

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

// RFC 7983 §7: what the first byte of a datagram says.
enum rtp_class { RTP_CLASS_STUN, RTP_CLASS_DTLS, RTP_CLASS_RTP, RTP_CLASS_OTHER };

static inline enum rtp_class rtp_class(uint8_t first) {
	if (first >= 128 && first <= 191)
		return RTP_CLASS_RTP; // RTP or RTCP
	if (first <= 3)
		return RTP_CLASS_STUN;
	if (first >= 20 && first <= 63)
		return RTP_CLASS_DTLS;
	return RTP_CLASS_OTHER; // ZRTP, TURN channel, unassigned
}

enum { RTP_HEADER = 12, RTCP_HEADER = 4 };

struct rtp_view {
	uint32_t ssrc, timestamp;
	uint16_t sequence;
	uint16_t header, payload; // bytes; payload without padding
	uint8_t payload_type;
	bool marker;
};

// Validate one RTP packet (RFC 3550 §5.1, §5.3.1) and describe it. Borrows buf.
// Returns 0, -EBADMSG (truncated, inconsistent) or -EPROTO (not version 2); *out is written on success only.
[[nodiscard]] int rtp_parse(const void *buf, size_t len, struct rtp_view *out);

// Validate one RTCP datagram: packets whose lengths add up to it (RFC 3550 appendix A.2), padding in the last one only.
// A lone packet of any type from 192 on is fine (RFC 5506). Returns 0, -EBADMSG or -EPROTO.
[[nodiscard]] int rtcp_parse(const void *buf, size_t len);

// The header's bytes with CSRCs and extension, 0 if the packet is too short for them. len ≥ RTP_HEADER.
static inline size_t rtp_header_bytes(const uint8_t *p, size_t len) {
	size_t n = RTP_HEADER + 4 * (size_t)(p[0] & 15);

	if (p[0] & 0x10) {
		if (len < n + 4)
			return 0;
		n += 4 + 4 * (size_t)(p[n + 2] << 8 | p[n + 3]);
	}
	return n <= len ? n : 0;
}

// rtp_parse's judgement alone, for the packet path: true if it would return 0.
static inline bool rtp_is_valid(const uint8_t *p, size_t len) {
	if (len < RTP_HEADER || p[0] >> 6 != 2)
		return false;
	if ((p[0] & 0x3f) == 0)
		return true; // neither padding, extension nor CSRCs: nearly all packets
	size_t header = rtp_header_bytes(p, len);

	if (header == 0)
		return false;
	return !(p[0] & 0x20) || (len > header && p[len - 1] != 0 && p[len - 1] <= len - header);
}
