// The memory of the shared counters: ours to write, everyone else's to read. Main thread.
#pragma once

#include <stddef.h>

struct stats_memory {
	void *address; // zeroed, page aligned, ours
	size_t bytes;
	int read_fd; // handed to observers: can be mapped read-only, nothing else
};

// Returns 0 or a negative errno.
[[nodiscard]] int stats_open(size_t bytes, struct stats_memory *out);
void stats_close(struct stats_memory *m);
