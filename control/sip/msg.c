#include "control/sip/msg.h"

#include <stddef.h>

#include "control/sip/grammar.h"
#include "control/sip/start_line.h"
#include "control/sip/validate.h"

struct walk {
	struct sip_msg *m;
	char *at, *end;
	enum sip_fault fault; // the first
};

static void note(struct walk *w, enum sip_fault fault) {
	if (w->fault == SIP_FAULT_NONE)
		w->fault = fault;
}

// The line at w->at, up to CRLF or LF alone. False: no line end is left.
static bool next_line(struct walk *w, struct span *out) {
	char *end = memchr(w->at, '\n', (size_t)(w->end - w->at));

	if (end == NULL)
		return false;
	*out = (struct span){w->at, (size_t)(end - w->at)};
	w->at = end + 1;
	if (out->len > 0 && end[-1] == '\r')
		out->len--;
	return true;
}

// A header line with the lines folded into it (RFC 3261 §7.3.1), their line ends blanked: reads as one line ever after.
static bool next_header_line(struct walk *w, struct span *out) {
	if (!next_line(w, out))
		return false;
	while (out->len > 0 && w->at < w->end && sip_char_is(*w->at, SIP_CHAR_BLANK)) {
		char *fold = w->at;
		struct span more;

		if (!next_line(w, &more))
			return false;
		for (fold--; fold >= out->data + out->len; fold--)
			*fold = ' ';
		out->len = (size_t)(more.data + more.len - out->data);
	}
	return true;
}

static void store_header(struct walk *w, const struct sip_header *h) {
	struct sip_msg *m = w->m;

	m->headers[m->n_headers++] = *h;
	if (m->first[h->id] == 0)
		m->first[h->id] = (uint8_t)m->n_headers;
	else if (sip_header_is_single(h->id))
		note(w, SIP_FAULT_REPEATED_HEADER);
	if (h->id == HEADER_VIA) {
		int n = sip_via_count(h->value);

		m->n_vias += n > 0 ? (unsigned)n : 0;
		if (n < 0)
			note(w, SIP_FAULT_BAD_VIA);
		else if (m->n_vias > SIP_VIAS_MAX)
			note(w, SIP_FAULT_TOO_MANY_VIAS);
	}
}

// A bad line is left out, so that what is stored can be copied without a second look.
static enum sip_fault parse_header(struct span line, struct sip_header *out) {
	struct span value = line;
	struct span name = span_cut(&value, ':');

	if (name.len == line.len || sip_grammar_has_control(line))
		return SIP_FAULT_BAD_HEADER;
	while (name.len > 0 && sip_char_is(name.data[name.len - 1], SIP_CHAR_BLANK))
		name.len--;
	if (!sip_grammar_all(name, SIP_CHAR_TOKEN))
		return SIP_FAULT_BAD_HEADER;
	value = span_trim(value);
	if (name.len + value.len > SIP_HEADER_MAX_BYTES)
		return SIP_FAULT_HEADER_TOO_LONG;
	*out = (struct sip_header){.id = sip_header_find(name), .name = name, .value = value};
	return SIP_FAULT_NONE;
}

// To the empty line. False: there is none, or a cap was hit before it; where the body starts is unknown then.
static bool walk_headers(struct walk *w) {
	struct sip_header h;
	struct span line;

	while (next_header_line(w, &line)) {
		enum sip_fault fault;

		if (span_is_empty(line))
			return true;
		if (w->m->n_headers == SIP_HEADERS_MAX) {
			note(w, SIP_FAULT_TOO_MANY_HEADERS);
			return false;
		}
		fault = parse_header(line, &h);
		if (fault == SIP_FAULT_NONE)
			store_header(w, &h);
		else
			note(w, fault);
	}
	note(w, SIP_FAULT_BAD_HEADER);
	return false;
}

static void walk_message(struct walk *w) {
	struct span line;

	if (!next_line(w, &line)) {
		note(w, SIP_FAULT_NOT_SIP);
		return;
	}
	note(w, start_line_parse(line, w->m));
	if (w->fault == SIP_FAULT_NOT_SIP || w->fault == SIP_FAULT_BAD_START_LINE)
		return;
	if (sip_grammar_has_control(line))
		note(w, SIP_FAULT_BAD_HEADER);
	if (line.len > SIP_HEADER_MAX_BYTES)
		note(w, SIP_FAULT_HEADER_TOO_LONG);
	if (walk_headers(w)) {
		note(w, validate_fields(w->m));
		note(w, validate_body(w->m, (struct span){w->at, (size_t)(w->end - w->at)}));
		return;
	}
	// The fault is known; the fields are for the answer.
	(void)validate_fields(w->m);
}

static bool is_stun(const char *buf, size_t len) {
	static const char magic[] = {0x21, 0x12, (char)0xa4, 0x42};

	return len >= 20 && (unsigned char)buf[0] <= 3 && memcmp(buf + 4, magic, sizeof(magic)) == 0;
}

static enum sip_frame judge(const struct walk *w) {
	if (w->fault == SIP_FAULT_NONE)
		return SIP_FRAME_OK;
	if (sip_fault_status(w->fault) == 0 || !validate_is_answerable(w->m))
		return SIP_FRAME_BAD;
	return SIP_FRAME_REFUSE;
}

enum sip_frame sip_msg_parse(char *buf, size_t len, struct sip_msg *out, enum sip_fault *fault) {
	struct walk w = {.m = out, .at = buf, .end = buf + len};
	enum sip_frame frame;

	*fault = SIP_FAULT_NONE;
	if (is_stun(buf, len))
		return SIP_FRAME_STUN;
	while (w.at < w.end && (*w.at == '\r' || *w.at == '\n'))
		w.at++; // before the start line: ignored (RFC 3261 §7.5)
	if (w.at == w.end)
		return SIP_FRAME_KEEPALIVE;
	memset(out, 0, offsetof(struct sip_msg, headers));
	out->raw.data = w.at;
	if (len > SIP_MESSAGE_MAX)
		note(&w, SIP_FAULT_MESSAGE_TOO_LONG);
	else
		walk_message(&w);
	frame = judge(&w);
	if (frame == SIP_FRAME_OK)
		out->raw.len = (size_t)(out->body.data + out->body.len - out->raw.data);
	*fault = w.fault;
	return frame;
}

struct span sip_msg_find_call_id(struct span text) {
	static const char name[] = "\nCall-ID:";
	const char *at = text.len == 0 ? NULL : memmem(text.data, text.len, name, strlen(name));
	struct span rest;

	if (at == NULL)
		return span_of("-");
	at += strlen(name);
	rest = (struct span){at, (size_t)(text.data + text.len - at)};
	return span_trim(span_cut(&rest, '\r'));
}

const struct sip_header *sip_msg_header(const struct sip_msg *m, enum sip_header_id id, unsigned n) {
	if (id >= HEADER_IDS || m->first[id] == 0)
		return NULL;
	for (unsigned i = m->first[id] - 1u; i < m->n_headers; i++) {
		if (m->headers[i].id == id && n-- == 0)
			return &m->headers[i];
	}
	return NULL;
}

bool sip_msg_has_token(const struct sip_msg *m, enum sip_header_id id, const char *token) {
	const struct span wanted = span_of(token);
	const struct sip_header *h;

	for (unsigned n = 0; (h = sip_msg_header(m, id, n)) != NULL; n++) {
		struct span list = h->value;

		while (list.len > 0) {
			if (span_equal_nocase(span_trim(span_cut(&list, ',')), wanted))
				return true;
		}
	}
	return false;
}
