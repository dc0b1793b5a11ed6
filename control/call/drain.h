// When kedge-control ends: told once (SIGTERM) it takes no new calls and waits for those that it has; after 30 s it ends them,
// and gives them 5 s for that. Told twice, or by SIGINT, it ends at once.
#pragma once

#include "config/program.h"
#include "control/call/calls.h"

enum { DRAIN_STOP_MS = 5000 };

struct drain { // zeroed but for the first two, which it borrows
	struct loop *loop;
	struct calls *calls;
	struct timer timer;
	unsigned told;
};

// A signal came, in a turn of the loop. Logs.
void drain_on_signal(struct drain *d, int signo);
// The last call is gone: calls_hooks.on_drained.
void drain_on_drained(struct drain *d);
