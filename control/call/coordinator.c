#include "control/call/coordinator.h"

struct row {
	bool known;
	enum call_state next;
	unsigned actions;
};

#define ROW(to, what) \
	{ true, CALL_##to, what }

enum {
	CLOSE = CALL_DO_CLOSE,
	REJECT = CALL_DO_REJECT | CALL_DO_CLOSE,
	GIVE_UP = CALL_DO_ABANDON | CALL_DO_REJECT | CALL_DO_CLOSE,
	BYE_BOTH = CALL_DO_BYE_CALLER | CALL_DO_BYE_CALLEE | CALL_DO_CLOSE,
	// A branch has answered and the caller doesn't know yet.
	TAKE_BACK =
		CALL_DO_ACK_CALLEE | CALL_DO_ABANDON | CALL_DO_BYE_CALLEE | CALL_DO_REJECT | CALL_DO_CLOSE,
};

static const struct row table[CALL_STATES][CALL_EVENTS] = {
	[CALL_OFFERING] =
		{
			[CALL_ON_OFFER_READY] = ROW(TRYING, CALL_DO_TRY),
			// Between two realms there are tries of the first to be abandoned.
			[CALL_ON_MEDIA_FAILED] = ROW(ENDING, GIVE_UP),
			[CALL_ON_RING_TIMEOUT] = ROW(ENDING, GIVE_UP),
			[CALL_ON_CANCEL] = ROW(ENDING, GIVE_UP),
			[CALL_ON_CALLER_BYE] = ROW(ENDING, GIVE_UP),
			[CALL_ON_STOP] = ROW(ENDING, GIVE_UP),
		},
	[CALL_TRYING] =
		{
			[CALL_ON_PROGRESS] = ROW(TRYING, CALL_DO_PASS_PROGRESS),
			[CALL_ON_BRANCH_FAILED] = ROW(TRYING, CALL_DO_TRY),
			[CALL_ON_OTHER_REALM] = ROW(OFFERING, 0),
			[CALL_ON_REFUSED] =
				ROW(ENDING, GIVE_UP), // earlier tries that never spoke are abandoned too
			[CALL_ON_ANSWER] = ROW(ANSWERING, CALL_DO_TELL_RELAY | CALL_DO_ABANDON),
			[CALL_ON_MEDIA_FAILED] = ROW(
				ENDING, GIVE_UP), // early media's description was wrong, or the relay is gone
			[CALL_ON_RING_TIMEOUT] = ROW(ENDING, GIVE_UP),
			[CALL_ON_CANCEL] = ROW(ENDING, GIVE_UP),
			[CALL_ON_CALLER_BYE] = ROW(ENDING, GIVE_UP), // BYE in an early dialog (RFC 3261 §15)
			[CALL_ON_CALLEE_BYE] = ROW(ENDING, GIVE_UP),
			[CALL_ON_STOP] = ROW(ENDING, GIVE_UP),
		},
	[CALL_ANSWERING] =
		{
			[CALL_ON_ANSWER_READY] = ROW(ANSWERED, CALL_DO_ACK_CALLEE | CALL_DO_ACCEPT),
			[CALL_ON_MEDIA_FAILED] = ROW(ENDING, TAKE_BACK),
			[CALL_ON_CANCEL] = ROW(ENDING, TAKE_BACK), // the answer and the CANCEL crossed in us
			[CALL_ON_CALLER_BYE] = ROW(ENDING, TAKE_BACK),
			[CALL_ON_CALLEE_BYE] =
				ROW(ENDING, CALL_DO_ACK_CALLEE | REJECT), // so that its 2xx stops
			[CALL_ON_RING_TIMEOUT] = ROW(ANSWERING, 0),
			[CALL_ON_STOP] = ROW(ENDING, TAKE_BACK),
		},
	[CALL_ANSWERED] =
		{
			[CALL_ON_ACCEPT_FAILED] = ROW(ENDING, CALL_DO_BYE_CALLEE | REJECT),
			[CALL_ON_ACK] = ROW(CONFIRMED, CALL_DO_CONFIRM),
			[CALL_ON_ACK_TIMEOUT] = ROW(ENDING, BYE_BOTH),
			[CALL_ON_CALLER_BYE] =
				ROW(ENDING, CALL_DO_BYE_CALLEE | CLOSE), // its ACK was lost or comes later
			[CALL_ON_CALLEE_BYE] = ROW(HANGING_UP, CLOSE),
			[CALL_ON_MEDIA_TIMEOUT] = ROW(HANGING_UP, CALL_DO_BYE_CALLEE | CLOSE),
			[CALL_ON_STOP] = ROW(HANGING_UP, CALL_DO_BYE_CALLEE | CLOSE),
		},
	[CALL_CONFIRMED] =
		{
			[CALL_ON_ACK] = ROW(CONFIRMED, 0), // repeated
			[CALL_ON_CALLER_BYE] = ROW(ENDING, CALL_DO_BYE_CALLEE | CLOSE),
			[CALL_ON_CALLEE_BYE] = ROW(ENDING, CALL_DO_BYE_CALLER | CLOSE),
			[CALL_ON_MEDIA_TIMEOUT] = ROW(ENDING, BYE_BOTH),
			[CALL_ON_STOP] = ROW(ENDING, BYE_BOTH),
		},
	[CALL_HANGING_UP] =
		{
			[CALL_ON_ACK] = ROW(ENDING, CALL_DO_BYE_CALLER),
			[CALL_ON_ACK_TIMEOUT] = ROW(ENDING, CALL_DO_BYE_CALLER),
			[CALL_ON_CALLER_BYE] = ROW(ENDING, 0),
			[CALL_ON_CALLEE_BYE] = ROW(HANGING_UP, 0),
			[CALL_ON_MEDIA_TIMEOUT] = ROW(HANGING_UP, 0),
			[CALL_ON_STOP] = ROW(HANGING_UP, 0),
		},
	[CALL_ENDING] =
		{
			// Whatever still arrives was under way when the call ended.
			[CALL_ON_OFFER_READY] = ROW(ENDING, 0),
			[CALL_ON_MEDIA_FAILED] = ROW(ENDING, 0),
			[CALL_ON_PROGRESS] = ROW(ENDING, 0),
			[CALL_ON_BRANCH_FAILED] = ROW(ENDING, 0),
			[CALL_ON_REFUSED] = ROW(ENDING, 0),
			[CALL_ON_ANSWER_READY] = ROW(ENDING, 0),
			[CALL_ON_RING_TIMEOUT] = ROW(ENDING, 0),
			[CALL_ON_CANCEL] = ROW(ENDING, 0),
			[CALL_ON_ACK] = ROW(ENDING, 0),
			[CALL_ON_ACK_TIMEOUT] = ROW(ENDING, 0),
			[CALL_ON_CALLER_BYE] = ROW(ENDING, 0),
			[CALL_ON_CALLEE_BYE] = ROW(ENDING, 0),
			[CALL_ON_MEDIA_TIMEOUT] = ROW(ENDING, 0),
			[CALL_ON_STOP] = ROW(ENDING, 0),
			[CALL_ON_CLEARED] = ROW(ENDED, CALL_DO_RELEASE),
		},
};

bool coordinator_step(enum call_state *state, enum call_event event, unsigned *actions) {
	const struct row *r = &table[*state][event];

	if (!r->known)
		return false;
	*state = r->next;
	*actions = r->actions;
	return true;
}

const char *call_state_name(enum call_state s) {
	static const char *const names[CALL_STATES] = {
		"offering",
		"trying",
		"answering",
		"answered",
		"confirmed",
		"hanging_up",
		"ending",
		"ended",
	};

	return names[s];
}
