#!/bin/bash
# Two realms on two VLANs of one port.
#
#	 access: net.100: caller, rtp_peer ── net ═══ bridge ═══ trunk ── kedge: trunk.100: 203.0.113.1
#	 core: net.200: callee, rtp_peer ──── net ══════╝                         trunk.200: 198.51.100.1
. "$(dirname "$0")/lib.sh"
story "a call between two VLANs of one port: each side's frames carry its tag; it outlives a VLAN's interface that goes and returns"

ACCESS_VLAN=100 CORE_VLAN=200
topology_one_port
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
capture trunk switch trunk "ether src $(mac_of edge trunk)"
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media at the caller" 5 rtp_received_at_least rtp_access 50
wait_for "media at the callee" 5 rtp_received_at_least rtp_core 50
check_equal "packets dropped" "$(relay_stats .packets_dropped)" 0

hops_are() { # hops_are STATE N
	[ "$(relay_stats ".next_hops.$1")" = "$2" ]
}
vlan_del trunk 200
check_soon "the relay says that the interface is gone" logged relay "realm name=core vlan=200 interface=trunk.200 is gone"
check_soon "the callee has no route" hops_are no_route 1
before=$(rtp_sum rtp_access received)
wait_for "50 packets from the callee, in spite of that" 5 rtp_received_at_least rtp_access $((before + 50))
addresses edge "$(on_vlan edge trunk 200)" 198.51.100 1 1
check_soon "the callee's next hop is reachable again" hops_are reachable 2
before=$(rtp_sum rtp_core received)
wait_for "media at the callee again" 5 rtp_received_at_least rtp_core $((before + 50))
LOST=$(drops_as no_route) rtp_quiet rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
lost=$(($(rtp_sum rtp_access sent) - $(rtp_sum rtp_core received)))
check_equal "packets that the callee missed are those without a route" \
	"$((lost + $(rtp_sum rtp_access rtcp_sent) - $(rtp_sum rtp_core rtcp_received)))" "$(drops_as no_route)"
check_equal "packets that the caller missed" "$(($(rtp_sum rtp_core sent) - $(rtp_sum rtp_access received)))" 0
check_equal "packets dropped for another reason" "$(($(relay_stats .packets_dropped) - $(drops_as no_route)))" 0

check_soon "RTP to the caller is on VLAN 100" \
	captured_are trunk "vlan.id == 100 && ip.dst == $CALLER && udp.dstport == 20000" "$(rtp_sum rtp_access received)"
check_soon "RTP to the callee is on VLAN 200" \
	captured_are trunk "vlan.id == 200 && ip.dst == $CALLEE && udp.dstport == 20000" "$(rtp_sum rtp_core received)"
capture_stop trunk
check_equal "frames without a tag" "$(captured trunk "!vlan")" 0
check_equal "frames of the caller's network on another VLAN" "$(captured trunk "ip.dst == 203.0.113.0/24 && vlan.id != 100")" 0
check_equal "frames of the callee's network on another VLAN" "$(captured trunk "ip.dst == 198.51.100.0/24 && vlan.id != 200")" 0
check_nothing_left
story_end
