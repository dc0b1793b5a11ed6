#include "control/sip/uri.h"

#include <errno.h>

#include "control/sip/grammar.h"

static int hex_value(char c) {
	if (!sip_char_is(c, SIP_CHAR_HEX))
		return -EINVAL;
	return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10;
}

// The byte that %xx at the front of s stands for, or -EINVAL.
static int escaped_byte(struct span s) {
	int high, low;

	if (s.len < 3)
		return -EINVAL;
	high = hex_value(s.data[1]);
	low = hex_value(s.data[2]);
	return high < 0 || low < 0 ? -EINVAL : high << 4 | low;
}

int sip_unescape(struct span text, char *out, size_t size) {
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];

		if (c == '%') {
			int byte = escaped_byte(sip_grammar_behind(text, i));

			// %00 would end the text early for whoever reads it as a C string.
			if (byte <= 0)
				return -EINVAL;
			c = (char)byte;
			i += 2;
		}
		if (n + 1 >= size)
			return -ENOSPC;
		out[n++] = c;
	}
	if (n >= size)
		return -ENOSPC;
	out[n] = '\0';
	return (int)n;
}

static bool has_good_escapes(struct span s) {
	const char *at = s.data, *end = s.data + s.len;

	while (at < end && (at = memchr(at, '%', (size_t)(end - at))) != NULL) {
		if (escaped_byte((struct span){at, (size_t)(end - at)}) < 0)
			return false;
		at += 3;
	}
	return true;
}

static int parse_scheme(struct span *rest, struct span *out) {
	size_t all = rest->len;
	struct span scheme = span_cut(rest, ':');

	if (scheme.len == all || scheme.len == 0 || rest->len == 0)
		return -EINVAL;
	if ((scheme.data[0] | 0x20) < 'a' || (scheme.data[0] | 0x20) > 'z')
		return -EINVAL;
	for (size_t i = 0; i < scheme.len; i++) {
		char c = scheme.data[i];

		if (c != '+' && (c == '_' || !sip_char_is(c, SIP_CHAR_HOST)))
			return -EINVAL;
	}
	*out = scheme;
	return 0;
}

// "@" can stand nowhere but behind the userinfo, whatever ";" or "?" come before it (RFC 4475 §3.1.1.9). A second one
// would let two readers see two hosts.
static int parse_userinfo(struct span *rest, struct sip_uri *u) {
	struct span behind = *rest;
	struct span userinfo = span_cut(&behind, '@');

	if (userinfo.len == rest->len)
		return 0;
	if (memchr(behind.data, '@', behind.len) != NULL)
		return -EINVAL;
	u->user = span_cut(&userinfo, ':');
	u->password = userinfo;
	*rest = behind;
	return span_is_empty(u->user) ? -EINVAL : 0;
}

static int parse_sip(struct span rest, struct sip_uri *u) {
	struct sip_hostport h;

	if (!has_good_escapes(rest) || parse_userinfo(&rest, u) < 0)
		return -EINVAL;
	u->headers = rest;
	u->params = span_cut(&u->headers, '?');
	if (sip_grammar_hostport(span_cut(&u->params, ';'), &h) < 0)
		return -EINVAL;
	u->host = h.host;
	u->host_is_ipv6 = h.is_ipv6;
	u->port = h.port;
	return 0;
}

// RFC 3966 §3: digits and what sets them apart; what else stands there is no number, and would be no user.
static struct span number_of(struct span text) {
	for (size_t i = 0; i < text.len; i++)
		if (strchr("+0123456789abcdefABCDEF*-.()", text.data[i]) == NULL)
			return (struct span){0};
	return text;
}

bool sip_uri_is_sip(const struct sip_uri *u) {
	return span_equal_nocase(u->scheme, span_of("sip")) || span_equal_nocase(u->scheme, span_of("sips"));
}

int sip_uri_parse(struct span text, struct sip_uri *out) {
	struct sip_uri u = {.whole = text};
	struct span rest = text;

	if (!sip_grammar_all(text, SIP_CHAR_URI) || parse_scheme(&rest, &u.scheme) < 0)
		return -EINVAL;
	if (sip_uri_is_sip(&u) && parse_sip(rest, &u) < 0)
		return -EINVAL;
	if (span_equal_nocase(u.scheme, span_of("tel")))
		u.user = number_of(span_cut(&rest, ';'));
	*out = u;
	return 0;
}
