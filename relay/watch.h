// What main watches over time: events of the workers, silence, owners that went away, and what they left behind.
#pragma once

#include "relay/relay.h"

enum { OWNERS_MAX = 64 };

struct relay;
struct server_conn;

// A controller by its owner id. Lives while it is connected or has sessions.
struct owner {
	uint32_t id; // 0: free
	uint32_t generation; // changes with every HELLO
	uint32_t n_sessions;
	uint32_t sweep_next; // slot to look at next while sweeping
	bool synced, sweeping;
	uint64_t hello_ns, gone_ns;
	struct server_conn *conn; // NULL: away since gone_ns
};

struct watch {
	struct owner owners[OWNERS_MAX];
	uint64_t event_seq[RELAY_WORKERS_MAX]; // of each worker, when last looked at
	uint64_t next_scan_ns;
	uint32_t scan_next; // slot to look at next; past the last: the scan is over
	bool look_again; // an event waits for room in the outbox
	bool link_is_down[RELAY_PORTS_MAX];
	bool link_fell[RELAY_PORTS_MAX]; // since the running scan began
	bool link_missed
		[RELAY_PORTS_MAX]; // what the running scan goes by: down when it began, or since the one before
};

// The owner's record, made if there is none; NULL: OWNERS_MAX are there.
struct owner *watch_owner(struct relay *r, uint32_t id);
void watch_owner_came(struct owner *o, struct server_conn *c, uint64_t now_ns);
void watch_owner_left(struct owner *o, uint64_t now_ns);
// SYNC_DONE: begin to end what this generation did not want.
void watch_sweep(struct owner *o);
// A session of this id is about to be gone.
void watch_session_ended(struct relay *r, uint64_t session_id);

// Workers' events since the last call: aim at what was learnt, tell subscribers.
void watch_events(struct relay *r);
// Silence, failed neighbours and owners' ends; about once a second for each session, in slices.
void watch_time(struct relay *r, uint64_t now_ns);
