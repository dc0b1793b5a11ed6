// Where a request for a host goes (RFC 3263 for UDP): numeric hosts as they are; a name with a port by its addresses;
// a name without by _sip._udp SRV records, else by its addresses. Deadline, order and limits are here; dns.h asks.
#pragma once

#include "control/sip/dns.h"
#include "control/sip/stack.h"

struct resolver;

// dns NULL: c-ares is opened with the first question; a manual loop finds no names.
[[nodiscard]] int resolver_create(
	struct loop *loop, const struct config *config, const struct dns *dns, struct resolver **out);
void resolver_destroy(struct resolver *r);
// As sip_resolve.
[[nodiscard]] int resolver_start(struct resolver *r, uint16_t realm, struct span host, uint32_t port,
	enum sip_transport transport, sip_resolved_fn fn, void *ctx, uint64_t owner);
