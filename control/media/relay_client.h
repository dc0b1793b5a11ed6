// A connection to kedge-relay that comes back by itself: HELLO as the controller of an owner id, SUBSCRIBE, requests and
// their replies (in the order of the requests), events. What was asked in a turn leaves at its end (FLUSH_RELAY).
//
//	        open            welcome
//	DOWN ─────────► GREETING ───────► UP       any fault: back to DOWN, every request under way fails with ENOTCONN,
//	  ▲  50 ms … 1 s    │             │        and the next attempt waits
//	  └─────────────────┴─────────────┘
#pragma once

#include "control/loop.h"
#include "control/media/relay_link.h"
#include "relay/protocol.h"

struct relay_client;

// Called once a request, never from within relay_client_send. status: 0 and the reply's items, or the relay's refusal
// as a negative errno, -ETIMEDOUT or -ENOTCONN (items NULL). A reply that comes after -ETIMEDOUT is dropped.
typedef void (*relay_reply_fn)(void *ctx, uint64_t ref, int status, struct proto_reader *items);

struct relay_client_user {
	void *ctx;
	void (*on_up)(void *ctx, uint64_t boot_id);
	void (*on_down)(void *ctx); // after on_up only, when all requests have failed
	void (*on_events)(void *ctx, struct proto_reader *items);
	void (*on_events_lost)(void *ctx);
};

struct relay_client_params {
	struct loop *loop;
	const char *name; // for log lines; borrowed
	struct relay_link link;
	uint16_t owner_id;
	uint64_t deadline_ms; // of a request
	struct relay_client_user user;
};

struct relay_request {
	uint16_t type; // enum proto_type
	unsigned n;
	const void *items; // an array of n
	size_t item_size;
	relay_reply_fn fn;
	uint64_t ref;
};

// Connects with the loop's next turn. Takes the loop's FLUSH_RELAY.
[[nodiscard]] int relay_client_create(const struct relay_client_params *params, struct relay_client **out);
void relay_client_destroy(struct relay_client *c); // requests under way are forgotten, not answered
bool relay_client_is_up(const struct relay_client *c);

// Queue a request; borrows its items. Returns 0 or -ENOTCONN (not up, or so much is waiting that the connection is given
// up): fn is not called then.
[[nodiscard]] int relay_client_send(struct relay_client *c, const struct relay_request *r);
// Give the connection up, for a fault that the user saw; why goes to the log. The end comes later in this turn.
void relay_client_break(struct relay_client *c, const char *why);

// For the link.
void relay_client_on_message(struct relay_client *c, const void *message, size_t len);
void relay_client_on_writable(struct relay_client *c);
void relay_client_on_end(struct relay_client *c, int error); // 0: the relay closed
