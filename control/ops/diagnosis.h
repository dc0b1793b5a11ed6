// Why there is, or is not, audio: what a session's counters mean, in words. Pure: no clock, no I/O.
#pragma once

#include "relay/protocol.h"

enum { DIAGNOSIS_LINES = 16, DIAGNOSIS_LINE = 192 };
// Longer without a packet is silence.
#define DIAGNOSIS_SILENCE_MS 2000

struct diagnosis_session {
	const struct proto_session_state *state;
	bool held; // the descriptions stop the media both ways
	bool answered; // the call was answered
	bool ended; // state holds final counters
};

struct diagnosis {
	char lines[DIAGNOSIS_LINES][DIAGNOSIS_LINE];
	unsigned n_lines;
};

// The first line says how audio flows, the others say why; at least one.
void diagnosis_find(const struct diagnosis_session *s, struct diagnosis *out);
