// SIP URIs (RFC 3261 §19.1).
#pragma once

#include "control/sip/param.h"

struct sip_uri { // all slices as received, escapes kept
	struct span whole;
	struct span scheme, user, password, host, params, headers; // host without brackets
	uint32_t port; // 0: none given
	bool host_is_ipv6;
};

// sip: and sips: in full; tel: its number as user (RFC 3966 §3), if it is one that a user part can hold as it is; another
// scheme gives scheme and whole only. Returns 0 or -EINVAL: blanks, controls, bytes
// beyond ASCII, quotes or angles anywhere, a bad %xx, two "@", an empty user, a host or port that is none.
[[nodiscard]] int sip_uri_parse(struct span text, struct sip_uri *out);
// True for sip: and sips:.
bool sip_uri_is_sip(const struct sip_uri *u);
// Undo %xx into out (size bytes, NUL-terminated). Returns the length or -EINVAL (bad escape, %00) / -ENOSPC.
int sip_unescape(struct span text, char *out, size_t size);
