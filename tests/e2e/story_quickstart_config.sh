#!/bin/bash
# The user's own file: quickstart.sh --config FILE, and what it says to wrong words.
#
#	 access: caller, rtp_peer ═══ edge: quickstart.sh, kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "quickstart.sh --config FILE runs both processes with the user's file and takes all with it at its end; wrong words and files end with 2"

QUICKSTART=$ROOT/config/quickstart.sh
export BUILD_DIR

status_of() { # status_of WANTED WORDS…
	local wanted=$1 status=0
	shift
	timeout 60 "$QUICKSTART" "$@" >"$WORK/out" 2>&1 || status=$?
	check_equal "status of quickstart.sh $*" "$status" "$wanted"
}

topology_pair
CONTROL_SETTINGS="user = \"$CONTROL_USER\";"
kedge_config
status_of 0 --help
check "its help says what it does" grep -q -- "--stay" "$WORK/out"
status_of 2 --nonsense
status_of 2 --config
status_of 2 --config "$WORK/none.conf"
status_of 2 --stay more
sed 's/dscp = 46/dscp = 64/' "$CONFIG" >"$WORK/bad.conf"
status_of 2 --config "$WORK/bad.conf"
check "the mistake is named" grep -q "bad.conf:[0-9]*: .*dscp" "$WORK/out"

rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
check "there is no folder for the sockets yet" test ! -e "$WORK/run"
spawn quickstart exec_in_ns edge taskset -c "$ALL_CPUS" "$QUICKSTART" --config "$CONFIG"
wait_for "the relay's answer" 15 relay_stats .sessions
wait_for "control's connection to the relay" 15 control_stats_is .relay_connected true
check_equal "user that kedge-control runs as, by the file" "$(stat -c %U "$WORK/run/control.sock")" "$CONTROL_USER"
good_call one
check_nothing_left
kill -TERM "${PIDS[quickstart]}"
check_ends quickstart 0
check "no socket is left, nor the folder that was made for them" test ! -e "$WORK/run"
check_equal "processes left in the edge" "$(ip netns pids "$(ns edge)" | wc -l)" 0
check "no XDP program is left" xdp_detached
echo "proven: $STORY"
