// What a source says of itself in RTCP: the items of a source description (RFC 3550 §6.5) and the reason of a BYE (§6.6).
// Phones put their address or host there ("sip:1001@10.20.0.2"), which is nothing that the other side should learn.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct keyed_hash;

// Mask these texts in place, in a datagram that rtcp_parse took. A CNAME becomes letters and digits that nobody can trace
// back: the same ones for the same name as long as h lives, so that streams which belong together still do (§6.5.1). All
// other texts become blanks. Nothing changes its length. Returns whether there was any text.
bool sdes_mask(uint8_t *rtcp, size_t len, struct keyed_hash *h);
