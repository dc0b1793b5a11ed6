// A SIP stack on a manual loop over a transport that keeps what it is given. What goes out and what the user hears is
// written into a story, "what@ms " each, that tests compare whole.
#pragma once

#include "control/sip/transaction.h"

#include <check.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { SENT_MAX = 400, SENT_BYTES = 4096, OWNER = 77 };

struct sent {
	char text[SENT_BYTES];
	size_t len;
	struct flow to;
	uint64_t ref;
};

static struct fixture {
	struct loop *loop;
	struct tokens *tokens;
	struct sip_stack *stack;
	struct transport_user up;
	struct config config;
	struct config_realm realms[2];
	struct config_sip sip[2];

	struct sent sent[SENT_MAX];
	int n_sent;
	char story[16384];

	uint64_t server; // of the latest on_request
	bool merged;
	uint64_t client; // of the latest on_response or on_failure
	void (*in_request)(void); // what the user does within the callback
	void (*in_response)(void);
	void (*in_failure)(void);
} f;

// For callbacks, where an allocation may be made to fail: Check's own assertions allocate.
static inline void must(bool holds) {
	if (!holds)
		abort();
}

static inline void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));
static inline void tell(const char *format, ...) {
	size_t len = strlen(f.story);
	va_list args;

	va_start(args, format);
	vsnprintf(f.story + len, sizeof(f.story) - len, format, args);
	va_end(args);
	len = strlen(f.story);
	snprintf(f.story + len, sizeof(f.story) - len, "@%llu ", (unsigned long long)loop_now_ms(f.loop));
}

static inline void capture_send(void *ctx, const struct flow *to, struct span data, uint64_t ref) {
	struct sent *s = &f.sent[f.n_sent % SENT_MAX];
	struct span line = data, word;

	(void)ctx;
	must(data.len < SENT_BYTES);
	memcpy(s->text, data.data, data.len);
	s->text[data.len] = '\0';
	s->len = data.len;
	s->to = *to;
	s->ref = ref;
	f.n_sent++;
	word = span_cut(&line, ' ');
	if (span_equal(word, span_of("SIP/2.0")))
		word = span_cut(&line, ' ');
	tell(">" SPAN_FMT, SPAN_ARG(word));
}

static inline void user_on_request(
	void *ctx, uint64_t server, const struct sip_msg *m, const struct flow *flow, bool merged) {
	(void)ctx, (void)flow;
	f.server = server;
	f.merged = merged;
	tell("%s" SPAN_FMT, merged ? "merged" : "", SPAN_ARG(m->method_text));
	sip_server_set_owner(f.stack, server, OWNER);
	if (f.in_request != NULL)
		f.in_request();
}

static inline void user_on_ack(void *ctx, uint64_t owner, const struct sip_msg *m, const struct flow *flow) {
	(void)ctx, (void)m, (void)flow;
	tell(owner == OWNER ? "ack" : "strayack");
}

static inline void user_on_cancel(void *ctx, uint64_t owner, const struct sip_msg *m) {
	(void)ctx, (void)m;
	must(owner == OWNER);
	tell("cancelled");
}

static inline void user_on_response(
	void *ctx, uint64_t owner, uint64_t client, const struct sip_msg *m, const struct flow *flow) {
	(void)ctx, (void)flow;
	must(owner == OWNER);
	f.client = client;
	tell("%u", m->status);
	if (f.in_response != NULL)
		f.in_response();
}

static inline void user_on_failure(void *ctx, uint64_t owner, uint64_t client, enum sip_failure why) {
	(void)ctx;
	must(owner == OWNER);
	f.client = client;
	tell(why == SIP_TIMED_OUT ? "timeout" : "unreachable");
	if (f.in_failure != NULL)
		f.in_failure();
}

static inline void user_on_unacknowledged(void *ctx, uint64_t owner) {
	(void)ctx;
	must(owner == OWNER);
	tell("unacknowledged");
}

static const struct sip_user fixture_user = {NULL, user_on_request, user_on_ack, user_on_cancel,
	user_on_response, user_on_failure, user_on_unacknowledged};

static inline struct endpoint endpoint_of(const char *address, uint16_t port) {
	struct endpoint e;

	must(endpoint_parse(address, strlen(address), port, &e) == 0);
	return e;
}

// Realm 0 listens at 192.0.2.1:5060, realm 1 at 198.51.100.1:5070 and shows itself as 203.0.113.9:5080.
static inline void fixture_config(void) {
	f.sip[0].address = f.sip[0].advertise = endpoint_of("192.0.2.1", 5060);
	f.sip[1].address = endpoint_of("198.51.100.1", 5070);
	f.sip[1].advertise = endpoint_of("203.0.113.9", 5080);
	for (int i = 0; i < 2; i++) {
		f.realms[i].sip = &f.sip[i];
		f.realms[i].n_sip = 1;
		f.realms[i].timers = (struct config_timers){500, 4000, 5000};
	}
	f.config.realms = f.realms;
	f.config.n_realms = 2;
	f.config.control.max_calls = 10;
	f.config.control.max_transactions = 1040;
	f.config.control.max_call_s = 3540; // a minute less than an hour
}

static inline void fixture_setup(void) {
	struct transport transport = {NULL, capture_send, NULL};

	memset(&f, 0, sizeof(f));
	fixture_config();
	ck_assert_int_eq(loop_create_manual(&f.loop), 0);
	ck_assert_int_eq(tokens_create(1, NULL, &f.tokens), 0);
	ck_assert_int_eq(stack_create(f.loop, &f.config, f.tokens, &fixture_user, &transport, &f.stack), 0);
	f.up = stack_transport_user(f.stack);
}

static inline void fixture_teardown(void) {
	sip_stack_destroy(f.stack);
	tokens_destroy(f.tokens);
	loop_destroy(f.loop);
}

// Deferred functions and flushes run, no time passes.
static inline void settle(void) {
	loop_advance(f.loop, 0);
}

static inline struct flow flow_of(const char *address, uint16_t port, uint16_t realm) {
	return (struct flow){.remote = endpoint_of(address, port), .realm = realm};
}

static inline void deliver_from(const char *text, const struct flow *from) {
	size_t len = strlen(text);
	char *data = malloc(len + 1); // of its own, so that a read beyond it is seen

	memcpy(data, text, len);
	f.up.on_datagram(f.up.ctx, data, len, from);
	free(data);
	settle();
}

static inline const struct sent *last_sent(void) {
	ck_assert_int_gt(f.n_sent, 0);
	return &f.sent[(f.n_sent - 1) % SENT_MAX];
}

// The latest that was sent whose first line begins so.
static inline const struct sent *last_sent_like(const char *start) {
	for (int i = f.n_sent - 1; i >= 0 && i > f.n_sent - SENT_MAX; i--) {
		if (strncmp(f.sent[i % SENT_MAX].text, start, strlen(start)) == 0)
			return &f.sent[i % SENT_MAX];
	}
	ck_abort_msg("nothing sent like %s", start);
	return NULL;
}

// "Name: value" of a message's first such line, in out; empty if there is none.
static inline const char *line_of(const char *text, const char *name, char out[static 512]) {
	char start[64];
	const char *at;

	snprintf(start, sizeof(start), "\r\n%s: ", name);
	at = strstr(text, start);
	out[0] = '\0';
	if (at != NULL)
		snprintf(out, 512, "%.*s", (int)strcspn(at + 2, "\r"), at + 2);
	return out;
}

static inline uint64_t counter(enum sip_counter c) {
	return sip_stack_counters(f.stack)[c];
}

static inline void expect_story(const char *what, const char *story) {
	ck_assert_msg(strcmp(f.story, story) == 0, "%s:\n got  %s\n want %s", what, f.story, story);
}
