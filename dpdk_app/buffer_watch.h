// How the packet buffers are doing: the fewest that were ever free, and when they run out or are back. Pure.
#pragma once

#include <stdint.h>

enum buffer_news {
	BUFFERS_SAME,
	BUFFERS_LOW, // fewer than a burst are free: receive slows down, and stops when none is left
	BUFFERS_BACK,
};

struct buffer_watch {
	uint64_t lowest; // fewest seen free
	uint64_t low_since_ns, low_ns; // BUFFERS_BACK: for how long they were low
	enum { BUFFER_WATCH_NEW, BUFFER_WATCH_WELL, BUFFER_WATCH_LOW } state;
};

// So many are free now. Zeroed at first.
enum buffer_news buffer_watch_see(struct buffer_watch *w, uint64_t n_free, uint64_t now_ns);
