// Objects named by handle (slot and generation), so that timers, transactions and replies hold names, not pointers.
// A handle is never 0 and never names a later tenant of its slot.
#pragma once

#include <stddef.h>
#include <stdint.h>

struct pool;

// At most max objects of size bytes; memory is taken in chunks as needed and kept. Returns 0 or -ENOMEM.
[[nodiscard]] int pool_create(size_t size, uint32_t max, struct pool **out);
void pool_destroy(struct pool *p);
// A zeroed object and its handle; NULL when all max are taken or memory is out.
void *pool_add(struct pool *p, uint64_t *handle);
// The object, or NULL if it is gone.
void *pool_find(struct pool *p, uint64_t handle);
// Frees the slot. An unknown handle is ignored.
void pool_del(struct pool *p, uint64_t handle);
uint32_t pool_count(const struct pool *p);
// The next object in slot order after handle `after` (0: the first); NULL at the end. Safe while objects come and go.
void *pool_next(struct pool *p, uint64_t after, uint64_t *handle);
