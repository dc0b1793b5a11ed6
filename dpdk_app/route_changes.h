// Networks whose routes changed, gathered so that only destinations within them are asked for again. Pure.
#pragma once

#include "relay/endpoint.h"

enum { ROUTE_CHANGES_MAX = 16 };

struct route_changes {
	unsigned n;
	struct {
		uint32_t network, mask; // host order
	} at[ROUTE_CHANGES_MAX];
};

// A route to the network changed. More networks than there is room for are everything.
void route_changes_add(struct route_changes *c, const struct endpoint *network, unsigned prefix_length);
// Everything may have changed.
void route_changes_add_all(struct route_changes *c);
bool route_changes_concern(const struct route_changes *c, const struct endpoint *address);
