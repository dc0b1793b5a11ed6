// Figures in shared memory. One thread writes each, others read it meanwhile: relaxed atomic access makes that defined
// and costs nothing over a plain one (no locked instruction).
#pragma once

#include <stdint.h>

static inline uint64_t counter_read(const uint64_t *c) {
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

static inline void counter_set(uint64_t *c, uint64_t value) {
	__atomic_store_n(c, value, __ATOMIC_RELAXED);
}

// Only the field's one writer may call it.
static inline void counter_add(uint64_t *c, uint64_t n) {
	counter_set(c, counter_read(c) + n);
}

static inline uint32_t counter_read32(const uint32_t *c) {
	return __atomic_load_n(c, __ATOMIC_RELAXED);
}

static inline void counter_set32(uint32_t *c, uint32_t value) {
	__atomic_store_n(c, value, __ATOMIC_RELAXED);
}

// One more, up to the greatest value.
static inline void counter_step32(uint32_t *c) {
	uint32_t value = counter_read32(c);

	if (value != UINT32_MAX)
		counter_set32(c, value + 1);
}
