// The learnt endpoint of a component's slot: written by the worker, read by anyone, as a sequence lock without fences.
#pragma once

#include "relay/counter.h"
#include "relay/counters.h"

#include <string.h>

enum { LEARNT_WORDS = sizeof(struct endpoint) / sizeof(uint64_t), LEARNT_TRIES = 64 };

// Worker: write e (a zero one: nothing learnt).
static inline void learnt_write(struct component_slot *s, const struct endpoint *e) {
	uint32_t seq = counter_read32(&s->latch_seq);
	uint64_t words[LEARNT_WORDS], *to = (uint64_t *)(void *)&s->learnt;

	memcpy(words, e, sizeof(words));
	counter_set32(&s->latch_seq, seq + 1);
	// Release: who sees a new word also sees the odd number before it.
	for (unsigned i = 0; i < LEARNT_WORDS; i++)
		__atomic_store_n(&to[i], words[i], __ATOMIC_RELEASE);
	// Release: who sees the even number sees all words.
	__atomic_store_n(&s->latch_seq, seq + 2, __ATOMIC_RELEASE);
}

// Read into e. Returns the sequence number it belongs to; gives up with a zero endpoint if a writer died half way.
static inline uint32_t learnt_read(const struct component_slot *s, struct endpoint *e) {
	const uint64_t *from = (const uint64_t *)(const void *)&s->learnt;
	uint64_t words[LEARNT_WORDS];
	uint32_t before, after;

	for (unsigned tries = 0; tries < LEARNT_TRIES; tries++) {
		// Acquire: the words are read after the number …
		before = __atomic_load_n(&s->latch_seq, __ATOMIC_ACQUIRE);
		for (unsigned i = 0; i < LEARNT_WORDS; i++)
			words[i] = __atomic_load_n(&from[i], __ATOMIC_ACQUIRE);
		// … and before it is read again.
		after = counter_read32(&s->latch_seq);
		if (before == after && before % 2 == 0) {
			memcpy(e, words, sizeof(*e));
			return before;
		}
	}
	*e = (struct endpoint){0};
	return before;
}
