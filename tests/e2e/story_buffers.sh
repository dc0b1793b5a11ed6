#!/bin/bash
# Packet buffers: taken away while calls are up, and given back; and as few as the relay starts with.
#
#	 access: callers, rtp_peer ═══ kedge, with a greedy consumer of buffers ═══ core: callees, rtp_peer
. "$(dirname "$0")/lib.sh"
story "out of buffers the relay says so and every loss is the device's; one buffer is enough to go on, and all are again"

CALLS=40
PAGES=/proc/sys/vm/nr_hugepages
GREEDY=$BUILD_DIR/tests/e2e/relay_dry

# Interfaces of its own for a round, so that their counters start at nothing.
network() { # network NAME
	NS_PREFIX=kedge-$$-$1
	topology_pair
}

calls_up() { # calls_up NAME
	rtp_phones "rtp_access_$1" access "$CALLER" "$CALLS"
	rtp_phones "rtp_core_$1" core "$CALLEE" "$CALLS"
	PACKETS=0
	MEDIA=rtp_core_$1 plain_callee "$1_callees" "$CALLEE" -m "$CALLS"
	MEDIA=rtp_access_$1 plain_caller "$1_callers" "$CALLER" -m "$CALLS" -r 40 -l 100
	check_soon "all calls are up" control_stats_is .calls.answered "$CALLS"
	wait_for "media of all at the callers" 5 all_receive "rtp_access_$1"
	wait_for "media of all at the callees" 5 all_receive "rtp_core_$1"
}

all_receive() {
	[ "$(rtp_report "$1" | jq 'map(select(.received > 20)) | length')" = "$CALLS" ]
}

calls_down() { # calls_down NAME
	poke "$1_callers" access "$CALLER"
	phones_done "$1_callers" "$1_callees"
	check_nothing_left
	stop "rtp_access_$1"
	stop "rtp_core_$1"
	check_sums
	kedge_stop
}

device_drops() {
	relay_stats '[.ports[].rx_dropped_packets] | add'
}

both_drop() {
	[ "$(relay_stats '[.ports[].rx_dropped_packets] | min')" -gt 50 ]
}

packets_in_more_than() {
	[ "$(relay_stats .packets_in)" -gt "$1" ]
}

free_at_least() {
	[ "$(relay_stats .buffers_free)" -ge "$1" ]
}

# Sent by both peers of a round, RTP and RTCP, and not received by the other: what the devices dropped, and the relay, while
# it knew no endpoint of a callee yet or when all that had waited came down on the second worker; no packet more.
losses_agree() {
	local missing
	missing=$({ rtp_report "rtp_access_$1" && rtp_report "rtp_core_$1"; } |
		jq -s 'flatten | map(.sent + .rtcp_sent - .received - .rtcp_received) | add')
	[ "$missing" = $(($(device_drops) + $(drops_as no_endpoint) + $(drops_as ring_full))) ]
}

flaws() {
	{ rtp_report "rtp_access_$1" && rtp_report "rtp_core_$1"; } | jq -s 'flatten | map(.bad + .late + .send_errors) | add'
}

lost() {
	{ rtp_report "rtp_access_$1" && rtp_report "rtp_core_$1"; } | jq -s 'flatten | map(.lost) | add'
}

# dry_round NAME HUGEPAGES CACHE [WORKERS]
dry_round() {
	local name=$1 full before lost
	WORKERS=${4:-}
	say "round $name: hugepages = $2, buffer_cache = $3, workers = ${WORKERS:-$WORKER_CPU}"
	network "$name"
	HUGEPAGES=$2 RELAY_SETTINGS="buffer_cache = $3;"
	mkfifo "$WORK/greedy_$name.fifo"
	RELAY=$GREEDY RELAY_ARGS=("$WORK/greedy_$name.fifo")
	: >"$WORK/relay.log"
	kedge_config
	kedge_start
	[ "$2" = never ] || check "the relay has taken hugepages" hugepages_taken
	check "the pool has its cache" logged relay "buffers n=.* cache=$3\$"
	calls_up "$name"
	full=$(relay_stats .buffers_free)
	check_equal "device drops before" "$(device_drops)" 0

	echo "leave 0" >"$WORK/greedy_$name.fifo"
	check_soon "no buffer is free" relay_stats_is .buffers_free 0
	check_soon "the log says so" logged relay 'error buffers free=[0-9]+ of=[0-9]+: receive slows down'
	before=$(relay_stats .packets_in)
	wait_for "drops at both devices, once their rings are full" 15 both_drop
	check_equal "packets that came in meanwhile" "$(($(relay_stats .packets_in) - before))" 0

	echo "leave 1" >"$WORK/greedy_$name.fifo"
	check_soon "with one buffer, media goes on" packets_in_more_than $((before + 4096 + 1000))
	check "there is one buffer, still" test "$(relay_stats .buffers_free)" -le 1

	echo "release" >"$WORK/greedy_$name.fifo"
	check_soon "the buffers are back" free_at_least $((full - 128))
	check_soon "the log says so" logged relay 'info buffers free=[0-9]+ of=[0-9]+ again after'
	before=$(relay_stats .packets_in)
	check_soon "what waited in the rings is through" packets_in_more_than $((before + 2 * 2048 + 500))
	before=$(relay_stats .packets_in) lost=$(lost "$name")
	check_soon "media flows as before" packets_in_more_than $((before + 2000))
	check_equal "packets lost since" $(($(lost "$name") - lost)) 0

	LOST=1000000 rtp_quiet "rtp_access_$name" "rtp_core_$name" "$CALLS"
	check_soon "what is missing at the peers is what the devices dropped" losses_agree "$name"
	[ -n "$WORKERS" ] || check_equal "packets that rings had no room for" "$(relay_stats .ring_drops)" 0
	check_equal "packets changed, late or unsendable" "$(flaws "$name")" 0
	check_equal "kedgectl stats: the fewest that were free" "$(relay_stats .buffers_free_lowest)" 0
	check "starved turns of receive are counted" test "$(relay_stats .starved_turns)" -gt 0
	calls_down "$name"
}

dry_round plain never 256
dry_round bare never 0
IFS=, read -ra cpus <<<"$ALL_CPUS"
dry_round pair never 256 "${cpus[0]}, ${cpus[1]:-$((cpus[0] + 1))}"
reserved=$(cat $PAGES)
UNDO+=("echo $reserved >$PAGES")
echo $((reserved + 64)) >$PAGES
if [ "$(cat $PAGES)" -ge $((reserved + 48)) ]; then
	dry_round huge require 256
	dry_round hugebare require 0
else
	echo "SKIPPED: the rounds with hugepages: this machine gives none"
fi

say "as few buffers as possible"
network few
RELAY=$BUILD_DIR/dpdk_app/kedge-relay RELAY_ARGS=() HUGEPAGES=never WORKERS=
: >"$WORK/relay.log"
RELAY_SETTINGS='buffers = 1;'
kedge_config
relay_spawn
check_ends relay 1
check "too few are refused, with what is needed" logged relay 'error relay.buffers=1: at least [0-9]+ are needed here'
least=$(sed -n 's/.*at least \([0-9]*\) are needed.*/\1/p' "$WORK/relay.log")
RELAY_SETTINGS="buffers = $least;"
kedge_config
kedge_start
check "the log says that they may run out" logged relay "warning buffers n=$least: [0-9]+ never run out"
calls_up few
rtp_quiet rtp_access_few rtp_core_few "$CALLS"
check_equal "kedgectl stats: buffers" "$(relay_stats .buffers)" "$least"
check_equal "packets changed, late or unsendable" "$(flaws few)" 0
check_equal "packets lost" "$(lost few)" 0
check_soon "nothing is missing" losses_agree few
calls_down few
story_end
