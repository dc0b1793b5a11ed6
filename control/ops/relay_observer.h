// kedgectl's side of the control protocol: an observer that asks and waits. Blocking, with a timeout a message.
#pragma once

#include "control/ops/stats_map.h"
#include "relay/protocol.h"

struct relay_observer;

// Connect and say HELLO as observer. Returns 0, -ENOENT or -ECONNREFUSED (nobody there), -ETIMEDOUT, -EPROTO (another version),
// -EBADMSG, or a negative errno.
[[nodiscard]] int relay_observer_open(
	const char *socket_path, unsigned timeout_ms, struct relay_observer **out);
void relay_observer_close(struct relay_observer *o); // NULL is fine
const struct proto_welcome *relay_observer_welcome(const struct relay_observer *o);

// Called for each session; false stops the listing.
typedef bool (*relay_observer_fn)(void *ctx, const struct proto_session_state *state);
// All sessions, or those of one call (call_id not 0), page by page, ids ascending. Returns 0 or a negative errno.
[[nodiscard]] int relay_observer_list(
	struct relay_observer *o, uint64_t call_id, relay_observer_fn fn, void *ctx);
// One session. Returns 0, -ENOENT, or a negative errno.
[[nodiscard]] int relay_observer_get(
	struct relay_observer *o, uint64_t session_id, struct proto_session_state *out);
// The shared counters. The map lives on without the observer.
[[nodiscard]] int relay_observer_stats(struct relay_observer *o, struct stats_map **out);
