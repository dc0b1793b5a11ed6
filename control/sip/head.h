// What of a request its responses need (RFC 3261 §8.2.6.2), and the responses themselves.
#pragma once

#include "control/sink.h"
#include "control/sip/stack.h"

enum head_part {
	HEAD_KEY, // for matching, see match.h; empty in a stateless answer
	HEAD_MERGE_KEY,
	HEAD_VIAS, // complete lines, the first with received and rport
	HEAD_RECORD_ROUTES, // complete lines
	HEAD_TIMESTAMP, // a complete line or empty
	HEAD_FROM, // values
	HEAD_TO,
	HEAD_CALL_ID,
	HEAD_CSEQ,
	HEAD_FROM_TAG,
	HEAD_TO_TAG,
	HEAD_PARTS,
};

struct head {
	char *text; // owned after head_keep, else NULL
	struct span part[HEAD_PARTS];
	uint32_t cseq;
	bool is_invite;
};

// Describe m, that came from `from`, in text written to scratch: the parts borrow it. keyed: with the keys for matching.
// Also for requests that were refused: what is missing is empty. Returns 0 or -EMSGSIZE (scratch is too small).
[[nodiscard]] int head_describe(
	const struct sip_msg *m, const struct flow *from, bool keyed, struct sink *scratch, struct head *out);
// Copy the parts into memory of its own, for head_drop. Returns 0 or -ENOMEM.
[[nodiscard]] int head_keep(struct head *h);
void head_drop(struct head *h);

// Where the response goes (RFC 3261 §18.2.2, RFC 3581 §4): the source address, never maddr or another host that Via
// names; its port with rport or nated, else Via's.
struct endpoint head_reply_to(const struct sip_msg *m, const struct flow *from, bool nated);

// Write a whole response. tag goes into To if the request's had none and the status isn't 100.
void head_answer(const struct head *h, const struct sip_answer *a, struct span tag, struct sink *out);
