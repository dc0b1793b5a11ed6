#!/bin/bash
# Neighbours and routes that change under a call, beside one that nothing happens to.
#
#	 access: bystander ═══╗                                ╔═══ core: its callee
#	 roamer: phone ═══════╬═ bridge ═══ trunk ── kedge ════╬═══ gw1 ══╗
#	                      ╚══════════════════════════════════╬═══ gw2 ══╩═ far: its callee
. "$(dirname "$0")/lib.sh"
story "MAC addresses change and a route moves to another gateway in mid-call: media follows, other calls lose nothing"

MORE_TRUNKS="{ name = \"far\"; realm = \"core\"; peers = ( { address = \"$FAR\"; port = 5060; } ); },"
MORE_ROUTES='{ from_realm = "access"; user = "2.*"; to = ( "far" ); },'
topology_gateways
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
rtp_phones rtp_roamer roamer "$ROAMER" 1
rtp_phones rtp_far far "$FAR" 1
PACKETS=0
plain_callee bystander_callee "$CALLEE"
plain_caller bystander "$CALLER"
CALLEE_NS=far plain_callee far_callee "$FAR"
CALLER_NS=roamer DIALLED=2222 plain_caller roamer "$ROAMER"
check_soon "both calls are up" control_stats_is .calls.answered 2
id=$(ctl --json calls | jq -r 'select(.type == "call" and .to == "2222") | .id')

# next_hop SIDE → address and MAC that the call's media to that side goes to
next_hop() {
	ctl --json sessions --call "$id" |
		jq -r --argjson side "$1" 'select(.type == "session") | .sides[$side].components[0].next_hop | "\(.address) \(.mac)"'
}
next_hop_is() {
	[ "$(next_hop "$1")" = "$2" ]
}
# Ten more packets arrive at NAME.
media_at() {
	local before
	before=$(rtp_sum "$1" received)
	wait_for "media at $1" 5 rtp_received_at_least "$1" $((before + 10))
}
check_soon "the caller is its own next hop" next_hop_is 0 "$ROAMER $(mac_of roamer net)"
check_soon "the callee's next hop is the first gateway" next_hop_is 1 "$GW1 $(mac_of gw1 net)"
media_at rtp_far
media_at rtp_roamer

in_ns roamer sysctl -q -w net.ipv4.conf.net.arp_notify=1
ip -n "$(ns roamer)" link set net address 02:00:00:00:30:01
check_soon "the caller's MAC changes, and it says so (gratuitous ARP)" next_hop_is 0 "$ROAMER 02:00:00:00:30:01"
media_at rtp_roamer
in_ns roamer sysctl -q -w net.ipv4.conf.net.arp_notify=0
ip -n "$(ns roamer)" link set net address 02:00:00:00:30:02
check_soon "the caller's MAC changes without a word: its next question tells" next_hop_is 0 "$ROAMER 02:00:00:00:30:02"
media_at rtp_roamer

ip -n "$(ns edge)" route replace "$FAR/32" via "$GW2"
check_soon "the route moves to the second gateway" next_hop_is 1 "$GW2 $(mac_of gw2 net)"
media_at rtp_far
ip -n "$(ns gw2)" link set net address 02:00:00:00:12:01
check_soon "and that one's MAC changes" next_hop_is 1 "$GW2 02:00:00:00:12:01"
media_at rtp_far
ip -n "$(ns edge)" route del "$FAR/32"
no_route_is_dropped() {
	[ "$(drops_as no_route)" -ge 10 ]
}
check_soon "without a route its packets are dropped as no_route" no_route_is_dropped
ip -n "$(ns edge)" route add "$FAR/32" via "$GW1"
check_soon "the route is back, to the first gateway" next_hop_is 1 "$GW1 $(mac_of gw1 net)"
media_at rtp_far

LOST=100 rtp_quiet rtp_roamer rtp_far
rtp_quiet rtp_access rtp_core
poke roamer roamer "$ROAMER"
poke bystander access "$CALLER"
phones_done roamer far_callee bystander bystander_callee
check_media_whole rtp_access access rtp_core core
lost_at() { # lost_at TO FROM: RTP that was sent and did not arrive
	echo $(($(rtp_sum "$2" sent) - $(rtp_sum "$1" received)))
}
say "lost of the roamer's call: $(lost_at rtp_roamer rtp_far) at the caller, $(lost_at rtp_far rtp_roamer) at the callee; dropped: no_route $(drops_as no_route), no_neighbour $(drops_as no_neighbour)"
check "two changes of the caller's MAC cost it at most 1 s of media" test "$(lost_at rtp_roamer rtp_far)" -le 50
check "what the callee missed beside the time without a route is at most 1 s" \
	test $(($(lost_at rtp_far rtp_roamer) - $(drops_as no_route))) -le 50
check_equal "packets dropped for another reason than no_route and no_neighbour" \
	$(($(relay_stats .packets_dropped) - $(drops_as no_route) - $(drops_as no_neighbour))) 0
check_nothing_left
story_end
