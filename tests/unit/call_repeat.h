// What a phone says until something stops it (RFC 3261 §13.3.1.4, §17): its INVITE with pauses that double without end,
// other requests and final answers with pauses up to T2, each for 64*T1.
#pragma once

#include "tests/unit/call_ladder.h"

enum repeat_kind { REPEAT_INVITE, REPEAT_BYE, REPEAT_CANCEL, REPEAT_FINAL };

void repeat_forget(void);
void repeat_start(enum repeat_kind kind, struct party *p, const char *text);
void repeat_stop(enum repeat_kind kind, const struct party *p);
// Say what is due, to call_network.h. on_given_up: nothing stopped it for 64*T1.
void repeat_run(void (*on_given_up)(enum repeat_kind kind, const struct party *p));
bool repeat_is_on(void); // anything
