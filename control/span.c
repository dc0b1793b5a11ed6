#include "control/span.h"

#include <errno.h>
#include <stdlib.h>

static unsigned char fold(char c) {
	return (unsigned char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
}

// Not strncasecmp: that follows the locale and stops at a NUL byte.
bool span_equal_nocase(struct span a, struct span b) {
	if (a.len != b.len)
		return false;
	for (size_t i = 0; i < a.len; i++) {
		if (fold(a.data[i]) != fold(b.data[i]))
			return false;
	}
	return true;
}

static bool is_blank(char c) {
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct span span_trim(struct span s) {
	while (s.len > 0 && is_blank(s.data[0])) {
		s.data++;
		s.len--;
	}
	while (s.len > 0 && is_blank(s.data[s.len - 1]))
		s.len--;
	return s;
}

int span_to_u64(struct span s, uint64_t max, uint64_t *out) {
	uint64_t value = 0;
	bool too_large = false;

	if (s.len == 0)
		return -EINVAL;
	// To the end even when too large: "9999…x" is not a number, whatever its size.
	for (size_t i = 0; i < s.len; i++) {
		char c = s.data[i];

		if (c < '0' || c > '9')
			return -EINVAL;
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_add_overflow(value, (uint64_t)(c - '0'), &value))
			too_large = true;
	}
	if (too_large || value > max)
		return -ERANGE;
	*out = value;
	return 0;
}

struct span span_cut(struct span *s, char c) {
	struct span head = *s;
	const char *at = s->len == 0 ? NULL : memchr(s->data, c, s->len);

	if (at == NULL) {
		if (s->data != NULL)
			s->data += s->len;
		s->len = 0;
		return head;
	}
	head.len = (size_t)(at - s->data);
	s->data += head.len + 1;
	s->len -= head.len + 1;
	return head;
}

char *span_dup(struct span s) {
	char *copy = s.len == SIZE_MAX ? NULL : malloc(s.len + 1);

	if (copy == NULL)
		return NULL;
	if (s.len > 0)
		memcpy(copy, s.data, s.len);
	copy[s.len] = '\0';
	return copy;
}

bool span_has_ipv4(struct span s) {
	unsigned n_dots = 0;
	bool is_digit = false;

	for (size_t i = 0; i < s.len; i++) {
		const bool was_digit = is_digit;

		is_digit = s.data[i] >= '0' && s.data[i] <= '9';
		if (s.data[i] == '.' && was_digit)
			n_dots++;
		else if (!is_digit)
			n_dots = 0;
		if (n_dots == 3 && is_digit)
			return true;
	}
	return false;
}
