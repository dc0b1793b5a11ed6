// A text sink over a caller's buffer. Overflow is sticky: write everything, ask once at the end.
#pragma once

#include "control/span.h"

struct sink {
	char *data;
	size_t size, len;
	bool overflow;
};

static inline struct sink sink_over(char *data, size_t size) {
	return (struct sink){.data = data, .size = size};
}

void sink_put(struct sink *s, const char *data, size_t len);
void sink_span(struct sink *s, struct span text);
void sink_text(struct sink *s, const char *text);
void sink_format(struct sink *s, const char *format, ...) __attribute__((format(printf, 2, 3)));
static inline struct span sink_result(const struct sink *s) {
	return (struct span){s->data, s->len};
}
