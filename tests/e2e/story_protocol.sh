#!/bin/bash
# Hostile clients of the relay's control socket, beside a good call.
#
#	 access: caller, rtp_peer ═══ kedge-relay ═══ core: callee, rtp_peer
#	                               ║       ║
#	                   kedge-control       hostile_client
. "$(dirname "$0")/lib.sh"
story "clients that send half messages, wrong sizes, floods or die in the middle change nothing for a call that is up"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access 20

hostile() { # hostile CASE OUTCOME
	local outcome
	outcome=$(timeout 20 "$BUILD_DIR/tests/e2e/hostile_client" "$WORK/run/relay.sock" "$1" 2>>"$WORK/hostile.log") ||
		fail "hostile_client $1 ended with $?"
	[[ "$outcome" =~ ^($2)$ ]] || fail "$1: got '$outcome', wanted '$2'"
	say "ok: $1: $outcome"
}

# EPERM 1, EBUSY 16, EINVAL 22, EPROTO 71, EBADMSG 74, EOPNOTSUPP 95
hostile half "closed|status 74"
hostile wrong_length "closed|status 74"
hostile wrong_item "closed|status 74"
hostile other_major "closed|status 71"
hostile no_hello "closed|status [0-9]+"
hostile second_controller "status 16"
hostile observer_deletes "status (1|13)"
hostile unknown_type "closed|status [1-9][0-9]*"
hostile foreign_session "status [1-9][0-9]*"
hostile absurd_session "closed|status [1-9][0-9]*"
hostile flood "done"
hostile noise "done"
hostile crowd "done"
check "what they sent is counted" test "$(relay_stats .control_refused)" -ge 8
check "control is still connected" control_connected
check_equal "sessions" "$(relay_stats .sessions)" 1
rtp_quiet rtp_access rtp_core
check_media_whole rtp_access access rtp_core core
poke caller access "$CALLER"
phones_done caller callee
good_call afterwards
check_nothing_left
story_end
