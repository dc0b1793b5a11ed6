# The two programs under test: their config, start, stop, and what their counters must add up to. Sourced by lib.sh.
# shellcheck shell=bash

# Settings of the config that stories change, before kedge_start (or before a restart).
MAX_SESSIONS=1000
WORKERS='' # CPUs; by default the worker's own
HUGEPAGES=never
MEDIA_PORTS="[ 16384, 32767 ]"
ACCESS_MEDIA='' # { … }, …: instead of the edge's one address with MEDIA_PORTS
CORE_MEDIA=''
MEDIA_TIMEOUT_S=300
RING_TIMEOUT_S=60
FIRST_RESPONSE_MS=4000
ACCESS_NAT=auto
ACCESS_ALLOW='"203.0.113.0/24"'
ACCESS_SETTINGS='' # more settings of the access realm
ACCESS_PORT=access
CORE_SETTINGS=''
CORE_PORT=core
declare -A PORT_DEVICES=()  # by port; default: af_xdp:PORT
declare -A PORT_SETTINGS=() # by port: more settings
CARRIER_PEERS='{ address = "198.51.100.2"; port = 5060; transport = "udp"; }'
CARRIER_SETTINGS='' # more settings of the trunk, e.g. timers
CONTROL_SETTINGS=''
MORE_TRUNKS=''      # { … }, before the carrier's
MORE_ROUTES=''      # { … }, before the others
RELAY_SETTINGS=''   # more settings of relay
RELAY_ARGS=()       # more arguments of a relay that takes them
RELAY_AS=()         # what to run it under: setpriv with its words
TAKEN=''            # ports that a virtual device upon PORT_nic takes whole; their TAP is PORT
T1_MS=500
LOG_LEVEL=info

CONFIG=

kedge_config() {
	local timers="timers = { t1_ms = $T1_MS; t2_ms = $((T1_MS * 8)); t4_ms = $((T1_MS * 10)); };" port ports=
	for port in "${EDGE_DEVICES[@]}"; do
		ports+="${ports:+, }{ name = \"$port\"; device = \"${PORT_DEVICES[$port]:-af_xdp:$port}\"; ${PORT_SETTINGS[$port]:-} }"
	done
	CONFIG=$WORK/kedge.conf
	cat >"$CONFIG" <<-END
		node = "edge1";  node_id = 1;  group = "$CONTROL_GROUP";  log_level = "$LOG_LEVEL";
		relay: {
		  control_socket = "$WORK/run/relay.sock";
		  workers = [ ${WORKERS:-$WORKER_CPU} ];
		  hugepages = "$HUGEPAGES";
		  max_sessions = $MAX_SESSIONS;  $RELAY_SETTINGS
		  ports = ( $ports );
		};
		realms = (
		  { name = "access"; port = "$ACCESS_PORT"; nat = "$ACCESS_NAT"; latch = "auto"; allow = [ $ACCESS_ALLOW ]; dscp = 46;
		    $ACCESS_SETTINGS $timers
		    media = ( ${ACCESS_MEDIA:-"{ address = \"$EDGE_ACCESS\"; ports = $MEDIA_PORTS; }"} );
		    sip = ( { transport = "udp"; address = "$EDGE_ACCESS"; port = 5060; } ); },
		  { name = "core"; port = "$CORE_PORT"; nat = "never"; dscp = 46;
		    $CORE_SETTINGS $timers
		    media = ( ${CORE_MEDIA:-"{ address = \"$EDGE_CORE\"; ports = $MEDIA_PORTS; }"} );
		    sip = ( { transport = "udp"; address = "$EDGE_CORE"; port = 5060; } ); }
		);
		trunks = ( $MORE_TRUNKS
		           { name = "carrier"; realm = "core"; $CARRIER_SETTINGS
		             first_response_ms = $FIRST_RESPONSE_MS; ring_timeout_s = $RING_TIMEOUT_S;
		             peers = ( $CARRIER_PEERS ); } );
		routes = ( $MORE_ROUTES
		           { from_realm = "access"; user = "\\\\+?[0-9]+"; to = ( "carrier" ); },
		           { from_trunk = "carrier"; user = ".*"; contact = "sip:$CALLER:5060"; realm = "access"; } );
		control: { socket = "$WORK/run/control.sock"; media_timeout_s = $MEDIA_TIMEOUT_S; ended_calls = 1000; $CONTROL_SETTINGS };
	END
}

# The sockets' folder belongs to the unprivileged user; root's relay may write there as well.
kedge_run_folder() {
	install -d -m 0770 -o "$CONTROL_USER" -g "$CONTROL_GROUP" "$WORK/run"
}

# Whether the relay has ended, as it was to: kedge_stop has no sums to check then.
RELAY_ENDED=

relay_spawn() {
	local name=${1:-relay}
	[ "$name" != relay ] || RELAY_ENDED=
	spawn "$name" exec_relay
}

exec_relay() {
	# Its own doing is which thread runs where: it sees all CPUs.
	taskset -cp "$ALL_CPUS" "$BASHPID" >/dev/null
	exec_in_ns edge "${RELAY_AS[@]}" "$RELAY" -c "$CONFIG" "${RELAY_ARGS[@]}"
}

control_spawn() {
	local name=${1:-control}
	spawn "$name" exec_in_ns edge setpriv --reuid "$CONTROL_USER" --regid "$CONTROL_GROUP" --clear-groups \
		--no-new-privs --bounding-set=-all "$CONTROL" -c "$CONFIG"
}

relay_start() {
	[ -e "$WORK/sums.pid" ] || sums_begin
	relay_spawn
	[ -s "$WORK/sums.pid" ] || echo "${PIDS[relay]}" >"$WORK/sums.pid"
	wait_for "the relay's socket" 15 relay_answers
}

control_start() {
	control_spawn
	wait_for "control's connection to the relay" 15 control_connected
}

kedge_start() {
	[ -n "$CONFIG" ] || kedge_config
	kedge_run_folder
	relay_start
	control_start
	relay_is_accounted_for || sums_again # nothing is under way yet
}

# An orderly end; both must leave with 0. What control has said is looked at then.
kedge_stop() {
	local name
	[ -n "$RELAY_ENDED" ] || check_sums
	RELAY_ENDED=1
	for name in control relay; do
		[ -n "${PIDS[$name]:-}" ] || continue
		running "$name" || fail "$name ended by itself"
		kill -TERM "${PIDS[$name]}"
		finish "$name" || fail "$name ended with $? on SIGTERM"
	done
	check_log
}

# Each line of control that is about a call begins with its id; a line about SIP of a leg, or of no call (another INVITE
# with its Call-ID, a 2xx after its end), has the Call-ID.
check_log() {
	local log=$WORK/control.log call='^[^ ]+ kedge-control [a-z]+ call '
	[ -e "$log" ] || return 0
	check_no_lines "of a call, without its id" "$(grep -E "$call" "$log" | grep -vE "${call}id=[0-9a-f]{16}( |\$)")"
	check_no_lines "of a leg, but of no call" "$(grep -E '^[^ ]+ kedge-control .* (leg|branch)=' "$log" | grep -vE "$call")"
	check_no_lines "of SIP, without its Call-ID" "$(
		grep -E "($call.* (leg|branch|method|received)=)|(^[^ ]+ kedge-control [a-z]+ (request |orphan |sip (dir|answer|send)=))" "$log" |
			grep -vE ' (call_id=.|media[a-z_]*=)'
	)"
	check_no_lines "of a request in a call, that is not named" "$(awk '
		{ id = match($0, / call_id=[^ ]+/) ? substr($0, RSTART, RLENGTH) : "" }
		$4 == "call" && id != "" { calls[id] = 1 }
		$4 == "request" && !/ method=INVITE / && id in calls' "$log")"
}

check_no_lines() { # check_no_lines WHAT LINES
	[ -z "$2" ] || fail "lines of control's log $1: $(head -n 3 <<<"$2")"
}

ctl() {
	timeout 10 "$KEDGECTL" -c "$CONFIG" "$@"
}

# ---- What kedgectl's JSON says: all paths into it are here ----

relay_answers() {
	running relay || fail "the relay ended: $(tail -n 3 "$WORK/relay.log")"
	relay_stats .sessions
}

control_connected() {
	running control || fail "control ended: $(tail -n 3 "$WORK/control.log")"
	[ "$(control_stats .relay_connected)" = true ]
}

relay_is_gone() {
	[ "$(control_stats .relay_connected)" = false ]
}

control_stats() { # control_stats JQ-PATH
	stats_line control_stats "$1"
}

relay_stats() { # relay_stats JQ-PATH
	stats_line relay_stats "$1"
}

# Fails if that process does not answer; the other one's line is good all the same.
stats_line() {
	local value
	value=$({ ctl --json stats 2>/dev/null || true; } | jq -c -r "select(.type == \"$1\") | $2")
	[ -n "$value" ] || return
	echo "$value"
}

control_stats_is() {
	[ "$(control_stats "$1")" = "$2" ]
}

drops_as() { # drops_as VERDICT → packets that the relay dropped for this reason
	relay_stats "(.drops // .verdicts).$1"
}

relay_stats_is() {
	[ "$(relay_stats "$1")" = "$2" ]
}

# How many calls there are, or were; nothing if there is no answer.
n_calls() { # n_calls [--ended]
	local calls
	calls=$(ctl --json calls "$@") || return
	jq -s 'map(select(.type == "call")) | length' <<<"$calls"
}

n_calls_is() {
	[ "$(n_calls)" = "$1" ]
}

n_ended_is() {
	[ "$(n_calls --ended)" = "$1" ]
}

# All ended calls, as "cause:by=how many …" in alphabetical order.
ended_by_cause() {
	ctl --json calls --ended |
		jq -s -r 'map(select(.type == "call") | "\(.end_cause):\(.end_by)") | group_by(.) | map("\(.[0])=\(length)") | join(" ")'
}

# Our media endpoints of the calls that are up.
local_ports() {
	ctl --json sessions | jq -r 'select(.type == "session") | .sides[].local' | sort | paste -sd' '
}

# ---- What must be true ----

# check_soon WHAT COMMAND...: true within 5 s, or what wait_for makes of it.
check_soon() {
	local what=$1
	shift
	wait_for "$what" 5 "$@"
	say "ok: $what"
}

# check_ends NAME STATUS: the process ends by itself with that status.
check_ends() {
	local status=0
	wait_for "the end of $1" 10 not running "$1"
	finish "$1" || status=$?
	check_equal "$1's exit status" "$status" "$2"
}

not() {
	! "$@"
}

xdp_programs() { # → how many of the edge's devices have one
	local device link n=0
	for device in "${EDGE_DEVICES[@]}"; do
		link=$(ip -n "$(ns edge)" link show "$device") || return
		[[ $link != *prog/xdp* ]] || n=$((n + 1))
	done
	echo "$n"
}

xdp_attached() {
	[ "$(xdp_programs)" = "${#EDGE_DEVICES[@]}" ]
}

xdp_detached() {
	[ "$(xdp_programs)" = 0 ]
}

hugepages_taken() {
	awk '$1 == "HugePages_Total:" { total = $2 } $1 == "HugePages_Free:" { free = $2 } END { exit !(free < total) }' /proc/meminfo
}

# No call, no session, no port in use.
check_nothing_left() {
	check_soon "no call is left" n_calls_is 0
	check_soon "no session is left" relay_stats_is .sessions 0
	check_soon "no media port is in use" relay_stats_is '[.realms[].media_ports_used] | add' 0
	check_soon "no pairing is left" control_stats_is .pairings 0
}

# in = out + drops; and what the edge's interfaces received and sent, by the kernel's own count, is what the relay took and
# gave and what went by way of the kernel. The relay's main thread copies its counters once a second, hence the patience.
check_sums() {
	running relay || fail "no relay whose sums could be checked; a story that has ended it says RELAY_ENDED=1"
	relay_is_accounted_for || fail "the relay was started anew: sums_again is missing, at a moment when all is quiet"
	sums_hold
}

# The same of a relay that somebody else runs, since sums_begin.
sums_hold() {
	check_soon "in = out + drops" relay_stats_is .packet_sums_hold true
	check_soon "packets of the interfaces = packets of the relay + packets of the kernel" sums_agree
	say "$(relay_stats '"packets: in \(.packets_in) = out \(.packets_out) + dropped \(.packets_dropped) \((.drops // .verdicts) | with_entries(select(.value > 0)))"')"
	say "$(sums)"
}

is_taken() { # is_taken PORT
	case " $TAKEN " in *" $1 "*) ;; *) return 1 ;; esac
}

# The interface that a port's packets are on.
nic_of() {
	is_taken "$1" && echo "$1_nic" || echo "$1"
}

# The interfaces' counters before the relay began to count: nobody sends anything yet.
sums_begin() {
	local port
	for port in "${EDGE_DEVICES[@]}"; do
		interface_counters "$port" >"$WORK/$port.begin"
	done
	: >"$WORK/sums.pid"
	echo "[0,0,0]" >"$WORK/sums.differences"
}

# The account of a relay that was started while, or after, others sent something: from now on, nothing being under way,
# what the interfaces and the relay have counted grows by the same.
sums_again() {
	: >"$WORK/sums.differences"
	wait_for "counters that stand still" 15 sums_stand_still
	echo "${PIDS[relay]}" >"$WORK/sums.pid"
}

sums_stand_still() {
	local now
	now=$(sums_differences)
	if [ "$now" != "$(cat "$WORK/sums.differences")" ]; then
		echo "$now" >"$WORK/sums.differences"
		return 1
	fi
	# The relay's copies of the kernel's counters are up to a second old.
	[ -z "$(find "$WORK/sums.differences" -newermt '1.5 seconds ago')" ]
}

relay_is_accounted_for() {
	[ "${PIDS[relay]}" = "$(cat "$WORK/sums.pid")" ]
}

# What the kernel counted of a port's interface (sent is also what an interface without a link threw away), and what of it its
# own network stack sent.
interface_counters() { # interface_counters PORT
	local stack=0
	is_taken "$1" || stack=$(stack_sent "$1")
	ip -n "$(ns edge)" -j -s link show "$(nic_of "$1")" |
		jq -c --argjson stack "$stack" '.[0].stats64 | {rx: .rx.packets, tx: (.tx.packets + .tx.dropped), stack: $stack}'
}

interface_since_start() { # interface_since_start PORT
	jq -c --slurpfile begin "$WORK/$1.begin" '{rx: (.rx - $begin[0].rx), tx: (.tx - $begin[0].tx), stack: (.stack - $begin[0].stack)}' \
		<<<"$(interface_counters "$1")"
}

add_up() { # objects of numbers on stdin → one
	jq -c -s 'map(to_entries) | add // [] | group_by(.key) | map({key: .[0].key, value: (map(.value) | add)}) | from_entries'
}

# One object: totals since the relay began. Of interfaces shared by AF_XDP, by the kernel (kernel: rx, tx, and stack: what
# its own network stack sent), by the XDP program (seen, media) and by the device (full: no room for it in the relay's ring); of
# interfaces taken whole, by the kernel (nic: rx, tx; it sends nothing there itself) and by the driver (nic_full), and what came by their
# TAPs (from_kernel); by the workers (in, out).
sums() {
	local port kernel='{"rx":0,"tx":0,"stack":0}' nic='{"rx":0,"tx":0,"stack":0}'
	for port in "${EDGE_DEVICES[@]}"; do
		if is_taken "$port"; then
			nic+=$(interface_since_start "$port")
		else
			kernel+=$(interface_since_start "$port")
		fi
	done
	relay_stats . | jq -c --argjson kernel "$(add_up <<<"$kernel")" --argjson nic "$(add_up <<<"$nic")" \
		'def total(f): [.ports[] | f] | add // 0;
		{kernel: $kernel, seen: total(.xdp_packets[]), media: total(.xdp_packets.media),
		full: total(select(.kernel_if == null) | .rx_dropped_packets),
		nic: $nic, nic_full: total(select(.kernel_if != null) | .rx_dropped_packets), from_kernel: total(.from_kernel_packets),
		in: .packets_in, out: .packets_out}'
}

# [0,0,0], or what it was when the account began.
sums_differences() {
	sums | jq -c '[.kernel.rx - .seen, .media - .full + .nic.rx - .nic_full + .from_kernel - .in,
		.kernel.tx + .nic.tx - .out - .kernel.stack]'
}

sums_agree() {
	[ "$(sums_differences)" = "$(cat "$WORK/sums.differences")" ]
}
