// Offer and answer of one dialog (RFC 3264; RFC 6337 §2): who owes whom a description. One table for whatever carries SDP:
// INVITE and its responses now; PRACK, UPDATE and ACK use the same events.
#pragma once

#include <stdbool.h>

enum offer_state {
	OFFER_NONE, // no description yet
	OFFER_SENT, // we offered, their answer is due
	OFFER_PREVIEWED, // … and an unreliable provisional showed it (RFC 3261 §13.2.1)
	OFFER_RECEIVED, // they offered, our answer is due
	OFFER_SHOWN, // … and we showed it in an unreliable provisional
	OFFER_STABLE, // both known, nothing open
	OFFER_STATES,
};

enum offer_event {
	OFFER_ON_SEND_OFFER,
	OFFER_ON_RECEIVE_OFFER,
	OFFER_ON_SEND_PREVIEW, // our answer in an unreliable provisional
	OFFER_ON_RECEIVE_PREVIEW, // theirs
	OFFER_ON_SEND_ANSWER,
	OFFER_ON_RECEIVE_ANSWER,
	OFFER_ON_ABORT, // the exchange failed: back to what was agreed before
	OFFER_EVENTS,
};

enum offer_verdict {
	OFFER_OK,
	OFFER_GLARE, // an offer while ours is open: 491 (RFC 3261 §14.2)
	OFFER_BUSY, // an offer while theirs is open: 500 with Retry-After (RFC 3261 §14.2)
	OFFER_IGNORE, // a description that RFC 6337 says to ignore: repeats of an answer in the same exchange
	OFFER_WRONG, // a breach: nothing changes
};

struct offer_answer {
	enum offer_state state;
	bool was_stable; // an earlier exchange was agreed: abort falls back to it
};

// What the event means now. The state changes with OFFER_OK only.
enum offer_verdict offer_answer_step(struct offer_answer *oa, enum offer_event event);
const char *offer_state_name(enum offer_state s);
