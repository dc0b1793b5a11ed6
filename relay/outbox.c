#include "relay/outbox.h"

#include "relay/core.h"

#include <assert.h>

void outbox_init(struct outbox *o) {
	for (unsigned i = 0; i < RELAY_WORKERS_MAX; i++)
		o->lanes[i].first = o->lanes[i].last = SESSION_NONE;
}

void outbox_touch(struct relay *r, uint32_t slot) {
	struct session *s = &r->store.sessions[slot];
	struct outbox_lane *lane = &r->outbox.lanes[s->owner];
	uint64_t number = ++r->outbox.touches;

	if (s->queued)
		return; // its earlier place will carry this change too
	s->queued = true;
	s->touch = number;
	s->next = SESSION_NONE;
	if (lane->last != SESSION_NONE)
		r->store.sessions[lane->last].next = slot;
	else
		lane->first = slot;
	lane->last = slot;
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

static void send_lane(struct relay *r, struct outbox_lane *lane, struct relay_worker *w) {
	uint64_t at;

	while (lane->first != SESSION_NONE) {
		uint32_t slot = lane->first;
		struct session *s = &r->store.sessions[slot];

		if (!ring_can_push(&w->ring, &at))
			break;
		session_command(r, slot, &w->commands[at & w->ring.mask]);
		lane->sent[at & w->ring.mask] =
			(struct outbox_sent){s->touch, slot, s->state == SESSION_CLEARING};
		ring_push(&w->ring);
		s->queued = false;
		lane->first = s->next;
		if (lane->first == SESSION_NONE)
			lane->last = SESSION_NONE;
	}
}

void outbox_send(struct relay *r) {
	for (unsigned i = 0; i < r->params.n_workers; i++)
		send_lane(r, &r->outbox.lanes[i], r->workers[i]);
}

static uint64_t lane_done(const struct relay *r, unsigned worker) {
	const struct outbox_lane *lane = &r->outbox.lanes[worker];
	const struct ring *ring = &r->workers[worker]->ring;
	uint64_t head = atomic_load_explicit(&ring->head, memory_order_relaxed); // main's own

	if (lane->reaped != head)
		return lane->sent[lane->reaped & ring->mask].touch - 1;
	if (lane->first != SESSION_NONE)
		return r->store.sessions[lane->first].touch - 1;
	return r->outbox.touches;
}

uint64_t outbox_done(const struct relay *r) {
	uint64_t done = lane_done(r, 0);

	for (unsigned i = 1; i < r->params.n_workers; i++) {
		uint64_t d = lane_done(r, i);

		if (d < done)
			done = d;
	}
	return done;
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

static void reap_lane(struct relay *r, struct outbox_lane *lane, struct ring *ring, uint64_t now_ns) {
	uint64_t consumed = ring_consumed(ring);

	for (; lane->reaped != consumed; lane->reaped++) {
		const struct outbox_sent *sent = &lane->sent[lane->reaped & ring->mask];

		if (sent->clear)
			session_cleared(r, sent->slot, now_ns);
	}
}

void outbox_reap(struct relay *r, uint64_t now_ns) {
	for (unsigned i = 0; i < r->params.n_workers; i++)
		reap_lane(r, &r->outbox.lanes[i], &r->workers[i]->ring, now_ns);
	release_due(r, now_ns);
}
