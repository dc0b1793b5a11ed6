// Stands in for calls, media, SIP stack and loop where the CLI's server is tested: as many calls as a test wants, a real
// event base for sockets, and timers that only fake_fire runs. Included once by a test: it defines what they define.
#pragma once

#include "control/ops/cli_server.h"

#include <check.h>
#include <endian.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

enum { FAKE_TIMERS = 64 };

static struct {
	uint32_t n_calls;
	uint64_t views; // how many were looked at
	uint64_t turns; // of the loop
	struct event_base *base;
	struct timer *timers[FAKE_TIMERS];
	uint64_t now_ms;
} fake;

static uint64_t fake_counters[64] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};

// ---- a call ----

static void fake_call(uint64_t number, struct call_view *v) {
	static char from[32], call_id[2][48];

	snprintf(from, sizeof(from), "%04u", (unsigned)(1000 + number));
	snprintf(call_id[0], sizeof(call_id[0]), "a-%u@192.0.2.7", (unsigned)number);
	snprintf(call_id[1], sizeof(call_id[1]), "b-%u", (unsigned)number);
	*v = (struct call_view){
		.id = 0x1000 + number,
		.state = "answered",
		.from = from,
		.to = "+4930123",
		.created_wall_ms = 1773500966535, // 2026-03-14T15:09:26.535Z
		.ringing_wall_ms = 1773500967535,
		.answered_wall_ms = 1773500969535,
		.age_ms = 63000,
		.leg = {{.realm = "access",
				.call_id = call_id[0],
				.local_uri = "<sip:+4930123@203.0.113.1>",
				.remote_uri = "\"Alice\" <sip:1000@203.0.113.1>",
				.local_tag = "ours0",
				.remote_tag = "theirs0",
				.dialog = "confirmed",
				.offer_answer = "stable",
				.remote_target = "sip:1000@10.0.0.2:5060",
				.local_cseq = 0,
				.remote_cseq = 1,
				.flow = {.remote = endpoint_v4(htobe32(0xcb007105), 40000)},
				.nated = true},
			{.realm = "core",
				.trunk = "carrier",
				.call_id = call_id[1],
				.local_uri = "\"Alice\" <sip:1000@198.51.100.1>",
				.remote_uri = "<sip:+4930123@198.51.100.2>",
				.local_tag = "ours1",
				.remote_tag = "theirs1",
				.dialog = "confirmed",
				.offer_answer = "stable",
				.local_cseq = 1,
				.flow = {.remote = endpoint_v4(htobe32(0xc6336402), 5060), .realm = 1}}},
		.branch = {{.trunk = "carrier",
			.usage = "answered",
			.request_uri = "sip:+4930123@198.51.100.2:5060",
			.target = endpoint_v4(htobe32(0xc6336402), 5060),
			.status = 200}},
		.n_branches = 1,
		.stream = {{.session_id = 0x0001000000000001,
			.media = {"audio", 5},
			.signalled = {{endpoint_v4(htobe32(0x0a000002), 4000),
					      endpoint_v4(htobe32(0x0a000002), 4001)},
				{endpoint_v4(htobe32(0xc6336402), 20000),
					endpoint_v4(htobe32(0xc6336402), 20001)}},
			.local = {endpoint_v4(htobe32(0xcb007101), 16384),
				endpoint_v4(htobe32(0xc6336401), 16384)}}},
		.n_streams = 1,
	};
}

bool calls_view_next(struct calls *c, uint64_t *cursor, struct call_view *out) {
	(void)c;
	if (*cursor >= fake.n_calls)
		return false;
	fake.views++;
	fake_call((*cursor)++, out);
	return true;
}

bool calls_view_find(struct calls *c, const char *id, struct call_view *out) {
	for (uint64_t cursor = 0; calls_view_next(c, &cursor, out);) {
		char text[CALL_ID_TEXT];

		snprintf(text, sizeof(text), "%016llx", (unsigned long long)out->id);
		if (strcmp(text, id) == 0 || strcmp(out->leg[0].call_id, id) == 0 ||
			strcmp(out->leg[1].call_id, id) == 0)
			return true;
	}
	return false;
}

bool calls_trunk_view(struct calls *c, unsigned index, struct trunk_view *out) {
	(void)c;
	*out = (struct trunk_view){
		.name = "carrier", .realm = "core", .calls = 3, .attempts = 9, .n_peers = 2};
	return index < 1;
}

bool calls_trunk_peer_view(struct calls *c, unsigned trunk, unsigned peer, struct trunk_peer_view *out) {
	(void)c;
	*out = (struct trunk_peer_view){.host = peer == 0 ? "198.51.100.2" : "b.example",
		.port = peer == 0 ? 5060 : 0,
		.attempts = 5};
	return trunk == 0 && peer < 2;
}

const uint64_t *calls_counters(const struct calls *c) {
	(void)c;
	return fake_counters;
}

const char *call_counter_name(enum call_counter n) {
	static const char *const names[] = {
#define CALL_COUNTER(name, text, help) text,
#include "control/call/counter.def"
#undef CALL_COUNTER
	};
	return names[n];
}

uint32_t calls_now(const struct calls *c) {
	(void)c;
	return fake.n_calls;
}

bool calls_are_draining(const struct calls *c) {
	(void)c;
	return false;
}

// ---- media, SIP ----

bool media_is_connected(const struct media *m) {
	(void)m;
	return true;
}

uint32_t media_count(const struct media *m) {
	(void)m;
	return fake.n_calls;
}

const uint64_t *media_counters(const struct media *m) {
	(void)m;
	return fake_counters;
}

const char *media_counter_name(enum media_counter c) {
	static const char *const names[] = {
#define MEDIA_COUNTER(name, text, help) text,
#include "control/media/counter.def"
#undef MEDIA_COUNTER
	};
	return names[c];
}

const uint64_t *sip_stack_counters(const struct sip_stack *s) {
	(void)s;
	return fake_counters;
}

const uint64_t *sip_stack_faults(const struct sip_stack *s) {
	(void)s;
	return fake_counters;
}

uint32_t sip_stack_transactions(const struct sip_stack *s) {
	(void)s;
	return 7;
}

const char *sip_counter_name(enum sip_counter c) {
	static const char *const names[] = {
#define SIP_COUNTER(name, text, help) text,
#include "control/sip/counter.def"
#undef SIP_COUNTER
	};
	return names[c];
}

const char *sip_fault_name(enum sip_fault f) {
	static const char *const names[] = {
#define SIP_FAULT(name, text, status) text,
#include "control/sip/fault.def"
#undef SIP_FAULT
	};
	return names[f];
}

// ---- the loop ----

struct event_base *loop_base(struct loop *l) {
	(void)l;
	return fake.base;
}

uint64_t loop_now_ms(const struct loop *l) {
	(void)l;
	return fake.now_ms;
}

void loop_timer_stop(struct loop *l, struct timer *t) {
	(void)l;
	for (int i = 0; i < FAKE_TIMERS; i++) {
		if (fake.timers[i] == t)
			fake.timers[i] = NULL;
	}
}

void loop_timer_start(struct loop *l, struct timer *t, uint64_t ms, loop_fn fn, void *ctx, uint64_t ref) {
	loop_timer_stop(l, t);
	t->due_ms = fake.now_ms + ms;
	t->fn = fn;
	t->ctx = ctx;
	t->ref = ref;
	for (int i = 0; i < FAKE_TIMERS; i++) {
		if (fake.timers[i] == NULL) {
			fake.timers[i] = t;
			return;
		}
	}
	abort();
}

void loop_end_turn(struct loop *l) {
	(void)l;
	fake.turns++;
}

// Move the clock and run what has come due.
static inline void fake_advance(uint64_t ms) {
	fake.now_ms += ms;
	for (int i = 0; i < FAKE_TIMERS; i++) {
		struct timer *t = fake.timers[i];

		if (t == NULL || t->due_ms > fake.now_ms)
			continue;
		fake.timers[i] = NULL;
		t->fn(t->ctx, t->ref);
	}
}

// Handle what the sockets have, until a look at them finds nothing.
static inline void fake_run(void) {
	uint64_t before;

	do {
		before = fake.turns;
		ck_assert_int_ge(event_base_loop(fake.base, EVLOOP_NONBLOCK), 0);
	} while (fake.turns != before);
}
