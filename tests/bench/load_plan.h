// What relay_load puts: the i-th of many like sessions, worked out from a description of each side.
//
// A range of endpoints is "ADDRESS[+N]:PORT[+M]": N addresses from ADDRESS and M even ports from PORT. The i-th walks the
// addresses first, then the ports, then begins again.
//
// A side is "realm=NAME,remote=RANGE[,local=RANGE][,latch=off|strict|address|any][,learnt]". Without local the relay chooses.
// learnt: as restored after a restart of the relay, with the remote endpoint learnt already.
#pragma once

#include "relay/protocol.h"

struct load_range {
	uint32_t addr; // host order; 0: no range
	uint32_t n_addrs, n_ports;
	uint16_t port; // of the first
};

struct load_side {
	char realm[PROTO_NAME];
	struct load_range local, remote;
	enum latch_mode latch;
	bool is_learnt;
};

struct load_plan {
	struct load_side side[2];
	uint16_t owner_id;
	uint64_t first; // counter of the first session id
	uint32_t n;
};

// Parse one side's description; text is changed on the way. Returns 0 or -EINVAL.
[[nodiscard]] int load_plan_parse_side(char *text, struct load_side *out);
struct endpoint load_range_at(const struct load_range *range, uint32_t i);
uint64_t load_plan_session_id(const struct load_plan *plan, uint32_t i);
struct proto_session load_plan_session(const struct load_plan *plan, uint32_t i);
