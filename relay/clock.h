#pragma once

#include <stdint.h>

// Nanoseconds from then to now. Two threads read the clock at different moments, so then may be the later one: 0.
static inline uint64_t clock_since(uint64_t now_ns, uint64_t then_ns) {
	return now_ns > then_ns ? now_ns - then_ns : 0;
}
