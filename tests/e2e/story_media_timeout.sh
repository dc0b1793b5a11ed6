#!/bin/bash
# Both phones of one call fall silent; two other calls are held.
#
#	 access: callers, rtp_peer ═══ kedge ═══ core: 198.51.100.2 callee, rtp_peer
#	                                               198.51.100.3 callee of the held calls
. "$(dirname "$0")/lib.sh"
story "media silence ends a call with BYE both ways and says why; calls that are held are left alone"

MEDIA_TIMEOUT_S=2
MORE_TRUNKS='{ name = "holder"; realm = "core"; peers = ( { address = "198.51.100.3"; port = 5060; } ); },'
MORE_ROUTES='{ from_realm = "access"; user = "777"; to = ( "holder" ); },'
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1

callee held_callee 198.51.100.3 -m 2 <<-END
	recv INVITE
	reply 200 dir=inactive
	recv ACK
	recv BYE
	answer 200
END
n=3
for direction in inactive sendonly; do
	caller "held_$direction" "203.0.113.$n" -s 777 <<-END
		send INVITE dir=$direction
		recv 100 maybe
		recv 200
		send ACK
		until poked
		send BYE
		recv 200
	END
	n=$((n + 1))
done
check_soon "two held calls" control_stats_is .calls.answered 2

callee silent_callee "$CALLEE" <<-END
	recv INVITE sdp
	reply 200
	recv ACK
	media 20
	recv BYE
	answer 200
END
caller silent_caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 200 sdp
	send ACK
	media 20
	recv BYE
	answer 200
END
phones_done silent_caller silent_callee
check_soon "a record of the end" n_ended_is 1
check_equal "ends on record" "$(ended_by_cause)" "media_timeout:kedge=1"
check_media_whole rtp_access access rtp_core core
check_equal "held calls still up, silent for longer" "$(n_calls)" 2
poke held_inactive access 203.0.113.3
poke held_sendonly access 203.0.113.4
phones_done held_inactive held_sendonly held_callee
check_nothing_left
story_end
