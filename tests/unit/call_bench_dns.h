// The bench's DNS: a table of hosts in place of the stack's own, which needs a real loop.
#pragma once

#include "control/sip/stack.h"

// Takes the place of the stack's resolver, which must be idle. "~address" answers late.
void bench_dns_open(
	struct loop *loop, const struct config *config, struct sip_stack *s, const char *const hosts[8][2]);
void bench_dns_close(void);
