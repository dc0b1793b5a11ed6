#include "control/sip/server_transaction.h"

struct row {
	bool is_there;
	struct server_step step;
};

#define ROW(next, actions) \
	{ \
		true, { \
			SERVER_##next, (actions) \
		} \
	}

enum { ANSWER_AND_REPEAT = SERVER_SEND | SERVER_AGAIN_T1 | SERVER_END_64T1 };

static const struct row invite_rows[SERVER_STATES][SERVER_EVENTS] = {
	[SERVER_PROCEEDING] =
		{
			[SERVER_REQUEST] = ROW(PROCEEDING, SERVER_SEND),
			[SERVER_1XX] = ROW(PROCEEDING, SERVER_SEND),
			[SERVER_2XX] = ROW(ACCEPTED, ANSWER_AND_REPEAT),
			[SERVER_FAILURE] = ROW(COMPLETED, ANSWER_AND_REPEAT),
			[SERVER_END] = ROW(TERMINATED, 0), // the longest life: the user forgot to answer
			// A provisional that could not be sent: the next one may get through.
			[SERVER_TRANSPORT_ERROR] = ROW(PROCEEDING, 0),
		},
	[SERVER_ACCEPTED] =
		{
			[SERVER_REQUEST] = ROW(ACCEPTED, 0), // the 2xx has its own timer (RFC 6026 §7.1)
			[SERVER_ACK] = ROW(ACKNOWLEDGED, SERVER_NO_MORE | SERVER_REPORT_ACK),
			[SERVER_ACKNOWLEDGE] = ROW(ACKNOWLEDGED, SERVER_NO_MORE),
			[SERVER_RETRANSMIT] = ROW(ACCEPTED, SERVER_SEND | SERVER_AGAIN_UP_TO_T2),
			[SERVER_END] = ROW(TERMINATED, SERVER_REPORT_UNACKNOWLEDGED),
			// RFC 6026 §8.8: the state stays. It is sent again; if that never helps, no ACK will come.
			[SERVER_TRANSPORT_ERROR] = ROW(ACCEPTED, 0),
		},
	[SERVER_ACKNOWLEDGED] =
		{
			[SERVER_REQUEST] = ROW(ACKNOWLEDGED, 0), // a late INVITE that the ACK overtook
			[SERVER_ACK] = ROW(ACKNOWLEDGED, SERVER_REPORT_ACK),
			[SERVER_ACKNOWLEDGE] = ROW(ACKNOWLEDGED, 0),
			[SERVER_END] = ROW(TERMINATED, 0),
			[SERVER_TRANSPORT_ERROR] = ROW(ACKNOWLEDGED, 0),
		},
	[SERVER_COMPLETED] =
		{
			[SERVER_REQUEST] = ROW(COMPLETED, SERVER_SEND),
			[SERVER_ACK] = ROW(CONFIRMED, SERVER_NO_MORE | SERVER_END_T4),
			[SERVER_RETRANSMIT] = ROW(COMPLETED, SERVER_SEND | SERVER_AGAIN_UP_TO_T2),
			[SERVER_END] = ROW(TERMINATED, 0),
			[SERVER_TRANSPORT_ERROR] = ROW(COMPLETED, 0),
		},
	[SERVER_CONFIRMED] =
		{
			[SERVER_REQUEST] = ROW(CONFIRMED, 0), // a late INVITE that the ACK overtook
			[SERVER_ACK] = ROW(CONFIRMED, 0),
			[SERVER_END] = ROW(TERMINATED, 0),
			[SERVER_TRANSPORT_ERROR] = ROW(CONFIRMED, 0),
		},
};

static const struct row other_rows[SERVER_STATES][SERVER_EVENTS] = {
	[SERVER_TRYING] =
		{
			[SERVER_REQUEST] = ROW(TRYING, 0),
			[SERVER_1XX] = ROW(PROCEEDING, SERVER_SEND),
			[SERVER_2XX] = ROW(COMPLETED, SERVER_SEND | SERVER_END_64T1),
			[SERVER_FAILURE] = ROW(COMPLETED, SERVER_SEND | SERVER_END_64T1),
			[SERVER_END] = ROW(TERMINATED, 0), // the longest life: the client has given up
		},
	[SERVER_PROCEEDING] =
		{
			[SERVER_REQUEST] = ROW(PROCEEDING, SERVER_SEND),
			[SERVER_1XX] = ROW(PROCEEDING, SERVER_SEND),
			[SERVER_2XX] = ROW(COMPLETED, SERVER_SEND | SERVER_END_64T1),
			[SERVER_FAILURE] = ROW(COMPLETED, SERVER_SEND | SERVER_END_64T1),
			[SERVER_END] = ROW(TERMINATED, 0),
			[SERVER_TRANSPORT_ERROR] = ROW(PROCEEDING, 0), // RFC 6026 §8.8
		},
	[SERVER_COMPLETED] =
		{
			[SERVER_REQUEST] = ROW(COMPLETED, SERVER_SEND),
			[SERVER_END] = ROW(TERMINATED, 0),
			[SERVER_TRANSPORT_ERROR] =
				ROW(COMPLETED, 0), // the request comes again, and the answer with it
		},
};

struct server_step server_transaction_step(
	bool is_invite, enum server_state state, enum server_event event, bool *refused) {
	const struct row *row = is_invite ? &invite_rows[state][event] : &other_rows[state][event];

	*refused = !row->is_there;
	return row->is_there ? row->step : (struct server_step){state, 0};
}
