// The control protocol: kedge-control and observers (kedgectl) towards kedge-relay.
//
// Unix SOCK_SEQPACKET, one message a packet, at most 64 KiB:
//
//	struct proto_header | n_items × item, each item beginning with its own u32 length
//
// Host byte order (one host), fixed-width fields, no pointers. Every struct only grows at its end: a receiver
// zero-fills what a shorter one lacks and ignores a longer one's tail. Another major version is refused.
#pragma once

#include "relay/counters.h"

enum { PROTO_MAJOR = 1, PROTO_MESSAGE_MAX = 65536, PROTO_NAME = 32 };

enum proto_type {
	PROTO_HELLO = 1, // item proto_hello → proto_welcome. First message of a connection.
	PROTO_SESSION_PUT, // items proto_session (a batch is all or nothing) → proto_put_result each
	// Items proto_session_ref → proto_session_state each, with final counters; for an id that is not known slot is
	// UINT32_MAX and the rest zero, status 0.
	PROTO_SESSION_DELETE,
	PROTO_SESSION_GET, // one proto_session_ref → one proto_session_state
	PROTO_SESSION_LIST, // proto_list → proto_session_state each, one page
	PROTO_CLAIM, // items proto_session_ref: mark as wanted in this generation
	PROTO_SYNC_DONE, // no item: sessions of this owner neither put nor claimed since HELLO are swept
	PROTO_SUBSCRIBE, // no item: PROTO_EVENTS follow on this connection
	PROTO_STATS, // no item → no item; the counters' memfd by SCM_RIGHTS
	PROTO_EVENTS = 64, // from the relay, id 0: items proto_event
	PROTO_EVENTS_LOST, // from the relay: the reader was slow; list again
	PROTO_REPLY = 0x8000, // or-ed to the request's type in a reply
};

struct proto_header {
	uint32_t length; // of the whole message in bytes
	uint16_t major; // PROTO_MAJOR
	uint16_t type; // enum proto_type
	uint32_t id; // the requester's, echoed
	uint32_t status; // in a reply: 0 or an errno (positive); its items are valid only with 0
	uint32_t n_items;
	uint32_t reserved;
};

enum proto_role { PROTO_CONTROLLER = 1, PROTO_OBSERVER = 2 };

struct proto_hello {
	uint32_t length;
	uint32_t role; // enum proto_role
	uint32_t owner_id; // a controller's, 1..65535; one connection an owner id, a second gets EBUSY
	uint32_t reserved;
};

struct proto_welcome {
	uint32_t length;
	uint32_t reserved;
	uint64_t boot_id; // changes with every start of the relay
	uint32_t sessions, sessions_max;
};

enum latch_mode {
	LATCH_OFF = 0, // send to the signalled endpoint, accept its address from any port
	LATCH_STRICT = 1, // send to the signalled endpoint, accept only it
	LATCH_ADDRESS = 2, // learn the port from packets of the address that signalling vouches for
	LATCH_ANY = 3, // learn from the first valid packet, within 5 s of the PUT that set the epoch
};
// LATCH_ANY's 5 s run from the PUT that made the side or raised its epoch, whether packets come or not: raise the epoch
// when the peer may begin to send (with the answer). Later strangers get bad_source. A raised epoch keeps what was learnt
// as the destination, but for 5 s lets one other source take over (LATCH_ADDRESS: of the vouched address). So do 2 s of
// silence of a component that has latched.

// One side of a session. What is wanted, whole, each time.
struct proto_side {
	char realm[PROTO_NAME]; // NUL-terminated
	// Our RTP endpoint, RTCP is port + 1. No address: the relay picks one of the realm's. Port 0: the relay picks one
	// or, on an existing side, keeps its own.
	struct endpoint local;
	// Signalled RTP and RTCP endpoints, unicast with a port (else EINVAL); not set: none yet (verdict no_endpoint),
	// which is also how 0.0.0.0 in SDP is to be given.
	struct endpoint remote[2];
	struct endpoint vouched; // LATCH_ADDRESS: the address that signalling vouches for
	struct endpoint learnt[2]; // restore: endpoints learnt before the relay restarted; normally not set
	uint64_t payload_types[2]; // bit n: RTP payload type n is admitted from this side; all zero: any
	uint32_t latch_epoch; // raised: what was learnt may be learnt anew
	uint8_t latch; // enum latch_mode
	uint8_t reserved[3];
};

struct proto_session {
	uint32_t length;
	uint32_t media_timeout_ms; // silence of both sides that raises EVENT_MEDIA_TIMEOUT; 0: off (held)
	uint64_t session_id; // owner id in the top 16 bits, the controller's counter in the low 48
	uint64_t call_id; // the controller's, shown to observers
	struct proto_side side[2];
};

// Refusals of SESSION_PUT (the batch is undone): EINVAL (unknown realm, local address not the realm's, port odd or outside,
// an id twice in a batch, …), EAFNOSUPPORT (IPv6), EPERM (an id of another owner), EADDRINUSE (local port taken), EADDRNOTAVAIL
// (no port left), ENOSPC (session table full), EAGAIN (too much under way: try again), ESHUTDOWN (draining).
struct proto_put_result {
	uint32_t length;
	uint32_t slot; // index of the session; its component slots are slot * 4 + side * 2 + component
	uint64_t session_id;
	struct endpoint local[2]; // our RTP endpoint of each side, now decided
};

struct proto_session_ref {
	uint32_t length;
	uint32_t reserved;
	uint64_t session_id;
};

struct proto_list {
	uint32_t length;
	uint32_t limit; // most sessions wanted, 0: as many as fit a message
	// Session id after which the page begins; 0: the first page. Ids ascend within a listing.
	uint64_t after;
	uint64_t call_id; // only this call's sessions; 0: all
};

struct proto_component_state {
	struct component_slot counters; // a copy
	uint8_t mac[6]; // next hop's, zero while not known
	uint8_t next_hop_state; // enum next_hop_state
	uint8_t hairpin; // 1: what is sent there is for a media address of ours, and takes no hop
	struct endpoint next_hop; // gateway or the peer itself; not set: no route
};

struct proto_session_state {
	uint32_t length;
	uint32_t slot;
	uint64_t created_ns, now_ns; // CLOCK_MONOTONIC
	struct proto_session wanted; // with local endpoints filled in
	struct proto_component_state component[2][2]; // [side][component]
	// enum media_event bits that were raised so far, by side: those of the components and main's own.
	uint32_t events[2];
};

// Most sessions of a SESSION_DELETE (more: EMSGSIZE) and of a page of SESSION_LIST; most sessions of a SESSION_PUT.
enum {
	PROTO_STATES_MAX =
		(PROTO_MESSAGE_MAX - sizeof(struct proto_header)) / sizeof(struct proto_session_state),
	PROTO_PUTS_MAX = (PROTO_MESSAGE_MAX - sizeof(struct proto_header)) / sizeof(struct proto_session),
};
// Requests that a connection may have under way; one that sends more is closed. Replies come in the order of the requests.
enum { PROTO_OUTSTANDING_MAX = 1024 };

// Events of one session that are new since the last PROTO_EVENTS.
struct proto_event {
	uint32_t length;
	uint32_t reserved;
	uint64_t session_id, call_id;
	uint32_t events[2]; // enum media_event bits, a side each
	struct endpoint learnt[2][2]; // [side][component], where EVENT_LATCHED
};

// Check a received message's frame: sizes agree, version, item lengths sane. Borrows buf.
// Returns 0, -EBADMSG (sizes), -EPROTO (another major version; the header can still be read if len allows).
[[nodiscard]] int proto_check(const void *buf, size_t len);

// Walks the items of a message that passed proto_check.
struct proto_reader {
	const uint8_t *next, *end;
	uint32_t left;
};
void proto_read_begin(struct proto_reader *r, const void *buf);
// Copy the next item into out (size bytes): longer tails are ignored, shorter items zero-filled.
// Returns false at the end, or when the item is shorter than min bytes (r->left is then not 0).
[[nodiscard]] bool proto_read_item(struct proto_reader *r, void *out, size_t size, size_t min);

// Builds a message in buf (PROTO_MESSAGE_MAX bytes or less). Overflow is sticky and shows in proto_write_end.
struct proto_writer {
	uint8_t *buf;
	size_t size, used;
	bool overflow;
};
void proto_write_begin(
	struct proto_writer *w, void *buf, size_t size, uint16_t type, uint32_t id, uint32_t status);
// Append one item of size bytes, setting its leading length. Returns false (nothing appended) if it doesn't fit.
bool proto_write_item(struct proto_writer *w, const void *item, size_t size);
// Finish the header. Returns the message's length in bytes, 0 after overflow.
size_t proto_write_end(struct proto_writer *w);
