// The one event loop of kedge-control. One turn: read (bounded) → run events → flush in order: relay, SIP.
// A loop for tests has no sockets and a clock that only loop_advance moves.
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct event_base;

typedef void (*loop_fn)(void *ctx, uint64_t ref); // ref: a handle, checked by whoever receives it

// A timer lives in its owner's object. Zeroed = stopped. O(1) start and stop (hierarchical wheel, 1 ms ticks).
struct timer {
	struct timer *next, **link;
	uint64_t due_ms;
	loop_fn fn;
	void *ctx;
	uint64_t ref;
};

enum loop_flush { FLUSH_RELAY, FLUSH_SIP, FLUSH_STAGES };

[[nodiscard]] int loop_create(struct loop **out);
[[nodiscard]] int loop_create_manual(struct loop **out); // for tests
void loop_destroy(struct loop *l);
struct event_base *loop_base(struct loop *l); // for sockets; NULL in a manual loop
[[nodiscard]] int loop_run(struct loop *l); // until loop_stop
void loop_stop(struct loop *l);
bool loop_is_stopped(const struct loop *l);

uint64_t loop_now_ms(const struct loop *l); // CLOCK_MONOTONIC, constant within a turn
uint64_t loop_wall_ms(const struct loop *l); // CLOCK_REALTIME since 1970

// (Re)start t to call fn(ctx, ref) once, in ms milliseconds (0: this turn or the next).
void loop_timer_start(struct loop *l, struct timer *t, uint64_t ms, loop_fn fn, void *ctx, uint64_t ref);
void loop_timer_stop(struct loop *l, struct timer *t);
static inline bool loop_timer_is_running(const struct timer *t) {
	return t->link != (struct timer **)0;
}

// Call fn(ctx, ref) later in this turn, in order, never from within the caller. Returns 0 or -ENOMEM.
[[nodiscard]] int loop_defer(struct loop *l, loop_fn fn, void *ctx, uint64_t ref);
// Called at the end of every turn, stages in order; one function a stage, NULL takes it away.
void loop_on_flush(struct loop *l, enum loop_flush stage, loop_fn fn, void *ctx);

// Manual loop: run turns until nothing is deferred, moving the clock by ms, timers in order of their due time.
void loop_advance(struct loop *l, uint64_t ms);
// To be called at the end of a libevent callback of ours: runs deferred functions and the flushes.
void loop_end_turn(struct loop *l);
