#include "control/call/offer_answer.h"

struct row {
	enum offer_verdict verdict;
	enum offer_state next;
};

#define GO(to) \
	{ OFFER_OK, OFFER_##to }
#define SAY(what) \
	{ OFFER_##what, OFFER_NONE }

// Whole on purpose: a pair that nobody thought of would read as OFFER_OK.
static const struct row table[OFFER_STATES][OFFER_EVENTS] = {
	[OFFER_NONE] =
		{
			[OFFER_ON_SEND_OFFER] = GO(SENT),
			[OFFER_ON_RECEIVE_OFFER] = GO(RECEIVED),
			[OFFER_ON_SEND_PREVIEW] = SAY(WRONG),
			[OFFER_ON_RECEIVE_PREVIEW] = SAY(WRONG),
			[OFFER_ON_SEND_ANSWER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_ANSWER] = SAY(WRONG),
			[OFFER_ON_ABORT] = GO(NONE),
		},
	[OFFER_SENT] =
		{
			[OFFER_ON_SEND_OFFER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_OFFER] = SAY(GLARE),
			[OFFER_ON_SEND_PREVIEW] = SAY(WRONG),
			[OFFER_ON_RECEIVE_PREVIEW] = GO(PREVIEWED),
			[OFFER_ON_SEND_ANSWER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_ANSWER] = GO(STABLE),
			[OFFER_ON_ABORT] = GO(NONE),
		},
	[OFFER_PREVIEWED] =
		{
			[OFFER_ON_SEND_OFFER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_OFFER] = SAY(GLARE),
			[OFFER_ON_SEND_PREVIEW] = SAY(WRONG),
			// A second 18x of the same dialog repeats its answer; many gateways change it, and that one is then right.
			[OFFER_ON_RECEIVE_PREVIEW] = GO(PREVIEWED),
			[OFFER_ON_SEND_ANSWER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_ANSWER] = GO(STABLE),
			[OFFER_ON_ABORT] = GO(NONE),
		},
	[OFFER_RECEIVED] =
		{
			[OFFER_ON_SEND_OFFER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_OFFER] = SAY(BUSY),
			[OFFER_ON_SEND_PREVIEW] = GO(SHOWN),
			[OFFER_ON_RECEIVE_PREVIEW] = SAY(WRONG),
			[OFFER_ON_SEND_ANSWER] = GO(STABLE),
			[OFFER_ON_RECEIVE_ANSWER] = SAY(WRONG),
			[OFFER_ON_ABORT] = GO(NONE),
		},
	[OFFER_SHOWN] =
		{
			[OFFER_ON_SEND_OFFER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_OFFER] = SAY(BUSY),
			[OFFER_ON_SEND_PREVIEW] = GO(SHOWN),
			[OFFER_ON_RECEIVE_PREVIEW] = SAY(WRONG),
			[OFFER_ON_SEND_ANSWER] = GO(STABLE),
			[OFFER_ON_RECEIVE_ANSWER] = SAY(WRONG),
			[OFFER_ON_ABORT] = GO(NONE),
		},
	[OFFER_STABLE] =
		{
			[OFFER_ON_SEND_OFFER] = GO(SENT),
			[OFFER_ON_RECEIVE_OFFER] = GO(RECEIVED),
			[OFFER_ON_SEND_PREVIEW] = SAY(WRONG),
			[OFFER_ON_RECEIVE_PREVIEW] = SAY(IGNORE), // an 18x reordered behind the 2xx
			[OFFER_ON_SEND_ANSWER] = SAY(WRONG),
			[OFFER_ON_RECEIVE_ANSWER] = SAY(IGNORE), // a repeated 2xx
			[OFFER_ON_ABORT] = GO(STABLE),
		},
};

enum offer_verdict offer_answer_step(struct offer_answer *oa, enum offer_event event) {
	const struct row *r = &table[oa->state][event];

	if (r->verdict != OFFER_OK)
		return r->verdict;
	oa->state = event == OFFER_ON_ABORT && oa->was_stable ? OFFER_STABLE : r->next;
	if (oa->state == OFFER_STABLE)
		oa->was_stable = true;
	return OFFER_OK;
}

const char *offer_state_name(enum offer_state s) {
	static const char *const names[OFFER_STATES] = {
		"none",
		"offer_sent",
		"previewed",
		"offer_received",
		"shown",
		"stable",
	};

	return names[s];
}
