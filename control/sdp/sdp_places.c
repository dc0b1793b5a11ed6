#include "control/sdp/sdp_places.h"

enum { HOST_MAX = 253 }; // characters; RFC 1035 §2.3.4

static bool is_of_name(char c) {
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-';
}

// Words without a dot or colon ("-", "localhost") show nothing and may stand for anything.
static bool is_place(struct span word) {
	return word.len > 0 && word.len <= HOST_MAX &&
		(memchr(word.data, '.', word.len) != NULL || memchr(word.data, ':', word.len) != NULL) &&
		!span_equal(word, span_of("0.0.0.0"));
}

static void add(struct sdp_places *p, struct span word) {
	if (!is_place(word))
		return;
	for (unsigned i = 0; i < p->n; i++)
		if (span_equal_nocase(p->names[i], word))
			return;
	if (p->n == SDP_PLACES_MAX)
		p->overflow = true;
	else
		p->names[p->n++] = word;
}

static struct span last_word(struct span line) {
	struct span rest = span_trim(line), word = {0};

	while (!span_is_empty(rest))
		word = span_cut(&rest, ' ');
	return span_cut(&word, '/'); // of multicast: TTL and number
}

struct sdp_places sdp_places_of(const struct sdp *s) {
	const struct span rtcp = span_of("a=rtcp:");
	struct sdp_places p = {.n = 0};

	for (size_t i = 0; i < s->n_lines; i++) {
		const struct span line = s->lines[i];
		const struct span start = {line.data, line.len < rtcp.len ? line.len : rtcp.len};

		if (line.data[0] == 'o' || line.data[0] == 'c' || span_equal_nocase(start, rtcp))
			add(&p, last_word(line));
	}
	return p;
}

// The next run of characters that names are made of, with the colons of an IPv6 address or without; empty: there is no more.
static struct span next_word(struct span *rest, bool with_colons) {
	const char *at = rest->data, *end = rest->data + rest->len, *start;

	while (at < end && !is_of_name(*at) && !(with_colons && *at == ':'))
		at++;
	start = at;
	while (at < end && (is_of_name(*at) || (with_colons && *at == ':')))
		at++;
	*rest = (struct span){at, (size_t)(end - at)};
	return (struct span){start, (size_t)(at - start)};
}

// Without the full stop of a sentence.
static struct span trim_stops(struct span word) {
	while (word.len > 0 && word.data[word.len - 1] == '.')
		word.len--;
	return word;
}

static bool has_colon(struct span word) {
	return memchr(word.data, ':', word.len) != NULL;
}

// An IPv6 address may stand behind a colon ("cname:2001:db8::1").
static bool is_end_of(struct span name, struct span word) {
	return word.len > name.len && word.data[word.len - name.len - 1] == ':' &&
		span_equal_nocase((struct span){word.data + word.len - name.len, name.len}, name);
}

// Each byte of the line is compared with each name once at the most, whoever made them up.
static bool has_one(const struct sdp_places *p, struct span line, bool with_colons) {
	while (!span_is_empty(line)) {
		const struct span word = trim_stops(next_word(&line, with_colons));

		for (unsigned i = 0; i < p->n; i++)
			if (has_colon(p->names[i]) == with_colons &&
				(span_equal_nocase(p->names[i], word) ||
					(with_colons && is_end_of(p->names[i], word))))
				return true;
	}
	return false;
}

bool sdp_places_in(const struct sdp_places *p, struct span line) {
	return has_one(p, line, false) || has_one(p, line, true) || (p->overflow && span_has_ipv4(line));
}
