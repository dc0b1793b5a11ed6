#!/bin/bash
# Start order, stale sockets, an XDP program left attached, a second instance, a relay that is not root's.
#
#	 access: caller ─── kedge ─── core: callee
. "$(dirname "$0")/lib.sh"
story "any start order works, so does a start on the remains of a kill, a second instance is refused, and five capabilities are enough"

RESERVED=net.ipv4.ip_local_reserved_ports
reserved_are() { # reserved_are WHEN LIST
	check_equal "$RESERVED $1" "$(in_ns edge sysctl -n $RESERVED)" "$2"
}

topology_pair
kedge_config
kedge_run_folder
in_ns edge sysctl -q -w $RESERVED=8080,20000-20001
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
reserved_are "with a relay" 8080,16384-32767

say "second instances"
relay_spawn second_relay
check_ends second_relay 1
check "it says why" logged second_relay 'is locked: another kedge-relay runs'
control_spawn second_control
check_ends second_control 1
check "it says why" logged second_control 'lock=refused'
good_call still

say "both killed, both started on what is left"
stop relay KILL
stop control KILL
reserved_are "after the kill" 8080,16384-32767
check "a stale socket of the relay is there" test -S "$WORK/run/relay.sock"
check "a stale socket of control is there" test -S "$WORK/run/control.sock"
check "an XDP program is still attached" xdp_attached
relay_start
control_start
sums_again
good_call after_kill
check_sums

say "control and relay ended in order, relay first"
kill -TERM "${PIDS[relay]}"
check_ends relay 0
kill -TERM "${PIDS[control]}"
check_ends control 0
check "no XDP program is left" xdp_detached
reserved_are "after an orderly end" 8080,20000-20001
check "no socket is left" test ! -S "$WORK/run/relay.sock"
check "no socket is left" test ! -S "$WORK/run/control.sock"
relay_start
control_start
sums_again
good_call again
check_nothing_left
kedge_stop

say "the relay as a user with the capabilities that it needs"
capabilities=sys_admin,bpf,net_admin,net_raw,ipc_lock
capabilities=-all,+${capabilities//,/,+}
RELAY_AS=(setpriv --reuid "$CONTROL_USER" --regid "$CONTROL_GROUP" --clear-groups --no-new-privs
	--inh-caps "$capabilities" --ambient-caps "$capabilities" --bounding-set "$capabilities")
rm "$WORK/run/relay.sock.lock" # root's
relay_start
control_start
sums_again
check_equal "the relay's user" "$(stat -c %U "$WORK/run/relay.sock")" "$CONTROL_USER"
good_call unprivileged
reserved_are "with such a relay" 8080,16384-32767
check_nothing_left
check_none_unreachable
kedge_stop
reserved_are "after its end" 8080,20000-20001
check "no XDP program is left" xdp_detached
story_end
