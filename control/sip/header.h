// Header fields by name (RFC 3261 §7.3, §20): full and compact names mean the same row of control/sip/header.def.
#pragma once

#include "control/span.h"

enum sip_header_id {
#define HEADER(name, text, compact, single) HEADER_##name,
#include "control/sip/header.def"
#undef HEADER
	HEADER_OTHER,
	HEADER_IDS,
};

struct sip_header {
	enum sip_header_id id;
	struct span name, value; // value trimmed; folds are replaced by spaces in the buffer
};

const char *sip_header_name(enum sip_header_id id); // the full form; "" for HEADER_OTHER
// Names are compared in full and without case. HEADER_OTHER: no row of ours.
enum sip_header_id sip_header_find(struct span name);
bool sip_header_is_single(enum sip_header_id id); // a second one makes the message bad
