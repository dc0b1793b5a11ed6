#!/bin/bash
# The link of one port falls in mid-call and comes back.
#
#	 access: caller, rtp_peer ── bridge ── uplink (falls) ═══ access ── kedge ── core ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "a link that falls is told to control, which names the calls it concerns; media is back with the link"

topology_nat
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media at the caller" 5 rtp_received_at_least rtp_access 50
wait_for "media at the callee" 5 rtp_received_at_least rtp_core 50
id=$(ctl --json calls | jq -r 'select(.type == "call") | .id')

events_are() { # events_are SIDE JSON
	[ "$(ctl --json sessions --call "$id" | jq -c "select(.type == \"session\") | .sides[$1].events")" = "$2" ]
}
access_link_is() {
	[ "$(relay_stats '.ports[] | select(.name == "access") | .link_up')" = "$1" ]
}
no_rtp_from_caller() {
	ctl call "$id" >"$WORK/call.txt" && grep -q "no RTP from caller for" "$WORK/call.txt"
}
check "no link fell so far" events_are 0 '[]'

ip -n "$(ns access)" link set uplink down
check_soon "the port has no link" access_link_is false
check_soon "the call's log says so of the caller's leg" logged control "call id=$id leg=0 media=link_down"
check_soon "so does its session" events_are 0 '["link_down"]'
check "the callee's side has its link" events_are 1 '[]'
check_soon "audio is one-way" no_rtp_from_caller
check "kedgectl says why, in words" grep -q "the port that carries caller's media was without a link" "$WORK/call.txt"

ip -n "$(ns access)" link set uplink up
check_soon "the link is back" access_link_is true
wait_for "media at the caller again" 10 rtp_received_at_least rtp_access $(($(rtp_sum rtp_access received) + 50))
wait_for "media at the callee again" 10 rtp_received_at_least rtp_core $(($(rtp_sum rtp_core received) + 50))
LOST=10000 rtp_quiet rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
check_equal "it is told once" "$(grep -c "media=link_down" "$WORK/control.log")" 1
ctl call "$id" >"$WORK/call.txt"
check "the record keeps it" grep -q "was without a link" "$WORK/call.txt"
check_nothing_left
story_end
