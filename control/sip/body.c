// Bodies and body parts (RFC 3261 §7.4, RFC 2046 §5.1, RFC 5621): one level of multipart is looked into.
#include "control/sip/msg.h"

#include "control/sip/grammar.h"

struct part {
	struct span type, disposition, encoding, transfer_encoding; // header values; empty: not given
	struct span content;
};

static struct span media_type(struct span value) {
	return span_trim(span_cut(&value, ';'));
}

// "type/subtype" without case; blanks around the slash are allowed (RFC 3261 §25.1 m-type SLASH m-subtype).
static bool type_is(struct span value, const char *type) {
	struct span have = media_type(value), want = span_of(type);

	if (!span_equal_nocase(span_trim(span_cut(&have, '/')), span_cut(&want, '/')))
		return false;
	return span_equal_nocase(span_trim(have), want);
}

// True where the content stands as it is and is meant as what its type says: an "early-session" (RFC 3959) or an
// "icon" is not the session's description.
static bool is_plain(const struct part *p) {
	static const char *const dispositions[] = {"", "session", "render"};
	static const char *const transfers[] = {"", "7bit", "8bit", "binary"};
	struct span disposition = media_type(p->disposition);
	bool good = false;

	if (!span_is_empty(p->encoding) && !span_equal_nocase(p->encoding, span_of("identity")))
		return false;
	for (size_t i = 0; i < sizeof(dispositions) / sizeof(dispositions[0]); i++)
		good |= span_equal_nocase(disposition, span_of(dispositions[i]));
	if (!good)
		return false;
	for (size_t i = 0; i < sizeof(transfers) / sizeof(transfers[0]); i++) {
		if (span_equal_nocase(p->transfer_encoding, span_of(transfers[i])))
			return true;
	}
	return false;
}

static struct span cut_line(struct span *rest) {
	struct span line = span_cut(rest, '\n');

	if (line.len > 0 && line.data[line.len - 1] == '\r')
		line.len--;
	return line;
}

static void take_part_header(struct part *p, struct span line) {
	struct span value = line;
	struct span name = span_trim(span_cut(&value, ':'));

	value = span_trim(value);
	switch (sip_header_find(name)) {
	case HEADER_CONTENT_TYPE:
		p->type = value;
		break;
	case HEADER_CONTENT_DISPOSITION:
		p->disposition = value;
		break;
	case HEADER_CONTENT_ENCODING:
		p->encoding = value;
		break;
	default:
		if (span_equal_nocase(name, span_of("Content-Transfer-Encoding")))
			p->transfer_encoding = value;
	}
}

// Headers, an empty line, content; false if there is no content. A folded line goes with the one before it: the body is borrowed, nothing is blanked.
static bool parse_part(struct span text, struct part *out) {
	struct part p = {0};
	struct span line;

	while (text.len > 0) {
		line = cut_line(&text);
		if (line.len == 0) {
			p.content = text;
			*out = p;
			return text.len > 0;
		}
		while (text.len > 0 && sip_char_is(text.data[0], SIP_CHAR_BLANK)) {
			struct span more = cut_line(&text);

			line.len = (size_t)(more.data + more.len - line.data);
		}
		take_part_header(&p, line);
	}
	return false;
}

// "--boundary", perhaps "--", perhaps blanks: a line that parts end at. 0: it is none, 1: another part follows, 2: the last.
static int delimiter_kind(struct span line, struct span boundary) {
	struct span tail;

	if (line.len < boundary.len + 2 || memcmp(line.data, "--", 2) != 0 ||
		memcmp(line.data + 2, boundary.data, boundary.len) != 0)
		return 0;
	tail = sip_grammar_behind(line, boundary.len + 2);
	if (tail.len >= 2 && memcmp(tail.data, "--", 2) == 0)
		return 2;
	return span_is_empty(span_trim(tail)) ? 1 : 0;
}

// What stands before the next delimiter, without the line end that belongs to it. *kind 0: there is no delimiter.
static struct span cut_part(struct span *rest, struct span boundary, int *kind) {
	const char *start = rest->data, *end = start;

	*kind = 0;
	while (rest->len > 0) {
		struct span line = cut_line(rest);

		*kind = delimiter_kind(line, boundary);
		if (*kind != 0) {
			end = line.data;
			break;
		}
	}
	if (end > start && end[-1] == '\n')
		end--;
	if (end > start && end[-1] == '\r')
		end--;
	return (struct span){start, (size_t)(end - start)};
}

static bool find_boundary(struct span content_type, struct span *out) {
	struct span params = content_type, boundary;

	(void)span_cut(&params, ';');
	if (!sip_param_find(params, "boundary", &boundary))
		return false;
	if (boundary.len >= 2 && boundary.data[0] == '"')
		boundary = (struct span){boundary.data + 1, boundary.len - 2};
	// RFC 2046 §5.1.1. An escape in quotes would need a copy; no boundary character ever needs one.
	if (boundary.len == 0 || boundary.len > 70 || memchr(boundary.data, '\\', boundary.len) != NULL)
		return false;
	*out = boundary;
	return true;
}

static bool find_part(struct span body, struct span boundary, const char *type, struct span *out) {
	int kind;

	(void)cut_part(&body, boundary, &kind); // the preamble
	while (kind == 1) { // no more than SIP_BODY_PARTS_MAX times: the message was checked
		struct span text = cut_part(&body, boundary, &kind);
		struct part p;

		if (kind != 0 && parse_part(text, &p) && type_is(p.type, type) && is_plain(&p)) {
			*out = p.content;
			return true;
		}
	}
	return false;
}

// An unknown kind of multipart reads as multipart/mixed (RFC 2046 §5.1.7).
static bool is_multipart(struct span content_type) {
	struct span general = media_type(content_type);

	return span_equal_nocase(span_trim(span_cut(&general, '/')), span_of("multipart"));
}

bool sip_msg_has_too_many_parts(const struct sip_msg *m) {
	struct span body = m->body, boundary;
	unsigned n = 0;
	int kind;

	if (!is_multipart(m->content_type) || !find_boundary(m->content_type, &boundary))
		return false;
	(void)cut_part(&body, boundary, &kind);
	for (; kind == 1 && n <= SIP_BODY_PARTS_MAX; n++)
		(void)cut_part(&body, boundary, &kind);
	return n > SIP_BODY_PARTS_MAX;
}

static struct span value_of(const struct sip_msg *m, enum sip_header_id id) {
	const struct sip_header *h = sip_msg_header(m, id, 0);

	return h == NULL ? (struct span){0} : h->value;
}

bool sip_msg_body(const struct sip_msg *m, const char *type, struct span *out) {
	const struct part whole = {
		.type = m->content_type,
		.disposition = value_of(m, HEADER_CONTENT_DISPOSITION),
		.encoding = value_of(m, HEADER_CONTENT_ENCODING),
		.content = m->body,
	};
	struct span boundary;

	if (span_is_empty(m->body) || !is_plain(&whole))
		return false;
	if (type_is(whole.type, type)) {
		*out = whole.content;
		return true;
	}
	return is_multipart(whole.type) && find_boundary(whole.type, &boundary) &&
		find_part(m->body, boundary, type, out);
}
