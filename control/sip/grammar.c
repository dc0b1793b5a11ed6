#include "control/sip/grammar.h"

#include <errno.h>

#include "relay/endpoint.h"

#define TOKEN (SIP_CHAR_TOKEN | SIP_CHAR_VISIBLE | SIP_CHAR_URI)
#define ALNUM (TOKEN | SIP_CHAR_HOST)
#define RESERVED (SIP_CHAR_VISIBLE | SIP_CHAR_URI)

const uint16_t sip_char_kinds[256] = {
	[0x00 ... 0x08] = SIP_CHAR_CONTROL,
	[0x0a ... 0x1f] = SIP_CHAR_CONTROL,
	[0x7f] = SIP_CHAR_CONTROL,
	[' '] = SIP_CHAR_BLANK,
	['\t'] = SIP_CHAR_BLANK,
	['0' ... '9'] = ALNUM | SIP_CHAR_HEX,
	['A' ... 'F'] = ALNUM | SIP_CHAR_HEX,
	['G' ... 'Z'] = ALNUM,
	['a' ... 'f'] = ALNUM | SIP_CHAR_HEX,
	['g' ... 'z'] = ALNUM,
	['-'] = ALNUM,
	['.'] = ALNUM,
	['_'] = ALNUM,
	['!'] = TOKEN,
	['%'] = TOKEN,
	['*'] = TOKEN,
	['+'] = TOKEN,
	['`'] = TOKEN,
	['\''] = TOKEN,
	['~'] = TOKEN,
	['#'] = RESERVED,
	['$'] = RESERVED,
	['&'] = RESERVED,
	['('] = RESERVED,
	[')'] = RESERVED,
	[','] = RESERVED | SIP_CHAR_COMMA,
	['/'] = RESERVED,
	[':'] = RESERVED,
	[';'] = RESERVED | SIP_CHAR_SEMICOLON,
	['='] = RESERVED,
	['?'] = RESERVED,
	['@'] = RESERVED,
	['['] = RESERVED,
	[']'] = RESERVED,
	['^'] = RESERVED,
	['{'] = RESERVED,
	['|'] = RESERVED,
	['}'] = RESERVED,
	['"'] = SIP_CHAR_VISIBLE | SIP_CHAR_QUOTE,
	['<'] = SIP_CHAR_VISIBLE | SIP_CHAR_ANGLE,
	['>'] = SIP_CHAR_VISIBLE | SIP_CHAR_ANGLE,
	['\\'] = SIP_CHAR_VISIBLE,
};

bool sip_grammar_all(struct span s, unsigned kinds) {
	for (size_t i = 0; i < s.len; i++) {
		if (!sip_char_is(s.data[i], kinds))
			return false;
	}
	return s.len > 0;
}

// True if one of the eight bytes may be a control: below 0x20 or 0x7f. Exact enough: it never misses one.
static bool may_hold_control(uint64_t word) {
	const uint64_t ones = UINT64_C(0x0101010101010101), tops = ones * 0x80;
	uint64_t below = (word - ones * 0x20) & ~word;
	uint64_t del = word ^ ones * 0x7f;

	return ((below | ((del - ones) & ~del)) & tops) != 0;
}

bool sip_grammar_has_control(struct span s) {
	size_t i = 0;

	while (i < s.len) {
		uint64_t word;

		if (s.len - i >= sizeof(word)) {
			memcpy(&word, s.data + i, sizeof(word));
			if (!may_hold_control(word)) {
				i += sizeof(word);
				continue;
			}
		}
		if (sip_char_is(s.data[i++], SIP_CHAR_CONTROL))
			return true;
	}
	return false;
}

size_t sip_grammar_quoted(struct span s) {
	if (s.len == 0 || s.data[0] != '"')
		return 0;
	for (size_t i = 1; i < s.len; i++) {
		if (s.data[i] == '\\')
			i++;
		else if (s.data[i] == '"')
			return i + 1;
	}
	return 0;
}

int sip_grammar_find(struct span s, unsigned kinds, size_t *out) {
	size_t i = 0;

	while (i < s.len) {
		size_t quoted = 1;

		if (sip_char_is(s.data[i], kinds))
			break;
		if (s.data[i] == '"')
			quoted = sip_grammar_quoted(sip_grammar_behind(s, i));
		if (quoted == 0)
			return -EINVAL;
		i += quoted;
	}
	*out = i;
	return 0;
}

int sip_grammar_element(struct span *rest, struct span *out) {
	size_t at;
	int ret = sip_grammar_find(*rest, SIP_CHAR_COMMA, &at);

	if (ret < 0)
		return ret;
	*out = span_trim((struct span){rest->data, at});
	*rest = sip_grammar_behind(*rest, at + (at < rest->len));
	return 0;
}

// Cuts the host off the front of s. IPv6 must stand in brackets and be an address.
static int cut_host(struct span *s, struct sip_hostport *out) {
	struct endpoint ignored;
	struct span host;
	size_t n = 0;

	if (s->len > 0 && s->data[0] == '[') {
		s->data++;
		s->len--;
		host = span_cut(s, ']');
		out->is_ipv6 = true;
		out->host = host;
		// Without "]" nothing is left of s, and host runs to its end: "[::1" must not pass.
		if (host.data + host.len == s->data || memchr(host.data, ':', host.len) == NULL)
			return -EINVAL;
		return endpoint_parse(host.data, host.len, 0, &ignored);
	}
	while (n < s->len && sip_char_is(s->data[n], SIP_CHAR_HOST))
		n++;
	out->is_ipv6 = false;
	out->host = (struct span){s->data, n};
	s->data += n;
	s->len -= n;
	return n > 0 ? 0 : -EINVAL;
}

int sip_grammar_hostport(struct span s, struct sip_hostport *out) {
	struct sip_hostport h = {0};
	uint64_t port;

	if (s.len == 0 || cut_host(&s, &h) < 0)
		return -EINVAL;
	s = span_trim(s);
	if (s.len > 0) {
		if (s.data[0] != ':')
			return -EINVAL;
		s = span_trim((struct span){s.data + 1, s.len - 1});
		if (span_to_u64(s, UINT16_MAX, &port) < 0 || port == 0)
			return -EINVAL;
		h.port = (uint32_t)port;
	}
	*out = h;
	return 0;
}
