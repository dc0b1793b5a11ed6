// A relay over two packet ports with a table of next hops, a captured control connection, and frames to feed it with.
//
//	port 0: realm access 203.0.113.1 16384–16483 and 203.0.113.3 20000–20003; realm edge 203.0.113.2 30000–30003
//	port 1: realm core   198.51.100.1 16384–16483
#pragma once

#include "relay/packet.h"
#include "relay/relay.h"
#include "relay/server.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

enum { FIX_HOPS = 64, FIX_LOG = 1100, FIX_OWNER = 7 };

struct fix_message {
	void *io;
	int fd;
	size_t len;
	uint8_t *bytes;
};

struct fixture {
	struct relay_params params;
	void *stats;
	struct relay *r;
	struct relay_worker *w;
	struct server_conn *c; // a controller, after fix_hello
	uint64_t now;
	uint32_t next_id;

	_Atomic(uint64_t) words[FIX_HOPS];
	struct endpoint hop_target[FIX_HOPS];
	uint16_t hop_media[FIX_HOPS];
	unsigned hop_users[FIX_HOPS];
	enum next_hop_state hop_state; // of those to come
	bool no_hops;

	int send_result;
	unsigned n_closed, n_logged;
	char logged[256];
	struct fix_message sent[FIX_LOG]; // oldest first
	unsigned n_sent;
	uint8_t message[PROTO_MESSAGE_MAX];
};

static struct endpoint fix_endpoint(const char *addr, uint16_t port) {
	struct endpoint e;

	if (endpoint_parse(addr, strlen(addr), port, &e) < 0)
		abort();
	return e;
}

static void fix_mac(uint32_t hop, uint8_t mac[6]) {
	memcpy(mac, (const uint8_t[]){2, 0, 0, 0, 1, (uint8_t)hop}, 6);
}

static uint32_t fix_hop_get(void *ctx, uint16_t media, const struct endpoint *target) {
	struct fixture *f = ctx;
	uint8_t mac[6];

	for (uint32_t i = 1; i < FIX_HOPS && !f->no_hops; i++) {
		if (f->hop_users[i] != 0 &&
			(f->hop_media[i] != media || !endpoint_same_addr(&f->hop_target[i], target)))
			continue;
		if (f->hop_users[i] == 0) {
			fix_mac(i, mac);
			f->hop_target[i] = *target;
			f->hop_media[i] = media;
			f->words[i] = next_hop_word(mac, 0, f->hop_state);
		}
		f->hop_users[i]++;
		return i;
	}
	return 0;
}

static void fix_hop_put(void *ctx, uint32_t id) {
	struct fixture *f = ctx;

	assert(id != 0 && f->hop_users[id] > 0);
	f->hop_users[id]--;
}

static void fix_hop_describe(void *ctx, uint32_t id, struct endpoint *gateway) {
	*gateway = ((struct fixture *)ctx)->hop_target[id];
}

static unsigned fix_hops_used(const struct fixture *f) {
	unsigned n = 0;

	for (uint32_t i = 0; i < FIX_HOPS; i++)
		n += f->hop_users[i];
	return n;
}

static struct fixture *fix_current; // send has no context of its own

static int fix_send(void *io, const void *message, size_t len, int fd) {
	struct fixture *f = fix_current;
	struct fix_message *m;

	if (f->send_result < 0)
		return f->send_result;
	assert(f->n_sent < FIX_LOG);
	m = &f->sent[f->n_sent++];
	*m = (struct fix_message){io, fd, len, malloc(len)};
	if (m->bytes == NULL)
		abort();
	memcpy(m->bytes, message, len);
	return 0;
}

static void fix_log(void *io, enum relay_line about, const char *line) {
	(void)io, (void)about;
	fix_current->n_logged++;
	snprintf(fix_current->logged, sizeof(fix_current->logged), "%s", line);
}

static void fix_close(void *io) {
	(void)io;
	fix_current->n_closed++;
}

static void fix_forget(struct fixture *f) {
	while (f->n_sent > 0)
		free(f->sent[--f->n_sent].bytes);
}

static void fix_add_realm(struct relay_params *p, const char *name, uint16_t port, uint8_t dscp) {
	struct relay_realm *realm = &p->realms[p->n_realms++];

	snprintf(realm->name, sizeof(realm->name), "%s", name);
	realm->port = port;
	realm->dscp = dscp;
}

static void fix_add_media(
	struct relay_params *p, uint16_t realm, const char *addr, uint16_t first, uint16_t last) {
	p->media[p->n_media++] = (struct relay_media){realm, fix_endpoint(addr, 0), first, last};
}

static void fix_params(struct fixture *f, uint32_t max_sessions) {
	struct relay_params *p = &f->params;

	*p = (struct relay_params){.max_sessions = max_sessions, .n_workers = 1, .n_ports = 2, .boot_id = 99};
	fix_add_realm(p, "access", 0, 46);
	fix_add_realm(p, "core", 1, 0);
	fix_add_realm(p, "edge", 0, 10);
	fix_add_media(p, 0, "203.0.113.1", 16384, 16483);
	fix_add_media(p, 0, "203.0.113.3", 20000, 20003);
	fix_add_media(p, 1, "198.51.100.1", 16384, 16483);
	fix_add_media(p, 2, "203.0.113.2", 30000, 30003);
	memcpy(p->port_mac[0], (const uint8_t[]){2, 0, 0, 0, 0, 0xa}, 6);
	memcpy(p->port_mac[1], (const uint8_t[]){2, 0, 0, 0, 0, 0xb}, 6);
	p->next_hop_get = fix_hop_get;
	p->next_hop_put = fix_hop_put;
	p->next_hop_describe = fix_hop_describe;
	p->next_hop_ctx = f;
	p->next_hop_words = f->words;
}

static void *fix_stats(const struct relay_params *p) {
	size_t bytes = relay_stats_bytes(p);
	void *stats = aligned_alloc(4096, (bytes + 4095) / 4096 * 4096);

	if (stats == NULL)
		abort();
	memset(stats, 0, bytes);
	return stats;
}

static struct server_conn *fix_open(struct fixture *f, void *io, bool controller) {
	struct server_conn *c;

	if (relay_conn_open(f->r, io, controller, f->now, &c) < 0)
		abort();
	return c;
}

// Create the relay of f->params.
static void fix_start(struct fixture *f) {
	const struct relay_io io = {fix_send, fix_log, fix_close};

	fix_current = f;
	f->now = 1000000000000ull;
	f->hop_state = NEXT_HOP_REACHABLE;
	f->stats = fix_stats(&f->params);
	if (relay_create(&f->params, f->stats, &f->r) < 0)
		abort();
	f->w = relay_worker(f->r, 0);
	relay_server_set_io(f->r, &io, 55);
	f->c = fix_open(f, f, true);
}

static struct fixture *fix_create(uint32_t max_sessions) {
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		abort();
	fix_params(f, max_sessions);
	fix_start(f);
	return f;
}

static void fix_destroy(struct fixture *f) {
	relay_destroy(f->r);
	fix_forget(f);
	free(f->stats);
	free(f);
}

// ---- control ----

static int fix_request_on(
	struct fixture *f, struct server_conn *c, uint16_t type, const void *items, size_t size, unsigned n) {
	struct proto_writer w;

	proto_write_begin(&w, f->message, sizeof(f->message), type, ++f->next_id, 0);
	for (unsigned i = 0; i < n; i++)
		proto_write_item(&w, (const uint8_t *)items + i * size, size);
	return relay_conn_message(f->r, c, f->message, proto_write_end(&w), f->now);
}

// Send a request of n items on the controller's connection.
static int fix_request(struct fixture *f, uint16_t type, const void *items, size_t size, unsigned n) {
	return fix_request_on(f, f->c, type, items, size, n);
}

// Let the workers apply and main answer, until nothing is under way.
static void fix_settle(struct fixture *f) {
	do
		for (unsigned i = 0; i < f->params.n_workers; i++)
			relay_worker_poll(relay_worker(f->r, i), f->now);
	while (relay_tick(f->r, f->now));
}

// The header of a message that was sent; up to max of its items are copied to items (of size bytes).
static struct proto_header fix_read(const struct fix_message *m, void *items, size_t size, unsigned max) {
	struct proto_header h;
	struct proto_reader reader;

	memcpy(&h, m->bytes, sizeof(h));
	assert(proto_check(m->bytes, m->len) == 0);
	proto_read_begin(&reader, m->bytes);
	for (unsigned i = 0; i < max; i++)
		if (!proto_read_item(&reader, (uint8_t *)items + i * size, size, size))
			break;
	return h;
}

// The last message, zero if there is none.
static struct proto_header fix_last(struct fixture *f, void *items, size_t size, unsigned max) {
	return f->n_sent == 0 ? (struct proto_header){0}
			      : fix_read(&f->sent[f->n_sent - 1], items, size, max);
}

// The reply to the last request, zero if there is none.
static struct proto_header fix_reply(struct fixture *f, void *items, size_t size, unsigned max) {
	for (unsigned i = 0; i < f->n_sent; i++) {
		struct proto_header h = fix_read(&f->sent[i], NULL, 0, 0);

		if ((h.type & PROTO_REPLY) && h.id == f->next_id)
			return fix_read(&f->sent[i], items, size, max);
	}
	return (struct proto_header){0};
}

// Request, settle and give the reply's status, UINT32_MAX if the connection was closed or no reply came.
static uint32_t fix_ask(struct fixture *f, uint16_t type, const void *items, size_t size, unsigned n,
	void *out, size_t out_size, unsigned out_max) {
	struct proto_header h;

	fix_forget(f);
	if (fix_request(f, type, items, size, n) < 0)
		return UINT32_MAX;
	fix_settle(f);
	h = fix_reply(f, out, out_size, out_max);
	return h.type == (type | PROTO_REPLY) ? h.status : UINT32_MAX;
}

// Request and tick until the reply is there; the workers run by themselves. Returns the reply's status.
static uint32_t fix_ask_running(
	struct fixture *f, uint16_t type, const void *items, size_t size, unsigned n) {
	struct proto_header h;

	fix_forget(f);
	if (fix_request(f, type, items, size, n) < 0)
		return UINT32_MAX;
	do {
		relay_tick(f->r, f->now);
		h = fix_reply(f, NULL, 0, 0);
	} while (h.type == 0);
	return h.status;
}

static uint32_t fix_hello(struct fixture *f, uint32_t role, uint32_t owner) {
	struct proto_hello hello = {.length = sizeof(hello), .role = role, .owner_id = owner};

	return fix_ask(f, PROTO_HELLO, &hello, sizeof(hello), 1, NULL, 0, 0);
}

static uint64_t fix_id(uint64_t counter) {
	return (uint64_t)FIX_OWNER << 48 | counter;
}

// A wanted session access ↔ core, peers 192.0.2.10:4000 and 198.51.100.20:5000, PCMU and events, latch off.
static struct proto_session fix_session(uint64_t counter) {
	struct proto_session s = {
		.length = sizeof(s), .session_id = fix_id(counter), .call_id = 0xca11 + counter};

	snprintf(s.side[0].realm, PROTO_NAME, "access");
	snprintf(s.side[1].realm, PROTO_NAME, "core");
	for (unsigned i = 0; i < 2; i++) {
		s.side[0].remote[i] = fix_endpoint("192.0.2.10", (uint16_t)(4000 + i));
		s.side[1].remote[i] = fix_endpoint("198.51.100.20", (uint16_t)(5000 + i));
		s.side[i].payload_types[0] = 1;
		s.side[i].payload_types[1] = 1ull << (101 - 64);
	}
	return s;
}

static uint32_t fix_put(struct fixture *f, const struct proto_session *s, struct proto_put_result *out) {
	return fix_ask(f, PROTO_SESSION_PUT, s, sizeof(*s), 1, out, sizeof(*out), 1);
}

static uint32_t fix_ref(struct fixture *f, uint16_t type, uint64_t id, struct proto_session_state *out) {
	struct proto_session_ref ref = {.length = sizeof(ref), .session_id = id};

	return fix_ask(f, type, &ref, sizeof(ref), 1, out, sizeof(*out), 1);
}

// ---- packets ----

// A full recomputation, byte by byte in network order, apart from the code under test.
static uint16_t fix_sum(const uint8_t *p, size_t len, uint32_t sum) {
	for (size_t i = 0; i < len; i++)
		sum += i % 2 == 0 ? (uint32_t)p[i] << 8 : p[i];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static uint32_t fix_udp_sum(const uint8_t *frame) {
	size_t len = (size_t)(frame[PACKET_UDP_LENGTH] << 8 | frame[PACKET_UDP_LENGTH + 1]);

	return fix_sum(frame + PACKET_UDP, len, fix_sum(frame + PACKET_IP_SOURCE, 8, 17 + (uint32_t)len));
}

static bool fix_checksums_hold(const uint8_t *frame) {
	if (fix_sum(frame + PACKET_IP, 20, 0) != 0xffff)
		return false;
	return (frame[PACKET_UDP_CHECKSUM] == 0 && frame[PACKET_UDP_CHECKSUM + 1] == 0) ||
		fix_udp_sum(frame) == 0xffff;
}

static void fix_be16(uint8_t *p, uint16_t v) {
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

// A whole frame with both checksums; returns its length.
static uint32_t fix_frame(uint8_t *frame, const struct endpoint *from, const struct endpoint *to,
	const void *payload, uint16_t len) {
	uint16_t sum;

	memset(frame, 0, PACKET_PAYLOAD);
	memcpy(frame, (const uint8_t[]){2, 0, 0, 0, 0, 0xa, 2, 0, 0, 0, 9, 9, 8, 0, 0x45, 0xb8}, 16);
	fix_be16(frame + PACKET_IP_LENGTH, (uint16_t)(28 + len));
	fix_be16(frame + PACKET_IP_ID, 0x1234);
	frame[PACKET_IP_FRAGMENT] = 0x40;
	frame[PACKET_IP_TTL] = 55;
	frame[PACKET_IP_PROTOCOL] = 17;
	memcpy(frame + PACKET_IP_SOURCE, from->addr, 4);
	memcpy(frame + PACKET_IP_TARGET, to->addr, 4);
	fix_be16(frame + PACKET_IP_CHECKSUM, (uint16_t)~fix_sum(frame + PACKET_IP, 20, 0));
	fix_be16(frame + PACKET_UDP_SOURCE, from->port);
	fix_be16(frame + PACKET_UDP_TARGET, to->port);
	fix_be16(frame + PACKET_UDP_LENGTH, (uint16_t)(8 + len));
	memcpy(frame + PACKET_PAYLOAD, payload, len);
	sum = (uint16_t)~fix_udp_sum(frame);
	fix_be16(frame + PACKET_UDP_CHECKSUM, sum != 0 ? sum : 0xffff);
	return PACKET_PAYLOAD + (uint32_t)len;
}

static const uint8_t fix_rtp[] = {
	0x80, 0, 0, 1, 0, 0, 0, 160, 0xde, 0xad, 0xbe, 0xef, 1, 2, 3, 4, 5, 6, 7, 8};
// A receiver report without blocks.
static const uint8_t fix_rtcp[] = {0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef};
// The same with a source description, of a name that begins at FIX_NAME.
static const uint8_t fix_sdes[] = {0x80, 201, 0, 1, 0xde, 0xad, 0xbe, 0xef, 0x81, 202, 0, 6, 0xde, 0xad, 0xbe,
	0xef, 1, 16, 'a', '@', '1', '9', '8', '.', '5', '1', '.', '1', '0', '0', '.', '2', '0', '0', 0, 0};
enum { FIX_NAME = 18, FIX_NAME_LENGTH = 16 };

// One packet as it is in *p through a worker's burst and count. Returns its verdict or RELAY_HAND_OVER.
static unsigned fix_burst(struct fixture *f, unsigned worker, struct relay_packet *p) {
	struct relay_worker *w = relay_worker(f->r, worker);

	relay_worker_poll(w, f->now);
	relay_burst(w, p, 1, f->now);
	relay_count(w, p, 1);
	return p->verdict;
}

// One packet through the first worker's burst and count; frame holds the result, *p describes it.
static enum verdict fix_feed(
	struct fixture *f, uint8_t *frame, uint32_t length, uint16_t port, struct relay_packet *p) {
	*p = (struct relay_packet){.data = frame, .length = length, .port = port};
	return (enum verdict)fix_burst(f, 0, p);
}

// One RTP (or with rtcp RTCP) packet from an endpoint to one of ours.
static enum verdict fix_media(struct fixture *f, const char *from, uint16_t from_port,
	const struct endpoint *to, uint16_t port, bool rtcp) {
	struct endpoint source = fix_endpoint(from, from_port), target = *to;
	struct relay_packet p;
	uint8_t frame[128];

	target.port += rtcp;
	return fix_feed(f, frame,
		fix_frame(frame, &source, &target, rtcp ? fix_rtcp : fix_rtp,
			rtcp ? sizeof(fix_rtcp) : sizeof(fix_rtp)),
		port, &p);
}

// Tag a frame that has room for it in front. Returns where it begins now; *length grows.
static uint8_t *fix_tag(uint8_t *frame, uint32_t *length, uint16_t vlan) {
	memmove(frame - 4, frame, 12);
	memcpy(frame + 8, (const uint8_t[]){0x81, 0}, 2);
	fix_be16(frame + 10, vlan);
	*length += 4;
	return frame - 4;
}

static struct component_slot *fix_slot(struct fixture *f, uint32_t component) {
	return counters_component(relay_stats(f->r), component);
}

#pragma GCC diagnostic pop
