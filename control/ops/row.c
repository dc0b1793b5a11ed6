#include "control/ops/row.h"

#include "control/sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

enum { ESCAPED_MAX = 4 * ROW_TEXT_MAX + 8 };

void row_begin(struct row *r) {
	*r = (struct row){.object = json_object()};
	r->failed = r->object == NULL;
}

void row_begin_line(struct row *r, const char *type) {
	row_begin(r);
	row_u64(r, "version", ROW_VERSION);
	row_text(r, "type", type);
}

void row_take(struct row *r, const char *key, json_t *value) {
	if (value == NULL || r->failed) {
		json_decref(value);
		r->failed = true;
		return;
	}
	if (json_object_set_new(r->object, key, value) < 0)
		r->failed = true;
}

void row_append(struct row *r, json_t *array, json_t *value) {
	if (value == NULL || array == NULL) {
		json_decref(value);
		r->failed = true;
		return;
	}
	if (json_array_append_new(array, value) < 0)
		r->failed = true;
}

json_t *row_end(struct row *r) {
	json_t *object = r->object;

	r->object = NULL;
	if (!r->failed)
		return object;
	json_decref(object);
	return NULL;
}

static bool is_continuation(unsigned char c) {
	return (c & 0xc0) == 0x80;
}

// RFC 3629 §4, the table of well-formed sequences: no overlong forms, no surrogates, nothing beyond U+10FFFF.
size_t row_utf8_length(const char *text, size_t len) {
	const unsigned char *p = (const unsigned char *)text;

	if (len == 0)
		return 0;
	if (p[0] < 0x80)
		return 1;
	if (p[0] >= 0xc2 && p[0] <= 0xdf)
		return len >= 2 && is_continuation(p[1]) ? 2 : 0;
	if (p[0] >= 0xe0 && p[0] <= 0xef) {
		if (len < 3 || !is_continuation(p[1]) || !is_continuation(p[2]))
			return 0;
		return (p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ? 0 : 3;
	}
	if (p[0] >= 0xf0 && p[0] <= 0xf4) {
		if (len < 4 || !is_continuation(p[1]) || !is_continuation(p[2]) || !is_continuation(p[3]))
			return 0;
		return (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f) ? 0 : 4;
	}
	return 0;
}

// jansson refuses text that is not UTF-8 (and NUL bytes), so such bytes become \xNN.
static void sanitize(struct span text, struct sink *out) {
	size_t at = 0;

	while (at < text.len) {
		size_t n = row_utf8_length(text.data + at, text.len - at);

		if (at + (n > 0 ? n : 1) > ROW_TEXT_MAX) {
			sink_text(out, "...");
			return;
		}
		if (n == 0 || text.data[at] == '\0')
			sink_format(out, "\\x%02x", (unsigned char)text.data[at]);
		else
			sink_put(out, text.data + at, n);
		at += n > 0 ? n : 1;
	}
}

static json_t *text_value(struct span text) {
	char buf[ESCAPED_MAX];
	struct sink out = sink_over(buf, sizeof(buf));

	sanitize(text, &out);
	return json_stringn(out.data, out.len);
}

void row_text(struct row *r, const char *key, const char *text) {
	row_take(r, key, text == NULL ? json_null() : text_value(span_of(text)));
}

void row_span(struct row *r, const char *key, struct span text) {
	row_take(r, key, span_is_empty(text) ? json_null() : text_value(text));
}

void row_u64(struct row *r, const char *key, uint64_t value) {
	row_take(r, key, json_integer(value <= INT64_MAX ? (json_int_t)value : INT64_MAX));
}

void row_double(struct row *r, const char *key, double value) {
	row_take(r, key, json_real(value));
}

void row_bool(struct row *r, const char *key, bool value) {
	row_take(r, key, json_boolean(value));
}

const char *row_format_id(uint64_t id, char buf[static ROW_ID_TEXT]) {
	snprintf(buf, ROW_ID_TEXT, "%016" PRIx64, id);
	return buf;
}

void row_id(struct row *r, const char *key, uint64_t id) {
	char buf[ROW_ID_TEXT];

	row_text(r, key, id == 0 ? NULL : row_format_id(id, buf));
}

void row_endpoint(struct row *r, const char *key, const struct endpoint *e) {
	char buf[ENDPOINT_TEXT];

	if (!endpoint_is_set(e))
		row_text(r, key, NULL);
	else
		row_text(r, key, e->port == 0 ? endpoint_format_addr(e, buf) : endpoint_format(e, buf));
}

const char *row_format_time(uint64_t wall_ms, char buf[static ROW_TIME_TEXT]) {
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;
	char day[ROW_TIME_TEXT - 8];

	if (gmtime_r(&seconds, &tm) == NULL || strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm) == 0)
		day[0] = '\0';
	snprintf(buf, ROW_TIME_TEXT, "%s.%03uZ", day, (unsigned)(wall_ms % 1000));
	return buf;
}

void row_time(struct row *r, const char *key, uint64_t wall_ms) {
	char buf[ROW_TIME_TEXT];

	row_text(r, key, wall_ms == 0 ? NULL : row_format_time(wall_ms, buf));
}
