#include "relay/session_store.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

static uint64_t rotl(uint64_t v, unsigned n) {
	return v << n | v >> (64 - n);
}

static void sip_round(uint64_t v[4]) {
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotl(v[1], 13) ^ v[0];
	v[3] = rotl(v[3], 16) ^ v[2];
	v[0] = rotl(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotl(v[1], 17) ^ v[2];
	v[3] = rotl(v[3], 21) ^ v[0];
	v[2] = rotl(v[2], 32);
}

static void sip_word(uint64_t v[4], uint64_t word) {
	v[3] ^= word;
	sip_round(v);
	sip_round(v);
	v[0] ^= word;
}

uint64_t siphash_u64(const uint64_t key[2], uint64_t word) {
	uint64_t v[4] = {
		key[0] ^ 0x736f6d6570736575u,
		key[1] ^ 0x646f72616e646f6du,
		key[0] ^ 0x6c7967656e657261u,
		key[1] ^ 0x7465646279746573u,
	};

	sip_word(v, word);
	sip_word(v, 8ull << 56); // the length
	v[2] ^= 0xff;
	for (int i = 0; i < 4; i++)
		sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

static uint32_t table_size(uint32_t max) {
	uint32_t n = 16;

	while (n < 2 * (uint64_t)max)
		n *= 2;
	return n;
}

int session_store_init(struct session_store *s, uint32_t max, const uint64_t key[2]) {
	uint32_t n = table_size(max);

	*s = (struct session_store){.max = max, .table_mask = n - 1, .key = {key[0], key[1]}};
	s->ids = calloc(max, sizeof(*s->ids));
	s->call_ids = calloc(max, sizeof(*s->call_ids));
	s->sessions = calloc(max, sizeof(*s->sessions));
	s->table = calloc(n, sizeof(*s->table));
	s->free_slots = calloc(max, sizeof(*s->free_slots));
	if (s->ids == NULL || s->call_ids == NULL || s->sessions == NULL || s->table == NULL ||
		s->free_slots == NULL) {
		session_store_fini(s);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < max; i++)
		s->free_slots[i] = max - 1 - i;
	s->n_free = max;
	return 0;
}

void session_store_fini(struct session_store *s) {
	free(s->ids);
	free(s->call_ids);
	free(s->sessions);
	free(s->table);
	free(s->free_slots);
	*s = (struct session_store){0};
}

static uint32_t home(const struct session_store *s, uint64_t id) {
	return (uint32_t)siphash_u64(s->key, id) & s->table_mask;
}

// The place of an id in the table, or the empty one where its search ends. The table is never more than half full.
static uint32_t place_of(const struct session_store *s, uint64_t id) {
	uint32_t at = home(s, id);

	while (s->table[at] != 0 && s->ids[s->table[at] - 1] != id)
		at = (at + 1) & s->table_mask;
	return at;
}

uint32_t session_store_find(const struct session_store *s, uint64_t id) {
	return id == 0 ? SESSION_NONE : s->table[place_of(s, id)] - 1; // 0 - 1 is SESSION_NONE
}

uint32_t session_store_add(struct session_store *s, uint64_t id) {
	uint32_t slot, generation;

	assert(id != 0 && session_store_find(s, id) == SESSION_NONE);
	if (s->n_free == 0)
		return SESSION_NONE;
	slot = s->free_slots[--s->n_free];
	generation = s->sessions[slot].generation + 1;
	s->sessions[slot] =
		(struct session){.generation = generation != 0 ? generation : 1, .state = SESSION_LIVE};
	s->table[place_of(s, id)] = slot + 1;
	s->ids[slot] = id;
	s->call_ids[slot] = 0;
	s->n++;
	return slot;
}

// Close the gap at: move up what could not be found any more over it.
static void table_remove(struct session_store *s, uint32_t at) {
	uint32_t gap = at;

	for (;;) {
		at = (at + 1) & s->table_mask;
		if (s->table[at] == 0)
			break;

		uint32_t want = home(s, s->ids[s->table[at] - 1]);

		if (((at - want) & s->table_mask) >= ((at - gap) & s->table_mask)) {
			s->table[gap] = s->table[at];
			gap = at;
		}
	}
	s->table[gap] = 0;
}

void session_store_hide(struct session_store *s, uint32_t slot) {
	assert(s->ids[slot] != 0);
	table_remove(s, place_of(s, s->ids[slot]));
	s->ids[slot] = 0;
	s->n--;
}

void session_store_free(struct session_store *s, uint32_t slot) {
	assert(s->ids[slot] == 0 && s->sessions[slot].state != SESSION_FREE);
	s->sessions[slot].state = SESSION_FREE;
	s->free_slots[s->n_free++] = slot;
}

// slots is a heap with the greatest id at the top while the page is gathered.
static void sift_down(const struct session_store *s, uint32_t *slots, uint32_t n, uint32_t at) {
	for (;;) {
		uint32_t child = 2 * at + 1, moved = slots[at];

		if (child >= n)
			return;
		if (child + 1 < n && s->ids[slots[child + 1]] > s->ids[slots[child]])
			child++;
		if (s->ids[slots[child]] <= s->ids[moved])
			return;
		slots[at] = slots[child];
		slots[child] = moved;
		at = child;
	}
}

static void sift_up(const struct session_store *s, uint32_t *slots, uint32_t at) {
	while (at > 0 && s->ids[slots[at]] > s->ids[slots[(at - 1) / 2]]) {
		uint32_t parent = (at - 1) / 2, moved = slots[at];

		slots[at] = slots[parent];
		slots[parent] = moved;
		at = parent;
	}
}

static void sort_heap(const struct session_store *s, uint32_t *slots, uint32_t n) {
	while (n-- > 1) {
		uint32_t top = slots[0];

		slots[0] = slots[n];
		slots[n] = top;
		sift_down(s, slots, n, 0);
	}
}

uint32_t session_store_page(
	const struct session_store *s, uint64_t after, uint64_t call_id, uint32_t limit, uint32_t *slots) {
	uint32_t n = 0;

	if (limit == 0)
		return 0;
	for (uint32_t slot = 0; slot < s->max; slot++) {
		uint64_t id = s->ids[slot];

		if (id <= after || (call_id != 0 && s->call_ids[slot] != call_id))
			continue;
		if (n < limit) {
			slots[n] = slot;
			sift_up(s, slots, n++);
		} else if (id < s->ids[slots[0]]) {
			slots[0] = slot;
			sift_down(s, slots, n, 0);
		}
	}
	sort_heap(s, slots, n);
	return n;
}
