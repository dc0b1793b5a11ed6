// Keys by which requests find their server transactions. Texts, for control/map.h.
#pragma once

#include "control/sink.h"
#include "control/sip/msg.h"

// RFC 3261 §17.2.3: branch, sent-by and method, with method "INVITE" for an ACK or a CANCEL of one; without the magic
// cookie the older rule, whose To tag match_to_tag compares.
void match_server_key(const struct sip_msg *m, struct span method, struct sink *out);
// True if the key of m doesn't say all: the To tags must be equal too (RFC 3261 §17.2.3, requests of RFC 2543).
bool match_needs_to_tag(const struct sip_msg *m);
// RFC 3261 §8.2.2.2. Writes nothing for a request within a dialog.
void match_merge_key(const struct sip_msg *m, struct sink *out);
// The 2xx that an ACK acknowledges: its dialog and CSeq (RFC 3261 §13.3.1.4).
void match_ack_key(
	struct span call_id, struct span from_tag, struct span to_tag, uint32_t cseq, struct sink *out);
// The text behind RFC 3261's magic cookie in a branch; empty if there is none.
struct span match_behind_cookie(struct span branch);
