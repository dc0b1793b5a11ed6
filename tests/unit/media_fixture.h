// Media over a real relay in this process: its worker polled by the test, its messages handed over by the test, all on a
// manual loop. See relay_fixture.h for the relay's realms and addresses.
#pragma once

#include "control/media/media.h"
#include "control/media/relay_client.h"
#include "tests/unit/relay_fixture.h"

#include <stdio.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"

enum { MF_RESULTS = 256, MF_QUEUE = 512, MF_TEXT = 2048, MF_DEADLINE_MS = 500, MF_TIMEOUT_S = 30 };
enum { MF_ACCESS, MF_CORE, MF_EDGE, MF_REALMS };

struct mf_result {
	uint64_t owner;
	uint32_t request;
	int status;
	char sdp[MF_TEXT];
};

struct mf_final {
	uint64_t owner;
	bool has_state, last;
	struct proto_session_state state;
};

struct mf {
	struct loop *loop;
	struct fixture *relay; // NULL: not running
	struct server_conn *conn;
	struct relay_client *client;
	struct config config;
	struct config_realm realms[MF_REALMS];
	struct config_media media[MF_REALMS][2];
	struct media *m;
	uint64_t boot_id;
	uint32_t max_sessions;
	bool stuck; // the worker isn't polled: requests are taken, not answered
	bool deaf; // what the relay says waits
	int send_result;
	unsigned n_sent[16]; // by type of request

	struct fix_message queue[MF_QUEUE]; // from the relay to us
	unsigned n_queued;

	struct mf_result results[MF_RESULTS];
	unsigned n_results;
	struct mf_final finals[MF_RESULTS];
	unsigned n_finals, n_last;
	unsigned n_events;
	unsigned events; // or-ed
	uint64_t event_owner;
	void (*then)(struct mf *f, const struct media_result *r); // from within on_result
};

static int mf_open(void *ctx, struct relay_client *client) {
	struct mf *f = ctx;

	if (f->relay == NULL)
		return -ENOENT;
	f->client = client;
	f->conn = fix_open(f->relay, f, true);
	return 0;
}

static void mf_settle(struct mf *f) {
	if (f->relay == NULL)
		return;
	fix_current = f->relay;
	if (f->stuck)
		relay_tick(f->relay->r, f->relay->now);
	else
		fix_settle(f->relay);
	for (unsigned i = 0; i < f->relay->n_sent; i++) {
		assert(f->n_queued < MF_QUEUE);
		if (f->relay->sent[i].io == f)
			f->queue[f->n_queued++] = f->relay->sent[i];
		else
			free(f->relay->sent[i].bytes);
	}
	f->relay->n_sent = 0;
}

static int mf_send(void *ctx, const void *message, size_t len) {
	struct mf *f = ctx;
	struct proto_header h;

	if (f->send_result < 0)
		return f->send_result;
	memcpy(&h, message, sizeof(h));
	f->n_sent[h.type & 15]++;
	if (f->relay == NULL || relay_conn_message(f->relay->r, f->conn, message, len, f->relay->now) < 0)
		return -EPIPE;
	mf_settle(f);
	return 0;
}

static void mf_forget(struct mf *f) {
	while (f->n_queued > 0)
		free(f->queue[--f->n_queued].bytes);
}

static void mf_close(void *ctx) {
	struct mf *f = ctx;

	if (f->relay != NULL && f->conn != NULL)
		relay_conn_close(f->relay->r, f->conn, f->relay->now);
	f->conn = NULL;
	mf_forget(f);
}

static bool mf_deliver(struct mf *f) {
	struct fix_message first;

	mf_settle(f);
	if (f->n_queued == 0 || f->deaf)
		return false;
	first = f->queue[0];
	memmove(f->queue, f->queue + 1, --f->n_queued * sizeof(first));
	relay_client_on_message(f->client, first.bytes, first.len);
	free(first.bytes);
	return true;
}

// Until nothing is on its way any more.
static void mf_run(struct mf *f) {
	do
		loop_advance(f->loop, 0);
	while (mf_deliver(f));
}

static void mf_wait(struct mf *f, uint64_t ms) {
	mf_run(f);
	for (; ms > 0; ms--) {
		if (f->relay != NULL)
			f->relay->now += 1000000;
		loop_advance(f->loop, 1);
		mf_run(f);
	}
}

static void mf_relay_start(struct mf *f) {
	f->relay = calloc(1, sizeof(*f->relay));
	assert(f->relay != NULL);
	fix_params(f->relay, f->max_sessions);
	f->relay->params.boot_id = ++f->boot_id;
	fix_start(f->relay);
}

static void mf_relay_kill(struct mf *f) {
	mf_forget(f);
	fix_destroy(f->relay);
	f->relay = NULL;
	if (f->conn != NULL)
		relay_client_on_end(f->client, 0);
	f->conn = NULL;
}

static void mf_on_result(void *ctx, const struct media_result *r) {
	struct mf *f = ctx;
	struct mf_result *to = &f->results[f->n_results++ % MF_RESULTS];

	*to = (struct mf_result){.owner = r->owner, .request = r->request, .status = r->status};
	assert(r->sdp.len < MF_TEXT && (r->status == 0) == (r->sdp.len > 0));
	if (r->sdp.len > 0)
		memcpy(to->sdp, r->sdp.data, r->sdp.len);
	if (f->then != NULL)
		f->then(f, r);
}

static void mf_on_event(void *ctx, uint64_t owner, const uint32_t events[2]) {
	struct mf *f = ctx;

	f->n_events++;
	f->events |= events[0] | events[1];
	f->event_owner = owner;
}

static void mf_on_final(void *ctx, uint64_t owner, const struct proto_session_state *state, bool last) {
	struct mf *f = ctx;
	struct mf_final *to = &f->finals[f->n_finals++ % MF_RESULTS];

	*to = (struct mf_final){.owner = owner, .has_state = state != NULL, .last = last};
	if (state != NULL)
		to->state = *state;
	f->n_last += last;
}

static void mf_realm(struct mf *f, int i, const char *name, const char *address, const char *second) {
	struct config_realm *r = &f->realms[i];

	snprintf(r->name, sizeof(r->name), "%s", name);
	f->media[i][0].address = f->media[i][0].advertise = fix_endpoint(address, 0);
	r->media = f->media[i];
	r->n_media = 1;
	if (second == NULL)
		return;
	f->media[i][1].address = f->media[i][1].advertise = fix_endpoint(second, 0);
	r->n_media = 2;
}

static struct relay_link mf_link(struct mf *f) {
	return (struct relay_link){f, mf_open, mf_send, mf_close};
}

static struct media_user mf_user(struct mf *f) {
	return (struct media_user){f, mf_on_result, mf_on_event, mf_on_final};
}

// Loop, config and relay, without media.
static void mf_prepare(struct mf *f, uint32_t max_sessions) {
	static char socket[] = "test";

	memset(f, 0, sizeof(*f));
	f->max_sessions = max_sessions;
	f->boot_id = 98;
	mf_realm(f, MF_ACCESS, "access", "203.0.113.1", "203.0.113.3");
	mf_realm(f, MF_CORE, "core", "198.51.100.1", NULL);
	mf_realm(f, MF_EDGE, "edge", "203.0.113.2", NULL);
	f->config = (struct config){.node_id = FIX_OWNER, .realms = f->realms, .n_realms = MF_REALMS};
	f->config.relay.control_socket = socket;
	f->config.control.max_calls = 100;
	f->config.control.media_timeout_s = MF_TIMEOUT_S;
	f->config.control.relay_deadline_ms = MF_DEADLINE_MS;
	if (loop_create_manual(&f->loop) < 0)
		abort();
	mf_relay_start(f);
}

static void mf_start(struct mf *f, uint32_t max_sessions) {
	const struct relay_link link = mf_link(f);
	const struct media_user user = mf_user(f);

	mf_prepare(f, max_sessions);
	if (media_create_over(f->loop, &f->config, &user, &link, &f->m) < 0)
		abort();
	mf_run(f);
}

static void mf_stop(struct mf *f) {
	media_destroy(f->m);
	loop_destroy(f->loop);
	if (f->relay != NULL)
		fix_destroy(f->relay);
	mf_forget(f);
}

// What the relay holds of a session, asked as an observer would.
static struct proto_session_state mf_get(struct mf *f, uint64_t session_id) {
	struct proto_session_state state = {.slot = UINT32_MAX};
	struct proto_hello hello = {.length = sizeof(hello), .role = PROTO_OBSERVER};
	struct server_conn *c = fix_open(f->relay, f->relay, true), *was = f->relay->c;

	mf_run(f);
	f->relay->c = c;
	if (fix_ask(f->relay, PROTO_HELLO, &hello, sizeof(hello), 1, NULL, 0, 0) != 0)
		abort();
	if (fix_ref(f->relay, PROTO_SESSION_GET, session_id, &state) != 0)
		state.slot = UINT32_MAX;
	fix_forget(f->relay);
	relay_conn_close(f->relay->r, c, f->relay->now);
	f->relay->c = was;
	return state;
}

#pragma GCC diagnostic pop
