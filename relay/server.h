// The control protocol's server: connections, the order of their replies, subscribers. What the requests do is in
// request.c.
//
// A request acts when it comes; its reply is queued, to be built and sent when its turn has come and what it changed has
// been applied by the worker.
#pragma once

#include "relay/relay.h"

enum {
	CONNS_MAX = 64,
	REPLY_ITEMS = 16384, // sessions in a controller's replies under way
};

struct owner;

// A session that a queued reply is about.
struct reply_item {
	uint64_t session_id;
	uint32_t slot; // SESSION_NONE: not known
	uint16_t media[2], port[2];
};

struct reply {
	uint16_t type; // of the request
	uint32_t id, status, n_items;
	uint64_t wait; // outbox number that must be applied first
	struct proto_list list; // LIST; its after: GET's session id
};

struct server_conn {
	void *io;
	bool allowed_controller, subscribed;
	bool events_lost; // EVENTS_LOST is owed
	bool broken; // of no more use
	uint32_t role; // enum proto_role, 0: no HELLO yet
	uint64_t opened_ns;
	struct owner *owner; // a controller's
	uint64_t stuck_ns; // since when a reply can't be sent, 0: none is
	uint32_t first_reply, n_replies;
	uint32_t first_item, n_items;
	struct reply replies[PROTO_OUTSTANDING_MAX];
	struct reply_item *items; // a ring of REPLY_ITEMS; NULL for one that can't be a controller
};

struct server {
	struct relay_io io;
	int stats_fd;
	uint32_t n_conns;
	struct server_conn *conns[CONNS_MAX];
	struct proto_writer events; // those to be told at the end of the tick
	uint8_t message[PROTO_MESSAGE_MAX], event_message[PROTO_MESSAGE_MAX];
};

void server_init(struct relay *r);
void server_fini(struct relay *r);
// Append an item to the reply that will be queued next. False: no room.
[[nodiscard]] bool server_add_item(struct server_conn *c, const struct reply_item *item);
// Take back the n items appended last.
void server_drop_items(struct server_conn *c, uint32_t n);
// Tell all subscribers.
void server_tell(struct relay *r, const struct proto_event *e);
