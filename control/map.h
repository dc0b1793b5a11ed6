// A hash map from text to a handle, keyed with a secret so that peers can't aim for collisions. Nodes are intrusive:
// the owner of the node keeps it and its key alive while it is in the map.
#pragma once

#include "control/span.h"

struct map_node {
	struct map_node *next, **link; // link NULL: not in a map
	struct span key;
	uint64_t hash, value;
};

struct map;
[[nodiscard]] int map_create(struct map **out); // grows by itself
void map_destroy(struct map *m); // nodes are the owners' to free
// Borrows key until map_del; doubles are allowed.
void map_add(struct map *m, struct map_node *n, struct span key, uint64_t value);
void map_del(struct map *m, struct map_node *n); // a node that is not in the map (zeroed) is ignored
struct map_node *map_find(struct map *m, struct span key);
// Another node with the key of n, which map_find or map_find_next gave; no operation on the map in between.
struct map_node *map_find_next(const struct map_node *n);
