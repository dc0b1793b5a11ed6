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
quickstart_starts() {
	spawn quickstart exec_in_ns edge taskset -c "$ALL_CPUS" "$QUICKSTART" --config "$CONFIG"
}

# carries NAME GROUP USER: with that file a call is carried; whom the sockets belong to.
carries() {
	local socket
	check "there is no folder for the sockets yet" test ! -e "$WORK/run"
	: >"$WORK/quickstart.log"
	sums_begin
	quickstart_starts
	wait_for "its word that both run" 30 logged quickstart "kedge-relay and kedge-control run with"
	check_equal "control is connected to the relay" "$(control_stats .relay_connected)" true
	for socket in relay control; do
		check_equal "group of $socket.sock" "$(stat -c %G "$WORK/run/$socket.sock")" "$2"
	done
	check_equal "user that kedge-control runs as" "$(stat -c %U "$WORK/run/control.sock")" "$3"
	good_call "$1"
	check_nothing_left
	sums_hold
	kill -TERM "${PIDS[quickstart]}"
	check_ends quickstart 0
	check "no socket is left, nor the folder that was made for them" test ! -e "$WORK/run"
	check_equal "processes left in the edge" "$(ip netns pids "$(ns edge)" | wc -l)" 0
	check "no XDP program is left" xdp_detached
}

user=nobody group=nogroup
if id -u kedge >/dev/null 2>&1; then
	user=kedge group=$(id -gn kedge)
fi
say "a file without group and user"
sed -i 's/group = "[^"]*";//; s/user = "[a-z]*";//' "$CONFIG"
carries plain "$group" "$user"
say "a file with a user, and a group that it is not in"
CONTROL_GROUP=daemon
kedge_config
carries grouped daemon "$CONTROL_USER"

say "a relay that control may not reach"
mkdir -m 755 "$WORK/run" "$WORK/run/closed"
chmod 700 "$WORK/run/closed"
sed -i "s,$WORK/run/relay,$WORK/run/closed/relay," "$CONFIG"
chown "$CONTROL_USER" "$WORK/run"
: >"$WORK/quickstart.log"
quickstart_starts
wait_for "quickstart's end" 30 not running quickstart
check_ends quickstart 1
check "the log says why" logged quickstart 'relay.sock state=down why="Permission denied"'
check "it says so itself" logged quickstart "kedge-control has not reached kedge-relay"
check_equal "processes left in the edge" "$(ip netns pids "$(ns edge)" | wc -l)" 0
echo "proven: $STORY"
