// Main's half of the way to the workers. A session whose wanted state changed is touched; touched sessions go, oldest
// first, as whole states into their owner's ring as it has room (so a full ring refuses nothing), and come back applied.
//
//	touch ──► lane: queue of sessions ──► ring ──► worker applies ──► reap: releases, cleared sessions, outbox_done
//
// Touches are numbered; once all up to a number are applied, what they replaced (ports, next hops) can be released and
// the request that made them can be answered.
#pragma once

#include "relay/session.h"
#include "relay/worker.h"

enum { OUTBOX_RELEASES = 8192, OUTBOX_RELEASES_PER_SESSION = 6 }; // two port pairs and four next hops

struct outbox_sent {
	uint64_t touch;
	uint32_t slot;
	bool clear;
};

// A port pair (media, port) or, with port 0, a next hop.
struct outbox_release {
	uint64_t touch;
	uint32_t hop;
	uint16_t media, port;
};

// One worker's.
struct outbox_lane {
	uint64_t reaped; // ring position
	uint32_t first, last; // queue, by slot; SESSION_NONE: empty
	struct outbox_sent sent[WORKER_RING];
};

struct outbox {
	uint64_t touches; // numbers given
	uint32_t n_releases, first_release;
	struct outbox_lane lanes[RELAY_WORKERS_MAX];
	struct outbox_release releases[OUTBOX_RELEASES];
};

void outbox_init(struct outbox *o);
// Its owner is to learn of this session's state as it is when its turn comes.
void outbox_touch(struct relay *r, uint32_t slot);
// Release what a session used until now, when all that was touched so far (this session included) is applied.
// The caller has made sure of room (outbox_has_room).
void outbox_release_hop(struct relay *r, uint32_t hop);
void outbox_release_ports(struct relay *r, uint16_t media, uint16_t port);
bool outbox_has_room(const struct relay *r, uint32_t n_sessions);
// Fill the rings from the queues.
void outbox_send(struct relay *r);
// Take note of what has been applied.
void outbox_reap(struct relay *r, uint64_t now_ns);
// All touches up to this number are applied.
uint64_t outbox_done(const struct relay *r);
