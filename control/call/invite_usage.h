// The INVITE usage of one branch, client side (RFC 3261 §13.2, §9.1; RFC 6026): event in, actions out.
//
//	RESOLVING ──resolved──► CALLING ──1xx──► PROCEEDING ──2xx──► ACCEPTED ──settled──► ANSWERED
//	                           │  abandon / no response │ abandon
//	                           └────────► ABANDONED ◄───┘ ──2xx──► CLEARING ──► TERMINATED
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum invite_state {
	INVITE_RESOLVING, // waiting for targets
	INVITE_CALLING, // sent, nothing heard
	INVITE_PROCEEDING,
	INVITE_ACCEPTED, // 2xx of a dialog that the call took; its ACK, which may start media, waits for the relay
	INVITE_ANSWERED, // … and acknowledged
	INVITE_ABANDONED, // cancelled, or given up before anything was heard; no final response yet
	INVITE_CLEARING, // abandoned, but answered with 2xx all the same
	INVITE_TERMINATED,
	INVITE_STATES,
};

enum invite_event {
	INVITE_ON_RESOLVED,
	INVITE_ON_UNRESOLVED,
	INVITE_ON_PROVISIONAL,
	INVITE_ON_ANSWER, // 2xx, the first of this branch
	INVITE_ON_ANSWER_AGAIN, // the same dialog's 2xx once more: our ACK was lost
	INVITE_ON_ANSWER_OTHER, // another dialog's 2xx: a fork answered too
	INVITE_ON_FAILURE, // 3xx to 6xx
	INVITE_ON_TIMEOUT, // Timer B, or no final response after CANCEL
	INVITE_ON_TRANSPORT_ERROR,
	INVITE_ON_NO_RESPONSE, // the trunk's first_response_ms passed
	INVITE_ON_ABANDON, // the call wants this branch no more
	INVITE_ON_SETTLED, // the relay has the answer, or the call is over without it
	INVITE_EVENTS,
};

enum invite_action {
	INVITE_DO_SEND = 1 << 0, // the INVITE
	INVITE_DO_CANCEL = 1 << 1, // as soon as RFC 3261 §9.1 allows
	INVITE_DO_ACK = 1 << 2, // of this response's dialog, or the one that the call took
	INVITE_DO_BYE = 1 << 3, // of this response's dialog
	INVITE_DO_REPORT_PROGRESS = 1 << 4,
	INVITE_DO_REPORT_ANSWER = 1 << 5,
	INVITE_DO_REPORT_FAILURE = 1 << 6,
};

// Returns false for what the table does not hold: nothing changes then. Else *state moves on and *actions says what to do.
bool invite_usage_step(enum invite_state *state, enum invite_event event, unsigned *actions);
const char *invite_state_name(enum invite_state s);
