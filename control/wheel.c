#include "control/wheel.h"

#include <stddef.h>

enum { LEVEL_BITS = 8, SLOT_MASK = WHEEL_SLOTS - 1 };

static const uint64_t longest_ms = (UINT64_C(1) << (WHEEL_LEVELS * LEVEL_BITS)) - 1;

static void push(struct timer **list, struct timer *t) {
	t->next = *list;
	t->link = list;
	if (t->next != NULL)
		t->next->link = &t->next;
	*list = t;
}

static void put_behind(struct timer **end, struct timer *t) {
	t->next = NULL;
	t->link = end;
	*end = t;
}

static struct timer *take_all(struct timer **list) {
	struct timer *first = *list;

	*list = NULL;
	return first;
}

// Slots are filled at the front; turning them round gives back the order of starting.
static struct timer *reverse(struct timer *list) {
	struct timer *reversed = NULL;

	while (list != NULL) {
		struct timer *next = list->next;

		list->next = reversed;
		reversed = list;
		list = next;
	}
	return reversed;
}

void wheel_init(struct wheel *w, uint64_t now_ms) {
	*w = (struct wheel){.now_ms = now_ms};
}

static unsigned slot_of(uint64_t ms, unsigned level) {
	return ms >> (level * LEVEL_BITS) & SLOT_MASK;
}

static void put_in_slot(struct wheel *w, struct timer *t) {
	uint64_t differs = (t->due_ms ^ w->now_ms) | 1; // equal: level 0
	unsigned level = (63 - (unsigned)__builtin_clzll(differs)) / LEVEL_BITS;
	unsigned slot = slot_of(t->due_ms, level);

	push(&w->slots[level][slot], t);
	w->used[level][slot / 64] |= UINT64_C(1) << (slot % 64);
}

void wheel_add(struct wheel *w, struct timer *t) {
	if (t->due_ms > (w->now_ms | longest_ms))
		t->due_ms = w->now_ms | longest_ms; // decades from now
	if (t->due_ms <= w->now_ms)
		push(&w->soon, t);
	else
		put_in_slot(w, t);
}

void wheel_del(struct timer *t) {
	if (t->link == NULL)
		return;
	*t->link = t->next;
	if (t->next != NULL)
		t->next->link = t->link;
	t->next = NULL;
	t->link = NULL;
}

static void make_ready(struct wheel *w, struct timer *list) {
	struct timer **end = &w->ready;

	while (*end != NULL)
		end = &(*end)->next;
	while (list != NULL) {
		struct timer *next = list->next;

		put_behind(end, list);
		end = &list->next;
		list = next;
	}
}

void wheel_take_soon(struct wheel *w) {
	make_ready(w, reverse(take_all(&w->soon)));
}

static struct timer *empty_slot(struct wheel *w, unsigned level, unsigned slot) {
	w->used[level][slot / 64] &= ~(UINT64_C(1) << (slot % 64));
	return reverse(take_all(&w->slots[level][slot]));
}

// now_ms has just entered a new window of the levels below `level`: what is due in it moves down.
static void cascade(struct wheel *w, unsigned level) {
	struct timer *list = empty_slot(w, level, slot_of(w->now_ms, level));

	while (list != NULL) {
		struct timer *next = list->next;

		put_in_slot(w, list);
		list = next;
	}
}

static void enter(struct wheel *w, uint64_t ms) {
	w->now_ms = ms;
	for (unsigned level = WHEEL_LEVELS - 1; level > 0; level--) {
		if ((ms & ((UINT64_C(1) << (level * LEVEL_BITS)) - 1)) == 0)
			cascade(w, level);
	}
	make_ready(w, empty_slot(w, 0, slot_of(ms, 0)));
}

// The first used slot behind `slot` of a level, or WHEEL_SLOTS.
static unsigned next_used(const struct wheel *w, unsigned level, unsigned slot) {
	for (unsigned from = slot + 1; from < WHEEL_SLOTS; from = (from / 64 + 1) * 64) {
		uint64_t bits = w->used[level][from / 64] >> (from % 64);

		if (bits != 0)
			return from + (unsigned)__builtin_ctzll(bits);
	}
	return WHEEL_SLOTS;
}

// When now_ms meets a used slot next: a timer's time, or the start of a window that holds some.
static uint64_t next_stop_ms(const struct wheel *w) {
	for (unsigned level = 0; level < WHEEL_LEVELS; level++) {
		unsigned shift = level * LEVEL_BITS;
		unsigned slot = next_used(w, level, slot_of(w->now_ms, level));

		if (slot < WHEEL_SLOTS)
			return ((w->now_ms >> shift & ~(uint64_t)SLOT_MASK) | slot) << shift;
	}
	return UINT64_MAX;
}

uint64_t wheel_next_ms(const struct wheel *w) {
	return w->ready != NULL || w->soon != NULL ? w->now_ms : next_stop_ms(w);
}

struct timer *wheel_expire(struct wheel *w, uint64_t to_ms) {
	struct timer *t;

	while (w->ready == NULL) {
		uint64_t next_ms = next_stop_ms(w);

		if (next_ms > to_ms) {
			if (to_ms > w->now_ms)
				w->now_ms = to_ms;
			return NULL;
		}
		enter(w, next_ms);
	}
	t = w->ready;
	wheel_del(t);
	return t;
}
