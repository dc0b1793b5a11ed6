// What the CLI, the logs and the records may see of the calls: flat, borrowed, read-only.
#pragma once

#include "control/media/media.h"
#include "control/sip/flow.h"

enum { CALL_ID_TEXT = 17 };

struct call_branch_view { // one try towards the callee, in order
	const char *trunk; // NULL: a contact route
	const char *usage; // "calling", "proceeding", "answered", "abandoned", …
	const char *request_uri;
	struct endpoint target; // not set: not resolved yet
	unsigned status; // last response's, 0: none
};

struct call_leg_view {
	const char *realm, *trunk; // trunk NULL: none
	const char *call_id; // the SIP Call-ID of this leg
	const char *local_uri, *remote_uri; // From/To values without tags
	const char *local_tag, *remote_tag; // of the chosen (else the latest) dialog; NULL: none
	const char *dialog; // "none", "early", "confirmed", "terminated"
	const char *offer_answer; // state name
	const char *remote_target, *route_set; // NULL: none
	uint32_t local_cseq, remote_cseq;
	struct flow flow; // where its SIP comes from or goes to; remote not set: unknown yet
	bool nated;
};

enum { CALL_BRANCHES_VIEW_MAX = 16 };

struct call_view {
	uint64_t id;
	const char *state; // coordinator's
	const char *from, *to; // caller's and called user parts
	uint64_t created_wall_ms, ringing_wall_ms, answered_wall_ms, ended_wall_ms; // 0: not (yet)
	uint64_t age_ms; // since created
	struct call_leg_view leg[2];
	struct call_branch_view branch[CALL_BRANCHES_VIEW_MAX];
	unsigned n_branches;
	struct media_stream_view stream[SDP_STREAMS_MAX];
	unsigned n_streams;
	// Once ended:
	unsigned status; // of the final answer to the caller: 200, 486, …; 0: none
	const char
		*end_cause; // "bye", "cancel", "ring_timeout", "media_timeout", "refused", …; NULL while up
	const char *end_by; // "caller", "callee", "kedge"
	const struct proto_session_state *final; // n_final counters of sessions, after deletion
	unsigned n_final;
};

struct calls;

// Walk live calls: *cursor 0 at first, changed by each call. False at the end.
bool calls_view_next(struct calls *c, uint64_t *cursor, struct call_view *out);
// By our id (16 hex digits) or by either leg's Call-ID. False: not found.
bool calls_view_find(struct calls *c, const char *id, struct call_view *out);

struct trunk_peer_view {
	const char *host;
	int port;
	struct endpoint address; // resolved; not set: not (yet)
	uint64_t attempts, answered, failovers; // INVITEs sent; answered 2xx; given up for the next
};
struct trunk_view {
	const char *name, *realm;
	uint32_t calls; // now
	uint64_t attempts, answered, refused, failovers, exhausted;
	unsigned n_peers;
};
bool calls_trunk_view(struct calls *c, unsigned index, struct trunk_view *out);
bool calls_trunk_peer_view(struct calls *c, unsigned trunk, unsigned peer, struct trunk_peer_view *out);

enum call_counter {
#define CALL_COUNTER(name, text, help) CALL_COUNTER_##name,
#include "control/call/counter.def"
#undef CALL_COUNTER
	CALL_COUNTERS,
};
const uint64_t *calls_counters(const struct calls *c);
const char *call_counter_name(enum call_counter n);
uint32_t calls_now(const struct calls *c); // calls held, ending ones too
bool calls_are_draining(const struct calls *c);
