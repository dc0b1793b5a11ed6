#include "dpdk_app/buffer_watch.h"

#include "relay/relay.h"

enum {
	LOW = RELAY_BURST,
	WELL = 4 * RELAY_BURST, // apart, so that a pool on the edge isn't news all the time
};

enum buffer_news buffer_watch_see(struct buffer_watch *w, uint64_t n_free, uint64_t now_ns) {
	if (w->state == BUFFER_WATCH_NEW || n_free < w->lowest)
		w->lowest = n_free;
	if (w->state != BUFFER_WATCH_LOW && n_free < LOW) {
		w->state = BUFFER_WATCH_LOW;
		w->low_since_ns = now_ns;
		return BUFFERS_LOW;
	}
	if (w->state == BUFFER_WATCH_LOW) {
		if (n_free < WELL)
			return BUFFERS_SAME;
		w->state = BUFFER_WATCH_WELL;
		w->low_ns = now_ns - w->low_since_ns;
		return BUFFERS_BACK;
	}
	w->state = BUFFER_WATCH_WELL;
	return BUFFERS_SAME;
}
