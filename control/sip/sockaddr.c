#include "control/sip/sockaddr.h"

#include <netinet/in.h>
#include <string.h>

socklen_t sockaddr_put(const struct endpoint *e, struct sockaddr_storage *out) {
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(e->port)};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(e->port)};

	if (e->family == IP_V6) {
		memcpy(&in6.sin6_addr, e->addr, sizeof(in6.sin6_addr));
		memcpy(out, &in6, sizeof(in6));
		return sizeof(in6);
	}
	memcpy(&in.sin_addr, e->addr, sizeof(in.sin_addr));
	memcpy(out, &in, sizeof(in));
	return sizeof(in);
}

struct endpoint sockaddr_get(const struct sockaddr_storage *sa) {
	struct endpoint e = {0};
	struct sockaddr_in in;
	struct sockaddr_in6 in6;

	if (sa->ss_family == AF_INET) {
		memcpy(&in, sa, sizeof(in));
		return endpoint_v4(in.sin_addr.s_addr, ntohs(in.sin_port));
	}
	if (sa->ss_family == AF_INET6) {
		memcpy(&in6, sa, sizeof(in6));
		memcpy(e.addr, &in6.sin6_addr, sizeof(e.addr));
		e.port = ntohs(in6.sin6_port);
		e.family = IP_V6;
	}
	return e;
}
