// The relay's shared counters as a reader sees them: mapped read-only, every size and offset checked, because the memory
// belongs to another process that may be of another version, or bad.
#pragma once

#include "relay/counters.h"

enum { STATS_MAP_GROUPS_MAX = 4096 }; // workers, ports, realms: more are not believable

struct stats_map;

// Map what fd (borrowed) holds. Returns 0, -EPROTO (not ours, another version), -EBADMSG (sizes don't add up), -EPERM (not
// sealed: it could shrink under us), or a negative errno.
[[nodiscard]] int stats_map_open(int fd, struct stats_map **out);
void stats_map_close(struct stats_map *m); // NULL is fine

// Check a header against the bytes that are mapped. Returns 0, -EPROTO or -EBADMSG. Exposed for tests.
[[nodiscard]] int stats_map_check(const struct stats_header *h, size_t mapped);

// Copies of now. Fields that the writer's version lacks are zero. False: there is no such index.
void stats_map_header(const struct stats_map *m, struct stats_header *out);
bool stats_map_worker(const struct stats_map *m, uint32_t index, struct stats_worker *out);
bool stats_map_port(const struct stats_map *m, uint32_t index, struct stats_port *out);
bool stats_map_realm(const struct stats_map *m, uint32_t index, struct stats_realm *out);
// One component's slot: index = session slot * 4 + side * 2 + component. Its learnt endpoint may be half written.
bool stats_map_component(const struct stats_map *m, uint32_t index, struct component_slot *out);
