// The call itself: joins the caller's INVITE, the branches towards the callee and the relay. Event in, actions out.
//
//	OFFERING ◄► TRYING ─► ANSWERING ─► ANSWERED ─► CONFIRMED ─► ENDING ─► ENDED
//	    │          │          │            └► HANGING_UP ─────────┘
//	    └──────────┴──────────┴────────────────────────────────────┘
//
// Replies of relay and resolver, and the relay's loss, are events like those of SIP.
#pragma once

#include <stdbool.h>

enum call_state {
	CALL_OFFERING, // the relay is asked for the callee's side
	CALL_TRYING, // branches are under way
	CALL_ANSWERING, // a branch answered, the relay is told
	CALL_ANSWERED, // 2xx sent to the caller, its ACK is due
	CALL_CONFIRMED,
	CALL_HANGING_UP, // over, but RFC 3261 §15 lets us send the caller BYE only after its ACK
	CALL_ENDING, // over: BYEs, final answers, the relay's last counters are under way
	CALL_ENDED,
	CALL_STATES,
};

enum call_event {
	CALL_ON_OFFER_READY, // the relay gave the callee's description
	CALL_ON_MEDIA_FAILED, // it can't: bad description, exhausted, late or gone
	CALL_ON_PROGRESS, // an 18x to pass on (its description, if any, went through the relay)
	CALL_ON_BRANCH_FAILED, // retryable, and there is a next target
	CALL_ON_OTHER_REALM, // … in another realm: the relay is asked anew
	CALL_ON_REFUSED, // final: a failure that is passed on, or no target left
	CALL_ON_ANSWER, // 2xx of a live branch
	CALL_ON_ANSWER_READY,
	CALL_ON_ACCEPT_FAILED, // the 2xx could not be made
	CALL_ON_RING_TIMEOUT,
	CALL_ON_CANCEL, // the caller's, before a final answer
	CALL_ON_ACK,
	CALL_ON_ACK_TIMEOUT, // 64*T1 without it (RFC 3261 §13.3.1.4)
	CALL_ON_CALLER_BYE,
	CALL_ON_CALLEE_BYE,
	CALL_ON_MEDIA_TIMEOUT,
	CALL_ON_STOP, // hard cap of a call's life, or the process ends
	CALL_ON_CLEARED, // nothing of it is left anywhere
	CALL_EVENTS,
};

enum call_action {
	CALL_DO_TRY = 1 << 0, // the next branch
	CALL_DO_PASS_PROGRESS = 1 << 1, // 18x to the caller
	CALL_DO_TELL_RELAY = 1 << 2, // the callee's answer
	CALL_DO_ACK_CALLEE = 1 << 3, // its 2xx: the relay carries what the ACK may start, or it is all over
	CALL_DO_ACCEPT = 1 << 4, // 2xx to the caller
	CALL_DO_CONFIRM = 1 << 5,
	CALL_DO_ABANDON = 1 << 6, // all branches that have no answer
	CALL_DO_REJECT = 1 << 7, // final failure to the caller
	CALL_DO_BYE_CALLER = 1 << 8,
	CALL_DO_BYE_CALLEE = 1 << 9,
	CALL_DO_CLOSE = 1 << 10, // note why, delete media, start clearing: on entering the end, once
	CALL_DO_RELEASE = 1 << 11, // record and free
};

// Returns false for what the table does not hold: nothing changes then.
bool coordinator_step(enum call_state *state, enum call_event event, unsigned *actions);
const char *call_state_name(enum call_state s);
