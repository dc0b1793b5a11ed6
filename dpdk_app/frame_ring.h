// Frames from one thread to one other, copied: what is in here holds no packet buffer, so a reader that is behind can't
// starve receive, and only workers touch the buffers' pool.
#pragma once

#include "relay/ring.h"

#include <assert.h>
#include <stddef.h>

enum { FRAME_BYTES = 2048 - 4 }; // more than an MTU of 1500 and two VLAN tags need

struct frame {
	uint16_t length, port;
	uint8_t data[FRAME_BYTES];
};
static_assert(sizeof(struct frame) == 2048);

struct frame_ring {
	struct ring ring;
	struct frame *frames; // owned
};

// n: a power of two. Returns 0 or -ENOMEM.
[[nodiscard]] int frame_ring_init(struct frame_ring *r, uint64_t n);
void frame_ring_fini(struct frame_ring *r); // of one that is all zeros, too

// Producer: the frame to fill, NULL when the reader is behind; then hand it over.
static inline struct frame *frame_ring_next(struct frame_ring *r) {
	uint64_t at;

	return ring_can_push(&r->ring, &at) ? &r->frames[at & r->ring.mask] : NULL;
}

static inline void frame_ring_push(struct frame_ring *r) {
	ring_push(&r->ring);
}

// Consumer: the oldest frame, NULL if there is none; then give it back.
static inline const struct frame *frame_ring_first(struct frame_ring *r) {
	uint64_t at;

	return ring_can_pop(&r->ring, &at) ? &r->frames[at & r->ring.mask] : NULL;
}

static inline void frame_ring_pop(struct frame_ring *r) {
	ring_pop(&r->ring);
}
