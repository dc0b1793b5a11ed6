// What the files of media/ share among themselves.
#pragma once

#include "control/media/pairing.h"
#include "control/media/relay_client.h"
#include "control/media/relay_socket.h"
#include "control/pool.h"

struct restore {
	bool running;
	bool relay_is_new; // another boot id: what was learnt goes with it
	bool all_sent;
	uint64_t cursor; // the last pairing that was put
	unsigned under_way;
	uint32_t n_sessions; // put so far
	uint64_t begun_ms;
};

struct media {
	struct loop *loop;
	const struct config *config;
	struct media_user user;
	struct relay_socket *socket; // NULL: the link is somebody else's
	struct relay_client *client;
	struct pool *pairings;
	struct map *sessions; // session id → pairing
	uint32_t n_alive;
	uint64_t next_id; // session ids to come, owner id included
	uint64_t boot_id; // of the relay that we know, 0: none yet
	struct restore restore;
	uint64_t counters[MEDIA_COUNTERS];
	struct log_gate gate;

	// Scratch of the function that runs.
	struct sdp sdp;
	char text[SDP_WRITTEN_MAX];
};

static inline void media_count_up(struct media *m, enum media_counter c, uint64_t n) {
	m->counters[c] += n;
}

// pairing.c
struct stream *pairing_find_session(
	struct media *m, uint64_t session_id, uint64_t *handle, struct pairing **p);
// Streams up to n exist afterwards. Returns 0 or -ENOMEM.
[[nodiscard]] int pairing_reserve(struct pairing *p, unsigned n);
// Take the plan over; sessions that are no more are deleted at the relay.
void pairing_commit(struct media *m, uint64_t handle, struct pairing *p, const struct exchange *x);
// Drop all that it holds: no exchange, no stream.
void pairing_end(struct media *m, uint64_t handle, struct pairing *p);
void pairing_free(struct media *m, uint64_t handle, struct pairing *p);
void pairing_drop_exchange(struct pairing *p); // the first
// Sessions that the relay holds, or may hold, for this pairing.
unsigned pairing_sessions(const struct pairing *p, struct proto_session_ref *out, unsigned max);

// exchange.c
// Work off what is queued. A loop_fn: ctx media, ref the pairing.
void exchange_run(void *ctx, uint64_t handle);

// describe.c
// The exchange's description as the other party is to see it, in m->text.
[[nodiscard]] int describe(struct media *m, struct pairing *p, const struct exchange *x, struct span *out);

// deletion.c
// Requests whose replies nobody waits for. Nothing to do with n 0.
void media_put_quietly(struct media *m, const struct proto_session *sessions, unsigned n);
void media_delete_quietly(struct media *m, const struct proto_session_ref *refs, unsigned n);

// restore.c
void restore_begin(struct media *m, uint64_t boot_id);
void restore_stop(struct media *m);

// events.c
void events_take(void *ctx, struct proto_reader *items);
void events_list(void *ctx); // events were lost: ask for all
