#!/bin/bash
# What an operator sees of a call in kedgectl, and with which exit status.
#
#	 access: caller, rtp_peer ═══ kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "kedgectl tells the story of a call while it is up and after it, and ends with the right status"

# status_of WANTED WORDS…: kedgectl's exit status with these words.
status_of() {
	local wanted=$1 status=0
	shift
	ctl "$@" >"$WORK/out" 2>&1 || status=$?
	check_equal "status of kedgectl $*" "$status" "$wanted"
}

topology_pair
kedge_config
kedge_run_folder
status_of 3 stats
status_of 3 calls
status_of 2 nonsense
status_of 2 call
kedge_start
status_of 1 call 0123456789abcdef
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access 20

id=$(ctl --json calls | jq -r 'select(.type == "call") | .id')
check "the call's id is 16 hex digits" grep -Eqx '[0-9a-f]{16}' <<<"$id"
for by in "$id" "1-${PIDS[caller]}@$CALLER"; do
	ctl --json call "$by" | jq -c 'select(.type == "call")' >"$WORK/call.json"
	check_equal "call $by: its id" "$(jq -r .id "$WORK/call.json")" "$id"
done
check_equal "the caller's Call-ID" "$(jq -r '.legs[0].call_id' "$WORK/call.json")" "1-${PIDS[caller]}@$CALLER"
check_equal "dialogs" "$(jq -c '[.legs[].dialog]' "$WORK/call.json")" '["confirmed","confirmed"]'
check_equal "realms" "$(jq -c '[.legs[].realm]' "$WORK/call.json")" '["access","core"]'
check_equal "SDP endpoints" "$(jq -c '[.streams[0].sides[].signalled_rtp]' "$WORK/call.json")" "[\"$CALLER:20000\",\"$CALLEE:20000\"]"
check_equal "called user" "$(jq -r .to "$WORK/call.json")" "$DIALLED"
for words in stats calls sessions workers ports trunks "call $id"; do
	# shellcheck disable=SC2086 # words
	status_of 0 $words
	check "kedgectl $words says something" test -s "$WORK/out"
	# shellcheck disable=SC2086
	check_equal "versions in kedgectl --json $words" "$(ctl --json $words | jq -s -c 'map(.version) | unique')" "[1]"
done
status_of 0 top --count 2 --interval 0.2
check_equal "calls in kedgectl top" "$(ctl --json top --count 2 --interval 0.2 | jq -s '.[-1].calls_now')" 1
rtp_quiet rtp_access rtp_core
check_media_whole rtp_access access rtp_core core
sent=$(rtp_sum rtp_access sent)
poke caller access "$CALLER"
phones_done caller callee
check_soon "a record of the call" n_ended_is 1
status_of 0 calls --ended
check "kedgectl calls --ended says something" grep -q "$id" "$WORK/out"
check_equal "versions in kedgectl --json calls --ended" "$(ctl --json calls --ended | jq -s -c 'map(.version) | unique')" "[1]"
ctl --json call "$id" | jq -c 'select(.type == "call")' >"$WORK/call.json"
check_equal "what ended it" "$(jq -r '"\(.end_cause) \(.end_by) \(.status)"' "$WORK/call.json")" "bye caller 200"
check_equal "RTP packets from the caller, on record" "$(jq '.sessions[0].sides[0].components[0].forwarded_packets' "$WORK/call.json")" "$sent"
check "the log has a line of the call's end" logged control "id=$id.*cause=bye"
check_nothing_left
story_end
