// What a frame for the kernel is, and how much of its class may go there. Pure.
#pragma once

#include "relay/counters.h"

#include <stdbool.h>

// The class of a frame, behind up to two VLAN tags. What is cut off is OTHER.
enum punt_class punt_classify(const uint8_t *data, uint32_t length);

// A token bucket, kept as the time at which it is full again (ITU-T I.371's GCRA): one word, no refill.
struct punt_bucket {
	uint64_t full_at_ns;
	uint64_t interval_ns; // a packet's share of a second; 0: nothing passes
	uint64_t depth_ns; // how far ahead full_at_ns may be
};

// pps packets a second, and as many of them at once as make 100 ms, one at the least.
void punt_bucket_init(struct punt_bucket *b, uint32_t pps);
// True if one more packet may pass now.
bool punt_bucket_take(struct punt_bucket *b, uint64_t now_ns);
