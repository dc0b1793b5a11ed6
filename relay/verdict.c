#include "relay/verdict.h"

#include <stddef.h>

struct row {
	const char *name, *help;
};

static const struct row rows[VERDICT_COUNT] = {
#define VERDICT(name, text, help) [VERDICT_##name] = {text, help},
#include "relay/verdict.def"
#undef VERDICT
};

const char *verdict_name(enum verdict v) {
	return (unsigned)v < VERDICT_COUNT ? rows[v].name : "unknown";
}

const char *verdict_help(enum verdict v) {
	return (unsigned)v < VERDICT_COUNT ? rows[v].help : "a verdict of a newer relay";
}
