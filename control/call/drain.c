#include "control/call/drain.h"

#include "config/log.h"

void drain_on_drained(struct drain *d) {
	log_info("control state=drained");
	loop_stop(d->loop);
}

static void on_stop_overdue(void *ctx, uint64_t ref) {
	struct drain *d = ctx;

	(void)ref;
	log_warning("control state=stopping calls_left=%u", calls_now(d->calls));
	loop_stop(d->loop);
}

static void on_overdue(void *ctx, uint64_t ref) {
	struct drain *d = ctx;

	(void)ref;
	log_warning("control state=draining calls_ended_by_force=%u", calls_now(d->calls));
	loop_timer_start(d->loop, &d->timer, DRAIN_STOP_MS, on_stop_overdue, d, 0);
	calls_stop_all(d->calls);
}

void drain_on_signal(struct drain *d, int signo) {
	if (!program_drains(&d->told, signo)) {
		log_info("control state=ended calls_left=%u", calls_now(d->calls));
		loop_stop(d->loop);
		return;
	}
	log_info("control state=draining calls=%u longest_s=%d", calls_now(d->calls), DRAIN_S);
	loop_timer_start(d->loop, &d->timer, DRAIN_S * 1000, on_overdue, d, 0);
	calls_drain(d->calls);
}
