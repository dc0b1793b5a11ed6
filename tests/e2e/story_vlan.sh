#!/bin/bash
# A realm on a VLAN, the other one untagged.
#
#	 access: net.100: caller, rtp_peer ── net ═══ access ── kedge ── core ═══ net: core: callee, rtp_peer
#	                         stray frames ─┘                                    └─ stray frames
. "$(dirname "$0")/lib.sh"
story "a realm's media carries its VLAN's tag and no other; media on the wrong VLAN or port is dropped as wrong_realm"

ACCESS_VLAN=100
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
capture access access net "ether src $(mac_of edge access)"
capture core core net "ether src $(mac_of edge core)"
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media at the caller" 5 rtp_received_at_least rtp_access 50
wait_for "media at the callee" 5 rtp_received_at_least rtp_core 50
at_access=$(local_ports | grep -o "$EDGE_ACCESS:[0-9]*")
at_core=$(local_ports | grep -o "$EDGE_CORE:[0-9]*")

# stray NS EDGE_DEVICE TO [TAG…]: 100 RTP packets from the phones' own endpoint, by its wire.
stray() {
	local from=$CALLER
	[ "$1" = access ] || from=$CALLEE
	in_ns "$1" "$RTP_FRAMES" net "$(mac_of edge "$2")" "$from:20000" "$3" 100 "${@:4}"
}
wrong_realm_is() {
	[ "$(drops_as wrong_realm)" = "$1" ]
}
stray access access "$at_access" # untagged
check_soon "untagged media to a realm on a VLAN is of the wrong realm" wrong_realm_is 100
stray access access "$at_access" 300
check_soon "media on another VLAN, too" wrong_realm_is 200
stray access access "$at_access" 0 # a priority tag: untagged
check_soon "and with a priority tag alone" wrong_realm_is 300
stray core core "$at_core" 100
check_soon "tagged media to a realm that is untagged, too" wrong_realm_is 400
stray core core "$at_access" # the right address by the wrong port
check_soon "media by another realm's port, too" wrong_realm_is 500
stray access access "$at_core" 100
check_soon "in the other direction as well" wrong_realm_is 600
stray access access "$at_access" 100 100 # the kernel's
rtp_quiet rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
check_media_whole rtp_access access rtp_core core
check_equal "what was dropped for any reason" "$(relay_stats .packets_dropped)" 600
check_soon "RTP to the caller has the VLAN's tag" \
	captured_are access "vlan.id == 100 && udp.dstport == 20000" "$(rtp_sum rtp_access received)"
check_soon "RTP to the callee has none" captured_are core "!vlan && udp.dstport == 20000" "$(rtp_sum rtp_core received)"
capture_stop access
capture_stop core
check_equal "frames to the access network without a tag, or with another" "$(captured access "!(vlan.id == 100)")" 0
check_equal "frames to the access network with two tags" "$(captured access "vlan.etype == 0x8100")" 0
check_equal "frames to the core with a tag" "$(captured core vlan)" 0
check_equal "ICMP that the kernel answered media with" "$(captured access icmp)+$(captured core icmp)" 0+0
check_nothing_left
story_end
