#pragma once

enum verdict {
#define VERDICT(name, text, help) VERDICT_##name,
#include "relay/verdict.def"
#undef VERDICT
	VERDICT_COUNT,
};

// Verdicts below this one can be a component's; those from it on come before a component is known.
enum { COMPONENT_VERDICTS = VERDICT_RUNT };

// "forwarded", "bad_source", …: the name in counters, JSON keys and CLI columns.
const char *verdict_name(enum verdict v);
const char *verdict_help(enum verdict v);
