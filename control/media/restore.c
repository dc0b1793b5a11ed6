// The relay is there (again): what it holds must be what we hold. All pairings are put as they were last agreed to, at
// the ports they have, whether the relay is the same or a new one: PUT says the whole state, so that a change that was
// under way when the connection broke is undone by it too. Then SYNC_DONE sweeps whatever is left of ours.
#include "control/media/internal.h"

#include "config/log.h"

#include <errno.h>

// Puts under way at a time: enough to keep the relay busy, far from what it can take.
enum { WINDOW = 64 };

static void pump(struct media *m);

static void on_swept(void *ctx, uint64_t ref, int status, struct proto_reader *items) {
	struct media *m = ctx;

	(void)ref, (void)items;
	if (status < 0 && status != -ENOTCONN)
		relay_client_break(m->client, strerror(-status));
}

void restore_stop(struct media *m) {
	m->restore = (struct restore){0};
}

static bool ports_are_kept(const struct pairing *p, struct proto_reader *items) {
	struct proto_put_result r;

	while (proto_read_item(items, &r, sizeof(r), sizeof(r))) {
		for (unsigned i = 0; i < p->n_streams; i++) {
			const struct proto_session *session = &p->streams[i]->now.session;

			if (session->session_id != r.session_id)
				continue;
			for (int side = 0; side < 2; side++) {
				if (!endpoint_equal(&r.local[side], &session->side[side].local))
					return false;
			}
		}
	}
	return items->left == 0;
}

// Its media is dead and stays so: for the call that is the end of a silence.
static void say_lost(struct media *m, const struct pairing *p, const char *why) {
	log_warning("call id=%016llx media_restore=failed why=\"%s\"", (unsigned long long)p->call_id, why);
	m->user.on_event(
		m->user.ctx, p->owner, (const uint32_t[2]){EVENT_MEDIA_TIMEOUT, EVENT_MEDIA_TIMEOUT});
}

static void on_put_again(void *ctx, uint64_t handle, int status, struct proto_reader *items) {
	struct media *m = ctx;
	struct pairing *p = pool_find(m->pairings, handle);

	if (status == -ENOTCONN)
		return;
	if (status == -ETIMEDOUT || status == -EAGAIN) {
		relay_client_break(m->client, strerror(-status)); // begins anew
		return;
	}
	if (p != NULL && !p->ended) {
		if (status < 0)
			say_lost(m, p, strerror(-status));
		else if (!ports_are_kept(p, items))
			say_lost(m, p, "other ports");
	}
	if (m->restore.running) {
		m->restore.under_way--;
		pump(m);
	}
}

// A new relay has told no event yet, and needs to know what the old one had learnt.
static unsigned wanted_sessions(const struct media *m, struct pairing *p, struct proto_session *out) {
	unsigned n = 0;

	for (unsigned i = 0; i < p->n_streams; i++) {
		struct stream *s = p->streams[i];

		if (s->session_id == 0)
			continue;
		out[n] = s->now.session;
		for (int side = 0; side < 2 && m->restore.relay_is_new; side++) {
			memcpy(out[n].side[side].learnt, s->learnt[side], sizeof(s->learnt[side]));
			s->events[side] = 0;
		}
		n++;
	}
	return n;
}

static void put_again(struct media *m, uint64_t handle, struct pairing *p) {
	struct proto_session sessions[SDP_STREAMS_MAX];
	unsigned n = p->ended ? 0 : wanted_sessions(m, p, sessions);
	struct relay_request r = {.type = PROTO_SESSION_PUT,
		.n = n,
		.items = sessions,
		.item_size = sizeof(sessions[0]),
		.fn = on_put_again,
		.ref = handle};

	if (n == 0 || relay_client_send(m->client, &r) < 0)
		return;
	m->restore.under_way++;
	m->restore.n_sessions += n;
	if (m->restore.relay_is_new)
		media_count_up(m, MEDIA_COUNTER_RESTORED, n);
}

static void pump(struct media *m) {
	struct restore *r = &m->restore;

	while (!r->all_sent && r->under_way < WINDOW && relay_client_is_up(m->client)) {
		struct pairing *p = pool_next(m->pairings, r->cursor, &r->cursor);

		if (p != NULL) {
			put_again(m, r->cursor, p);
			continue;
		}
		r->all_sent = true;
		if (relay_client_send(
			    m->client, &(struct relay_request){.type = PROTO_SYNC_DONE, .fn = on_swept}) < 0)
			return;
	}
	if (!r->all_sent || r->under_way > 0)
		return;
	r->running = false;
	if (r->n_sessions > 0)
		log_info("media restored_sessions=%u new_relay=%d took_ms=%llu", r->n_sessions,
			r->relay_is_new, (unsigned long long)(loop_now_ms(m->loop) - r->begun_ms));
}

void restore_begin(struct media *m, uint64_t boot_id) {
	m->restore = (struct restore){.running = true,
		.relay_is_new = m->boot_id != 0 && m->boot_id != boot_id,
		.begun_ms = loop_now_ms(m->loop)};
	m->boot_id = boot_id;
	pump(m);
}
