// A controller's connection to the relay that keeps many requests under way: what a control plane under load looks like.
// Blocking, one thread.
#pragma once

#include "relay/protocol.h"

struct load_client;

// Connect and say HELLO as controller. Returns 0, or a negative errno (the relay's refusal is one too).
[[nodiscard]] int load_client_open(const char *socket_path, uint16_t owner_id, struct load_client **out);
void load_client_close(struct load_client *c); // NULL is fine

// Work cut into n requests of one type.
struct load_work {
	uint16_t type; // enum proto_type
	uint32_t n;
	unsigned window; // requests under way at a time, ≤ PROTO_OUTSTANDING_MAX
	void *ctx;
	// Append the index-th request's items.
	void (*make)(void *ctx, uint32_t index, struct proto_writer *w);
	// The items of its reply, status 0. Returns 0, or a negative errno that ends the work.
	int (*took)(void *ctx, uint32_t index, struct proto_reader *items);
};

// Do all of it. A request refused with EAGAIN is sent again, after others; *n_again counts those. Returns 0 or a negative errno.
[[nodiscard]] int load_client_run(struct load_client *c, const struct load_work *work, uint32_t *n_again);
