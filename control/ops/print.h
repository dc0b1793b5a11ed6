// kedgectl's output for people: aligned, short, and safe on a terminal whatever a peer wrote.
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum { PRINT_TEXT = 1280, PRINT_DURATION = 32 };

// Copy text with control characters (C0, DEL, C1), line and direction marks and anything that is not UTF-8 as \xNN; cut off
// where out ends. Returns out.
const char *print_escape(const char *text, char *out, size_t size);
// The value as people read it: text escaped, null "-", true "yes", numbers. NULL counts as null. Returns buf.
const char *print_value(const json_t *value, char buf[static PRINT_TEXT]);
// "450 ms", "12.3 s", "1 min 12 s", "2 h 3 min", "4 d 5 h". Returns buf.
const char *print_duration(uint64_t ms, char buf[static PRINT_DURATION]);
// Columns that a text takes on a terminal: its characters.
size_t print_width(const char *text);

// Walk "legs.0.flow.remote" from an object; NULL when something is missing.
json_t *print_find(const json_t *from, const char *path);
// The number there, 0 when it is missing.
uint64_t print_find_u64(const json_t *from, const char *path);
// The text there, NULL when it is missing or null. As a peer may have written it.
const char *print_find_text(const json_t *from, const char *path);

enum print_kind { PRINT_PLAIN, PRINT_NUMBER, PRINT_MS };

struct print_column {
	const char *title;
	const char *path; // of its value in a row
	int width; // longer values push the rest to the right
	enum print_kind kind; // numbers and durations stand to the right
};

void print_header(FILE *out, const struct print_column *columns, unsigned n);
void print_row(FILE *out, const struct print_column *columns, unsigned n, const json_t *row);
// One JSON line.
void print_json(FILE *out, const json_t *line);
