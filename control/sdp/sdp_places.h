// The addresses and host names by which a description says where its author is (o=, c=, a=rtcp), to be looked for elsewhere in it:
// what else names one (an ssrc's cname, a session name) would show the other party a network that it is not to see.
#pragma once

#include "control/sdp/sdp.h"

enum { SDP_PLACES_MAX = 2 * SDP_STREAMS_MAX + 2 };

struct sdp_places {
	struct span names[SDP_PLACES_MAX]; // borrowed from the description, each once
	unsigned n;
	bool overflow; // there are more
};

struct sdp_places sdp_places_of(const struct sdp *s);
// True if one stands in the line by itself, not as part of a longer name or number; or if there are more than could be kept and
// the line has any IPv4 address.
bool sdp_places_in(const struct sdp_places *p, struct span line);
