# Shared by all stories: namespaces, processes, waiting, checking, cleaning up. To be sourced:
#
#	. "$(dirname "$0")/lib.sh"
#	story "what this proves"
#
# A story fails at the first thing that goes wrong, then shows logs and counters. Whatever way it ends, its processes,
# namespaces, files and settings are gone afterwards; KEEP=1 keeps the files.
# shellcheck shell=bash
set -E -e -u -o pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
E2E=$ROOT/tests/e2e
BUILD_DIR=${BUILD_DIR:-$ROOT/build}
RELAY=$BUILD_DIR/dpdk_app/kedge-relay
CONTROL=$BUILD_DIR/control/kedge-control
KEDGECTL=$BUILD_DIR/control/kedgectl
RTP_PEER=$BUILD_DIR/tests/e2e/rtp_peer
VLAN_DEVICE=$BUILD_DIR/tests/e2e/vlan_device
RTP_FRAMES=$BUILD_DIR/tests/e2e/rtp_frames
# kedge-control needs no privilege at all.
CONTROL_USER=nobody
CONTROL_GROUP=nogroup

. "$E2E/topology.sh"
. "$E2E/kedge.sh"
. "$E2E/phones.sh"

NS_PREFIX=kedge-$$
WORK=
STORY=
declare -A PIDS=()        # name → process
declare -a NAMESPACES=()
declare -a UNDO=()        # commands that put settings of the host back, last first
FAILED=0

# Begin: TITLE is what the story proves.
story() {
	STORY=$1
	[ "$(id -u)" = 0 ] || { echo "namespaces need root" >&2 && exit 2; }
	WORK=$(mktemp -d /tmp/kedge-e2e.XXXXXX)
	chmod 711 "$WORK"
	trap 'on_exit' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	trap 'on_error "$LINENO" "$BASH_COMMAND"' ERR
	choose_cpus
	echo "story: $STORY"
}

# The last line of each story.
story_end() {
	kedge_stop
	echo "proven: $STORY"
}

say() {
	echo "  $*"
}

fail() {
	[ "$FAILED" = 1 ] || { FAILED=1 && echo "FAILED: $*" >&2 && show_all >&2; }
	exit 1
}

on_error() {
	# A failure in a subshell or substitution is reported by its parent too; once is enough.
	[ "$BASHPID" = "$$" ] || return 0
	fail "line $1: $2"
}

# check WHAT COMMAND...: the command must succeed.
check() {
	local what=$1
	shift
	"$@" || fail "$what ($*)"
	say "ok: $what"
}

# check_equal WHAT GOT WANTED
check_equal() {
	[ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"
	say "ok: $1 = $3"
}

# wait_for WHAT SECONDS COMMAND...: until the command succeeds; fails at the deadline. SECONDS are what an idle machine may
# take at the very most; a busy one gets PATIENCE times as much.
PATIENCE=4
wait_for() {
	local what=$1 end=$((SECONDS + PATIENCE * $2))
	shift 2
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || fail "waited in vain for $what ($*)"
		sleep 0.05
	done
}

# The worker polls on a CPU of its own; everything else stays on another, where there is one.
choose_cpus() {
	local cpus
	cpus=$(taskset -cp $$ | sed 's/.*: //' | tr , '\n' | while IFS=- read -r first last; do seq "$first" "${last:-$first}"; done)
	ALL_CPUS=$(echo "$cpus" | paste -sd,)
	OTHER_CPU=$(echo "$cpus" | head -n 1)
	WORKER_CPU=$(echo "$cpus" | sed -n 2p)
	WORKER_CPU=${WORKER_CPU:-$OTHER_CPU}
	taskset -cp "$OTHER_CPU" $$ >/dev/null
}

# spawn NAME COMMAND...: run in the background, output to $WORK/NAME.log. The command must exec, so that $! is the program.
spawn() {
	local name=$1
	shift
	"$@" </dev/null >>"$WORK/$name.log" 2>&1 &
	PIDS[$name]=$!
}

running() {
	[ -n "${PIDS[$1]:-}" ] && kill -0 "${PIDS[$1]}" 2>/dev/null
}

# finish NAME: wait for its end and return its status.
finish() {
	local status=0
	wait "${PIDS[$1]}" || status=$?
	unset "PIDS[$1]"
	return "$status"
}

# stop NAME [SIGNAL]: end it and wait until it is gone.
stop() {
	[ -n "${PIDS[$1]:-}" ] || return 0
	kill "-${2:-TERM}" "${PIDS[$1]}" 2>/dev/null || true
	wait "${PIDS[$1]}" 2>/dev/null || true
	unset "PIDS[$1]"
}

logged() { # logged NAME REGEX
	grep -Eq -- "$2" "$WORK/$1.log"
}

show_all() {
	local f ns
	for f in "$WORK"/*.errors "$WORK"/*.log; do
		# What SIPp prints is a screen; its errors say it.
		{ [ -s "$f" ] && [ ! -e "${f%.log}.xml" ]; } || continue
		echo "--- $(basename "$f") (end)"
		tail -n 40 "$f"
	done
	if [ -S "$WORK/run/control.sock" ]; then
		echo "--- sums"
		sums || true
		echo "--- kedgectl stats; calls; calls --ended"
		for f in stats calls "calls --ended"; do
			# shellcheck disable=SC2086 # words
			timeout 5 "$KEDGECTL" -c "$CONFIG" $f || true
		done
	fi
	for ns in "${NAMESPACES[@]}"; do
		echo "--- counters of $ns"
		ip netns exec "$ns" nft list counters 2>/dev/null | grep -E 'counter|packets' | paste -sd' ' || true
		ip -n "$ns" -s -brief link || true
	done
}

on_exit() {
	local status=$? name pid ns i
	trap - EXIT ERR
	trap '' INT TERM HUP # once begun, cleaning up is finished
	set +e
	# A second SIGTERM is for those that would drain; 3 s of grace in all.
	for i in $(seq 60); do
		kill -0 "${PIDS[@]}" 2>/dev/null || break
		[ $((i % 5)) != 1 ] || kill "${PIDS[@]}" 2>/dev/null
		sleep 0.05
	done
	for name in "${!PIDS[@]}"; do
		kill -KILL "${PIDS[$name]}" 2>/dev/null
	done
	wait 2>/dev/null
	for ns in "${NAMESPACES[@]}"; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$ns" 2>/dev/null
	done
	for ((i = ${#UNDO[@]} - 1; i >= 0; i--)); do
		eval "${UNDO[i]}"
	done
	if [ -n "${KEEP:-}" ]; then
		echo "kept: $WORK"
	elif [ -n "$WORK" ]; then
		rm -rf "$WORK"
	fi
	exit "$status"
}
