// What the bench does with datagrams: keeps those that Kedge sends, and checks each.
#pragma once

#include "control/sip/transport.h"
#include "tests/unit/call_bench.h"

void bench_wire_open(const struct loop *loop);
void bench_wire_up(struct sip_stack *s); // where what comes in goes
void bench_wire_close(void);
struct transport bench_transport(void);
// A message of a realm's peer: its Call-ID, tags and branch may not show up elsewhere.
void bench_wire_note(const char *text, unsigned realm);
void bench_expect_silence(void);
