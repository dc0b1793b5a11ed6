// The one log line that every attempt ends in.
#pragma once

#include "control/call/view.h"
#include "control/sink.h"

// Text of the line: "call id=… end cause=… by=… status=… …": key=value, a value quoted where a peer could forge a key.
// Times in ms; packets and drops are RTP, a: from the caller, b: from the callee. Writes into out, cut off where it ends.
void cdr_format(const struct call_view *v, struct sink *out);
// Log it at info.
void cdr_log(const struct call_view *v);
