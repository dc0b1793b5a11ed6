// One JSON object of an answer or a record, built key by key. Running out of memory is sticky: put everything, ask once
// at the end. Whatever bytes a peer chose come out as valid UTF-8 of bounded length.
#pragma once

#include "control/span.h"
#include "relay/endpoint.h"

#include <jansson.h>

enum {
	ROW_VERSION = 1,
	ROW_TEXT_MAX = 256, // bytes of a text before it is cut off with "..."
	ROW_ID_TEXT = 17,
	ROW_TIME_TEXT = 32,
};
// How every line is written: compact, and pure ASCII, so that no terminal is moved by it.
#define ROW_DUMP (JSON_COMPACT | JSON_ENSURE_ASCII)

struct row {
	json_t *object;
	bool failed;
};

void row_begin(struct row *r);
// The same with "version" and "type" in front: an answer line.
void row_begin_line(struct row *r, const char *type);
void row_text(struct row *r, const char *key, const char *text); // NULL: null
void row_span(struct row *r, const char *key, struct span text); // empty: null
void row_u64(struct row *r, const char *key, uint64_t value);
void row_double(struct row *r, const char *key, double value);
void row_bool(struct row *r, const char *key, bool value);
void row_id(struct row *r, const char *key, uint64_t id); // 16 hex digits, 0: null
void row_endpoint(
	struct row *r, const char *key, const struct endpoint *e); // not set: null; without port if that is 0
void row_time(struct row *r, const char *key, uint64_t wall_ms); // ISO 8601 in UTC, 0: null
void row_take(struct row *r, const char *key, json_t *value); // owns value; NULL fails the row
void row_append(
	struct row *r, json_t *array, json_t *value); // owns value; borrows array; either NULL fails the row
// The object (the caller's now), or NULL when memory ran out.
[[nodiscard]] json_t *row_end(struct row *r);

const char *row_format_id(uint64_t id, char buf[static ROW_ID_TEXT]);
// "2026-03-14T15:09:26.535Z". Returns buf.
const char *row_format_time(uint64_t wall_ms, char buf[static ROW_TIME_TEXT]);
// Length of the valid UTF-8 character that text begins with, 0 if it does not begin with one (RFC 3629).
size_t row_utf8_length(const char *text, size_t len);
