// Client transactions as tables (RFC 3261 §17.1 with RFC 6026 §7.2 and the CANCEL of §9.1): state × event → state and
// actions. Pure: whoever owns the transaction acts.
//
//	INVITE                                                   others
//
//	         INVITE sent        cancel                              request sent
//	              │         ┌───────────────┐                            │
//	           CALLING ─────┘   CALLING_CANCELLED                      TRYING ──────┐
//	     1xx │  │  │ 2xx                │ 1xx: CANCEL            1xx │              │
//	  PROCEEDING│  └──────┐             ▼                      PROCEEDING           │ final
//	   │  │  └──┼──────┐  │        CANCELLING                         │ final       │
//	   │  │ cancel: CANCEL│──────────▲  │ 2xx, 300-699                ▼             │
//	   │  │     │ 300-699 ▼             │ like PROCEEDING        COMPLETED ◄────────┘
//	   │  └─────┼─► ACCEPTED            │                             │ Timer K
//	   ▼        ▼     │ Timer M                                       ▼
//	  COMPLETED ◄     ▼                                          TERMINATED
//	     │ Timer D  TERMINATED
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum client_state {
	CLIENT_CALLING, // INVITE: nothing heard yet
	CLIENT_CALLING_CANCELLED, // INVITE: nothing heard yet, to be cancelled as soon as something is
	CLIENT_TRYING, // others: nothing heard yet
	CLIENT_PROCEEDING,
	CLIENT_CANCELLING, // INVITE: the CANCEL is out, its final response isn't here
	CLIENT_ACCEPTED, // INVITE: a 2xx is here, others may follow
	CLIENT_COMPLETED,
	CLIENT_TERMINATED,
	CLIENT_STATES,
};

enum client_event {
	CLIENT_1XX,
	CLIENT_2XX,
	CLIENT_FAILURE, // 300-699
	CLIENT_CANCEL, // the user's wish
	CLIENT_RETRANSMIT, // Timer A, E
	CLIENT_END, // Timer B, D, M; F, K; of CANCELLING 64*T1
	CLIENT_TRANSPORT_ERROR,
	CLIENT_EVENTS,
};

enum client_action {
	CLIENT_SEND = 1, // the request again
	CLIENT_SEND_ACK = 2,
	CLIENT_SEND_CANCEL = 4,
	CLIENT_REPORT = 8, // the response to the user
	CLIENT_REPORT_TIMEOUT = 16,
	CLIENT_REPORT_TRANSPORT_ERROR = 32,
	CLIENT_AGAIN_DOUBLED = 64, // the retransmission timer, twice as long (Timer A)
	CLIENT_AGAIN_UP_TO_T2 = 128, // the same, at most T2 (Timer E)
	CLIENT_AGAIN_T2 = 256, // T2 (Timer E when proceeding)
	CLIENT_NO_MORE = 512, // no retransmission timer
	CLIENT_END_64T1 = 1024, // the end timer: M; of CANCELLING
	CLIENT_END_D = 2048, // Timer D
	CLIENT_END_T4 = 4096, // Timer K
	CLIENT_END_LONGEST = 8192, // the longest life: Timer C is the user's
};

struct client_step {
	enum client_state next;
	uint16_t actions;
};

// What is not in the table is refused: the state stays, nothing is to be done, and *refused says so.
struct client_step client_transaction_step(
	bool is_invite, enum client_state state, enum client_event event, bool *refused);
