// SESSION_PUT: a batch of wanted states, taken as a whole or not at all.
#pragma once

#include "relay/protocol.h"

struct relay;
struct owner;

struct put_place {
	uint16_t realm, media, port;
	bool taken; // this batch took the pair
};

struct put_item {
	struct proto_session want;
	uint32_t slot; // SESSION_NONE until reserved
	bool fresh;
	uint8_t owner; // worker
	struct put_place side[2];
};

// Put the n sessions of r->puts[].want for an owner. Returns 0 with slot of each set, or a negative errno (of protocol.h's
// list) with nothing changed.
[[nodiscard]] int put_batch(struct relay *r, struct owner *owner, unsigned n, uint64_t now_ns);
