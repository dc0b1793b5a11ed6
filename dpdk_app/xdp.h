// The XDP program of an AF_XDP port: making it, finding it, removing it. Main thread.
#pragma once

#include "dpdk_app/steer.h"
#include "relay/counters.h"

// Send libbpf's and libxdp's own messages to the log (debug level).
void xdp_log_init(void);

// Give a file descriptor of an object file with the program for this table: the PMD loads it as /proc/self/fd/N.
// The table is in the program from its first packet on, so there is no moment in which media would pass to the
// kernel because a map is not filled yet. Returns the descriptor or a negative errno; the caller closes it.
[[nodiscard]] int xdp_object_open(const struct steer_table *table);

// Whose program is on the interface? One of ours, left by a killed relay, is going to be replaced when the PMD
// attaches the new one, in one step. Returns 0 (none, or that), -EEXIST when it is not ours (named in the log), or
// another negative errno.
[[nodiscard]] int xdp_check(const char *interface, int ifindex);

// Remove our program; quiet when there is none.
void xdp_detach(const char *interface, int ifindex);

// Give the descriptor of the counters' map of the program attached to the interface, or a negative errno.
[[nodiscard]] int xdp_counts_open(int ifindex);
// Read the counters, summed over CPUs. Returns 0 or a negative errno.
[[nodiscard]] int xdp_counts_read(int map_fd, uint64_t counts[static XDP_CLASS_COUNT]);

// ---- pure, for tests ----

// Fill the table's place in an object file's bytes. Returns 0, or -ENOENT unless it has exactly one such place.
[[nodiscard]] int xdp_object_fill(void *object, size_t size, const struct steer_table *table);
