// Transactions over transports (RFC 3261 §17, §18; RFC 3581; RFC 6026): what the calls see of SIP.
//
//	in:  socket → sip_msg_parse → transaction (match, retransmit, absorb) → struct sip_user
//	out: sip_client_start / sip_server_respond / sip_send_ack → queue → sendmmsg at FLUSH_SIP
//
// The user names its objects with a 64-bit owner handle; the stack names transactions with handles of its own.
#pragma once

#include "control/loop.h"
#include "control/sip/flow.h"
#include "control/sip/msg.h"
#include "control/token.h"

// Both count as a response: 408, 503 (RFC 3261 §8.1.3.1).
enum sip_failure { SIP_TIMED_OUT, SIP_TRANSPORT_ERROR };

struct sip_stack;

// Callbacks borrow all they are given until they return. They may call any function of the stack.
struct sip_user {
	void *ctx;
	// A new request (not ACK, not CANCEL) that matched no transaction. Answer server (any time) with sip_server_respond.
	// It passed the frame's checks and method/Require are the user's to judge. merged: the stack saw the same
	// From tag, Call-ID and CSeq with another branch, still in progress (RFC 3261 §8.2.2.2): answer 482.
	void (*on_request)(
		void *ctx, uint64_t server, const struct sip_msg *m, const struct flow *flow, bool merged);
	// An ACK that belongs to no INVITE failure: the ACK of a 2xx. owner: that of the server transaction it acknowledges
	// if that is known by Call-ID, CSeq and From tag; 0 otherwise.
	void (*on_ack)(void *ctx, uint64_t owner, const struct sip_msg *m, const struct flow *flow);
	// CANCEL of an INVITE transaction that has had no final response (the stack has answered the CANCEL 200).
	void (*on_cancel)(void *ctx, uint64_t owner, const struct sip_msg *m);
	// Any response that a client transaction lets through: provisionals (not 100 for non-INVITE matters), finals,
	// and further 2xx of an INVITE (RFC 6026 Accepted).
	void (*on_response)(
		void *ctx, uint64_t owner, uint64_t client, const struct sip_msg *m, const struct flow *flow);
	void (*on_failure)(void *ctx, uint64_t owner, uint64_t client, enum sip_failure why);
	// An INVITE server transaction's 2xx was never acknowledged within 64*T1 (RFC 3261 §13.3.1.4), or a response could not be sent.
	void (*on_unacknowledged)(void *ctx, uint64_t owner);
};

// Opens every realm's listeners. Returns 0 or a negative errno after one log line that names the listener.
// now_ms of the loop drives all timers. user is copied.
[[nodiscard]] int sip_stack_create(struct loop *loop, const struct config *config, struct tokens *tokens,
	const struct sip_user *user, struct sip_stack **out);
void sip_stack_destroy(struct sip_stack *s);

struct sip_request {
	enum sip_method method;
	struct span uri;
	// Complete lines with CRLF: Max-Forwards, Route, From, To, Call-ID, CSeq, Contact, …; not Via, not Content-Length.
	struct span headers;
	struct span body;
};

// Send a request in a new client transaction to a target. Gives its handle. on_response and on_failure name owner.
// Returns 0, -ENOMEM, -EMSGSIZE, -ENOSPC (too many transactions); nothing is sent then and no callback comes.
[[nodiscard]] int sip_client_start(struct sip_stack *s, const struct sip_request *r,
	const struct flow *target, const struct config_timers *timers, uint64_t owner, uint64_t *client);
// CANCEL an INVITE: at once after a provisional, else as soon as one arrives (RFC 3261 §9.1). reason: a Reason header
// line's value or empty. After 64*T1 without a final response the INVITE counts as timed out.
void sip_client_cancel(struct sip_stack *s, uint64_t client, struct span reason);
// Forget the owner: nothing more is reported, the transaction lives its RFC life.
void sip_client_forget(struct sip_stack *s, uint64_t client);
// ACK of a 2xx: the user builds it (RFC 3261 §13.2.2.4), the stack adds Via and sends it once.
[[nodiscard]] int sip_send_ack(struct sip_stack *s, const struct sip_request *r, const struct flow *target);

// Bind a server transaction to an owner (reported with on_cancel, on_ack, on_unacknowledged). 0 forgets it.
void sip_server_set_owner(struct sip_stack *s, uint64_t server, uint64_t owner);
struct sip_answer {
	unsigned status;
	struct span reason; // empty: sip_reason(status)
	// Ours; empty in 100; the stack mints one when the request had none and none is given.
	struct span to_tag;
	struct span headers; // complete lines: Contact, Allow, Content-Type, …
	struct span body;
};
// Answer: Via, From, To, Call-ID, CSeq (and Record-Route in 1xx/2xx of INVITE) are copied from the request. Sent to where RFC 3261
// §18.2.2 and RFC 3581 say, or to the source with nated. A 2xx of INVITE is retransmitted until its ACK (RFC 6026).
// An unknown or finished transaction is ignored with -ENOENT. An answer that can't be kept (-ENOMEM, -EMSGSIZE) may be given again,
// but a failure, or any final answer to another request than INVITE, ends its transaction then: it is sent once, if it can be.
[[nodiscard]] int sip_server_respond(struct sip_stack *s, uint64_t server, const struct sip_answer *a);
// Never answer: forget a request that no transaction may be spent on (a stranger's, beyond the rate). Repeats of it are new requests.
void sip_server_drop(struct sip_stack *s, uint64_t server);
// Answer a request that no transaction is to be spent on, at a limited rate, and forget it (RFC 3261 §8.2.7). m and flow are the
// request's own. Repeats of it are new requests, and get the same answer.
void sip_server_answer_once(struct sip_stack *s, uint64_t server, const struct sip_msg *m,
	const struct flow *flow, unsigned status);
// From now on answers go to the packet's source, whatever Via says (NATed peer). In a realm where all peers are behind NATs
// they do from the start.
void sip_server_set_nated(struct sip_stack *s, uint64_t server);
// The timers of whoever sent it, if they are not those of its realm. Before the first answer.
void sip_server_set_timers(struct sip_stack *s, uint64_t server, const struct config_timers *timers);
// The ACK of the 2xx came: stop retransmitting (the stack does this itself where it can match the ACK).
void sip_server_acknowledged(struct sip_stack *s, uint64_t server);

// CRLFCRLF to a NATed peer.
void sip_send_keepalive(struct sip_stack *s, const struct flow *flow);

// Resolve where a URI leads (RFC 3263; numeric hosts too), asynchronously: never calls back from within. Targets come in
// order of preference, with realm and listener filled in from realm. status: 0, -ENOENT (nothing), -ETIMEDOUT, -EAFNOSUPPORT, -EINVAL.
typedef void (*sip_resolved_fn)(
	void *ctx, uint64_t owner, int status, const struct flow *targets, unsigned n);
[[nodiscard]] int sip_resolve(struct sip_stack *s, uint16_t realm, struct span host, uint32_t port,
	enum sip_transport transport, sip_resolved_fn fn, void *ctx, uint64_t owner);

// True if host (and port, 0 = default) name one of our listeners (address or advertise) in any realm.
bool sip_stack_is_us(const struct sip_stack *s, struct span host, uint32_t port);
// The endpoint we show the peers of a flow in Contact and Via.
const struct endpoint *sip_stack_advertised(const struct sip_stack *s, const struct flow *flow);

// Counters of the stack, by name for the CLI: rows of control/sip/counter.def.
enum sip_counter {
#define SIP_COUNTER(name, text, help) SIP_COUNTER_##name,
#include "control/sip/counter.def"
#undef SIP_COUNTER
	SIP_COUNTERS,
};
const uint64_t *sip_stack_counters(const struct sip_stack *s); // SIP_COUNTERS values
const uint64_t *sip_stack_faults(const struct sip_stack *s); // SIP_FAULT_KINDS values
const char *sip_counter_name(enum sip_counter c);
uint32_t sip_stack_transactions(const struct sip_stack *s); // alive now
