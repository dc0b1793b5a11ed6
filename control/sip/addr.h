// Addresses with header parameters: From, To, Contact, Route, Record-Route (RFC 3261 §20.10).
#pragma once

#include "control/sip/param.h"

struct sip_addr { // name-addr / addr-spec
	struct span display; // as received, with its quotes if any
	struct span uri; // between < > or bare
	struct span params; // header parameters without the first ';'
};

// Takes the first element off a comma-separated list; *rest is what stands behind its comma. Parameters behind a bare
// addr-spec are the header's. Returns 0 or -EINVAL ("*", an open quote or angle, a bare "?", no scheme, bad parameters).
// The URI is not looked into.
[[nodiscard]] int sip_addr_parse(struct span *rest, struct sip_addr *out);
// The same for a header that holds one address: nothing may follow it.
[[nodiscard]] int sip_addr_parse_single(struct span value, struct sip_addr *out);
// The tag parameter (RFC 3261 §19.3); *out empty: none. Returns 0 or -EINVAL (two of them, empty, bytes that no tag has).
[[nodiscard]] int sip_addr_tag(const struct sip_addr *a, struct span *out);
