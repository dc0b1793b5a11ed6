#!/bin/bash
# Installs what is missing, builds Kedge and carries a real call with it:
#
#	 phone A ─── NAT ─── access network ═══ kedge ═══ core network ─── phone B
#	 10.20.0.2   masquerade, random ports    edge      198.51.100.2
#	 440 Hz                                                          880 Hz
#
# All of it lives in network namespaces of this machine and is gone afterwards.
set -E -e -u -o pipefail

usage() {
	cat <<-END
		Usage: config/quickstart.sh [--stay | --config FILE | --help]

		  (nothing)      carry one call between two phones, one of them behind a NAT, check
		                 what each of them heard, show the call in kedgectl, and clean up
		  --stay         the same, but leave it running, with the phones in a call, until Ctrl-C
		  --config FILE  run kedge-relay and kedge-control with your file on this host until Ctrl-C

		Run it as root. BUILD_DIR is where it builds, by default "build" in the repository.
		Exit status: 0 the call was good, 1 it was not, 2 usage or a wrong file.
	END
}

STAY=
USER_CONFIG=
case ${1:-} in
'') ;;
--stay) STAY=1 ;;
--config)
	[ $# = 2 ] || { usage >&2 && exit 2; }
	USER_CONFIG=$(realpath -e -- "$2") || exit 2
	;;
--help | -h) usage && exit 0 ;;
*) usage >&2 && exit 2 ;;
esac
[ -n "$USER_CONFIG" ] || [ $# -le 1 ] || { usage >&2 && exit 2; }
[ "$(id -u)" = 0 ] || { echo "quickstart.sh must run as root: it makes network namespaces and loads an XDP program" >&2 && exit 2; }

. "$(dirname "${BASH_SOURCE[0]}")/packages.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../tests/e2e/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../tests/e2e/baresip.sh"

build() {
	packages_install phones
	[ -e "$BUILD_DIR/build.ninja" ] || meson setup "$BUILD_DIR" "$ROOT" >/dev/null
	ninja -C "$BUILD_DIR" --quiet dpdk_app/kedge-relay control/kedge-control control/kedgectl
}

show() { # show kedgectl's words
	echo
	echo "\$ kedgectl $*"
	ctl "$@"
}

# ---- Your own file, on this host ----

# What the file says, as those read it who run with it.
of_config() { # of_config JQ-PATH
	ctl --json check-config 2>/dev/null | jq -r "$1"
}

# Each socket's folder must be there, and control must be able to write to its own. What is made here goes at the end.
FOLDERS_MADE=()
socket_folders() {
	local folder
	for folder in $(of_config '.relay_socket, .control_socket' | xargs -n 1 dirname | sort -u); do
		[ -d "$folder" ] && continue
		install -d -m 0770 -o "$CONTROL_USER" -g "$CONTROL_GROUP" "$folder"
		FOLDERS_MADE+=("$folder")
	done
}

end_both() {
	# shellcheck disable=SC2046 # a list of numbers
	kill $(jobs -p) 2>/dev/null || true
	wait
	[ "${#FOLDERS_MADE[@]}" = 0 ] || rm -rf "${FOLDERS_MADE[@]}"
}

# Until control is connected to the relay. Fails when one of them ends, or 10 s after the relay began to answer: its start
# may take long, control tries once a second.
connected() {
	local end=
	until [ "$(control_stats .relay_connected)" = true ]; do
		[ "$(jobs -pr | wc -l)" = 2 ] || return
		if [ -n "$end" ]; then
			[ "$SECONDS" -lt "$end" ] || return
		elif relay_stats .sessions >/dev/null; then
			end=$((SECONDS + 10))
		fi
		sleep 0.1
	done
}

run_users_config() {
	local status=0 user group

	CONFIG=$USER_CONFIG
	"$KEDGECTL" check-config "$CONFIG"
	# Whom the file lets control the relay or, where it doesn't say, the service's user.
	user=$(of_config '.control_user // "kedge"')
	if id -u "$user" >/dev/null 2>&1; then
		CONTROL_USER=$user
		CONTROL_GROUP=$(id -gn "$user")
	fi
	# The sockets belong to the file's group or, without one, to that which both run with.
	group=$(of_config '.group // empty')
	CONTROL_GROUP=${group:-$CONTROL_GROUP}
	socket_folders
	trap 'end_both; exit 0' INT TERM
	setpriv --regid "$CONTROL_GROUP" --keep-groups "$RELAY" -c "$CONFIG" &
	setpriv --reuid "$CONTROL_USER" --regid "$CONTROL_GROUP" --init-groups --no-new-privs --bounding-set=-all "$CONTROL" -c "$CONFIG" &
	if connected; then
		echo "kedge-relay and kedge-control run with $CONFIG; look with: $KEDGECTL -c $CONFIG stats; Ctrl-C ends both" >&2
		wait -n || status=$?
		echo "one of them ended with $status; ending the other" >&2
		end_both
		return "$status"
	fi
	end_both
	echo "kedge-control has not reached kedge-relay: the last lines of their logs, above, say why" >&2
	return 1
}

# ---- The call ----

call_up() {
	echo "starting phone B in the core and phone A behind the NAT"
	baresip_start phone_b core "$CALLEE" 4930123456 880
	baresip_start phone_a phone "$PHONE" 1001 440
	baresip_command phone_a phone dial "sip:4930123456@$EDGE_ACCESS"
	wait_for "the call" 10 logged phone_a "Call established"
	wait_for "media from A through the NAT" 5 logged phone_b "incoming rtp for 'audio' established"
	wait_for "media from B through the NAT" 5 logged phone_a "incoming rtp for 'audio' established"
	echo "phone A calls, phone B has answered, both hear something"
}

show_call() {
	local id

	show calls
	id=$(ctl --json calls | jq -r 'select(.id?) | .id' | head -n 1)
	show call "$id"
	show stats
}

check_call() {
	local failed=0

	echo
	sound_check "phone A heard B's tone" "$(recorded phone_a)" 880 440 5 || failed=1
	sound_check "phone B heard A's tone" "$(recorded phone_b)" 440 880 5 || failed=1
	return "$failed"
}

carry_call() {
	story "a real call, one phone behind a NAT, crosses Kedge with audio both ways"
	topology_nat
	kedge_start
	call_up
	# As long as the call lasts is as much as there is to hear: 6 s, by B's own clock.
	wait_for "6 s of sound" 10 seconds_recorded phone_b 6
	show_call
	if [ -n "$STAY" ]; then
		check_call || fail "what the phones hear is not what the others play"
		stay
	fi
	baresip_command phone_b core hangup
	wait_for "B's BYE at A, through the NAT" 5 logged phone_a "session closed"
	wait_for "B's own end of the call" 5 logged phone_b "terminated"
	wait_for "the end of the call at Kedge" 5 n_calls_is 0
	show calls --ended
	check "A got the BYE through the NAT" logged phone_a "^BYE sip:"
	check_call || fail "what the phones heard is not what the others played"
	story_end
}

stay() {
	cat <<-END

		It all stays until Ctrl-C. Look, from another terminal:

		  $KEDGECTL -c $CONFIG calls
		  $KEDGECTL -c $CONFIG top
		  $KEDGECTL -c $CONFIG sessions
		  ip netns exec $(ns edge) ip address
		  ls $WORK            # config, logs, what the phones record

	END
	trap 'exit 0' INT TERM
	# Ends when one of the processes does, or by the trap.
	wait -n || true
	fail "a process ended by itself"
}

build
if [ -n "$USER_CONFIG" ]; then
	run_users_config
else
	carry_call
fi
