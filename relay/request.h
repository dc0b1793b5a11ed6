// What each request of the control protocol does, and what its reply says.
#pragma once

#include "relay/server.h"

// Act on a message that passed proto_check. Fills reply (its id is set). Returns 0, or a negative errno: reply says why
// as well, and the connection is to be closed.
[[nodiscard]] int request_act(
	struct relay *r, struct server_conn *c, const void *message, struct reply *reply, uint64_t now_ns);
// Build the reply in out (PROTO_MESSAGE_MAX bytes). Returns its length; *fd is what goes with it, -1: nothing.
size_t request_answer(const struct relay *r, const struct server_conn *c, const struct reply *reply,
	uint64_t now_ns, void *out, int *fd);
// The reply has been sent or never will be: let go of what it held, at the front of the connection's items.
void request_release(struct relay *r, struct server_conn *c, const struct reply *reply);
