// A session of the relay as JSON: what signalling wanted beside what its packets did.
#pragma once

#include "relay/protocol.h"

#include <jansson.h>

// One session: sides, components, endpoints signalled and learnt, packets, drops by reason (those that happened), ages in
// milliseconds, next hops. NULL when out of memory; the caller owns it.
// ended: final counters, whose next hops have been given back: null.
[[nodiscard]] json_t *session_json(const struct proto_session_state *s, bool ended);

const char *session_json_role(unsigned side); // "caller", "callee"
const char *session_json_latch(unsigned mode); // "off", "strict", …
const char *session_json_next_hop(unsigned state); // "reachable", …
// Milliseconds from then to now, 0 when then lies ahead.
uint64_t session_json_age_ms(uint64_t now_ns, uint64_t then_ns);
