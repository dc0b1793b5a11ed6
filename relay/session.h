// Sessions as the main thread keeps them: what is wanted, and where each stands on its way to the worker.
#pragma once

#include "relay/command.h"

struct relay;

enum session_state {
	SESSION_FREE,
	SESSION_LIVE,
	SESSION_CLEARING, // gone for everybody but the worker
	SESSION_CLEARED, // its final counters wait for the reply to its DELETE
};

struct session_side {
	uint64_t payload_types[2];
	struct latch_addr remote[2];
	struct latch_addr restore[2];
	uint32_t vouched_be;
	uint32_t latch_epoch;
	uint16_t realm, media, port;
	uint8_t latch;
};

// Its id and call id are in the store's own arrays, which listings run over.
struct session {
	uint64_t created_ns;
	uint64_t quiet_ns; // silence is counted from here on, where no packet came later
	uint64_t touch; // outbox number, while queued
	uint32_t next; // in the outbox, while queued
	uint32_t generation;
	uint32_t claimed; // owner's generation that last wanted it
	uint32_t media_timeout_ms;
	uint32_t events[2]; // raised so far, by side
	uint32_t latch_seq[COMPONENTS]; // of the last latch that was told
	uint32_t hop[COMPONENTS], hop_addr_be[COMPONENTS];
	uint8_t state; // enum session_state
	bool queued;
	bool held; // a reply still needs its slot
	uint8_t owner; // worker
	struct session_side side[2];
};

// The command that makes the worker's state what is wanted now.
void session_command(const struct relay *r, uint32_t slot, struct command *out);
// Get the next hops that its components need now and release those that they needed before; a change is sent.
void session_aim(struct relay *r, uint32_t slot);
// Release the next hops of one side (its media address changes).
void session_unaim(struct relay *r, uint32_t slot, unsigned side);
// Withdraw a live session: nobody finds it any more, its ports and slot follow when the worker has let go.
void session_end(struct relay *r, uint32_t slot);
// The worker has let go of it.
void session_cleared(struct relay *r, uint32_t slot, uint64_t now_ns);
// No reply needs its slot any more.
void session_unhold(struct relay *r, uint32_t slot);
// When a component last admitted a packet, 0: never.
uint64_t session_last_in(const struct relay *r, uint32_t slot, unsigned component);
// Describe it for GET, LIST and DELETE; id: its own, which a deleted one's slot no longer knows.
void session_describe(
	const struct relay *r, uint32_t slot, uint64_t id, uint64_t now_ns, struct proto_session_state *out);
