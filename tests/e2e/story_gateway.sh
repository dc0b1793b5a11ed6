#!/bin/bash
# A callee beyond a gateway, which then changes its MAC address.
#
#	 access: caller, rtp_peer ═══ kedge ═══ core: 198.51.100.2 is the gateway to 192.0.2.2: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "media takes the kernel's route to a gateway, and follows the gateway to a new MAC address"

FAR=192.0.2.2
CARRIER_PEERS="{ address = \"$FAR\"; port = 5060; }"
topology_pair
ip -n "$(ns core)" addr add "$FAR/32" dev lo
ip -n "$(ns edge)" route add 192.0.2.0/24 via "$CALLEE"
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$FAR" 1
PACKETS=0
plain_callee callee "$FAR"
plain_caller caller "$CALLER"
wait_for "media at the caller" 5 rtp_received_at_least rtp_access 20
wait_for "media at the callee" 5 rtp_received_at_least rtp_core 20
id=$(ctl --json calls | jq -r 'select(.type == "call") | .id')
next_hop() {
	ctl --json sessions --call "$id" | jq -c 'select(.type == "session") | .sides[1].components[0].next_hop | "\(.address) \(.mac)"'
}
mac_is_new() {
	next_hop | grep -q 02:00:00:00:00:77
}
say "next hop: $(next_hop)"
check "it is the gateway" grep -q "$CALLEE " <<<"$(next_hop)"

# A gateway that changes its address says so (gratuitous ARP).
in_ns core sysctl -q -w net.ipv4.conf.net.arp_notify=1
ip -n "$(ns core)" link set net address 02:00:00:00:00:77
check_soon "the next hop's MAC address is the new one" mac_is_new
wait_for "media at the callee again" 5 rtp_received_at_least rtp_core $(($(rtp_sum rtp_core received) + 50))
LOST=1000 rtp_quiet rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
check_nothing_left
story_end
