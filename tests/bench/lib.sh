# Shared by the benches: rows, medians, the short setting; on top of what stories have. To be sourced.
# shellcheck shell=bash
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"

BENCH=$BUILD_DIR/tests/bench
RELAY_LOAD=$BENCH/relay_load

# short A B: A in the short setting, else B.
short() {
	[ -n "${BENCH_SHORT:-}" ] && echo "$1" || echo "$2"
}

# row NAME VALUE UNIT [REFERENCE WHAT]: one figure.
row() {
	local ratio=
	[[ "$2" =~ ^[0-9.]+$ ]] || fail "$1: no figure: '$2'"
	[ -z "${4:-}" ] || ratio=$(calc 2 "$2 / $4")
	printf '%-44s %10s %-14s %10s %6s  %s\n' "$1" "$2" "$3" "${4:-}" "$ratio" "${5:-}"
}

# calc DIGITS EXPRESSION
calc() {
	awk "BEGIN { printf \"%.$1f\", $2 }"
}

# The middle one of the numbers on stdin, one a line.
median() {
	sort -g | awk '{ v[NR] = $1 } END { if (NR > 0) print v[int((NR + 1) / 2)] }'
}

# figure NAME [COLUMN]: of the lines "NAME VALUE …" on stdin.
figure() {
	awk -v name="$1" -v column="${2:-2}" '$1 == name { print $column }'
}

# bench NAME: begin one that needs namespaces. What stories say goes to stderr, the rows to stdout.
bench() {
	exec 3>&1
	story "$1" >&2
}

# An orderly end of the relay; SIGINT doesn't wait for its sessions.
relay_end() {
	kill "-${1:-TERM}" "${PIDS[relay]}"
	finish relay || fail "the relay ended with $?"
}

# media_list PREFIX FIRST LAST: media addresses of a realm's config, all ports from 16384 on.
media_list() {
	local i list=
	for i in $(seq "$2" "$3"); do
		list+="${list:+, }{ address = \"$1.$i\"; ports = [ 16384, 65535 ]; }"
	done
	echo "$list"
}

# relay_config MAX_SESSIONS ACCESS_PORT CORE_PORT ACCESS_MEDIA CORE_MEDIA: what the relay alone needs. A port: its settings.
relay_config() {
	CONFIG=$WORK/kedge.conf
	cat >"$CONFIG" <<-END
		node = "edge1";  node_id = 1;
		relay: {
		  control_socket = "$WORK/run/relay.sock";
		  workers = [ $WORKER_CPU ];
		  hugepages = "$HUGEPAGES";
		  max_sessions = $1;  $RELAY_SETTINGS
		  ports = ( { name = "access"; $2 }, { name = "core"; $3 } );
		};
		realms = (
		  { name = "access"; port = "access"; nat = "never"; media = ( $4 );
		    sip = ( { transport = "udp"; address = "$EDGE_ACCESS"; port = 5060; } ); },
		  { name = "core"; port = "core"; nat = "never"; media = ( $5 );
		    sip = ( { transport = "udp"; address = "$EDGE_CORE"; port = 5060; } ); }
		);
		control: { socket = "$WORK/run/control.sock"; };
	END
}

# threads_ns NAME [COMM]: CPU time of a process's threads, without those whose name begins with COMM.
threads_ns() {
	local thread sum=0 ns
	for thread in /proc/"${PIDS[$1]}"/task/*; do
		[ -z "${2:-}" ] || [[ "$(<"$thread/comm")" != "$2"* ]] || continue
		read -r ns _ <"$thread/schedstat"
		sum=$((sum + ns))
	done
	echo "$sum"
}

# CPU time of the relay: its workers' loops that carried packets, and all its other threads.
relay_ns() {
	echo $(($(relay_stats '[.workers[].busy_ns] | add') + $(threads_ns relay rte-worker)))
}

# resident_kib NAME
resident_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/${PIDS[$1]}/status"
}

# Both phones of up to N calls: call_load between the access and the core network.
phones_begin() { # phones_begin N
	coproc PHONES { exec "$BENCH/call_load" "$(ns access),$CALLER" "$(ns core),$CALLEE" "$EDGE_ACCESS:5060" "$1" 2>>"$WORK/phones.log"; }
	PIDS[phones]=$PHONES_PID
}

# phones STEP: do one step of call_load's; its figures go to stdout.
phones() {
	echo "$1" >&"${PHONES[1]}"
	phones_until "done"
}

# phones_until LINE: what call_load says before that line.
phones_until() {
	local line
	while read -r line <&"${PHONES[0]}"; do
		[ "$line" != "$1" ] || return 0
		echo "$line"
	done
	fail "call_load: $(tail -n 1 "$WORK/phones.log")"
}
