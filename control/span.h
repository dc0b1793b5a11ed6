// A borrowed slice of text. Never owns; valid as long as what it points into.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct span {
	const char *data;
	size_t len;
};

#define SPAN_FMT "%.*s"
#define SPAN_ARG(s) (int)(s).len, (s).data

static inline struct span span_of(const char *text) {
	return (struct span){text, text == NULL ? 0 : strlen(text)};
}

static inline bool span_is_empty(struct span s) {
	return s.len == 0;
}

static inline bool span_equal(struct span a, struct span b) {
	return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

// ASCII case folded.
bool span_equal_nocase(struct span a, struct span b);
// Without leading and trailing SP, HTAB, CR, LF.
struct span span_trim(struct span s);
// Decimal digits only, the whole span. Returns 0, -EINVAL (empty, other bytes) or -ERANGE (beyond max).
[[nodiscard]] int span_to_u64(struct span s, uint64_t max, uint64_t *out);
// Cuts s at the first c: gives what stands before it, s becomes what stands behind it. Without c: all of s, s empty.
struct span span_cut(struct span *s, char c);
// True if digits with three dots between them stand anywhere: what may be an IPv4 address.
bool span_has_ipv4(struct span s);
// NUL-terminated copy; NULL when out of memory. The caller owns it.
char *span_dup(struct span s);
