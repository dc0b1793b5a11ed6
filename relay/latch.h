// The latch: which source may speak for a component, and when it is learnt. Pure: no clock, no I/O, no state of its own.
//
//	          first admissible packet                     packet of the learnt source: pass
//	waiting ───────────────────────────► latched ◄──┐
//	                                        └───────┘ another source: learn if the epoch was raised (for 5 s) or
//	                                                  the component has been silent for 2 s; else reject
#pragma once

#include "relay/protocol.h"

#define LATCH_WINDOW_NS 5000000000ull
#define LATCH_SILENCE_NS 2000000000ull

enum latch_outcome {
	LATCH_PASS, // the source that is expected
	LATCH_LEARN, // learn it, then treat as pass
	LATCH_REJECT, // verdict bad_source
	LATCH_BLANK, // there is nothing yet to compare with: verdict no_endpoint
};

// An IPv4 source or target; addr_be 0: none.
struct latch_addr {
	uint32_t addr_be;
	uint16_t port; // host order
};

struct latch_state {
	struct latch_addr remote; // signalled
	struct latch_addr learnt; // where latched
	uint32_t vouched_be; // LATCH_ADDRESS
	uint8_t mode; // enum latch_mode
	bool latched;
	bool relearn; // the epoch was raised since it latched, and no other source has come yet
	uint64_t window_ns; // when the epoch was applied
	uint64_t last_in_ns; // last admitted packet, 0: none
};

enum latch_outcome latch_check(const struct latch_state *s, struct latch_addr source, uint64_t now_ns);
