#include "control/ops/print.h"

#include "control/ops/row.h"

#include <inttypes.h>
#include <stdlib.h>

enum { STEP = 64 };

// Well-formed UTF-8 of n bytes that would still move the cursor or turn the text around: C1 controls (U+0080..9F), U+200E,
// U+200F, U+2028..202E, U+2066..2069.
static bool is_mark(const unsigned char *p, size_t n) {
	if (n == 2)
		return p[0] == 0xc2 && p[1] < 0xa0;
	if (n != 3 || p[0] != 0xe2)
		return false;
	if (p[1] == 0x80)
		return p[2] == 0x8e || p[2] == 0x8f || (p[2] >= 0xa8 && p[2] <= 0xae);
	return p[1] == 0x81 && p[2] >= 0xa6 && p[2] <= 0xa9;
}

static bool is_safe(const char *text, size_t n) {
	const unsigned char *p = (const unsigned char *)text;

	if (n == 0)
		return false;
	return n == 1 ? p[0] >= ' ' && p[0] != 0x7f : !is_mark(p, n);
}

const char *print_escape(const char *text, char *out, size_t size) {
	size_t left = strlen(text), used = 0;

	while (left > 0) {
		size_t n = row_utf8_length(text, left);
		bool safe = is_safe(text, n);

		if (used + (safe ? n : 4) >= size)
			break;
		if (safe) {
			memcpy(out + used, text, n);
		} else { // byte by byte: what follows is a continuation, and not safe either
			n = 1;
			snprintf(out + used, 5, "\\x%02x", (unsigned char)*text);
		}
		used += safe ? n : 4;
		text += n;
		left -= n;
	}
	out[used] = '\0';
	return out;
}

const char *print_value(const json_t *value, char buf[static PRINT_TEXT]) {
	if (json_is_string(value))
		return print_escape(json_string_value(value), buf, PRINT_TEXT);
	if (json_is_integer(value))
		snprintf(buf, PRINT_TEXT, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
	else if (json_is_real(value))
		snprintf(buf, PRINT_TEXT, "%.1f", json_real_value(value));
	else
		snprintf(buf, PRINT_TEXT, "%s",
			json_is_boolean(value) ? json_is_true(value) ? "yes" : "no" : "-");
	return buf;
}

const char *print_duration(uint64_t ms, char buf[static PRINT_DURATION]) {
	uint64_t s = ms / 1000;

	if (ms < 1000)
		snprintf(buf, PRINT_DURATION, "%" PRIu64 " ms", ms);
	else if (s < 60)
		snprintf(buf, PRINT_DURATION, "%" PRIu64 ".%" PRIu64 " s", s, ms % 1000 / 100);
	else if (s < 3600)
		snprintf(buf, PRINT_DURATION, "%" PRIu64 " min %" PRIu64 " s", s / 60, s % 60);
	else if (s < 86400)
		snprintf(buf, PRINT_DURATION, "%" PRIu64 " h %" PRIu64 " min", s / 3600, s % 3600 / 60);
	else
		snprintf(buf, PRINT_DURATION, "%" PRIu64 " d %" PRIu64 " h", s / 86400, s % 86400 / 3600);
	return buf;
}

size_t print_width(const char *text) {
	size_t n = 0;

	for (; *text != '\0'; text++)
		n += ((unsigned char)*text & 0xc0) != 0x80;
	return n;
}

static json_t *child(const json_t *of, const char *name) {
	if (json_is_array(of))
		return json_array_get(of, strtoul(name, NULL, 10));
	return json_object_get(of, name);
}

json_t *print_find(const json_t *from, const char *path) {
	json_t *at = (json_t *)(uintptr_t)from; // jansson's own getters drop the const too
	struct span rest = span_of(path);

	while (at != NULL && !span_is_empty(rest)) {
		struct span name = span_cut(&rest, '.');
		char text[STEP];

		snprintf(text, sizeof(text), SPAN_FMT, SPAN_ARG(name));
		at = child(at, text);
	}
	return at;
}

uint64_t print_find_u64(const json_t *from, const char *path) {
	return (uint64_t)json_integer_value(print_find(from, path));
}

const char *print_find_text(const json_t *from, const char *path) {
	return json_string_value(print_find(from, path));
}

static void pad(FILE *out, int n) {
	fprintf(out, "%*s", n > 0 ? n : 0, "");
}

static void print_cell(FILE *out, const struct print_column *c, const char *text, bool last) {
	int missing = c->width - (int)print_width(text);

	if (c->kind != PRINT_PLAIN)
		pad(out, missing);
	fputs(text, out);
	if (last)
		fputc('\n', out);
	else
		pad(out, (c->kind == PRINT_PLAIN && missing > 0 ? missing : 0) + 2);
}

void print_header(FILE *out, const struct print_column *columns, unsigned n) {
	for (unsigned i = 0; i < n; i++)
		print_cell(out, &columns[i], columns[i].title, i + 1 == n);
}

void print_row(FILE *out, const struct print_column *columns, unsigned n, const json_t *row) {
	for (unsigned i = 0; i < n; i++) {
		const json_t *value = print_find(row, columns[i].path);
		char text[PRINT_TEXT], duration[PRINT_DURATION];
		const char *shown = print_value(value, text);

		if (columns[i].kind == PRINT_MS && json_is_integer(value))
			shown = print_duration((uint64_t)json_integer_value(value), duration);
		print_cell(out, &columns[i], shown, i + 1 == n);
	}
}

void print_json(FILE *out, const json_t *line) {
	json_dumpf(line, out, ROW_DUMP);
	fputc('\n', out);
}
