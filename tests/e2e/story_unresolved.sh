#!/bin/bash
# A call whose media is to go where nobody is, until somebody comes; beside one that nothing happens to.
#
#	 access: bystander, caller ═══ kedge ═══ core: their callees, whose media is at 198.51.100.2 and 198.51.100.77
. "$(dirname "$0")/lib.sh"
story "a peer that does not answer ARP is probed, its packets are counted, nobody waits for it; it is found when it comes"

NOBODY=198.51.100.77
OTHER=203.0.113.3
MORE_TRUNKS='{ name = "other"; realm = "core"; peers = ( { address = "198.51.100.3"; port = 5060; } ); },'
MORE_ROUTES='{ from_realm = "access"; user = "2.*"; to = ( "other" ); },'
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
rtp_phones rtp_other access "$OTHER" 1
capture arp core net arp
PACKETS=0
plain_callee bystander_callee "$CALLEE"
plain_caller bystander "$CALLER"
callee lost_callee 198.51.100.3 <<-END
	recv INVITE sdp
	reply 200 ip=$NOBODY
	recv ACK
	recv BYE
	answer 200
END
MEDIA=rtp_other DIALLED=2222 caller lost_caller "$OTHER" <<-END
	send INVITE
	recv 100 maybe
	recv 200 sdp
	send ACK
	media 0
	until poked
	send BYE
	recv 200
END
check_soon "both calls are up" control_stats_is .calls.answered 2
id=$(ctl --json calls | jq -r 'select(.type == "call" and .to == "2222") | .id')

hops_are() { # hops_are STATE N
	[ "$(relay_stats ".next_hops.$1")" = "$2" ]
}
dropped_at_least() {
	[ "$(drops_as no_neighbour)" -ge "$1" ]
}
sent_by_other() {
	echo $(($(rtp_sum rtp_other sent) + $(rtp_sum rtp_other rtcp_sent)))
}
check_soon "its next hop is not resolved" hops_are unresolved 1
check_soon "what would go there is counted" dropped_at_least 10
wait_for "the next hop to be given up, for now" 10 hops_are failed 1
check_soon "the call's log has it" logged control "call id=$id leg=1 media=neighbour_failed"
probed=$(($(drops_as no_neighbour) + 100))
wait_for "2 s more" 5 dropped_at_least "$probed"

addresses core net 198.51.100 77 77
rtp_phones rtp_late core "$NOBODY" 1
check_soon "the peer comes, and a probe finds it" hops_are failed 0
wait_for "media at it" 5 rtp_received_at_least rtp_late 20
rtp_command rtp_other stop 1
arrived() {
	[ $(($(rtp_sum rtp_late received) + $(rtp_sum rtp_late rtcp_received) + $(drops_as no_neighbour))) = "$(sent_by_other)" ]
}
check_soon "each packet was either dropped as no_neighbour or arrived" arrived
rtp_quiet rtp_access rtp_core
poke lost_caller access "$OTHER"
poke bystander access "$CALLER"
phones_done lost_caller lost_callee bystander bystander_callee
check_equal "packets of the bystanders lost, changed or late" \
	"$(($(rtp_sum rtp_access 'lost') + $(rtp_sum rtp_access 'bad') + $(rtp_sum rtp_core 'lost') + $(rtp_sum rtp_core 'bad')))" 0
check_equal "RTP from the bystander to its callee" "$(rtp_sum rtp_core received)" "$(rtp_sum rtp_access sent)"
check_equal "RTP from the callee to the bystander" "$(rtp_sum rtp_access received)" "$(rtp_sum rtp_core sent)"
capture_stop arp
probes=$(captured arp "arp.opcode == 1 && arp.dst.proto_ipv4 == $NOBODY")
say "$probes ARP questions in all"
check "it was asked for again and again, though not for each packet" test "$probes" -ge 5 -a "$probes" -le 40
check_nothing_left
story_end
