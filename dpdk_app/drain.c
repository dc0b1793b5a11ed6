#include "dpdk_app/drain.h"

bool drain_on_signal(struct drain *d, int signo, uint64_t now_ns) {
	d->until_ns = now_ns + DRAIN_S * (uint64_t)1000000000;
	return program_drains(&d->told, signo);
}

bool drain_is_over(const struct drain *d, uint32_t n_sessions, uint64_t now_ns) {
	if (d->told == 0)
		return false;
	return d->told >= 2 || n_sessions == 0 || now_ns >= d->until_ns;
}
