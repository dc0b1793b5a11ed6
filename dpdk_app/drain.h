// When the relay ends: told once (SIGTERM) it waits for its sessions, 30 s at most; told twice, or by SIGINT, it ends at once.
#pragma once

#include "config/program.h"

#include <stdint.h>

struct drain { // zeroed: not told
	unsigned told;
	uint64_t until_ns;
};

// A signal came. Returns true if it is time to drain, false to end.
bool drain_on_signal(struct drain *d, int signo, uint64_t now_ns);
bool drain_is_over(const struct drain *d, uint32_t n_sessions, uint64_t now_ns);
