// SDP (RFC 4566) as a B2BUA needs it: read the media lines, write the same description with our endpoints.
#pragma once

#include "control/sink.h"
#include "relay/endpoint.h"

enum { SDP_STREAMS_MAX = 8, SDP_LINES_MAX = 512, SDP_MAX_BYTES = 16384 };
// What sdp_write may add to a description: o=, c= lines, longer ports, CRLF for LF.
enum { SDP_WRITTEN_MAX = SDP_MAX_BYTES + 2048 };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

struct sdp_stream { // one m-line
	struct span media, protocol, formats; // "audio", "RTP/AVP", "0 8 101"
	uint16_t port; // 0: rejected
	bool relayable; // RTP/AVP or RTP/AVPF over UDP with a unicast IPv4 address (or 0.0.0.0): what we can anchor
	struct endpoint
		rtp; // connection address (media level, else session level) and port; not set unless relayable
	struct endpoint
		rtcp; // a=rtcp (RFC 3605), else port + 1; not set when there is none that we can send to
	enum sdp_direction direction; // own, else the session's
	bool held; // direction stops it both ways, or c= is 0.0.0.0 (RFC 2543)
	uint64_t payload_types[2]; // bit set of formats; all zero when one isn't a number below 128
	size_t first_line, n_lines; // those that follow the m-line
};

struct sdp {
	struct span lines[SDP_LINES_MAX]; // without line ends
	size_t n_lines;
	size_t n_session_lines; // those before the first m-line
	struct endpoint connection; // session level c=, where it is a plain IPv4 address
	struct sdp_stream streams[SDP_STREAMS_MAX];
	unsigned n_streams;
};

// Parse borrowed text; CRLF or LF. Returns 0, -EBADMSG (not SDP, inconsistent), -E2BIG (caps).
// *out is only of use after 0.
[[nodiscard]] int sdp_parse(struct span text, struct sdp *out);

// True for 0.0.0.0: nothing is to be sent there, the stream is held.
bool sdp_is_hold_address(const struct endpoint *e);

// What stands in the description that we send for each m-line of the one we read.
struct sdp_rewrite {
	struct span origin_user; // o= username, "-" or "kedge"
	uint64_t session_id, version;
	struct endpoint connection; // address for o= and c=
	struct endpoint
		streams[SDP_STREAMS_MAX]; // our RTP endpoint a stream; not set: port 0 (refused or rejected)
};
// Write the description with our o=, c= and ports, lines ended by CRLF. Left out is what we consume: k= and the a= lines of
// transport, keys and ICE (rtcp, rtcp-mux, candidate, ice-*, crypto, fingerprint, setup, group, …) and those by which peers
// would agree on addresses behind our back (altc, source-filter, capability negotiation); what names an address or host of its
// author's (sdp_places.h); all of a refused stream but its m-line. The rest passes untouched.
// RTCP at port + 1 needs no a=rtcp. Returns 0, or -ENOSPC when out overflows (never with SDP_WRITTEN_MAX).
[[nodiscard]] int sdp_write(const struct sdp *s, const struct sdp_rewrite *r, struct sink *out);
