// An offer or answer from its turn to its result:
//
//	queued ──► planned ──► put ──► committed, described ──► result 0
//	              │          │
//	              │          └─ refused, late, relay lost: as before it, result says why
//	              └─ not to be had: result says why; nothing to put (a repeated answer): committed at once
//
// A pairing's exchanges go one after the other, so that each plans on what the relay has agreed to.
#include "control/media/internal.h"

#include "config/log.h"

#include <errno.h>

static int to_status(int ret) {
	switch (-ret) {
	case E2BIG:
		return EBADMSG;
	case ENOMEM:
	case EADDRNOTAVAIL:
	case EADDRINUSE:
	case EAGAIN:
		return ENOSPC;
	case 0:
	case EBADMSG:
	case ENOTSUP:
	case ENOSPC:
	case ETIMEDOUT:
	case ENOTCONN:
		return -ret;
	default:
		return EINVAL;
	}
}

// The exchange is over; its user may do anything to the pairing from within.
static void finish(struct media *m, struct pairing *p, int ret) {
	struct media_result r = {.owner = p->owner, .request = p->first->request};

	p->busy = false;
	if (ret == 0)
		ret = describe(m, p, p->first, &r.sdp);
	r.status = to_status(ret);
	if (ret < 0)
		r.sdp = (struct span){0};
	pairing_drop_exchange(p);
	m->user.on_result(m->user.ctx, &r);
}

static bool is_same(const struct proto_session *a, const struct proto_session *b) {
	return memcmp(a, b, sizeof(*a)) == 0;
}

static unsigned changed_sessions(
	const struct pairing *p, const struct plan *plan, struct proto_session *out) {
	unsigned n = 0;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct proto_session *next = &plan->states[i].session;

		if (next->session_id != 0 && !is_same(next, &p->streams[i]->now.session))
			out[n++] = *next;
	}
	return n;
}

static int take_ports(struct plan *plan, const struct proto_put_result *r) {
	for (unsigned i = 0; i < plan->n; i++) {
		struct proto_session *session = &plan->states[i].session;

		if (session->session_id != r->session_id)
			continue;
		for (int side = 0; side < 2; side++)
			session->side[side].local = r->local[side];
		return 0;
	}
	return -EBADMSG;
}

static int take_results(struct pairing *p, struct proto_reader *items) {
	struct proto_session sent[SDP_STREAMS_MAX];
	unsigned n = changed_sessions(p, &p->first->plan, sent);
	struct proto_put_result r;

	if (items->left != n)
		return -EBADMSG;
	while (n-- > 0) {
		if (!proto_read_item(items, &r, sizeof(r), sizeof(r)) || take_ports(&p->first->plan, &r) < 0)
			return -EBADMSG;
	}
	return 0;
}

// The relay may still do what it was asked, late. Requests are served in order, so what follows undoes it.
static void undo(struct media *m, const struct pairing *p) {
	struct proto_session before[SDP_STREAMS_MAX];
	struct proto_session_ref made[SDP_STREAMS_MAX];
	unsigned n_before = 0, n_made = 0;

	for (unsigned i = 0; i < p->first->plan.n; i++) {
		const struct proto_session *was = &p->streams[i]->now.session;
		const struct proto_session *next = &p->first->plan.states[i].session;

		if (next->session_id == 0 || is_same(was, next))
			continue;
		if (was->session_id == next->session_id)
			before[n_before++] = *was;
		else
			made[n_made++] = (struct proto_session_ref){.session_id = next->session_id};
	}
	media_put_quietly(m, before, n_before);
	media_delete_quietly(m, made, n_made);
}

static void note_refusal(struct media *m, const struct pairing *p, int status) {
	if (status == -ETIMEDOUT)
		media_count_up(m, MEDIA_COUNTER_LATE, 1);
	else if (status == -ENOSPC || status == -EADDRNOTAVAIL)
		media_count_up(m, MEDIA_COUNTER_EXHAUSTED, 1);
	if (status == -ETIMEDOUT || status == -ENOTCONN)
		return;
	media_count_up(m, MEDIA_COUNTER_REFUSED, 1);
	if (log_gate_open(&m->gate, "relay put=refused", loop_now_ms(m->loop) * 1000000, 5))
		log_warning("call id=%016llx media_put=refused why=\"%s\"", (unsigned long long)p->call_id,
			strerror(-status));
}

static void on_put(void *ctx, uint64_t handle, int status, struct proto_reader *items) {
	struct media *m = ctx;
	struct pairing *p = pool_find(m->pairings, handle);

	if (p == NULL || p->ended)
		return; // its sessions are being deleted
	if (status < 0) {
		note_refusal(m, p, status);
		if (status == -ETIMEDOUT)
			undo(m, p);
	} else if (take_results(p, items) < 0) {
		relay_client_break(m->client, "a reply that doesn't fit the sessions put");
		status = -ENOTCONN;
	} else {
		pairing_commit(m, handle, p, p->first);
	}
	finish(m, p, status);
	exchange_run(m, handle);
}

// Returns -EINPROGRESS: the relay was asked.
static int start(struct media *m, uint64_t handle, struct pairing *p) {
	struct exchange *x = p->first;
	struct proto_session sessions[SDP_STREAMS_MAX];
	unsigned n;
	int ret = sdp_parse((struct span){x->text, x->len}, &m->sdp);

	if (ret == 0)
		ret = pairing_reserve(p, m->sdp.n_streams);
	if (ret == 0)
		ret = plan_make(m->config, p, x, &m->sdp, &m->next_id, &x->plan);
	if (ret < 0)
		return ret;
	n = changed_sessions(p, &x->plan, sessions);
	if (n == 0) {
		pairing_commit(m, handle, p, x);
		return 0;
	}
	if (!media_is_connected(m))
		return -ENOTCONN;
	ret = relay_client_send(m->client,
		&(struct relay_request){.type = PROTO_SESSION_PUT,
			.n = n,
			.items = sessions,
			.item_size = sizeof(sessions[0]),
			.fn = on_put,
			.ref = handle});
	if (ret < 0)
		return ret;
	p->busy = true;
	media_count_up(m, MEDIA_COUNTER_PUTS, n);
	return -EINPROGRESS;
}

static void set_timeouts(struct media *m, struct pairing *p) {
	struct proto_session sessions[SDP_STREAMS_MAX];
	unsigned n = 0;

	p->set_timeout = false;
	for (unsigned i = 0; i < p->n_streams; i++) {
		struct stream *s = p->streams[i];
		uint32_t ms = plan_timeout_ms(m->config, p, &s->now);

		if (s->now.session.session_id == 0 || s->now.session.media_timeout_ms == ms)
			continue;
		stream_set_timeout(s, ms);
		sessions[n++] = s->now.session;
	}
	media_put_quietly(m, sessions, n);
}

void exchange_run(void *ctx, uint64_t handle) {
	struct media *m = ctx;

	for (;;) {
		struct pairing *p = pool_find(m->pairings, handle);
		int ret;

		if (p == NULL || p->ended || p->busy)
			return;
		if (p->set_timeout)
			set_timeouts(m, p);
		if (p->first == NULL)
			return;
		ret = start(m, handle, p);
		if (ret == -EINPROGRESS)
			return;
		finish(m, p, ret);
	}
}
