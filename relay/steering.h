// Which worker owns a pair of UDP ports. Only the port's bits 1 to 7 count, so that RTP and RTCP have one owner and a NIC
// can steer by a table of 128 entries.
#pragma once

#include <stdint.h>

enum { STEERING_ENTRIES = 128 };

static inline unsigned steering_entry(uint16_t port) {
	return port >> 1 & (STEERING_ENTRIES - 1);
}

static inline unsigned steering_owner(uint16_t port, unsigned n_workers) {
	return steering_entry(port) % n_workers;
}
