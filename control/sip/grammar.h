// The basic rules of SIP's grammar (RFC 3261 §25.1) that every field parser stands on. Bytes are judged by one table.
#pragma once

#include "control/span.h"

enum sip_char {
	SIP_CHAR_TOKEN = 1, // token
	SIP_CHAR_VISIBLE = 2, // %x21-7E
	SIP_CHAR_URI = 4, // may stand in a URI: visible, but nothing that would end one within < > or " "
	SIP_CHAR_HOST = 8, // hostname, liberal: "_" is common in the wild
	SIP_CHAR_CONTROL = 16, // all controls but HTAB
	SIP_CHAR_HEX = 32,
	SIP_CHAR_BLANK = 64, // SP, HTAB
	SIP_CHAR_COMMA = 128,
	SIP_CHAR_SEMICOLON = 256,
	SIP_CHAR_ANGLE = 512, // < >
	SIP_CHAR_QUOTE = 1024,
};
extern const uint16_t sip_char_kinds[256];

static inline bool sip_char_is(char c, unsigned kinds) {
	return (sip_char_kinds[(unsigned char)c] & kinds) != 0;
}

// True if s is not empty and all of its bytes are of the kinds.
bool sip_grammar_all(struct span s, unsigned kinds);
// What stands behind the first n bytes of s.
static inline struct span sip_grammar_behind(struct span s, size_t n) {
	return n == 0 ? s : (struct span){s.data + n, s.len - n};
}
// True if s holds a control byte (NUL, CR and LF too; HTAB is none).
bool sip_grammar_has_control(struct span s);
// Where the first byte of the kinds stands outside quoted strings; s.len: nowhere. -EINVAL: a quoted string is left open.
[[nodiscard]] int sip_grammar_find(struct span s, unsigned kinds, size_t *out);
// The length of the quoted string that s starts with, its quotes included; 0: none, or left open.
size_t sip_grammar_quoted(struct span s);
// Takes the first element off a comma-separated list, trimmed; commas in quoted strings separate nothing.
// Returns 0 or -EINVAL (a quoted string is left open). The element may be empty.
[[nodiscard]] int sip_grammar_element(struct span *rest, struct span *out);

// "host", "host:port" or "[v6]:port" with blanks around the colon (RFC 3261 §25.1 COLON, RFC 5954).
struct sip_hostport {
	struct span host; // without brackets
	uint32_t port; // 0: none given
	bool is_ipv6;
};
[[nodiscard]] int sip_grammar_hostport(struct span s, struct sip_hostport *out); // 0 or -EINVAL
