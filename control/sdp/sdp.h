// SDP (RFC 4566) as a B2BUA needs it: read the media lines, write the same description with our endpoints.
#pragma once

#include "control/sink.h"
#include "relay/endpoint.h"

enum { SDP_STREAMS_MAX = 8, SDP_LINES_MAX = 512, SDP_MAX_BYTES = 16384 };

enum sdp_direction { SDP_SENDRECV, SDP_SENDONLY, SDP_RECVONLY, SDP_INACTIVE };

struct sdp_stream { // one m-line
	struct span media, protocol, formats; // "audio", "RTP/AVP", "0 8 101"
	uint16_t port;          // 0: rejected
	bool relayable;         // RTP/AVP or RTP/AVPF over UDP with an IPv4 address: what we can anchor
	struct endpoint rtp;    // connection address (media level, else session level) and port; not set when rejected
	struct endpoint rtcp;   // a=rtcp (RFC 3605), else port + 1
	enum sdp_direction direction; // own, else the session's
	bool held;              // direction stops it both ways, or c= is 0.0.0.0
	uint64_t payload_types[2]; // bit set of formats that are numbers below 128
	size_t first_line, n_lines;
};

struct sdp {
	struct span lines[SDP_LINES_MAX]; // without line ends
	size_t n_lines;
	struct endpoint connection; // session level c=; not set: none
	struct sdp_stream streams[SDP_STREAMS_MAX];
	unsigned n_streams;
};

// Parse borrowed text; CRLF or LF. Returns 0, -EBADMSG (not SDP, inconsistent), -E2BIG (caps).
[[nodiscard]] int sdp_parse(struct span text, struct sdp *out);

// What stands in the description that we send for each m-line of the one we read.
struct sdp_rewrite {
	struct span origin_user;    // o= username and address are ours: "kedge" and the first endpoint's address
	uint64_t session_id, version;
	struct endpoint connection; // address for o= and c=
	struct endpoint streams[SDP_STREAMS_MAX]; // our RTP endpoint a stream; not set: port 0 (refused or rejected)
};
// Write the description with our o=, c= and ports; a= lines that are consumed (rtcp, rtcp-mux, candidate, remote-candidates, ice-*,
// end-of-candidates, crypto, fingerprint, setup, group, and mid-less leftovers of it) are left out; the rest passes untouched.
// RTCP at port + 1 needs no a=rtcp. Returns 0, or -ENOSPC when out overflows.
[[nodiscard]] int sdp_write(const struct sdp *s, const struct sdp_rewrite *r, struct sink *out);
