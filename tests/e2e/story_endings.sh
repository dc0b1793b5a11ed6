#!/bin/bash
# All ways a call can end.
#
#	 access: caller ─── kedge ─── core: callee
. "$(dirname "$0")/lib.sh"
story "a call ends by busy, no answer, CANCEL early, late and crossing the answer, BYE from either side"

RING_TIMEOUT_S=2
LOG_LEVEL=debug
topology_pair
kedge_start

busy() {
	callee busy_callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		reply 486
		recv ACK
	END
	caller busy_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 486
		send ACK
	END
	phones_done busy_caller busy_callee
}

# The ring timeout cancels the callee and tells the caller 408.
no_answer() {
	callee unanswered_callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		recv CANCEL
		answer 200
		reply 487
		recv ACK
	END
	caller unanswered_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 408
		send ACK
	END
	phones_done unanswered_caller unanswered_callee
}

# Before any provisional from the callee nothing may be cancelled there (RFC 3261 §9.1): the CANCEL waits for the 180.
cancel_early() {
	callee early_callee "$CALLEE" <<-END
		recv INVITE
		until poked
		reply 180
		recv CANCEL
		answer 200
		reply 487
		recv ACK
	END
	caller early_caller "$CALLER" <<-END
		send INVITE
		recv 100
		until poked
		send CANCEL
		recv 200
		recv 487
		send ACK
	END
	wait_for "the INVITE at the callee" 5 received early_callee INVITE
	poke early_caller access "$CALLER"
	phones_done early_caller # 487 needs no answer of the callee's
	poke early_callee core "$CALLEE"
	phones_done early_callee
}

cancel_late() {
	callee late_callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		recv CANCEL
		answer 200
		reply 487
		recv ACK
	END
	caller late_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		send CANCEL
		recv 200
		recv 487
		send ACK
	END
	phones_done late_caller late_callee
}

# The callee answers in the moment it is cancelled: its 200 is acknowledged and ended, the caller knows nothing of it.
cancel_crossing() {
	callee crossing_callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		recv CANCEL
		answer 200
		reply 200 norepeat
		recv ACK
		recv BYE
		answer 200
	END
	caller crossing_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		send CANCEL
		recv 200
		recv 487
		send ACK
	END
	phones_done crossing_caller crossing_callee
}

callee_hangs_up() {
	callee hanging_callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		reply 200
		recv ACK
		pause 200
		send BYE
		recv 200
	END
	caller hung_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 200
		send ACK
		recv BYE
		answer 200
	END
	phones_done hung_caller hanging_callee
}

rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
busy
no_answer
cancel_early
cancel_late
cancel_crossing
callee_hangs_up
good_call plain
check_nothing_left
check_equal "ends on record" "$(ended_by_cause)" "bye:callee=1 bye:caller=1 cancel:caller=3 refused:callee=1 ring_timeout:kedge=1"
story_end
