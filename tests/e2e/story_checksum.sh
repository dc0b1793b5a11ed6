#!/bin/bash
# A sender whose host leaves UDP checksums to a network card that isn't there, as VMs do to their neighbours.
#
#	 access: caller, rtp_peer, offloads on ═══ kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "partial UDP checksums: one-way audio, and the log and kedgectl name the cause; with udp_checksum = compute all is well"

call_up() { # call_up NAME: a call whose media flows until it is stopped
	NS_PREFIX=kedge-$$-$1 # interfaces of its own, so that their counters start at nothing
	topology_pair
	in_ns access ethtool -K net tx on >/dev/null
	capture "$1" core net "udp portrange $PHONE_PORTS"
	kedge_config
	kedge_start
	rtp_phones "rtp_access_$1" access "$CALLER" 1
	rtp_phones "rtp_core_$1" core "$CALLEE" 1
	PACKETS=0
	MEDIA=rtp_core_$1 plain_callee "$1_callee" "$CALLEE"
	MEDIA=rtp_access_$1 plain_caller "$1_caller" "$CALLER"
	check_soon "the callee is heard" rtp_received_at_least "rtp_access_$1" 100
	id=$(ctl --json calls | jq -r 'select(.type == "call") | .id')
}

call_down() { # call_down NAME
	poke "$1_caller" access "$CALLER"
	phones_done "$1_caller" "$1_callee"
	check_nothing_left
	capture_stop "$1"
	check_sums
	kedge_stop
	rm "$WORK/sums.pid" # the next relay counts from its own start
}

# checksums NAME SOURCE: the captured packets from there by what tshark says of their UDP checksums, e.g. "Good=120".
checksums() {
	tshark -r "$WORK/$1.pcap" -o udp.check_checksum:TRUE -Y "udp && ip.src == $2" -T fields -e udp.checksum.status 2>/dev/null |
		sort | uniq -c | awk '{ split("Bad Good Unverified", name, " "); print name[$2 + 1] "=" $1 }' | paste -sd' '
}

refused_by_the_kernel() {
	in_ns core nstat -az UdpInCsumErrors | awk '/UdpInCsumErrors/ { print $2 }'
}

say "udp_checksum as it is by default"
call_up update
check_equal "RTP of the caller at the callee's program" "$(rtp_sum rtp_core_update received)" 0
check_equal "RTCP of the caller at the callee's program" "$(rtp_sum rtp_core_update rtcp_received)" 0
check "its kernel has dropped them for their checksums" test "$(refused_by_the_kernel)" -gt 50
check_soon "the log names the cause and the remedy, at the caller's leg" logged control \
	"warning call id=$id leg=0 realm=access media=bad_checksum cause=\"partial, .*udp_checksum = .*compute.* at relay.ports .*access"
check_equal "how often" "$(grep -c media=bad_checksum "$WORK/control.log")" 1
ctl call "$id" >"$WORK/story"
check "kedgectl call: one-way audio" grep -q "=> one-way audio: only from callee to caller" "$WORK/story"
check "kedgectl call: the cause" grep -q "UDP checksums of caller's packets are partial" "$WORK/story"
check "kedgectl call: the remedy" grep -q 'udp_checksum = "compute"' "$WORK/story"
ctl --json call "$id" >"$WORK/call.json"
check_equal "kedgectl --json call: events of the caller's RTP" \
	"$(jq -c '.sessions[0].sides[0].components[0].events' "$WORK/call.json")" '["bad_checksum","partial_checksum"]'
check_equal "kedgectl --json call: events of the callee's RTP" \
	"$(jq -c '.sessions[0].sides[1].components[0].events' "$WORK/call.json")" '[]'
rtp_command rtp_access_update stop 1
rtp_command rtp_core_update stop 1
call_down update
check "tshark agrees: $(checksums update "$EDGE_CORE")" grep -Eqx 'Bad=[0-9]+' <<<"$(checksums update "$EDGE_CORE")"


say "udp_checksum = compute"
PORT_SETTINGS[access]='udp_checksum = "compute";'
call_up compute
check_soon "the caller is heard" rtp_received_at_least rtp_core_compute 100
ctl call "$id" >"$WORK/story"
check "kedgectl call: audio both ways" grep -q "=> audio flows both ways" "$WORK/story"
rtp_quiet rtp_access_compute rtp_core_compute
check_media_whole rtp_access_compute access rtp_core_compute core
check_equal "dropped by the callee's kernel for their checksums" "$(refused_by_the_kernel)" 0
check_equal "warnings of checksums" "$(grep -c media=bad_checksum "$WORK/control.log")" 1
call_down compute
check "tshark agrees: $(checksums compute "$EDGE_CORE")" grep -Eqx 'Good=[0-9]+' <<<"$(checksums compute "$EDGE_CORE")"
story_end
