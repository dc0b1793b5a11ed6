// Indices of a ring with one producer and one consumer thread; the array belongs to the user, who fills the entry
// before ring_push and reads it before ring_pop. Positions count up for ever; an entry's place is position & mask.
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

// Producer: true if an entry can be written, its position in *at.
static inline bool ring_can_push(struct ring *r, uint64_t *at) {
	*at = atomic_load_explicit(&r->head, memory_order_relaxed);
	// Acquire: the consumer has finished reading the entry before it is written over.
	return *at - atomic_load_explicit(&r->tail, memory_order_acquire) <= r->mask;
}

static inline void ring_push(struct ring *r) {
	uint64_t at = atomic_load_explicit(&r->head, memory_order_relaxed);

	// Release: the entry is whole before the consumer can see it.
	atomic_store_explicit(&r->head, at + 1, memory_order_release);
}

// Consumer: true if there is an entry to read, its position in *at.
static inline bool ring_can_pop(struct ring *r, uint64_t *at) {
	*at = atomic_load_explicit(&r->tail, memory_order_relaxed);
	// Acquire: the entry's bytes are read after the producer made it visible.
	return *at != atomic_load_explicit(&r->head, memory_order_acquire);
}

static inline void ring_pop(struct ring *r) {
	uint64_t at = atomic_load_explicit(&r->tail, memory_order_relaxed);

	// Release: all that was done for the entry is visible to a producer that sees it consumed.
	atomic_store_explicit(&r->tail, at + 1, memory_order_release);
}

// Producer: all entries before this position have been consumed, and what the consumer did for them is visible.
static inline uint64_t ring_consumed(struct ring *r) {
	return atomic_load_explicit(&r->tail, memory_order_acquire);
}
