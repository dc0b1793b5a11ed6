#include "control/sink.h"

#include <stdarg.h>
#include <stdio.h>

// A piece that does not fit is left out whole, and so is all that follows: half a text must not look like a text.
void sink_put(struct sink *s, const char *data, size_t len) {
	if (s->overflow || len > s->size - s->len) {
		s->overflow = true;
		return;
	}
	if (len > 0)
		memcpy(s->data + s->len, data, len);
	s->len += len;
}

void sink_span(struct sink *s, struct span text) {
	sink_put(s, text.data, text.len);
}

void sink_text(struct sink *s, const char *text) {
	sink_put(s, text, strlen(text));
}

void sink_format(struct sink *s, const char *format, ...) {
	va_list args;
	size_t room = s->size - s->len;
	int n;

	if (s->overflow)
		return;
	va_start(args, format);
	n = vsnprintf(room > 0 ? s->data + s->len : NULL, room, format, args);
	va_end(args);
	// vsnprintf needs a byte for its NUL, so a text that would fill the buffer to the brim counts as too long.
	if (n < 0 || (size_t)n >= room) {
		s->overflow = n != 0;
		return;
	}
	s->len += (size_t)n;
}
