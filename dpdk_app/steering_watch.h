// Does a NIC do what it promised? Where packets are steered, hardly any is to be handed from one worker to another. Pure.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct steering_watch {
	uint64_t in, handed; // when last judged
};

// So many packets came in and were handed over in all, workers together. Judges once enough have come since it last did.
// True: more than one in twenty was handed over; *in and *handed then say how many of how many. Zeroed at first.
bool steering_watch_see(struct steering_watch *w, uint64_t *in, uint64_t *handed);
