#!/bin/bash
# Hostile clients of the relay's control socket, beside a good call.
#
#	 access: caller, rtp_peer ═══ kedge-relay ═══ core: callee, rtp_peer
#	                               ║       ║
#	                   kedge-control       hostile_client
. "$(dirname "$0")/lib.sh"
story "clients that send half messages, wrong sizes, floods, stay in crowds or die in the middle change nothing for a call that is up, nor keep control out"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access 20

# Whoever kedgectl is for: in the sockets' group, even with it as its process's own, but not by passwd.
OPERATOR=$(id -u daemon)
AS_OPERATOR=(setpriv --reuid "$OPERATOR" --regid "$CONTROL_GROUP" --clear-groups --no-new-privs --bounding-set=-all)
HOSTILE_CLIENT=$BUILD_DIR/tests/e2e/hostile_client

hostile() { # hostile CASE OUTCOME [COMMAND…: what it is run by]
	local case=$1 wanted=$2 outcome
	shift 2
	outcome=$(timeout 20 "$@" "$HOSTILE_CLIENT" "$WORK/run/relay.sock" "$case" 2>>"$WORK/hostile.log") ||
		fail "hostile_client $case ended with $?"
	[[ "$outcome" =~ ^($wanted)$ ]] || fail "$case: got '$outcome', wanted '$wanted'"
	say "ok: $case: $outcome"
}

# EPERM 1, EBUSY 16, EINVAL 22, EPROTO 71, EBADMSG 74, EOPNOTSUPP 95
hostile half "closed|status 74"
hostile wrong_length "closed|status 74"
hostile wrong_item "closed|status 74"
hostile other_major "closed|status 71"
hostile no_hello "closed|status [0-9]+"
hostile silence "closed" "${AS_OPERATOR[@]}"
hostile controller "status 1" "${AS_OPERATOR[@]}"
hostile observer "status 0" "${AS_OPERATOR[@]}"
check "the relay says whom it refused, and what decides" logged relay \
	"uid=$OPERATOR owner id=77 refused=not_allowed: setting control.user"
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

# A control of the wrong user: both sides say so. That of the right one comes back when it has gone.
kill -TERM "${PIDS[control]}"
finish control || fail "control ended with $? on SIGTERM"
sed "s,/run/control.sock,/run/other.sock," "$CONFIG" >"$WORK/other.conf"
spawn other exec_in_ns edge "${AS_OPERATOR[@]}" "$CONTROL" -c "$WORK/other.conf"
wait_for "the other control's refusal" 5 logged other "state=down why=\"uid=$OPERATOR may not control it: setting control.user"
check "the relay says so too" logged relay "uid=$OPERATOR owner id=1 refused=not_allowed: setting control.user"
stop other

# Nor does a crowd of operators keep it out, whatever they say.
for crowd in silent_crowd observing_crowd; do
	[ -z "${PIDS[control]:-}" ] || stop control KILL
	spawn "$crowd" "${AS_OPERATOR[@]}" "$HOSTILE_CLIENT" "$WORK/run/relay.sock" "$crowd"
	wait_for "the crowd" 10 logged "$crowd" "^here"
	control_spawn
	wait_for "control's connection, in the midst of it" 5 control_connected
	check "$crowd is still there" running "$crowd"
	good_call "$crowd"
	stop "$crowd"
	check_nothing_left
done
story_end
