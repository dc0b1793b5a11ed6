#include "control/pool.h"

#include <assert.h>
#include <errno.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

// A handle is generation << 32 | slot + 1. Freed slots queue up, so that the one used longest ago comes first.
enum { CHUNK_SLOTS = 256, NO_SLOT = UINT32_MAX };

struct slot {
	uint32_t generation;
	uint32_t next_free;
	bool is_taken;
	alignas(max_align_t) char object[];
};

struct pool {
	char **chunks;
	size_t object_bytes, slot_bytes;
	uint32_t max, n_slots, n_taken; // n_slots: slots that have memory
	uint32_t first_free, last_free;
	uint32_t first_generation; // random: a handle of an earlier start of the process names nothing
};

static struct slot *slot_at(const struct pool *p, uint32_t i) {
	return (struct slot *)(p->chunks[i / CHUNK_SLOTS] + (i % CHUNK_SLOTS) * p->slot_bytes);
}

static uint64_t handle_of(const struct slot *s, uint32_t i) {
	return (uint64_t)s->generation << 32 | (i + 1);
}

static struct slot *find_slot(const struct pool *p, uint64_t handle, uint32_t *index) {
	uint32_t i = (uint32_t)handle - 1; // 0 wraps to beyond every slot
	struct slot *s;

	if (i >= p->n_slots)
		return NULL;
	s = slot_at(p, i);
	*index = i;
	return s->is_taken && s->generation == handle >> 32 ? s : NULL;
}

int pool_create(size_t size, uint32_t max, struct pool **out) {
	struct pool *p = calloc(1, sizeof(*p));
	size_t align = alignof(max_align_t);

	if (p == NULL)
		return -ENOMEM;
	assert(size > 0 && max > 0 && max < NO_SLOT);
	p->object_bytes = size;
	p->slot_bytes = (offsetof(struct slot, object) + size + align - 1) / align * align;
	p->max = max;
	p->first_free = p->last_free = NO_SLOT;
	p->chunks = calloc(max / CHUNK_SLOTS + 1, sizeof(*p->chunks));
	if (p->chunks == NULL)
		goto fail;
	if (getrandom(&p->first_generation, sizeof(p->first_generation), 0) < 0)
		goto fail;
	*out = p;
	return 0;
fail:
	pool_destroy(p);
	return -ENOMEM;
}

void pool_destroy(struct pool *p) {
	if (p == NULL)
		return;
	for (uint32_t i = 0; i < p->n_slots; i += CHUNK_SLOTS)
		free(p->chunks[i / CHUNK_SLOTS]);
	free(p->chunks);
	free(p);
}

static void queue_free(struct pool *p, uint32_t i) {
	slot_at(p, i)->next_free = NO_SLOT;
	if (p->last_free == NO_SLOT)
		p->first_free = i;
	else
		slot_at(p, p->last_free)->next_free = i;
	p->last_free = i;
}

static bool grow(struct pool *p) {
	uint32_t first = p->n_slots;
	uint32_t n = p->max - first < CHUNK_SLOTS ? p->max - first : CHUNK_SLOTS;
	char *chunk = n == 0 ? NULL : calloc(n, p->slot_bytes);

	if (chunk == NULL)
		return false;
	p->chunks[first / CHUNK_SLOTS] = chunk;
	p->n_slots += n;
	for (uint32_t i = first; i < p->n_slots; i++) {
		slot_at(p, i)->generation = p->first_generation;
		queue_free(p, i);
	}
	return true;
}

void *pool_add(struct pool *p, uint64_t *handle) {
	struct slot *s;
	uint32_t i;

	if (p->first_free == NO_SLOT && !grow(p))
		return NULL;
	i = p->first_free;
	s = slot_at(p, i);
	p->first_free = s->next_free;
	if (p->first_free == NO_SLOT)
		p->last_free = NO_SLOT;
	s->is_taken = true;
	memset(s->object, 0, p->object_bytes);
	p->n_taken++;
	*handle = handle_of(s, i);
	return s->object;
}

void *pool_find(struct pool *p, uint64_t handle) {
	uint32_t i;
	struct slot *s = find_slot(p, handle, &i);

	return s == NULL ? NULL : s->object;
}

void pool_del(struct pool *p, uint64_t handle) {
	uint32_t i;
	struct slot *s = find_slot(p, handle, &i);

	if (s == NULL)
		return;
	s->is_taken = false;
	s->generation++;
	p->n_taken--;
	queue_free(p, i);
}

uint32_t pool_count(const struct pool *p) {
	return p->n_taken;
}

void *pool_next(struct pool *p, uint64_t after, uint64_t *handle) {
	for (uint32_t i = (uint32_t)after; i < p->n_slots; i++) {
		struct slot *s = slot_at(p, i);

		if (!s->is_taken)
			continue;
		*handle = handle_of(s, i);
		return s->object;
	}
	return NULL;
}
