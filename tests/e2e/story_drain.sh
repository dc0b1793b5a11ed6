#!/bin/bash
# SIGTERM to kedge-control, then to kedge-relay, while a call is up.
#
#	 access: caller, rtp_peer ═══ kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "SIGTERM drains: calls go on, new ones get 503, and the process ends when the last call does; a second one ends at once"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
new_call_is_refused() {
	caller too_late 203.0.113.3 <<-END
		send INVITE
		recv 100 maybe
		recv 503
		? Retry-After [0-9]+
		send ACK
	END
	phones_done too_late
}
media_goes_on() {
	wait_for "media goes on" 5 rtp_received_at_least rtp_access $(($(rtp_sum rtp_access received) + 50))
}

drains_again() {
	[ "$(grep -c "waiting for sessions=1" "$WORK/relay.log")" = 2 ]
}

PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access 20
kill -TERM "${PIDS[control]}"
check_soon "control says that it drains" control_stats_is .draining true
new_call_is_refused
media_goes_on
check "control is still there" running control
rtp_quiet rtp_access rtp_core
check_media_whole rtp_access access rtp_core core
poke caller access "$CALLER"
phones_done caller callee
check_ends control 0

say "a second SIGTERM"
control_start
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access $(($(rtp_sum rtp_access received) + 20))
kill -TERM "${PIDS[control]}"
check_soon "control says that it drains" control_stats_is .draining true
kill -TERM "${PIDS[control]}"
wait_for "control's end" 2 not running control
finish control || fail "control ended with $?"
rtp_quiet rtp_access rtp_core
stop caller KILL
stop callee KILL

say "the next start clears away what was left"
control_start
check_nothing_left

say "the relay"
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
media_goes_on
kill -TERM "${PIDS[relay]}"
check_soon "the relay says that it drains" logged relay "waiting for sessions=1"
new_call_is_refused
media_goes_on
check "the relay is still there" running relay
rtp_quiet rtp_access rtp_core
check_media_whole rtp_access access rtp_core core
check_sums
poke caller access "$CALLER"
phones_done caller callee
check_ends relay 0
check "no XDP program is left" xdp_detached

say "a second SIGTERM to the relay"
relay_start
check_soon "control is connected again" control_connected
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
media_goes_on
kill -TERM "${PIDS[relay]}"
wait_for "the relay's word that it drains" 5 drains_again
kill -TERM "${PIDS[relay]}"
wait_for "the relay's end" 2 not running relay
finish relay || fail "the relay ended with $?"
RELAY_ENDED=1
check "no XDP program is left" xdp_detached
poke caller access "$CALLER"
phones_done caller callee
story_end
