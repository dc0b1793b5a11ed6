#!/bin/bash
# Start order, stale sockets, an XDP program left attached, a second instance.
#
#	 access: caller ─── kedge ─── core: callee
. "$(dirname "$0")/lib.sh"
story "any start order works, so does a start on the remains of a kill, and a second instance is refused"

topology_pair
kedge_config
kedge_run_folder
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1

say "control first"
control_spawn
wait_for "control's own socket" 10 test -S "$WORK/run/control.sock"
caller too_early "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 503
	? Retry-After [0-9]+
	send ACK
END
phones_done too_early
relay_start
check_soon "control is connected" control_connected
good_call control_first

say "second instances"
relay_spawn second_relay
check_ends second_relay 1
control_spawn second_control
check_ends second_control 1
good_call still

say "both killed, both started on what is left"
stop relay KILL
stop control KILL
check "a stale socket of the relay is there" test -S "$WORK/run/relay.sock"
check "a stale socket of control is there" test -S "$WORK/run/control.sock"
check "an XDP program is still attached" xdp_attached
relay_start
control_start
sums_again
good_call after_kill
check_sums

say "control and relay ended in order, relay first"
stop relay TERM
stop control TERM
check "no XDP program is left" xdp_detached
check "no socket is left" test ! -S "$WORK/run/relay.sock"
check "no socket is left" test ! -S "$WORK/run/control.sock"
relay_start
control_start
sums_again
good_call again
check_nothing_left
story_end
