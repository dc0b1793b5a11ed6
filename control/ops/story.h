// The story of one call as people read it, from its JSON (call_json_full, with the sessions' states).
#pragma once

#include <jansson.h>
#include <stdio.h>

void story_print(FILE *out, const json_t *call);
