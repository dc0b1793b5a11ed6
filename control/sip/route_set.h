// Route sets (RFC 3261 §12.1): kept as text, "<uri>, <uri>", the next hop first; ready to stand in a Route header.
#pragma once

#include "control/sink.h"
#include "control/sip/msg.h"

enum { SIP_ROUTES_MAX = 64 };

enum route_order {
	ROUTE_AS_RECEIVED, // the callee's, from a request (§12.1.1)
	ROUTE_REVERSED, // the caller's, from a response (§12.1.2)
};

// Write the route set that the Record-Routes of m make; nothing if there are none. Returns 0, -EINVAL (one is no address),
// -E2BIG (more than SIP_ROUTES_MAX) or -ENOSPC (out overflowed).
[[nodiscard]] int route_set_collect(const struct sip_msg *m, enum route_order order, struct sink *out);
// Takes the first URI off a route set. Returns 0, -ENOENT (empty) or -EINVAL.
[[nodiscard]] int route_set_next(struct span *rest, struct sip_uri *out);
// True if a route's URI carries "lr": its proxy routes loosely (§19.1.1).
bool route_set_is_loose(const struct sip_uri *route);
