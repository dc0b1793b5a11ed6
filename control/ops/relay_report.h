// The relay's shared counters as JSON rows.
#pragma once

#include "control/ops/stats_map.h"

#include <jansson.h>

// A moment's copy of what rates are made from. Owned: fini it.
struct relay_sample {
	struct stats_header header;
	struct stats_worker *workers;
	uint32_t n_workers;
	uint64_t at_ns; // CLOCK_MONOTONIC
};

// Sums of all workers.
struct relay_sums {
	uint64_t in, out, drops; // packets; drops: every verdict but forwarded
	uint64_t verdicts[STATS_VERDICTS];
	uint64_t busy_ns, ring_drops, starved;
};

[[nodiscard]] int relay_sample_take(const struct stats_map *m, struct relay_sample *out);
void relay_sample_fini(struct relay_sample *s); // zeroed is fine
void relay_sample_sum(const struct relay_sample *s, struct relay_sums *out);

// Name of a verdict, one of a newer relay too. Returns buf or a literal.
enum { RELAY_REPORT_NAME = 24 };
const char *relay_report_verdict(unsigned verdict, char buf[static RELAY_REPORT_NAME]);

// NULL when out of memory; the caller owns them.
[[nodiscard]] json_t *relay_report_stats(const struct stats_map *m, const struct relay_sample *s);
[[nodiscard]] json_t *relay_report_port(const struct stats_port *p);
// Rates between two samples of one boot; index < n_workers of both.
[[nodiscard]] json_t *relay_report_worker(
	const struct relay_sample *before, const struct relay_sample *after, uint32_t index);
