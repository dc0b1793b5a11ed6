#!/bin/bash
# A callee that is many: a proxy in the core forks the INVITE.
#
#	 access: caller ─── kedge ─── core: callee that answers with several tags
. "$(dirname "$0")/lib.sh"
story "several 18x with different tags, and a second 2xx: one is chosen, the other is acknowledged and ended"

LOG_LEVEL=debug
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
callee forked_callee "$CALLEE" <<-END
	recv INVITE sdp
	reply 180 tag=first
	reply 183 tag=second sdp
	reply 180 tag=third
	reply 200 tag=second
	recv ACK
	? To tag=second-
	media 100
	reply 200 tag=third norepeat
	recv ACK
	? To tag=third-
	recv BYE
	? To tag=third-
	answer 200
	recv BYE
	? To tag=second-
	answer 200
END
caller forked_caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 180 maybe
	recv 183 maybe
	recv 180 maybe
	recv 200 sdp
	send ACK
	media 100
	until poked
	send BYE
	recv 200
END
heard 100 rtp_access rtp_core
poke forked_caller access "$CALLER"
phones_done forked_caller forked_callee
check_media_whole rtp_access access rtp_core core
check_nothing_left
story_end
