#include "relay/endpoint.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

bool endpoint_is_set(const struct endpoint *e) {
	return e->family != IP_NONE;
}

bool endpoint_same_addr(const struct endpoint *a, const struct endpoint *b) {
	return a->family == b->family && memcmp(a->addr, b->addr, sizeof(a->addr)) == 0;
}

bool endpoint_equal(const struct endpoint *a, const struct endpoint *b) {
	return a->port == b->port && endpoint_same_addr(a, b);
}

struct endpoint endpoint_v4(uint32_t addr_be, uint16_t port) {
	struct endpoint e = {.port = port, .family = IP_V4};

	memcpy(e.addr, &addr_be, sizeof(addr_be));
	return e;
}

uint32_t endpoint_v4_addr_be(const struct endpoint *e) {
	uint32_t addr_be;

	memcpy(&addr_be, e->addr, sizeof(addr_be));
	return addr_be;
}

int endpoint_parse(const char *text, size_t len, uint16_t port, struct endpoint *out) {
	struct endpoint e = {.port = port};
	char buf[INET6_ADDRSTRLEN];

	if (len == 0 || len >= sizeof(buf) || memchr(text, '\0', len) != NULL)
		return -EINVAL;
	memcpy(buf, text, len);
	buf[len] = '\0';
	if (inet_pton(AF_INET, buf, e.addr) == 1)
		e.family = IP_V4;
	else if (inet_pton(AF_INET6, buf, e.addr) == 1)
		e.family = IP_V6;
	else
		return -EINVAL;
	*out = e;
	return 0;
}

const char *endpoint_format_addr(const struct endpoint *e, char buf[static ENDPOINT_TEXT]) {
	if (e->family == IP_NONE ||
		inet_ntop(e->family == IP_V4 ? AF_INET : AF_INET6, e->addr, buf, ENDPOINT_TEXT) == NULL)
		strcpy(buf, "-");
	return buf;
}

const char *endpoint_format(const struct endpoint *e, char buf[static ENDPOINT_TEXT]) {
	char addr[ENDPOINT_TEXT];

	endpoint_format_addr(e, addr);
	if (e->family == IP_NONE)
		strcpy(buf, "-");
	else
		snprintf(buf, ENDPOINT_TEXT, e->family == IP_V4 ? "%.45s:%u" : "[%.45s]:%u", addr, e->port);
	return buf;
}
