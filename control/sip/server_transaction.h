// Server transactions as tables (RFC 3261 §17.2, §13.3.1.4 with RFC 6026 §7.1): state × event → state and actions. Pure.
//
//	INVITE                                                  others
//
//	            PROCEEDING ── 1xx                                TRYING
//	          2xx │     │ 300-699                              1xx │  │ final
//	   Timer:     ▼     ▼     Timer G:                    PROCEEDING  │
//	   again  ACCEPTED  COMPLETED  again                     final │  │
//	      ACK │   │      │ ACK │ Timer H                           ▼  ▼
//	          ▼   │      ▼     │                              COMPLETED
//	 ACKNOWLEDGED │  CONFIRMED │                                   │ Timer J
//	      Timer L │      │ Timer I                                 ▼
//	          ▼   ▼      ▼     ▼                              TERMINATED
//	             TERMINATED
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum server_state {
	SERVER_TRYING, // others: not answered yet
	SERVER_PROCEEDING,
	SERVER_ACCEPTED, // INVITE: a 2xx is out, not acknowledged
	SERVER_ACKNOWLEDGED, // INVITE: a 2xx is out and acknowledged
	SERVER_COMPLETED,
	SERVER_CONFIRMED, // INVITE: a failure is out and acknowledged
	SERVER_TERMINATED,
	SERVER_STATES,
};

enum server_event {
	SERVER_REQUEST, // the same request again
	SERVER_ACK,
	SERVER_1XX, // the user's answers
	SERVER_2XX,
	SERVER_FAILURE, // 300-699
	SERVER_ACKNOWLEDGE, // the user knows of the 2xx's ACK
	SERVER_RETRANSMIT, // Timer G; the 2xx's (§13.3.1.4)
	SERVER_END, // Timer H, I, J, L
	SERVER_TRANSPORT_ERROR,
	SERVER_EVENTS,
};

enum server_action {
	SERVER_SEND = 1, // the last response, if there is one
	SERVER_AGAIN_T1 = 2, // the retransmission timer
	SERVER_AGAIN_UP_TO_T2 = 4, // the same, twice as long, at most T2
	SERVER_NO_MORE = 8, // no retransmission timer
	SERVER_END_64T1 = 16, // the end timer: H, J, L
	SERVER_END_T4 = 32, // Timer I
	SERVER_REPORT_ACK = 64,
	SERVER_REPORT_UNACKNOWLEDGED = 128,
};

struct server_step {
	enum server_state next;
	uint16_t actions;
};

// What is not in the table is refused: the state stays, nothing is to be done, and *refused says so.
struct server_step server_transaction_step(
	bool is_invite, enum server_state state, enum server_event event, bool *refused);
