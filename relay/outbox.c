#include "relay/outbox.h"

#include "relay/core.h"

#include <assert.h>

void outbox_init(struct outbox *o) {
	o->first = o->last = SESSION_NONE;
}

void outbox_touch(struct relay *r, uint32_t slot) {
	struct outbox *o = &r->outbox;
	struct session *s = &r->store.sessions[slot];

	o->touches++;
	if (s->queued)
		return; // its earlier place will carry this change too
	s->queued = true;
	s->touch = o->touches;
	s->next = SESSION_NONE;
	if (o->last != SESSION_NONE)
		r->store.sessions[o->last].next = slot;
	else
		o->first = slot;
	o->last = slot;
}

bool outbox_has_room(const struct relay *r, uint32_t n_sessions) {
	return OUTBOX_RELEASES - r->outbox.n_releases >= n_sessions * OUTBOX_RELEASES_PER_SESSION;
}

// The number is one that the session's own touch, which follows, will have at the latest.
static struct outbox_release *add_release(struct outbox *o) {
	assert(o->n_releases < OUTBOX_RELEASES);

	struct outbox_release *release = &o->releases[(o->first_release + o->n_releases++) % OUTBOX_RELEASES];

	*release = (struct outbox_release){.touch = o->touches + 1};
	return release;
}

void outbox_release_hop(struct relay *r, uint32_t hop) {
	if (hop != 0)
		add_release(&r->outbox)->hop = hop;
}

void outbox_release_ports(struct relay *r, uint16_t media, uint16_t port) {
	struct outbox_release *release = add_release(&r->outbox);

	release->media = media;
	release->port = port;
}

void outbox_send(struct relay *r) {
	struct outbox *o = &r->outbox;
	uint64_t at;

	while (o->first != SESSION_NONE) {
		uint32_t slot = o->first;
		struct session *s = &r->store.sessions[slot];
		struct relay_worker *w = core_owner(r, slot);

		if (!ring_can_push(&w->ring, &at))
			break;
		session_command(r, slot, &w->commands[at & w->ring.mask]);
		o->sent[at & w->ring.mask] =
			(struct outbox_sent){s->touch, slot, s->state == SESSION_CLEARING};
		ring_push(&w->ring);
		s->queued = false;
		o->first = s->next;
		if (o->first == SESSION_NONE)
			o->last = SESSION_NONE;
	}
}

uint64_t outbox_done(const struct relay *r) {
	const struct outbox *o = &r->outbox;
	const struct ring *ring = &r->workers[0]->ring;
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); // main's own

	if (o->reaped != head)
		return o->sent[o->reaped & ring->mask].touch - 1;
	if (o->first != SESSION_NONE)
		return r->store.sessions[o->first].touch - 1;
	return o->touches;
}

static void release_due(struct relay *r, uint64_t now_ns) {
	struct outbox *o = &r->outbox;
	uint64_t done = outbox_done(r);

	while (o->n_releases > 0 && o->releases[o->first_release].touch <= done) {
		const struct outbox_release *release = &o->releases[o->first_release];

		if (release->port != 0)
			port_pool_give(&r->pools[release->media], release->port, now_ns);
		else
			r->params.next_hop_put(r->params.next_hop_ctx, release->hop);
		o->first_release = (o->first_release + 1) % OUTBOX_RELEASES;
		o->n_releases--;
	}
}

void outbox_reap(struct relay *r, uint64_t now_ns) {
	struct outbox *o = &r->outbox;
	struct ring *ring = &r->workers[0]->ring;
	uint64_t consumed = ring_consumed(ring);

	for (; o->reaped != consumed; o->reaped++) {
		const struct outbox_sent *sent = &o->sent[o->reaped & ring->mask];

		if (sent->clear)
			session_cleared(r, sent->slot, now_ns);
	}
	release_due(r, now_ns);
}
