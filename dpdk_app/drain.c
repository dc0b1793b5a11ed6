#include "dpdk_app/drain.h"

#include <signal.h>

bool drain_on_signal(struct drain *d, int signo, uint64_t now_ns) {
	d->told += signo == SIGINT ? 2 : 1;
	if (d->told >= 2)
		return false;
	d->until_ns = now_ns + DRAIN_S * (uint64_t)1000000000;
	return true;
}

bool drain_is_over(const struct drain *d, uint32_t n_sessions, uint64_t now_ns) {
	if (d->told == 0)
		return false;
	return d->told >= 2 || n_sessions == 0 || now_ns >= d->until_ns;
}
