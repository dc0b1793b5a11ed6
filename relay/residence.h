// How long packets were in the relay, counted by time: four steps an octave, from a quarter of a microsecond on.
#pragma once

#include <stdint.h>

enum { RESIDENCE_STEPS = 48 }; // the last one: all that took longer

// The step that a time belongs to.
unsigned residence_step(uint64_t ns);
// The longest time of a step, in nanoseconds; UINT64_MAX of the last.
uint64_t residence_bound_ns(unsigned step);
// The time that all but one in `rare` packets stayed within (100: the 99th percentile), as its step's bound; 0: no packets.
uint64_t residence_percentile_ns(const uint64_t packets[static RESIDENCE_STEPS], uint64_t rare);
