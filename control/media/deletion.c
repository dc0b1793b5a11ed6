// The end of a pairing: its sessions are deleted, their final counters are told, then its handle is free.
#include "control/media/internal.h"

#include <errno.h>

static void on_quiet_reply(void *ctx, uint64_t ref, int status, struct proto_reader *items) {
	struct media *m = ctx;

	(void)ref, (void)items;
	if (status == -ETIMEDOUT)
		media_count_up(m, MEDIA_COUNTER_LATE, 1);
	else if (status < 0 && status != -ENOTCONN)
		media_count_up(m, MEDIA_COUNTER_REFUSED, 1);
}

// Where a request can't be queued, the connection is gone or given up, and the next one begins with a full account.
void media_put_quietly(struct media *m, const struct proto_session *sessions, unsigned n) {
	if (n == 0)
		return;
	(void)relay_client_send(m->client,
		&(struct relay_request){.type = PROTO_SESSION_PUT,
			.n = n,
			.items = sessions,
			.item_size = sizeof(sessions[0]),
			.fn = on_quiet_reply});
}

static int send_delete(
	struct media *m, const struct proto_session_ref *refs, unsigned n, relay_reply_fn fn, uint64_t ref) {
	int ret = relay_client_send(m->client,
		&(struct relay_request){.type = PROTO_SESSION_DELETE,
			.n = n,
			.items = refs,
			.item_size = sizeof(refs[0]),
			.fn = fn,
			.ref = ref});

	if (ret == 0)
		media_count_up(m, MEDIA_COUNTER_DELETES, n);
	return ret;
}

void media_delete_quietly(struct media *m, const struct proto_session_ref *refs, unsigned n) {
	if (n > 0)
		(void)send_delete(m, refs, n, on_quiet_reply, 0);
}

// The pairing is freed first: its user may do anything from within, but find it.
static void tell_last(
	struct media *m, uint64_t handle, struct pairing *p, const struct proto_session_state *state) {
	uint64_t owner = p->owner;

	pairing_free(m, handle, p);
	m->user.on_final(m->user.ctx, owner, state, true);
}

static void on_deleted(void *ctx, uint64_t handle, int status, struct proto_reader *items) {
	struct proto_session_state state, before;
	struct media *m = ctx;
	struct pairing *p = pool_find(m->pairings, handle);
	bool has_one = false;

	if (p == NULL)
		return;
	if (status == -ETIMEDOUT)
		media_count_up(m, MEDIA_COUNTER_LATE, 1);
	while (status == 0 && proto_read_item(items, &state, sizeof(state), sizeof(state))) {
		if (state.slot == UINT32_MAX)
			continue; // it never came to be
		if (has_one)
			m->user.on_final(m->user.ctx, p->owner, &before, false);
		before = state;
		has_one = true;
	}
	tell_last(m, handle, p, has_one ? &before : NULL);
}

static void on_nothing_left(void *ctx, uint64_t handle) {
	struct media *m = ctx;
	struct pairing *p = pool_find(m->pairings, handle);

	if (p != NULL)
		tell_last(m, handle, p, NULL);
}

void media_delete(struct media *m, uint64_t handle) {
	struct proto_session_ref refs[2 * SDP_STREAMS_MAX];
	struct pairing *p = pool_find(m->pairings, handle);
	unsigned n;

	if (p == NULL || p->ended)
		return;
	n = pairing_sessions(p, refs, 2 * SDP_STREAMS_MAX);
	p->ended = true;
	m->n_alive--;
	pairing_end(m, handle, p);
	if (n == 0 || send_delete(m, refs, n, on_deleted, handle) < 0)
		loop_timer_start(m->loop, &p->end, 0, on_nothing_left, m, handle);
}
