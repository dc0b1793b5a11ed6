#include "relay/sdes.h"

#include "relay/keyed_hash.h"

#include <string.h>

enum { HEADER = 4, WORD = 4, SDES = 202, BYE = 203, END = 0, CNAME = 1, PRIV = 8 };

static size_t least(size_t a, size_t b) {
	return a < b ? a : b;
}

static void mask_name(uint8_t *text, size_t len, struct keyed_hash *h) {
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz234567";
	uint64_t hash = keyed_hash_of(h, text, len);

	for (size_t i = 0; i < len; i++)
		text[i] = (uint8_t)letters[(hash >> (5 * (i % 12))) & 31];
}

static void mask_item(uint8_t type, uint8_t *text, size_t len, struct keyed_hash *h) {
	if (type == CNAME) {
		mask_name(text, len, h);
		return;
	}
	memset(text, ' ', len);
	if (type == PRIV && len > 0)
		text[0] = 0; // the length of the prefix
}

// The chunks of n bytes behind a header, whatever its count says. An item that is longer than what is left ends there.
static bool mask_chunks(uint8_t *p, size_t n, struct keyed_hash *h) {
	size_t at = WORD; // behind the first SSRC
	bool found = false;

	while (at + 2 <= n) {
		size_t len = least(p[at + 1], n - at - 2);

		if (p[at] == END) {
			at = (at / WORD + 1) * WORD + WORD; // behind the next SSRC
			continue;
		}
		mask_item(p[at], p + at + 2, len, h);
		found |= len > 0;
		at += 2 + len;
	}
	return found;
}

// n bytes behind the header: SSRCs, and maybe a reason.
static bool mask_reason(uint8_t *p, size_t n, unsigned n_sources) {
	size_t at = (size_t)n_sources * WORD, len;

	if (at >= n)
		return false;
	len = least(p[at], n - at - 1);
	memset(p + at + 1, ' ', len);
	return len > 0;
}

bool sdes_mask(uint8_t *rtcp, size_t len, struct keyed_hash *h) {
	bool found = false;

	while (len >= HEADER) {
		size_t n = least(WORD * ((size_t)(rtcp[2] << 8 | rtcp[3]) + 1), len);
		size_t padding = rtcp[0] & 0x20 ? rtcp[n - 1] : 0;
		size_t body = n - least(HEADER + padding, n);

		if (rtcp[1] == SDES)
			found |= mask_chunks(rtcp + HEADER, body, h);
		else if (rtcp[1] == BYE)
			found |= mask_reason(rtcp + HEADER, body, rtcp[0] & 31);
		rtcp += n;
		len -= n;
	}
	return found;
}
