#include "dpdk_app/steering_watch.h"

enum {
	ENOUGH = 1000, // packets
	FEW = 20, // one in so many: sessions of a relay that had other workers are handed over, and rightly
};

bool steering_watch_see(struct steering_watch *w, uint64_t *in, uint64_t *handed) {
	const struct steering_watch now = {*in, *handed};

	*in -= w->in;
	*handed -= w->handed;
	if (*in < ENOUGH)
		return false;
	*w = now;
	return *handed > *in / FEW;
}
