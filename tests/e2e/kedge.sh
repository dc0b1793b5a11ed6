# The two programs under test: their config, start, stop, and what their counters must add up to. Sourced by lib.sh.
# shellcheck shell=bash

# Settings of the config that stories change, before kedge_start (or before a restart).
MAX_SESSIONS=1000
HUGEPAGES=never
MEDIA_PORTS="[ 16384, 32767 ]"
MEDIA_TIMEOUT_S=300
RING_TIMEOUT_S=60
FIRST_RESPONSE_MS=4000
ACCESS_NAT=auto
ACCESS_ALLOW='"203.0.113.0/24"'
ACCESS_SETTINGS='' # more settings of the access realm
CARRIER_PEERS='{ address = "198.51.100.2"; port = 5060; transport = "udp"; }'
CARRIER_SETTINGS='' # more settings of the trunk, e.g. timers
CONTROL_SETTINGS=''
T1_MS=500

CONFIG=

kedge_config() {
	local timers="timers = { t1_ms = $T1_MS; t2_ms = $((T1_MS * 8)); t4_ms = $((T1_MS * 10)); };"

	CONFIG=$WORK/kedge.conf
	cat >"$CONFIG" <<-END
		node = "edge1";  node_id = 1;  group = "$CONTROL_GROUP";
		relay: {
		  control_socket = "$WORK/run/relay.sock";
		  workers = [ $WORKER_CPU ];
		  hugepages = "$HUGEPAGES";
		  max_sessions = $MAX_SESSIONS;
		  ports = ( { name = "access"; device = "af_xdp:access"; },
		            { name = "core"; device = "af_xdp:core"; } );
		};
		realms = (
		  { name = "access"; port = "access"; nat = "$ACCESS_NAT"; latch = "auto"; allow = [ $ACCESS_ALLOW ]; dscp = 46;
		    $ACCESS_SETTINGS $timers
		    media = ( { address = "$EDGE_ACCESS"; ports = $MEDIA_PORTS; } );
		    sip = ( { transport = "udp"; address = "$EDGE_ACCESS"; port = 5060; } ); },
		  { name = "core"; port = "core"; nat = "never"; dscp = 46;
		    $timers
		    media = ( { address = "$EDGE_CORE"; ports = $MEDIA_PORTS; } );
		    sip = ( { transport = "udp"; address = "$EDGE_CORE"; port = 5060; } ); }
		);
		trunks = ( { name = "carrier"; realm = "core"; $CARRIER_SETTINGS
		             first_response_ms = $FIRST_RESPONSE_MS; ring_timeout_s = $RING_TIMEOUT_S;
		             peers = ( $CARRIER_PEERS ); } );
		routes = ( { from_realm = "access"; user = "\\\\+?[0-9]+"; to = ( "carrier" ); },
		           { from_trunk = "carrier"; user = ".*"; contact = "sip:$CALLER:5060"; realm = "access"; } );
		control: { socket = "$WORK/run/control.sock"; media_timeout_s = $MEDIA_TIMEOUT_S; ended_calls = 1000; $CONTROL_SETTINGS };
	END
}

# The sockets' folder belongs to the unprivileged user; root's relay may write there as well.
kedge_run_folder() {
	install -d -m 0770 -o "$CONTROL_USER" -g "$CONTROL_GROUP" "$WORK/run"
}

relay_spawn() {
	local name=${1:-relay}
	spawn "$name" exec_relay
}

exec_relay() {
	# Its own doing is which thread runs where: it sees all CPUs.
	taskset -cp "$ALL_CPUS" "$BASHPID" >/dev/null
	exec_in_ns edge "$RELAY" -c "$CONFIG"
}

control_spawn() {
	local name=${1:-control}
	spawn "$name" exec_in_ns edge setpriv --reuid "$CONTROL_USER" --regid "$CONTROL_GROUP" --clear-groups \
		--no-new-privs --bounding-set=-all "$CONTROL" -c "$CONFIG"
}

relay_start() {
	relay_spawn
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
}

# An orderly end; both must leave with 0.
kedge_stop() {
	local name
	for name in control relay; do
		[ -n "${PIDS[$name]:-}" ] || continue
		running "$name" || fail "$name ended by itself"
		kill -TERM "${PIDS[$name]}"
		finish "$name" || fail "$name ended with $? on SIGTERM"
	done
}

ctl() {
	timeout 10 "$KEDGECTL" -c "$CONFIG" "$@"
}

# Everything that reads kedgectl's JSON is from here on.
relay_answers() {
	running relay || fail "the relay ended"
	ctl --json sessions
}

control_connected() {
	running control || fail "control ended"
	[ "$(stats_of .relay_connected)" = true ]
}

stats_of() { # stats_of JQ-PATH → one value of `kedgectl stats`
	ctl --json stats | jq -r "$1"
}

n_calls() {
	ctl --json calls | jq -s '[.[] | .calls? // . | .. | objects | select(has("call_id"))] | length'
}

n_calls_is() {
	[ "$(n_calls)" = "$1" ]
}
