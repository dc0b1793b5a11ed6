// Pointers on their way from one thread to one other, several at a time.
#pragma once

#include "relay/ring.h"

enum { HAND_RING = 1024 }; // a power of two

struct hand_ring {
	struct ring ring;
	_Alignas(64) void *items[HAND_RING];
};

static inline void hand_ring_init(struct hand_ring *r) {
	ring_init(&r->ring, HAND_RING);
}

// Push the first of n items that there is room for. Returns how many.
static inline unsigned hand_ring_push(struct hand_ring *r, void *const *items, unsigned n) {
	uint64_t at, room = ring_room(&r->ring, &at);

	if (n > room)
		n = (unsigned)room;
	for (unsigned i = 0; i < n; i++)
		r->items[(at + i) & r->ring.mask] = items[i];
	ring_publish(&r->ring, n);
	return n;
}

// Take at most max items, oldest first. Returns how many.
static inline unsigned hand_ring_pop(struct hand_ring *r, void **items, unsigned max) {
	uint64_t at, filled = ring_filled(&r->ring, &at);
	unsigned n = filled < max ? (unsigned)filled : max;

	if (n == 0)
		return 0;
	for (unsigned i = 0; i < n; i++)
		items[i] = r->items[(at + i) & r->ring.mask];
	ring_release(&r->ring, n);
	return n;
}
