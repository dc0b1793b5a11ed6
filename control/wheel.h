// Timers in a hierarchical wheel, 1 ms ticks: start, stop and expiry cost O(1) each. The loop's; others use loop.h.
#pragma once

#include "control/loop.h"

enum { WHEEL_LEVELS = 5, WHEEL_SLOTS = 256, WHEEL_WORDS = WHEEL_SLOTS / 64 };

// Level n holds what is due within the current 256^(n+1) ms and not within the current 256^n: the highest byte in which
// due and now differ names the level, that byte of due the slot. What was started first expires first.
struct wheel {
	uint64_t now_ms; // everything due until here has been moved to ready
	struct timer *ready; // in order
	struct timer *soon; // started when already due; newest first
	struct timer *slots[WHEEL_LEVELS][WHEEL_SLOTS]; // newest first
	uint64_t used[WHEEL_LEVELS][WHEEL_WORDS]; // a bit a slot that may hold something: stop leaves it
};

void wheel_init(struct wheel *w, uint64_t now_ms);
// t->due_ms is set; t isn't running.
void wheel_add(struct wheel *w, struct timer *t);
void wheel_del(struct timer *t);
// Lets what was already due when it was started expire: once a turn, so that a timer of 0 ms can't hold one up forever.
void wheel_take_soon(struct wheel *w);
// The next timer due until to_ms, stopped, moving now_ms along; NULL when there is none (now_ms is to_ms then).
struct timer *wheel_expire(struct wheel *w, uint64_t to_ms);
// When to look again: never later than the next timer is due. UINT64_MAX: nothing is running.
uint64_t wheel_next_ms(const struct wheel *w);
