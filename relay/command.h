// What main sends to a worker: a session's whole wanted state, or its end. Never a change: a command can be repeated,
// and a later one stands for all before it.
#pragma once

#include "relay/latch.h"

enum { COMPONENTS = 4 }; // of a session: side * 2 + component

struct component_config {
	uint64_t payload_types[2];
	struct latch_addr local, remote;
	struct latch_addr restore; // learnt before the relay restarted
	uint32_t vouched_be;
	uint32_t hop, hop_addr_be; // next-hop id, and the address that it leads to
	uint32_t latch_epoch;
	uint16_t media; // index into relay_params.media
	uint8_t mode; // enum latch_mode
	uint8_t tos;
	uint8_t egress; // packet port
	uint16_t vlan; // 0: untagged
};

enum command_kind { COMMAND_SET, COMMAND_CLEAR };

struct command {
	uint64_t session_id;
	uint32_t slot, generation;
	enum command_kind kind;
	struct component_config component[COMPONENTS];
};
