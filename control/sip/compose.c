#include "control/sip/compose.h"

#include <errno.h>

#include "control/sip/grammar.h"

// Text of a header line, refused if it could end the line or hide something behind a NUL.
static void put_text(struct sink *s, struct span text) {
	if (sip_grammar_has_control(text))
		s->overflow = true;
	sink_span(s, text);
}

void sip_compose_named(struct sink *s, const char *name, struct span value) {
	put_text(s, span_of(name));
	sink_text(s, ": ");
	put_text(s, value);
	sink_text(s, "\r\n");
}

void sip_compose_header(struct sink *s, enum sip_header_id id, struct span value) {
	sip_compose_named(s, sip_header_name(id), value);
}

void sip_compose_quoted(struct sink *s, struct span text) {
	sink_text(s, "\"");
	while (text.len > 0) {
		size_t plain = 0;

		while (plain < text.len && text.data[plain] != '"' && text.data[plain] != '\\')
			plain++;
		put_text(s, (struct span){text.data, plain});
		if (plain < text.len) {
			sink_text(s, "\\");
			sink_put(s, text.data + plain++, 1);
		}
		text = sip_grammar_behind(text, plain);
	}
	sink_text(s, "\"");
}

void sip_compose_display(struct sink *s, struct span display) {
	if (display.len > 0 && sip_grammar_quoted(display) == display.len)
		put_text(s, display);
	else
		sip_compose_quoted(s, display);
}

int sip_compose_unquote(struct span display, char *out, size_t size) {
	bool quoted = display.len > 0 && sip_grammar_quoted(display) == display.len;
	size_t n = 0;

	if (quoted)
		display = (struct span){display.data + 1, display.len - 2};
	for (size_t i = 0; i < display.len; i++) {
		if (quoted && display.data[i] == '\\')
			i++; // never the last byte: the closing quote would have been escaped
		if (n + 1 >= size)
			return -ENOSPC;
		out[n++] = display.data[i];
	}
	if (n >= size)
		return -ENOSPC;
	out[n] = '\0';
	return (int)n;
}

static void put_uri(struct sink *s, struct span uri) {
	// What could close the angle, or look like another address behind it.
	if (!sip_grammar_all(uri, SIP_CHAR_URI))
		s->overflow = true;
	sink_text(s, "<");
	sink_span(s, uri);
	sink_text(s, ">");
}

static void put_display(struct sink *s, struct span display) {
	if (span_is_empty(display))
		return;
	sip_compose_display(s, display);
	sink_text(s, " ");
}

void sip_compose_addr(
	struct sink *s, enum sip_header_id id, struct span display, struct span uri, struct span tag) {
	sink_text(s, sip_header_name(id));
	sink_text(s, ": ");
	put_display(s, display);
	put_uri(s, uri);
	if (!span_is_empty(tag)) {
		sink_text(s, ";tag=");
		put_text(s, tag);
	}
	sink_text(s, "\r\n");
}

void sip_compose_without_tag(struct sink *s, const struct sip_addr *a) {
	struct span params = a->params;
	struct sip_param p;

	put_display(s, a->display);
	put_uri(s, a->uri);
	while (sip_param_next(&params, &p) == 0) {
		if (span_equal_nocase(p.name, span_of("tag")))
			continue;
		sink_text(s, ";");
		put_text(s, p.name);
		if (span_is_empty(p.value))
			continue;
		sink_text(s, "=");
		put_text(s, p.value);
	}
}
