// Via (RFC 3261 §20.42, RFC 3581).
#pragma once

#include "control/sip/param.h"

struct sip_via {
	struct span transport, host, branch, params; // host without brackets; branch empty: none (RFC 2543)
	uint32_t port; // 0: none
	bool has_rport, host_is_ipv6;
	struct span whole; // this one Via value
};

// Takes the first Via off a comma-separated list. Any protocol version will do: the answer to SIP/7.0 needs its Via.
// Returns 0 or -EINVAL (also for a second branch).
[[nodiscard]] int sip_via_parse(struct span *rest, struct sip_via *out);
// How many Vias one header value lists; -EINVAL: an empty one among them, or an open quote.
[[nodiscard]] int sip_via_count(struct span value);
