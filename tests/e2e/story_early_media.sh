#!/bin/bash
# Media before the answer: an announcement by 183 with SDP, both ways, then the answer with the same SDP.
#
#	 access: caller, rtp_peer ═══ kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "early media flows both ways from the 183 on, and goes on after the answer, without a lost packet"

LOG_LEVEL=debug
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
# The 183 has to reach Kedge before the media that it announces: the callee waits until the caller has it.
callee early_callee "$CALLEE" <<-END
	recv INVITE sdp
	reply 183 sdp
	until poked
	media 110
	until poked
	reply 200
	recv ACK
	recv BYE
	answer 200
END
caller early_caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 183 sdp
	media 110
	recv 200
	send ACK
	until poked
	send BYE
	recv 200
END
wait_for "the 183 at the caller" 5 received early_caller "SIP/2.0 183"
poke early_callee core "$CALLEE"
wait_for "early media at the caller" 5 rtp_received_at_least rtp_access 20
wait_for "early media at the callee" 5 rtp_received_at_least rtp_core 20
check_equal "calls answered so far" "$(ctl --json calls | jq -s 'map(select(.answered? // null != null)) | length')" 0
poke early_callee core "$CALLEE"
heard 110 rtp_access rtp_core
poke early_caller access "$CALLER"
phones_done early_caller early_callee
check_media_whole rtp_access access rtp_core core
check_nothing_left
story_end
