#!/bin/bash
# A gateway that dies and returns, beside a call that nothing happens to.
#
#	 access: bystander ═══╗                                ╔═══ core: its callee
#	 roamer: phone ═══════╬═ bridge ═══ trunk ── kedge ════╬═══ gw1 (dies) ══╗
#	                      ╚══════════════════════════════════╬═══ gw2 ◄────────╩═ far: its callee
. "$(dirname "$0")/lib.sh"
story "a dead gateway's media is dropped after 5 s and flows again on its return; others lose nothing"

MORE_TRUNKS="{ name = \"far\"; realm = \"core\"; peers = ( { address = \"$FAR\"; port = 5060; } ); },"
MORE_ROUTES='{ from_realm = "access"; user = "2.*"; to = ( "far" ); },'
topology_gateways
# The kernel's own part takes a minute by default: how long it waits before it asks, how often, and how long for an answer.
in_ns edge sysctl -q -w net.ipv4.neigh.trunk.delay_first_probe_time=1 net.ipv4.neigh.trunk.base_reachable_time_ms=1000 \
	net.ipv4.neigh.trunk.retrans_time_ms=200
kedge_start
for name in access:$CALLER core:$CALLEE roamer:$ROAMER far:$FAR; do
	rtp_phones "rtp_${name%%:*}" "${name%%:*}" "${name#*:}" 1
done
PACKETS=0
plain_callee bystander_callee "$CALLEE"
plain_caller bystander "$CALLER"
CALLEE_NS=far plain_callee far_callee "$FAR"
CALLER_NS=roamer DIALLED=2222 plain_caller roamer "$ROAMER"
check_soon "both calls are up" control_stats_is .calls.answered 2
id=$(ctl --json calls | jq -r 'select(.type == "call" and .to == "2222") | .id')
wait_for "media at the far callee" 5 rtp_received_at_least rtp_far 20
wait_for "media at its caller" 5 rtp_received_at_least rtp_roamer 20

kernel_says_failed() {
	ip -n "$(ns edge)" neigh show "$1" | grep -q FAILED
}
hops_are() { # hops_are STATE N
	[ "$(relay_stats ".next_hops.$1")" = "$2" ]
}
dropped_at_least() {
	[ "$(drops_as no_neighbour)" -ge "$1" ]
}

ip -n "$(ns gw1)" link set net down
spawn traffic exec_in_ns edge ping -q -i 0.5 "$GW1" # as any of the host's own traffic there would, the kernel finds out
wait_for "the kernel to give the gateway up" 10 kernel_says_failed "$GW1"
since=$SECONDS
stop traffic
check_equal "packets dropped meanwhile: it may come back" "$(drops_as no_neighbour)" 0
wait_for "its media to be dropped" 15 dropped_at_least 1
check "that is at least 4 s later" test $((SECONDS - since)) -ge 4
check_soon "the next hop is shown as failed" hops_are failed 1
check_soon "the call's log has it" logged control "call id=$id leg=1 media=neighbour_failed"
ctl call "$id" >"$WORK/call.txt"
check "kedgectl says why, in words" grep -q "next hop $GW1 to $FAR:.* does not answer ARP" "$WORK/call.txt"
before=$(rtp_sum rtp_roamer received)
wait_for "media at the caller, in spite of that" 5 rtp_received_at_least rtp_roamer $((before + 20))

ip -n "$(ns gw1)" link set net up
check_soon "it returns, and the relay finds it by its own probes" hops_are failed 0
before=$(rtp_sum rtp_far received)
wait_for "media at the far callee again" 5 rtp_received_at_least rtp_far $((before + 20))
LOST=1000 rtp_quiet rtp_roamer rtp_far
lost=$(($(rtp_sum rtp_roamer sent) - $(rtp_sum rtp_far received)))
say "the far callee missed $lost packets, $(drops_as no_neighbour) of them dropped as no_neighbour"
check_equal "packets that its caller missed" $(($(rtp_sum rtp_far sent) - $(rtp_sum rtp_roamer received))) 0
rtp_quiet rtp_access rtp_core
poke roamer roamer "$ROAMER"
poke bystander access "$CALLER"
phones_done roamer far_callee bystander bystander_callee
check_media_whole rtp_access access rtp_core core
check_equal "packets dropped for another reason than no_neighbour" $(($(relay_stats .packets_dropped) - $(drops_as no_neighbour))) 0
check_nothing_left
story_end
