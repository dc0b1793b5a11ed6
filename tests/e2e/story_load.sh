#!/bin/bash
# Load: 500 calls, 50 a second, about 250 at a time.
#
#	 access                                  edge                        core
#	 SIPp, 500 calls ─── SIP ─────────── kedge-control ──── SIP ──── SIPp, answers
#	 rtp_peer, 500 phones ══ RTP, RTCP ══ kedge-relay ══ RTP, RTCP ══ rtp_peer, 500 phones
#
# Media starts after the ACK, 120 packets each way a call, and is counted by both peers and by their kernels.
. "$(dirname "$0")/lib.sh"
story "500 calls at 50 a second with 120 packets each way: all good, no packet lost, nothing left"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 500
rtp_phones rtp_core core "$CALLEE" 500
PACKETS=120
HOLD="pause 5000" # as much as a slow machine may be behind with its packets
plain_callee callees "$CALLEE" -m 500
plain_caller callers "$CALLER" -m 500 -r 50 -l 1000
phones_done callers callees
check_media_whole rtp_access access rtp_core core
for peer in rtp_access rtp_core; do
	check_equal "phones of $peer that got all their 120 packets" \
		"$(rtp_report "$peer" | jq 'map(select(.received == 120)) | length')" 500
done
check_nothing_left
story_end
