// Requests of ours as texts. Via is ours alone: the advertised address, rport (RFC 3581) and the transaction's branch.
#pragma once

#include "control/sink.h"
#include "control/sip/stack.h"

// r with Via and Content-Length. branch: what stands behind the magic cookie. sent_by: "host:port".
void request_text(const struct sip_request *r, const char *sent_by, const char *branch, struct sink *out);
// The ACK of a failure (RFC 3261 §17.1.1.3): from the INVITE that was sent and the response's To.
void request_text_ack(const struct sip_msg *invite, struct span to, struct sink *out);
// The CANCEL of an INVITE that was sent (RFC 3261 §9.1). reason: a Reason header's value or empty (RFC 3326).
void request_text_cancel(const struct sip_msg *invite, struct span reason, struct sink *out);
