// Indices of a ring with one producer and one consumer thread; the array belongs to the user, who fills the entry
// before ring_push (several before ring_publish) and reads it before ring_pop (ring_release). Positions count up for ever; an entry's place is position & mask.
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ring {
	// Fixed.
	uint64_t mask;

	// The producer writes.
	_Alignas(64) _Atomic(uint64_t) head;

	// The consumer writes.
	_Alignas(64) _Atomic(uint64_t) tail;
};

// size: a power of two.
static inline void ring_init(struct ring *r, uint64_t size) {
	r->mask = size - 1;
	atomic_init(&r->head, 0);
	atomic_init(&r->tail, 0);
}

// Producer: how many entries can be written, from position *at on.
static inline uint64_t ring_room(struct ring *r, uint64_t *at) {
	*at = atomic_load_explicit(&r->head, memory_order_relaxed);
	// Acquire: the consumer has finished reading the entries before they are written over.
	return r->mask + 1 - (*at - atomic_load_explicit(&r->tail, memory_order_acquire));
}

static inline bool ring_can_push(struct ring *r, uint64_t *at) {
	return ring_room(r, at) > 0;
}

// Producer: the next n entries are written.
static inline void ring_publish(struct ring *r, uint64_t n) {
	uint64_t at = atomic_load_explicit(&r->head, memory_order_relaxed);

	// Release: the entries are whole before the consumer can see them.
	atomic_store_explicit(&r->head, at + n, memory_order_release);
}

static inline void ring_push(struct ring *r) {
	ring_publish(r, 1);
}

// Consumer: how many entries can be read, from position *at on.
static inline uint64_t ring_filled(struct ring *r, uint64_t *at) {
	*at = atomic_load_explicit(&r->tail, memory_order_relaxed);
	// Acquire: the entries' bytes are read after the producer made them visible.
	return atomic_load_explicit(&r->head, memory_order_acquire) - *at;
}

static inline bool ring_can_pop(struct ring *r, uint64_t *at) {
	return ring_filled(r, at) > 0;
}

// Consumer: the next n entries have been read.
static inline void ring_release(struct ring *r, uint64_t n) {
	uint64_t at = atomic_load_explicit(&r->tail, memory_order_relaxed);

	// Release: all that was done for the entries is visible to a producer that sees them consumed.
	atomic_store_explicit(&r->tail, at + n, memory_order_release);
}

static inline void ring_pop(struct ring *r) {
	ring_release(r, 1);
}

// Producer: all entries before this position have been consumed, and what the consumer did for them is visible.
static inline uint64_t ring_consumed(struct ring *r) {
	return atomic_load_explicit(&r->tail, memory_order_acquire);
}
