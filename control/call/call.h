// What a call is: data only. Text, numbers and handles that could be written down and taken up by another process; the
// timers stand apart at the end.
//
//	call ── leg[0] caller ── dialog (one; several local tags while forks of the callee are shown to it)
//	     └─ leg[1] callee ── branch ── dialog (one a remote tag) … the chosen one is leg[1].dialog
#pragma once

#include "control/call/coordinator.h"
#include "control/call/invite_usage.h"
#include "control/call/offer_answer.h"
#include "control/loop.h"
#include "control/sip/flow.h"
#include "control/sip/stack.h"
#include "control/span.h"
#include "relay/protocol.h"

enum { LEG_CALLER = 0, LEG_CALLEE = 1 };
enum { FORKS_MAX = 16 }; // dialogs of a call's callee side; more are refused by ignoring their 18x
enum { BRANCHES_MAX = 32 }; // tries of one call

// The part of a dialog's local tag (token.h): which leg, and which fork or branch of it.
enum { PART_CALLEE = 0x8000 };

enum dialog_state { DIALOG_NONE, DIALOG_EARLY, DIALOG_CONFIRMED, DIALOG_TERMINATED };

struct dialog {
	struct dialog *next;
	enum dialog_state state;
	struct offer_answer offer;
	uint16_t part; // of its local tag
	uint16_t peer_part; // callee's dialogs: part of the tag that the caller knows it by
	char *remote_tag;
	char *remote_target; // the URI of their Contact, as received: Request-URI of what we send
	char *route_set; // values of Route in sending order, comma-separated; NULL: none
	char *sdp; // their last description, for a 2xx that leaves it out
	uint32_t local_cseq, remote_cseq; // 0: none yet
	unsigned status; // of the last response that made or moved it, for passing on
	char *reason; // its phrase
	// Callee's dialogs: where the branch's INVITE went; of a NATed peer, where its response came from.
	struct flow flow;
	bool nated; // likewise: requests go to flow, whatever Contact says
	bool bye_received; // it is over for both sides

	// Of a description in an 18x, which the relay has to know before it is shown.
	bool has_description; // the last 18x carried one
	// Of the 18x whose description has not been given to the relay yet, and of the one whose is with the relay; 0: none.
	unsigned waiting_status, preview_status;
};

struct branch {
	struct branch *next;
	enum invite_state usage;
	uint16_t number; // from 0
	int trunk, peer; // -1: a contact route
	char *request_uri;
	char *local_uri, *remote_uri; // From and To without tags: hosts of this try's realm and peer
	struct flow target; // where the INVITE went
	uint64_t client; // INVITE client transaction
	uint32_t cseq;
	unsigned status; // of the last response
	struct dialog *dialogs;
};

struct leg {
	int realm, trunk; // trunk -1: none
	char *call_id;
	char *local_uri, *remote_uri; // caller's: From or To value that is ours, theirs, without tag
	struct flow flow; // remote not set: not known yet
	bool nated;
	struct dialog *dialog; // owned by the leg (caller) or by its branch (callee)
	uint64_t server; // the INVITE's server transaction (caller)
	bool bye_sent;
};

struct call_timers { // machinery: never written down
	struct timer ring, first_response, expiry, life, keepalive;
};

struct call {
	uint64_t handle; // in the pool
	uint64_t id; // 16 hex digits everywhere
	enum call_state state;
	struct leg leg[2];

	// Where it goes: a route's trunks and their peers, and the targets that the present one resolved to.
	int route;
	int next_trunk, next_peer; // places in the route's and the trunk's list, next to try
	struct flow targets[SIP_TARGETS_MAX];
	uint8_t n_targets, next_target;
	struct branch *branches; // in order of trying; the last one is the live one
	uint16_t n_branches, n_forks;

	char *from_user, *to_user; // as received, for people
	char *called_user; // user part of the Request-URI
	char *from_start, *to_start; // of a callee's From and To: display name and user part, up to the host
	char *crossing; // header lines that cross to the callee
	char *asserted; // … to a trusted realm only
	char *offer; // the caller's description as the callee gets it
	int max_forwards; // of what we send

	unsigned n_previews; // of all dialogs, with the relay
	uint64_t media; // pairing
	bool media_deleted, media_cleared;
	struct proto_session_state *final;
	unsigned n_final;

	uint64_t created_ms, created_wall_ms, ringing_wall_ms, answered_wall_ms, ended_wall_ms;
	unsigned final_status; // to the caller
	char *final_reason;
	unsigned retry_after_s; // with a 503; 0: none
	const char *end_cause, *end_by;
	char *reason_header; // Reason's value for CANCEL and BYE; NULL: none
	unsigned n_outgoing; // ACK and BYE requests under way

	struct call_timers timers;
};

void dialog_destroy(struct dialog *d);
void branch_destroy(struct branch *b);
// Free all that the call owns, not the call itself (it lives in a pool). Timers must be stopped.
void call_fini(struct call *c);

// The branch under way or the last one; NULL: none yet.
struct branch *call_live_branch(const struct call *c);
// The branch that a dialog of the callee's belongs to.
struct branch *call_branch_of(const struct call *c, const struct dialog *d);
struct dialog *branch_find_dialog(const struct branch *b, struct span remote_tag);
const char *dialog_state_name(enum dialog_state s);
// Replace an owned text by a copy. Returns 0 or -ENOMEM with *text unchanged.
[[nodiscard]] int text_set(char **text, struct span value);
