#!/bin/bash
# kedge-control dies in mid-call.
#
#	 access: caller, rtp_peer ═══ kedge-relay ═══ core: callee, rtp_peer
#	                              kedge-control ✝
. "$(dirname "$0")/lib.sh"
story "control killed in mid-call: media goes on without a lost packet, and after its restart nothing of the dead call is left"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
callee callee "$CALLEE" <<-END
	recv INVITE sdp
	reply 200
	recv ACK
	media 0
	until poked
	send BYE
	recv 481
END
caller caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 200 sdp
	send ACK
	media 0
	until poked
	send BYE
	recv 481
END
wait_for "media" 5 rtp_received_at_least rtp_access 20
wait_for "media" 5 rtp_received_at_least rtp_core 20
stop control KILL
say "control is dead"
wait_for "100 more packets at the caller" 5 rtp_received_at_least rtp_access $(($(rtp_sum rtp_access received) + 100))
wait_for "100 more packets at the callee" 5 rtp_received_at_least rtp_core $(($(rtp_sum rtp_core received) + 100))
check_equal "sessions while control is dead" "$(relay_stats .sessions)" 1
rtp_quiet rtp_access rtp_core
check_media_whole rtp_access access rtp_core core

control_start
check_soon "the dead call's session is swept" relay_stats_is .sessions 0
check_nothing_left
poke caller access "$CALLER"
poke callee core "$CALLEE"
phones_done caller callee
good_call new
check_nothing_left
story_end
