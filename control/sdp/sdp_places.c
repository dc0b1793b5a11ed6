#include "control/sdp/sdp_places.h"

static bool is_of_name(char c) {
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') || c == '.' || c == '-';
}

// Words without a dot or colon ("-", "localhost") show nothing and may stand for anything.
static bool is_place(struct span word) {
	return word.len > 0 &&
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

static bool stands_in(struct span name, struct span line) {
	for (size_t at = 0; at + name.len <= line.len; at++) {
		const size_t end = at + name.len;

		if (span_equal_nocase((struct span){line.data + at, name.len}, name) &&
			(at == 0 || !is_of_name(line.data[at - 1])) &&
			(end == line.len || !is_of_name(line.data[end])))
			return true;
	}
	return false;
}

bool sdp_places_in(const struct sdp_places *p, struct span line) {
	for (unsigned i = 0; i < p->n; i++)
		if (stands_in(p->names[i], line))
			return true;
	return p->overflow && span_has_ipv4(line);
}
