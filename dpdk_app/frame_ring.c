#include "dpdk_app/frame_ring.h"

#include <errno.h>
#include <stdlib.h>

int frame_ring_init(struct frame_ring *r, uint64_t n) {
	r->frames = calloc(n, sizeof(*r->frames)); // touched, and so taken, only as far as it was ever filled
	if (r->frames == NULL)
		return -ENOMEM;
	ring_init(&r->ring, n);
	return 0;
}

void frame_ring_fini(struct frame_ring *r) {
	free(r->frames);
	r->frames = NULL;
}
