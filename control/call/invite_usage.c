#include "control/call/invite_usage.h"

#include <stddef.h>

struct row {
	bool known;
	enum invite_state next;
	unsigned actions;
};

#define ROW(to, what) \
	{ true, INVITE_##to, what }

enum {
	ACK = INVITE_DO_ACK,
	BYE = INVITE_DO_BYE,
	CANCEL = INVITE_DO_CANCEL,
	PROGRESS = INVITE_DO_REPORT_PROGRESS,
	ANSWER = INVITE_DO_REPORT_ANSWER,
	FAILURE = INVITE_DO_REPORT_FAILURE,
};

static const struct row table[INVITE_STATES][INVITE_EVENTS] = {
	[INVITE_RESOLVING] =
		{
			[INVITE_ON_RESOLVED] = ROW(CALLING, INVITE_DO_SEND),
			[INVITE_ON_UNRESOLVED] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_TRANSPORT_ERROR] = ROW(TERMINATED, FAILURE), // the send itself was refused
			[INVITE_ON_NO_RESPONSE] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_ABANDON] = ROW(TERMINATED, 0), // nothing was sent
		},
	[INVITE_CALLING] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(PROCEEDING, PROGRESS),
			[INVITE_ON_ANSWER] = ROW(ACCEPTED, ANSWER),
			[INVITE_ON_FAILURE] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_TIMEOUT] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_TRANSPORT_ERROR] = ROW(TERMINATED, FAILURE),
			// A peer that is slow, not dead, would ring on beside the next one: cancel it once it speaks.
			[INVITE_ON_NO_RESPONSE] = ROW(ABANDONED, CANCEL | FAILURE),
			[INVITE_ON_ABANDON] = ROW(ABANDONED, CANCEL),
		},
	[INVITE_PROCEEDING] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(PROCEEDING, PROGRESS),
			[INVITE_ON_ANSWER] = ROW(ACCEPTED, ANSWER),
			[INVITE_ON_FAILURE] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_TIMEOUT] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_TRANSPORT_ERROR] = ROW(TERMINATED, FAILURE),
			[INVITE_ON_ABANDON] = ROW(ABANDONED, CANCEL),
		},
	[INVITE_ACCEPTED] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(ACCEPTED, 0), // reordered behind the 2xx
			[INVITE_ON_ANSWER_AGAIN] = ROW(ACCEPTED, 0), // the ACK is on its way
			[INVITE_ON_ANSWER_OTHER] = ROW(ACCEPTED, ACK | BYE),
			[INVITE_ON_ABANDON] = ROW(ACCEPTED, 0), // too late to cancel: the call sends BYE
			[INVITE_ON_SETTLED] = ROW(ANSWERED, ACK),
		},
	[INVITE_ANSWERED] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(ANSWERED, 0), // reordered behind the 2xx
			[INVITE_ON_ANSWER_AGAIN] = ROW(ANSWERED, ACK),
			[INVITE_ON_ANSWER_OTHER] = ROW(ANSWERED, ACK | BYE),
			[INVITE_ON_ABANDON] = ROW(ANSWERED, 0),
		},
	[INVITE_ABANDONED] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(ABANDONED, 0),
			[INVITE_ON_ANSWER] = ROW(CLEARING, ACK | BYE), // 2xx crossed our CANCEL
			[INVITE_ON_FAILURE] = ROW(TERMINATED, 0), // 487, as a rule
			[INVITE_ON_TIMEOUT] = ROW(TERMINATED, 0),
			[INVITE_ON_TRANSPORT_ERROR] = ROW(TERMINATED, 0),
			[INVITE_ON_ABANDON] = ROW(
				ABANDONED, CANCEL), // given up before, ended now: asking twice is harmless
		},
	[INVITE_CLEARING] =
		{
			[INVITE_ON_PROVISIONAL] = ROW(CLEARING, 0),
			[INVITE_ON_ANSWER_AGAIN] = ROW(CLEARING, ACK),
			[INVITE_ON_ANSWER_OTHER] = ROW(CLEARING, ACK | BYE),
			[INVITE_ON_ABANDON] = ROW(CLEARING, 0),
		},
	[INVITE_TERMINATED] =
		{
			[INVITE_ON_ABANDON] = ROW(TERMINATED, 0),
		},
};

bool invite_usage_step(enum invite_state *state, enum invite_event event, unsigned *actions) {
	const struct row *r = &table[*state][event];

	if (!r->known)
		return false;
	*state = r->next;
	*actions = r->actions;
	return true;
}

const char *invite_state_name(enum invite_state s) {
	static const char *const names[INVITE_STATES] = {
		"resolving",
		"calling",
		"proceeding",
		"accepted",
		"answered",
		"abandoned",
		"clearing",
		"terminated",
	};

	return names[s];
}
