// The media core's face: what the data-plane application creates, feeds and asks.
//
// Several threads touch a struct relay: the main thread (server, sessions, next hops) and each worker (relay_burst).
// A session has one owner among the workers, by its ports (steering.h), and only the owner writes its state. Changes go
// from main to the owner as whole states over the owner's command ring, which it drains in relay_worker_poll; main
// learns that a command was applied from the ring's consumer index.
//
// A packet: rx → relay_burst (parse, find, admit, rewrite: verdict) → tx (a packet not taken: VERDICT_TX_FULL) → relay_count.
// One of another worker's session is handed over instead (RELAY_HAND_OVER), and that worker's relay_burst decides.
#pragma once

#include "relay/protocol.h"
#include "relay/next_hop.h"

#include <stdbool.h>

enum {
	RELAY_BURST = 32,
	RELAY_PORTS_MAX = 16,
	RELAY_MEDIA_MAX = 64,
	RELAY_REALMS_MAX = 32,
	RELAY_WORKERS_MAX = 16
};

// One media address of one realm, fixed at start.
struct relay_media {
	uint16_t realm; // index into relay_params.realms
	struct endpoint address; // port unused
	uint16_t port_first, port_last; // UDP ports, inclusive; the first even
};

struct relay_realm {
	char name[PROTO_NAME];
	uint16_t port; // index of the packet port that its frames use
	uint16_t vlan; // 0: untagged
	uint8_t dscp;
};

struct relay_params {
	uint32_t max_sessions;
	uint16_t n_workers, n_ports, n_realms, n_media;
	struct relay_realm realms[RELAY_REALMS_MAX];
	struct relay_media media[RELAY_MEDIA_MAX];
	uint8_t port_mac[RELAY_PORTS_MAX][6];
	// Frames of this port come without UDP checksums that hold: they are computed anew, not updated.
	bool port_compute_checksum[RELAY_PORTS_MAX];
	uint64_t boot_id;

	// Main thread: the next hop from a media address (an index into media) towards dst. Gives an id (a place in words) that
	// stays valid until put; what is equal in both shares one. 0 = none could be had. describe fills gateway (not set: no
	// route).
	uint32_t (*next_hop_get)(void *ctx, uint16_t media, const struct endpoint *dst);
	void (*next_hop_put)(void *ctx, uint32_t id);
	void (*next_hop_describe)(void *ctx, uint32_t id, struct endpoint *gateway);
	void *next_hop_ctx;
	const _Atomic(uint64_t) *next_hop_words; // indexed by id; word 0 stays NEXT_HOP_NO_ROUTE
};

struct relay;
struct relay_worker;

// Bytes of shared memory that these params need for the counters.
size_t relay_stats_bytes(const struct relay_params *p);

// Create the core over zeroed stats memory (shared, relay_stats_bytes long, 64-byte aligned, outlives the relay). All memory is
// allocated here; in steady state nothing is. Returns 0, -ENOMEM, -EINVAL or -EIO (no randomness).
[[nodiscard]] int relay_create(const struct relay_params *p, void *stats, struct relay **out);
void relay_destroy(struct relay *r);
struct stats_header *relay_stats(struct relay *r);
// Name and device are the application's to fill.
struct stats_port *relay_stats_port(struct relay *r, unsigned index);
struct relay_worker *relay_worker(struct relay *r, unsigned index);
struct stats_worker *relay_worker_stats(struct relay_worker *w);

// ---- worker thread ----

// In place of an enum verdict, of a packet that relay_burst has not decided on: it goes to worker `owner`, as it is now.
enum { RELAY_HAND_OVER = VERDICT_COUNT };

// One packet: a frame in, rewritten in place. data points to the Ethernet header, with room for a tag (4 bytes) in front.
struct relay_packet {
	uint8_t *data;
	uint32_t length; // bytes of the frame
	uint16_t port; // in: received on; out: to be sent on (FORWARDED), or received on (HAND_OVER)
	uint8_t verdict; // enum verdict or RELAY_HAND_OVER, set by relay_burst
	uint8_t owner; // HAND_OVER only
	uint16_t payload; // bytes of UDP payload
	uint8_t tag; // the core's own: bytes of a tag in front of data
	uint8_t hairpins; // how often it was sent to ourselves so far: in 0, or what it was handed over with
	uint32_t component; // index of the receiving component's slot, UINT32_MAX: none found
	// Handed to another worker to be sent: that one counts the verdict (relay_count_sent).
	bool passed_on;
};

// Apply commands that main has queued. Once a burst, between bursts.
void relay_worker_poll(struct relay_worker *w, uint64_t now_ns);
// Decide and rewrite n (≤ RELAY_BURST) packets. now_ns: CLOCK_MONOTONIC.
void relay_burst(struct relay_worker *w, struct relay_packet *packets, unsigned n, uint64_t now_ns);
// Count verdicts, after transmit and before the next relay_worker_poll (which may give a slot to another session). Packets
// handed over are not counted: their owner does. in, out, loops, busy, handed and ring_drops of struct stats_worker are the
// application's to count.
void relay_count(struct relay_worker *w, const struct relay_packet *packets, unsigned n);
// Count n packets that another worker decided on and this one sent, or failed to.
void relay_count_sent(struct relay_worker *w, enum verdict verdict, unsigned n);

// ---- main thread ----

// The control protocol's server: bytes in, bytes out, no sockets. One struct server_conn a connection.
struct server_conn;

// What a line is about. Lines of a connection come as often as its peer likes: whoever writes them needs a gate for each.
enum relay_line {
	RELAY_LINE_OWNER, // of a connection: a controller came or went
	RELAY_LINE_VERSION, // of a connection: another major version
	RELAY_LINE_NOT_ALLOWED, // of a connection: it wanted to control
	RELAY_LINE_SILENT, // of a connection: it said no HELLO in time
	RELAY_LINE_SYNC, // a controller said no SYNC_DONE in time
	RELAY_LINE_SESSION, // ended without its controller
	RELAY_LINE_COUNT
};

struct relay_io {
	// Send one message on the connection's socket, with fd by SCM_RIGHTS unless -1. Returns 0, -EAGAIN when the
	// reader is slow (a reply is tried again in later ticks, for 5 s; events turn into EVENTS_LOST), or -EPIPE.
	int (*send)(void *io, const void *message, size_t len, int fd);
	// Log one line; io is NULL where no connection is concerned. May be NULL.
	void (*log)(void *io, enum relay_line about, const char *line);
	// The connection is of no more use (its reader is gone or stuck): shut it down, so that relay_conn_close follows
	// from where its end is noticed. Not to be answered with relay_conn_close from within. May be NULL: further
	// messages are then refused with -EPIPE.
	void (*close)(void *io);
};
void relay_server_set_io(struct relay *r, const struct relay_io *io, int stats_fd);
// A peer connected; allowed_controller: its credentials let it control, not only observe. io is handed back to send. A
// peer whose HELLO isn't accepted within 2 s is closed. Returns 0 or -ENOMEM/-EMFILE.
[[nodiscard]] int relay_conn_open(
	struct relay *r, void *io, bool allowed_controller, uint64_t now_ns, struct server_conn **out);
void relay_conn_close(struct relay *r, struct server_conn *c, uint64_t now_ns); // NULL is fine
// One received message. Returns 0, or a negative errno: the connection must be closed by the caller.
[[nodiscard]] int relay_conn_message(
	struct relay *r, struct server_conn *c, const void *buf, size_t len, uint64_t now_ns);
// Replies of applied commands, events, timeouts, port rest, sweeps. Call after messages and at least every 100 ms.
// Returns true while commands are on their way to a worker: call again soon (≤ 100 µs).
bool relay_tick(struct relay *r, uint64_t now_ns);
// A next hop failed (its word says NEXT_HOP_FAILED by now): the sessions that use it get EVENT_NEIGHBOUR_FAILED with one
// of the next ticks.
void relay_next_hop_failed(struct relay *r, uint32_t id);
// Whether a packet port has its link, taken to be up at the start. When it falls, and while it is down, the sides whose realm
// it carries get EVENT_LINK_DOWN with one of the next ticks, though it may be back by then.
void relay_port_link(struct relay *r, unsigned port, bool up);
// Take no new sessions from now on (PUT: ESHUTDOWN); those that are here may change and end.
void relay_drain(struct relay *r);
// Sessions now held (for draining).
uint32_t relay_sessions(const struct relay *r);
