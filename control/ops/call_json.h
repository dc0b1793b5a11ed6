// Calls and trunks as JSON lines: what the CLI and the records show of them.
#pragma once

#include "config/config.h"
#include "control/call/view.h"
#include "control/sink.h"

#include <jansson.h>

// A row of a list. NULL when out of memory; the caller owns it.
[[nodiscard]] json_t *call_json_row(const struct call_view *v);
// The whole call: legs, dialogs, flows, branches, streams and, once ended, its sessions' final counters and diagnosis.
// config names the listeners.
[[nodiscard]] json_t *call_json_full(const struct call_view *v, const struct config *config);
[[nodiscard]] json_t *call_json_trunk(struct calls *calls, unsigned index, const struct trunk_view *v);

// Milliseconds between two wall times, 0 when one is missing or the clock was set back.
uint64_t call_json_span_ms(uint64_t from_wall_ms, uint64_t to_wall_ms);

// What a list is filtered by, one a line, each cut off at ROW_TEXT_MAX bytes: our id, both Call-IDs, users, realms, trunks.
enum { CALL_JSON_SEARCH_TEXT = 2304 };
void call_json_search_text(const struct call_view *v, struct sink *out);
