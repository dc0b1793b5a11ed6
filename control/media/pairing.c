#include "control/media/internal.h"

#include <errno.h>
#include <stdlib.h>

static struct span key_of(const uint64_t *session_id) {
	return (struct span){(const char *)session_id, sizeof(*session_id)};
}

struct stream *pairing_find_session(
	struct media *m, uint64_t session_id, uint64_t *handle, struct pairing **p) {
	const struct map_node *n = map_find(m->sessions, key_of(&session_id));

	*p = n == NULL ? NULL : pool_find(m->pairings, n->value);
	if (*p == NULL)
		return NULL;
	*handle = n->value;
	for (unsigned i = 0; i < (*p)->n_streams; i++) {
		if ((*p)->streams[i]->session_id == session_id)
			return (*p)->streams[i];
	}
	return NULL;
}

int pairing_reserve(struct pairing *p, unsigned n) {
	for (unsigned i = 0; i < n; i++) {
		if (p->streams[i] == NULL)
			p->streams[i] = calloc(1, sizeof(*p->streams[i]));
		if (p->streams[i] == NULL)
			return -ENOMEM;
	}
	return 0;
}

static void name_stream(struct media *m, uint64_t handle, struct stream *s, uint64_t session_id) {
	if (s->session_id == session_id)
		return;
	map_del(m->sessions, &s->node);
	s->node = (struct map_node){0};
	s->session_id = session_id;
	memset(s->learnt, 0, sizeof(s->learnt));
	memset(s->events, 0, sizeof(s->events));
	if (session_id != 0)
		map_add(m->sessions, &s->node, key_of(&s->session_id), handle);
}

// A raised epoch alone (a fork) keeps what was learnt, as the relay does.
static void forget_learnt(struct stream *s, const struct stream_state *next) {
	for (int i = 0; i < 2; i++) {
		const struct proto_side *was = &s->now.session.side[i], *now = &next->session.side[i];

		if (memcmp(was->remote, now->remote, sizeof(was->remote)) != 0 ||
			!endpoint_equal(&was->vouched, &now->vouched) ||
			!endpoint_equal(&was->local, &now->local))
			memset(s->learnt[i], 0, sizeof(s->learnt[i]));
	}
}

void pairing_commit(struct media *m, uint64_t handle, struct pairing *p, const struct exchange *x) {
	struct proto_session_ref gone[SDP_STREAMS_MAX];
	unsigned n_gone = 0;

	for (unsigned i = 0; i < x->plan.n; i++) {
		struct stream *s = p->streams[i];
		const struct stream_state *next = &x->plan.states[i];

		if (s->session_id != 0 && next->session.session_id == 0)
			gone[n_gone++] = (struct proto_session_ref){.session_id = s->session_id};
		forget_learnt(s, next);
		stream_set_timeout(s, next->session.media_timeout_ms);
		name_stream(m, handle, s, next->session.session_id);
		s->now = *next;
	}
	memcpy(p->party, x->plan.party, sizeof(p->party));
	p->n_streams = x->plan.n;
	if (!x->is_answer) {
		p->offered = true;
		p->offered_by = x->from;
	}
	media_delete_quietly(m, gone, n_gone);
}

void pairing_drop_exchange(struct pairing *p) {
	struct exchange *x = p->first;

	p->first = x->next;
	if (p->first == NULL)
		p->last = NULL;
	p->n_exchanges--;
	free(x);
}

static bool add_ref(struct proto_session_ref *out, unsigned n, uint64_t session_id) {
	for (unsigned i = 0; i < n; i++) {
		if (out[i].session_id == session_id)
			return false;
	}
	out[n] = (struct proto_session_ref){.session_id = session_id};
	return true;
}

unsigned pairing_sessions(const struct pairing *p, struct proto_session_ref *out, unsigned max) {
	unsigned n = 0;

	for (unsigned i = 0; i < SDP_STREAMS_MAX && p->streams[i] != NULL && n < max; i++) {
		if (p->streams[i]->session_id != 0)
			n += add_ref(out, n, p->streams[i]->session_id);
	}
	for (unsigned i = 0; p->busy && i < p->first->plan.n && n < max; i++) {
		if (p->first->plan.states[i].session.session_id != 0)
			n += add_ref(out, n, p->first->plan.states[i].session.session_id);
	}
	return n;
}

void pairing_end(struct media *m, uint64_t handle, struct pairing *p) {
	while (p->first != NULL)
		pairing_drop_exchange(p);
	for (unsigned i = 0; i < SDP_STREAMS_MAX && p->streams[i] != NULL; i++) {
		name_stream(m, handle, p->streams[i], 0);
		free(p->streams[i]);
		p->streams[i] = NULL;
	}
	p->n_streams = 0;
	p->busy = false;
}

void pairing_free(struct media *m, uint64_t handle, struct pairing *p) {
	pairing_end(m, handle, p);
	loop_timer_stop(m->loop, &p->end);
	pool_del(m->pairings, handle);
}
