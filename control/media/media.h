// Offer and answer towards the relay: SDP in, SDP with our endpoints out, sessions put and deleted. Knows no SIP and no
// calls: a pairing of two parties, named by handle. (Later the ng protocol uses the same three verbs.)
//
// Owns the connection to kedge-relay: connects and reconnects by itself, puts all sessions again when the relay comes back with a new
// boot id (same ports), marks and sweeps after our own restart. Batches requests of a turn, sends them at FLUSH_RELAY.
#pragma once

#include "config/config.h"
#include "control/loop.h"
#include "control/sdp/sdp.h"
#include "relay/protocol.h"

struct media;

// One party of a pairing: what signalling knows of it.
struct media_party {
	uint16_t realm; // index into config.realms
	bool nated; // latch "auto" becomes address with `vouched`
	struct endpoint vouched; // signalling source address
	struct span
		tag; // the dialog's remote tag: a new one on the same side is a fork's answer (may be empty)
};

// Results of an offer or answer, as errno: 0; EBADMSG (SDP malformed); ENOTSUP (no stream that we can relay); ENOSPC (sessions
// or ports exhausted); ETIMEDOUT, ENOTCONN (relay late or gone); EINVAL.
struct media_result {
	uint64_t owner;
	uint32_t request; // what media_offer or media_answer was called with
	int status;
	struct span sdp; // for the other party, borrowed until the callback returns; empty unless status is 0
};

struct media_user {
	void *ctx;
	void (*on_result)(void *ctx, const struct media_result *r);
	// Relay events of one pairing: bits of enum media_event by side, or-ed over its sessions.
	void (*on_event)(void *ctx, uint64_t owner, const uint32_t events[2]);
	// Final counters of one session of a pairing that was deleted (after media_delete). Each media_delete is answered by
	// exactly one call with last true, later, never from within; its state is NULL if the relay is gone or held nothing.
	void (*on_final)(void *ctx, uint64_t owner, const struct proto_session_state *state, bool last);
};

// Borrows config and loop. Takes the loop's FLUSH_RELAY. Connects with the loop's next turn.
[[nodiscard]] int media_create(
	struct loop *loop, const struct config *config, const struct media_user *user, struct media **out);
struct relay_link;
// The same over a link of the caller's (relay_link.h) in place of the relay's socket: for tests, on a manual loop.
[[nodiscard]] int media_create_over(struct loop *loop, const struct config *config,
	const struct media_user *user, const struct relay_link *link, struct media **out);
// Not from within a callback. Sessions at the relay are left to its sweep.
void media_destroy(struct media *m);

// An offer of party `from` (0 or 1) in the pairing *handle (0: make one for owner and call_id). The result comes later, never from
// within, once. party[1 - from] need only know its realm. Returns 0, -ENOMEM, -ENOSPC or -EINVAL (no such pairing or realm);
// no result then, *handle unchanged.
[[nodiscard]] int media_offer(struct media *m, uint64_t *handle, uint64_t owner, uint64_t call_id,
	uint32_t request, unsigned from, const struct media_party party[2], struct span sdp);
// The answer of party `from` to the other's last offer. Same rules. Repeating an equal answer is cheap (no change at the relay).
[[nodiscard]] int media_answer(struct media *m, uint64_t handle, uint32_t request, unsigned from,
	const struct media_party party[2], struct span sdp);
// The call was answered (media silence counts from here) or not yet.
void media_set_answered(struct media *m, uint64_t handle);
// End the pairing: results still to come are not delivered; its sessions are deleted, late replies too. 0 is ignored.
void media_delete(struct media *m, uint64_t handle);

// True when the relay is there and holds all our sessions: a new offer has a chance.
bool media_is_connected(const struct media *m);
uint32_t media_count(const struct media *m); // pairings alive

// For the CLI: streams of a pairing. False: no such pairing or stream.
struct media_stream_view {
	uint64_t session_id;
	struct span media; // "audio"
	struct endpoint signalled[2][2]; // [side][component]
	struct endpoint local[2]; // our RTP endpoint, a side each
	bool held;
};
bool media_view(struct media *m, uint64_t handle, unsigned stream, struct media_stream_view *out);

enum media_counter {
#define MEDIA_COUNTER(name, text, help) MEDIA_COUNTER_##name,
#include "control/media/counter.def"
#undef MEDIA_COUNTER
	MEDIA_COUNTERS,
};
const uint64_t *media_counters(const struct media *m);
const char *media_counter_name(enum media_counter c);
