// SIP over UDP: a socket a listener, read in bounded bursts, written at the end of each turn.
#pragma once

#include "control/loop.h"
#include "control/sip/transport.h"

// Opens every realm's listeners and takes over the loop's FLUSH_SIP. Counts into counters, the stack's SIP_COUNTERS.
// Returns 0 or a negative errno, after one log line that names the listener.
[[nodiscard]] int udp_open(struct loop *loop, const struct config *config, struct transport_user user,
	uint64_t *counters, struct transport *out);
