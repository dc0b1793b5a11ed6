// RTP frames for the sessions of a plan, as a capture file (pcap, Ethernet) that net_pcap or tcpreplay can send.
#pragma once

#include "tests/bench/load_plan.h"

struct load_frames {
	const struct load_plan *plan;
	unsigned side; // whose peer sends them
	uint8_t mac[6]; // of the relay's port
	uint16_t payload_bytes; // of RTP, behind its header
	uint32_t n; // frames: all sessions in turn
	const struct endpoint *locals; // ours of that side, a session each; NULL: as the plan says
};

// Returns 0 or a negative errno.
[[nodiscard]] int load_frames_write(const struct load_frames *f, const char *path);
