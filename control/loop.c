#include "control/loop.h"

#include "control/wheel.h"

#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <stdlib.h>
#include <time.h>

// Deferred functions and flushes that keep asking for each other go on in the next turn after so many rounds.
enum { ROUNDS_A_TURN = 64, FIRST_DEFERRED = 64 };

struct deferred {
	loop_fn fn;
	void *ctx;
	uint64_t ref;
};

struct flusher {
	loop_fn fn;
	void *ctx;
};

struct loop {
	struct event_base *base; // NULL: manual
	struct event *alarm; // the one libevent timer
	uint64_t alarm_ms; // when it goes off; UINT64_MAX: it doesn't
	uint64_t now_ms;
	bool now_is_known; // the clock has been read in this turn
	bool in_end_of_turn;
	bool is_stopped;
	struct wheel wheel;
	struct deferred *deferred; // a ring of size entries, a power of two
	size_t size, first, n_deferred;
	struct flusher flush[FLUSH_STAGES];
};

static uint64_t clock_ms(clockid_t id) {
	struct timespec t;

	clock_gettime(id, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t loop_now_ms(const struct loop *l) {
	struct loop *cache = (struct loop *)l; // the time of a turn is read by the first who asks

	if (!l->now_is_known) {
		cache->now_ms = clock_ms(CLOCK_MONOTONIC);
		cache->now_is_known = true;
	}
	return l->now_ms;
}

uint64_t loop_wall_ms(const struct loop *l) {
	return l->base == NULL ? l->now_ms : clock_ms(CLOCK_REALTIME);
}

struct event_base *loop_base(struct loop *l) {
	return l->base;
}

int loop_create_manual(struct loop **out) {
	struct loop *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return -ENOMEM;
	l->size = FIRST_DEFERRED;
	l->deferred = calloc(l->size, sizeof(*l->deferred));
	if (l->deferred == NULL) {
		loop_destroy(l);
		return -ENOMEM;
	}
	l->alarm_ms = UINT64_MAX;
	l->now_is_known = true;
	wheel_init(&l->wheel, 0);
	*out = l;
	return 0;
}

static void set_alarm(struct loop *l) {
	uint64_t next_ms = wheel_next_ms(&l->wheel), wait_ms;

	if (l->base == NULL || next_ms >= l->alarm_ms)
		return; // an alarm that is too early only looks again
	wait_ms = next_ms > loop_now_ms(l) ? next_ms - loop_now_ms(l) : 0;
	l->alarm_ms = next_ms;
	event_add(l->alarm,
		&(struct timeval){.tv_sec = (time_t)(wait_ms / 1000), .tv_usec = wait_ms % 1000 * 1000});
}

static void run_timers(struct loop *l, uint64_t to_ms) {
	struct timer *t;

	wheel_take_soon(&l->wheel);
	while ((t = wheel_expire(&l->wheel, to_ms)) != NULL)
		t->fn(t->ctx, t->ref);
}

static void on_alarm(evutil_socket_t fd, short what, void *ctx) {
	struct loop *l = ctx;

	(void)fd, (void)what;
	l->now_is_known = false;
	l->alarm_ms = UINT64_MAX;
	run_timers(l, loop_now_ms(l));
	loop_end_turn(l);
}

static struct event_base *new_base(void) {
	struct event_config *config = event_config_new();
	struct event_base *base;

	if (config == NULL)
		return NULL;
	event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK | EVENT_BASE_FLAG_PRECISE_TIMER);
	base = event_base_new_with_config(config);
	event_config_free(config);
	return base;
}

int loop_create(struct loop **out) {
	struct loop *l;
	int ret = loop_create_manual(&l);

	if (ret < 0)
		return ret;
	l->base = new_base();
	l->alarm = l->base == NULL ? NULL : event_new(l->base, -1, 0, on_alarm, l);
	if (l->alarm == NULL) {
		loop_destroy(l);
		return -ENOMEM;
	}
	l->now_is_known = false;
	wheel_init(&l->wheel, loop_now_ms(l));
	*out = l;
	return 0;
}

void loop_destroy(struct loop *l) {
	if (l == NULL)
		return;
	if (l->alarm != NULL)
		event_free(l->alarm);
	if (l->base != NULL)
		event_base_free(l->base);
	free(l->deferred);
	free(l);
}

int loop_run(struct loop *l) {
	assert(l->base != NULL);
	loop_end_turn(l); // what was deferred or started before there was a turn
	if (l->is_stopped)
		return 0; // libevent forgets a break that came before its loop
	return event_base_loop(l->base, EVLOOP_NO_EXIT_ON_EMPTY) < 0 ? -EIO : 0;
}

void loop_stop(struct loop *l) {
	l->is_stopped = true;
	if (l->base != NULL)
		event_base_loopbreak(l->base);
}

bool loop_is_stopped(const struct loop *l) {
	return l->is_stopped;
}

void loop_timer_start(struct loop *l, struct timer *t, uint64_t ms, loop_fn fn, void *ctx, uint64_t ref) {
	uint64_t now_ms = loop_now_ms(l);

	wheel_del(t);
	t->due_ms = ms > UINT64_MAX - now_ms ? UINT64_MAX : now_ms + ms;
	t->fn = fn;
	t->ctx = ctx;
	t->ref = ref;
	wheel_add(&l->wheel, t);
	if (t->due_ms < l->alarm_ms)
		set_alarm(l);
}

void loop_timer_stop(struct loop *l, struct timer *t) {
	(void)l; // the alarm stays: when it goes off for nothing, it is set anew
	wheel_del(t);
}

static bool grow_deferred(struct loop *l) {
	struct deferred *bigger = calloc(l->size * 2, sizeof(*bigger));

	if (bigger == NULL)
		return false;
	for (size_t i = 0; i < l->n_deferred; i++)
		bigger[i] = l->deferred[(l->first + i) & (l->size - 1)];
	free(l->deferred);
	l->deferred = bigger;
	l->size *= 2;
	l->first = 0;
	return true;
}

int loop_defer(struct loop *l, loop_fn fn, void *ctx, uint64_t ref) {
	if (l->n_deferred == l->size && !grow_deferred(l))
		return -ENOMEM;
	l->deferred[(l->first + l->n_deferred++) & (l->size - 1)] = (struct deferred){fn, ctx, ref};
	return 0;
}

// Those that are there now; what they defer comes in the next round.
static void run_deferred(struct loop *l) {
	for (size_t n = l->n_deferred; n > 0; n--) {
		struct deferred d = l->deferred[l->first];

		l->first = (l->first + 1) & (l->size - 1);
		l->n_deferred--;
		d.fn(d.ctx, d.ref);
	}
}

void loop_on_flush(struct loop *l, enum loop_flush stage, loop_fn fn, void *ctx) {
	l->flush[stage] = (struct flusher){fn, ctx};
}

static void flush(struct loop *l) {
	for (int stage = 0; stage < FLUSH_STAGES; stage++) {
		if (l->flush[stage].fn != NULL)
			l->flush[stage].fn(l->flush[stage].ctx, 0);
	}
}

void loop_end_turn(struct loop *l) {
	int rounds = 0;

	if (l->in_end_of_turn)
		return;
	l->in_end_of_turn = true;
	do {
		while (l->n_deferred > 0 && ++rounds < ROUNDS_A_TURN)
			run_deferred(l);
		flush(l);
	} while (l->n_deferred > 0 && ++rounds < ROUNDS_A_TURN);
	l->in_end_of_turn = false;
	set_alarm(l);
	if (l->n_deferred > 0 && l->alarm != NULL)
		event_active(l->alarm, EV_TIMEOUT, 0);
	l->now_is_known = l->base == NULL;
}

static void end_turns(struct loop *l) {
	do
		loop_end_turn(l);
	while (l->n_deferred > 0);
}

void loop_advance(struct loop *l, uint64_t ms) {
	uint64_t to_ms = l->now_ms + ms, next_ms;

	assert(l->base == NULL);
	end_turns(l);
	while ((next_ms = wheel_next_ms(&l->wheel)) <= to_ms) {
		l->now_ms = next_ms;
		run_timers(l, next_ms);
		end_turns(l);
	}
	run_timers(l, to_ms);
	l->now_ms = to_ms;
}
