#include "dpdk_app/route_changes.h"

#include <arpa/inet.h>

void route_changes_add(struct route_changes *c, const struct endpoint *network, unsigned prefix_length) {
	const uint32_t mask = prefix_length == 0 ? 0 : UINT32_MAX << (32 - prefix_length);
	const uint32_t to = ntohl(endpoint_v4_addr_be(network)) & mask;

	for (unsigned i = 0; i < c->n; i++) {
		if (c->at[i].network == (to & c->at[i].mask) && c->at[i].mask <= mask)
			return; // part of what is known
	}
	if (c->n == ROUTE_CHANGES_MAX) {
		route_changes_add_all(c);
		return;
	}
	c->at[c->n].network = to;
	c->at[c->n].mask = mask;
	c->n++;
}

void route_changes_add_all(struct route_changes *c) {
	c->at[0].network = c->at[0].mask = 0;
	c->n = 1;
}

bool route_changes_concern(const struct route_changes *c, const struct endpoint *address) {
	const uint32_t host = ntohl(endpoint_v4_addr_be(address));

	for (unsigned i = 0; i < c->n; i++) {
		if ((host & c->at[i].mask) == c->at[i].network)
			return true;
	}
	return false;
}
