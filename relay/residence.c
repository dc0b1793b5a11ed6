#include "relay/residence.h"

// Units of 256 ns. Up to 4 of them a step each; from there on each octave has four steps.
enum { UNIT_BITS = 8 };

unsigned residence_step(uint64_t ns) {
	const uint64_t units = ns >> UNIT_BITS;
	unsigned octave, step;

	if (units < 4)
		return (unsigned)units;
	octave = 63 - (unsigned)__builtin_clzll(units);
	step = 4 * (octave - 1) + (unsigned)(units >> (octave - 2) & 3);
	return step < RESIDENCE_STEPS ? step : RESIDENCE_STEPS - 1;
}

uint64_t residence_bound_ns(unsigned step) {
	const unsigned octave = step / 4 + 1;

	if (step >= RESIDENCE_STEPS - 1)
		return UINT64_MAX;
	if (step < 4)
		return ((uint64_t)step + 1) << UNIT_BITS;
	return (uint64_t)(step % 4 + 5) << (octave - 2) << UNIT_BITS;
}

uint64_t residence_percentile_ns(const uint64_t packets[static RESIDENCE_STEPS], uint64_t rare) {
	uint64_t sum = 0, beyond = 0;

	for (unsigned i = 0; i < RESIDENCE_STEPS; i++)
		sum += packets[i];
	if (sum == 0)
		return 0;
	for (unsigned i = RESIDENCE_STEPS - 1; i > 0; i--) {
		beyond += packets[i];
		if (beyond > sum / rare)
			return residence_bound_ns(i);
	}
	return residence_bound_ns(0);
}
