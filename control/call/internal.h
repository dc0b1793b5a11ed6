// What the files of control/call share. Data flows one way: stack or relay callback → (leg, branch, dialog) → call_event →
// coordinator table → actions. Functions here act; the tables decide.
#pragma once

#include "control/call/call.h"
#include "control/call/calls.h"
#include "control/pool.h"

struct trunk_peer_state {
	struct endpoint *addresses; // that its host resolves to: who may call as this trunk
	unsigned n_addresses;
	uint64_t attempts, answered, failovers;
};

struct trunk_state {
	struct trunk_peer_state *peers;
	uint32_t n_calls;
	uint64_t attempts, answered, refused, failovers, exhausted;
	struct timer resolve_timer;
};

struct route_state;

struct calls {
	struct loop *loop;
	const struct config *config;
	struct tokens *tokens;
	struct calls_hooks hooks;
	struct sip_stack *stack;
	struct media *media;
	struct pool *pool; // struct call
	struct pool *outgoing; // struct outgoing
	struct trunk_state *trunks;
	struct route_state *routes; // compiled patterns, one a route
	uint64_t counters[CALL_COUNTERS];
	uint64_t next_id;
	struct log_gate not_admitted_gate, refused_gate, match_gate;
	bool draining, drained_said;
	struct timer stopping; // calls_stop_all goes on
	uint64_t stop_after; // handle of the last call that it stopped
	char view_tags[2][TOKEN_TEXT]; // what the last view borrows
};

// ---- coordinator's hands (act.c) ----
// Feed one event to the call's coordinator and do what it says; frees the call on CALL_ON_CLEARED only, which comes deferred.
// Gives the actions: CALL_DO_PASS_PROGRESS and CALL_DO_ACCEPT carry a description, so whoever holds it does them.
unsigned call_event(struct calls *cs, struct call *c, enum call_event event);
// Note why the call ends; the first to say so wins. cause and by are literals.
void call_blame(struct call *c, const char *cause, const char *by);
// The final answer to the caller if it comes to rejecting. reason NULL: the standard phrase.
void call_set_final(struct call *c, unsigned status, const char *reason);
// Look, later in this turn, whether an ending call has nothing left.
void call_check_cleared(struct calls *cs, struct call *c);
// Take down why a request ends the call, to be passed on. The first one counts.
void call_keep_reason(struct call *c, const struct sip_msg *m);
// The numbered local tag of a dialog of this call.
void call_tag(struct calls *cs, const struct call *c, uint16_t part, char out[static TOKEN_TEXT]);
// 16 hex digits: node id and a counter that restarts don't repeat.
uint64_t call_new_id(struct calls *cs);
// (Re)start CRLFCRLF to whichever legs are NATed (realm setting nat_keepalive_s).
void call_start_keepalive(struct calls *cs, struct call *c);
struct call *calls_find(struct calls *cs, uint64_t handle);
void calls_release(struct calls *cs, struct call *c);
void call_stop_timers(struct calls *cs, struct call *c);
void calls_check_drained(struct calls *cs);

// ---- caller's side (caller.c) ----
// An 18x of a fork, with the description that the relay made of its.
void caller_send_progress(
	struct calls *cs, struct call *c, const struct dialog *of, unsigned status, struct span sdp);
void caller_accept(struct calls *cs, struct call *c, struct span sdp);
void caller_reject(struct calls *cs, struct call *c);

// ---- callee's side (callee.c: tries and what comes of them; branch.c: one INVITE; uac.c: its responses) ----
void callee_try_next(struct calls *cs, struct call *c);
void callee_abandon(struct calls *cs, struct call *c);
void callee_on_response(
	struct calls *cs, struct call *c, uint64_t client, const struct sip_msg *m, const struct flow *flow);
void callee_on_failure(struct calls *cs, struct call *c, uint64_t client, enum sip_failure why);
// Hand the answered dialog's description to the relay.
void callee_tell_relay(struct calls *cs, struct call *c);
// Acknowledge the answer that the call took.
void callee_settle(struct calls *cs, struct call *c);
bool callee_is_clear(const struct call *c);
// A branch's INVITE reports what became of it.
void callee_on_progress(struct calls *cs, struct call *c, struct branch *b, struct dialog *d);
void callee_on_answer(struct calls *cs, struct call *c, struct branch *b, struct dialog *d);
void callee_on_branch_failed(struct calls *cs, struct call *c, struct branch *b, enum invite_event why);
// The next try of a call, at its end; NULL: out of memory, or too many.
struct branch *branch_create(struct calls *cs, struct call *c, int trunk, int peer);
void branch_step(
	struct calls *cs, struct call *c, struct branch *b, enum invite_event event, struct dialog *d);
// Builds and sends the branch's INVITE to its target. Returns 0 or a negative errno.
[[nodiscard]] int branch_send_invite(struct calls *cs, struct call *c, struct branch *b);

// ---- the relay (call_media.c) ----
// The caller's offer; the callee's description of a dialog, shown in an 18x or final. Results arrive as call_media_on_result.
[[nodiscard]] int call_media_offer(struct calls *cs, struct call *c, struct span sdp);
enum media_request {
	REQUEST_OFFER = 1,
	REQUEST_PREVIEW,
	REQUEST_ANSWER
}; // an offer; an answer shown in an 18x; the final one
[[nodiscard]] int call_media_answer(
	struct calls *cs, struct call *c, const struct dialog *d, enum media_request kind);
// Have the relay know the description of an 18x that is to be shown: now, or when those before it are done. False: it can't be.
bool call_media_preview(struct calls *cs, struct call *c, struct dialog *d);
void call_media_on_result(struct calls *cs, const struct media_result *r);
void call_media_on_event(struct calls *cs, uint64_t owner, const uint32_t events[2]);
void call_media_on_final(
	struct calls *cs, uint64_t owner, const struct proto_session_state *state, bool last);
// What a failed offer or answer means to the caller: sets the final answer and why.
void call_media_blame(struct calls *cs, struct call *c, int status, enum media_request kind);

// A NATed peer's next hop is its flow, and a valid request of its dialog moves it.
void leg_follow_flow(struct leg *l, const struct flow *flow);

// ---- new requests (uas.c, in_dialog.c, orphan.c) ----
void uas_on_request(
	struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow, bool merged);
void in_dialog_on_request(
	struct calls *cs, uint64_t server, const struct sip_msg *m, const struct flow *flow);
// A 2xx whose call is gone: acknowledge it and end its dialog (RFC 3261 §13.2.2.4), from the response alone.
void orphan_on_answer(struct calls *cs, const struct sip_msg *m, const struct flow *flow);
// What we do and take (RFC 3261 §11.2).
void uas_answer_options(struct calls *cs, uint64_t server);
// A method that is ours to do and no extension that we lack (RFC 3261 §8.2.1, §8.2.2.3)? Returns 0, else what to refuse it with:
// the status, and headers in text.
enum { UAS_HEADERS = 1024, UAS_LOG_BURST = 10 };
[[nodiscard]] unsigned uas_misunderstood(const struct sip_msg *m, char text[static UAS_HEADERS]);
// Answer a request without any call: status, and a header block of complete lines or NULL.
void uas_refuse(struct calls *cs, uint64_t server, unsigned status, const char *headers);

// ---- admission and routing (admission.c, route.c, trunk.c) ----
// Who sends: a trunk (index) or a plain source of the realm (*trunk -1). False: may not call.
bool admission_check(const struct calls *cs, const struct flow *flow, int *trunk);
[[nodiscard]] int routes_create(const struct config *config, struct route_state **out);
void routes_destroy(struct route_state *r, int n);
// The first route that takes a user part, or -1.
int route_find(struct calls *cs, int realm, int trunk, struct span user);
[[nodiscard]] int trunks_create(struct calls *cs);
void trunks_destroy(struct calls *cs);
const struct config_timers *call_timers_of(const struct calls *cs, int realm, int trunk);

// ---- dialogs and what is sent in them (dialog.c, outgoing.c) ----
// From a response with a To tag, or an INVITE: remote tag, target, route set. NULL: out of memory or unusable.
struct dialog *dialog_from_request(const struct sip_msg *m);
struct dialog *dialog_from_response(const struct sip_msg *m);
// A target refresh by a response that may carry one (RFC 3261 §12.2.1.2, §13.2.2.4).
[[nodiscard]] int dialog_refresh(struct dialog *d, const struct sip_msg *m);
enum { OUTGOING_TARGETS_MAX = 4 }; // of one BYE: each that is silent takes 64*T1, and the call waits for it
// Send ACK or BYE in a dialog: built now, resolved, sent; BYE tries further targets. c may be NULL (orphans).
[[nodiscard]] int outgoing_create_pool(uint32_t max_calls, struct pool **out);
void outgoing_destroy_pool(struct pool *p);
struct outgoing_dialog {
	int side;
	const char *call_id, *local_uri, *remote_uri, *local_tag;
	const struct dialog *dialog;
	const struct flow *flow; // whose realm and listener it leaves from
	const struct flow *direct; // a NATed peer's flow; NULL: where the dialog's state says
	const struct config_timers *timers;
};
[[nodiscard]] int outgoing_send(struct calls *cs, struct call *c, const struct outgoing_dialog *od,
	enum sip_method method, uint32_t cseq, const char *reason_header);
// True if owner names an outgoing request, then handled.
bool outgoing_on_response(struct calls *cs, uint64_t owner, const struct sip_msg *m);
bool outgoing_on_failure(struct calls *cs, uint64_t owner, enum sip_failure why);
// BYE on a leg's chosen dialog, once.
void leg_send_bye(struct calls *cs, struct call *c, int side);
// ACK (and BYE) of one dialog of a branch.
void branch_send_ack(struct calls *cs, struct call *c, struct branch *b, struct dialog *d);
void branch_send_bye(struct calls *cs, struct call *c, struct branch *b, struct dialog *d);

// Appends our Allow line; our Contact line as peers of this flow should see it.
void sink_allow(struct sink *s);
void sink_contact(struct calls *cs, struct sink *s, const struct flow *flow);

// Is the peer of a flow behind a NAT, judged by its Contact and SDP? Not one that is to be found by a route set.
bool nat_judge(const struct calls *cs, const struct sip_msg *m, const struct flow *flow, bool has_route_set);

// ---- views (view.c) ----
void call_fill_view(struct calls *cs, const struct call *c, struct call_view *out);
