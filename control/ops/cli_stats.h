// All counters of kedge-control as one JSON line.
#pragma once

#include "control/ops/cli_query.h"

// NULL when out of memory; the caller owns it.
[[nodiscard]] json_t *cli_stats_json(const struct cli_sources *s);
