// Parameters as they follow URIs, addresses, Vias and media types: ";name=value;name" (RFC 3261 §7.3.1, §25.1).
#pragma once

#include "control/span.h"

struct sip_param {
	struct span name, value; // value as received, quotes kept; empty for a valueless one
};

// Takes the first parameter off ";"-separated text (without a leading ";"), blanks around "=" and ";" ignored.
// Returns 0, -ENOENT (rest was empty), -EINVAL (no name, an open quote, blanks or angles within a value).
[[nodiscard]] int sip_param_next(struct span *rest, struct sip_param *out);
// How many parameters have this name (compared without case). -EINVAL: the text is no list of parameters.
// The first one's value goes to *out, untouched when there is none.
[[nodiscard]] int sip_param_count(struct span params, const char *name, struct span *out);
// A parameter's value in "a=b;c" text (name compared without case); *out empty for a valueless one. False: not there.
bool sip_param_find(struct span params, const char *name, struct span *out);
