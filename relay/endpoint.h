// An IP address and UDP port: one value type for config, protocol, data plane and SIP.
#pragma once

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ip_family { IP_NONE = 0, IP_V4 = 4, IP_V6 = 6 };

enum { ENDPOINT_TEXT = 56 }; // "[ipv6]:65535" and its NUL

// addr in network order, IPv4 in addr[0..3] with the rest zero, so that equality is plain memory equality.
// port in host order. All zero: no endpoint.
struct endpoint {
	uint8_t addr[16];
	uint16_t port;
	uint8_t family; // enum ip_family
	uint8_t reserved[5];
};
static_assert(sizeof(struct endpoint) == 24);

// True if an address is there (the port may be 0).
bool endpoint_is_set(const struct endpoint *e);
bool endpoint_equal(const struct endpoint *a, const struct endpoint *b);
bool endpoint_same_addr(const struct endpoint *a, const struct endpoint *b);

// IPv4 from network-order bytes.
struct endpoint endpoint_v4(uint32_t addr_be, uint16_t port);
uint32_t endpoint_v4_addr_be(const struct endpoint *e);

// Parse a numeric IPv4 or IPv6 address (no brackets, len bytes, no NUL needed). Returns 0 or -EINVAL.
[[nodiscard]] int endpoint_parse(const char *text, size_t len, uint16_t port, struct endpoint *out);

// Format as "192.0.2.1:5060" or "[2001:db8::1]:5060", "-" when not set. Returns buf.
const char *endpoint_format(const struct endpoint *e, char buf[static ENDPOINT_TEXT]);
// The address alone, without brackets. Returns buf.
const char *endpoint_format_addr(const struct endpoint *e, char buf[static ENDPOINT_TEXT]);
