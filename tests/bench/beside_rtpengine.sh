#!/bin/bash
# Kedge beside rtpengine in user space (without its kernel module), which does the same work: the same sessions over the same
# networks, the same packets from the same sender at the same rates, one after the other on the same core, in turns.
#
#	 access: frame_sender, counter ═══ edge: kedge-relay or rtpengine ═══ core: frame_sender, counter
#
# CPU a packet. kedge-relay: time of the worker's loops that carried packets (busy_ns) and CPU time of all its other threads.
# rtpengine: CPU time of all its threads. Both contain what their system calls do, and the way of a sent packet through the veth
# pair to the counter that takes it, on the same core. Neither contains the kernel's way of a packet towards them (XDP program
# and AF_XDP, or IP, UDP and socket): on veth it runs on the sender's core.
#
# Residence, at the highest of the rates: from when the relay looked at a packet's queue and it was not there yet, until the packet
# was given to the driver; with an idle worker's sleep (50 µs and what it takes to wake up) and with a worker that never sleeps.
. "$(dirname "$0")/lib.sh"
bench "the relay carries what rtpengine carries, and the CPU time of both is known"

SESSIONS=$(short 100 500)
RATES=$(short 10000 "25000 50000 100000 150000 200000 250000") # packets a second, both directions together
ROUNDS=$(short 1 3)
TIME=$(short 1 4) # s
P99_GOAL=20 P999_GOAL=50 # µs
NG=127.0.0.1:2223
PEERS_ACCESS=203.0.113.2+8:20000+1000
PEERS_CORE=198.51.100.2+8:20000+1000

# Takes all media that reaches the peers, at the device: what a receiver's sockets cost is not asked for.
count_arrivals() { # count_arrivals NS
	in_ns "$1" nft -f - <<-'END'
		table netdev bench {
			counter arrived { }
			chain in {
				type filter hook ingress device "net" priority 0
				udp sport 16384-65535 udp dport 20000-29999 counter name arrived drop
			}
		}
	END
}

arrived() {
	local name sum=0
	for name in access core; do
		sum=$((sum + $(in_ns "$name" nft -j list counter netdev bench arrived | jq '.nftables[] | .counter? // empty | .packets')))
	done
	echo "$sum"
}

# frames MORE...: $WORK/access.pcap and core.pcap, 16 packets of each stream.
frames() {
	local sides=(-s "realm=access,remote=$PEERS_ACCESS" -s "realm=core,remote=$PEERS_CORE")
	"$RELAY_LOAD" -n "$SESSIONS" -p $((16 * SESSIONS)) -m "$(mac access)" "${sides[@]}" "$@" "frames0=$WORK/access.pcap"
	"$RELAY_LOAD" -n "$SESSIONS" -p $((16 * SESSIONS)) -m "$(mac core)" "${sides[@]}" "$@" "frames1=$WORK/core.pcap"
}

mac() {
	in_ns edge cat "/sys/class/net/$1/address"
}

kedge_up() {
	kedge_run_folder
	relay_config 1000 'device = "af_xdp:access";' 'device = "af_xdp:core";' "$(media_list 203.0.113 1 1)" "$(media_list 198.51.100 1 1)"
	relay_spawn
	wait_for "the relay's socket" 15 relay_answers
	"$RELAY_LOAD" -c "$WORK/run/relay.sock" -n "$SESSIONS" -s "realm=access,remote=$PEERS_ACCESS" \
		-s "realm=core,remote=$PEERS_CORE" put "endpoints=$WORK/kedge.endpoints" >&2
}

kedge_ns() {
	relay_ns
}

kedge_down() {
	check_soon "in = out + drops" relay_stats_is .packet_sums_hold true >&2
	relay_end INT
}

exec_rtpengine() {
	taskset -cp "$WORKER_CPU" "$BASHPID" >/dev/null
	exec_in_ns edge rtpengine --config-file=none --foreground --log-stderr --log-level=1 --table=-1 --num-threads=1 \
		--interface="access/$EDGE_ACCESS" --interface="core/$EDGE_CORE" --listen-ng="$NG" --port-min=16384 \
		--port-max=65535 --pidfile="$WORK/rtpengine.pid"
}

rtpengine_up() {
	spawn rtpengine exec_rtpengine
	wait_for "rtpengine's socket" 15 ng_listens
	in_ns edge "$ROOT/tests/bench/ng_calls.py" "$NG" "$SESSIONS" "$PEERS_ACCESS" "$PEERS_CORE" >"$WORK/rtpengine.endpoints"
}

ng_listens() {
	in_ns edge ss -Hlnu "sport = :${NG#*:}" | grep -q .
}

rtpengine_ns() {
	threads_ns rtpengine
}

rtpengine_down() {
	stop rtpengine
}

# send RATE SECONDS: both directions; sets SENT and RATE, what the senders achieved.
send() {
	local name
	for name in access core; do
		spawn "send_$name" exec_in_ns "$name" "$BENCH/frame_sender" net "$WORK/$name.pcap" $(($1 / 2)) "$2"
	done
	SENT=0 RATE=0
	for name in access core; do
		finish "send_$name" || fail "frame_sender in $name ended with $?"
		SENT=$((SENT + $(figure sent <"$WORK/send_$name.log")))
		RATE=$((RATE + $(figure rate <"$WORK/send_$name.log")))
		rm "$WORK/send_$name.log"
	done
}

# settled: the arrivals stand still.
settled() {
	local now
	now=$(arrived)
	[ "$now" = "${ARRIVED:-}" ] && return
	ARRIVED=$now
	return 1
}

# measure WHO RATE: a line "ns-per-packet loss-percent achieved-rate" onto $WORK/WHO.RATE. What can't be lost is the first rate's.
measure() {
	local ns arrived
	arrived=$(arrived)
	ns=$("$1_ns")
	send "$2" "$TIME"
	wait_for "the last packets" 5 settled
	ns=$(($("$1_ns") - ns))
	arrived=$(($(arrived) - arrived))
	[ "$arrived" -le "$SENT" ] || fail "$1: of $SENT packets $arrived arrived"
	[ "$2" != "${RATES%% *}" ] || [ "$arrived" -ge $((SENT * 99 / 100)) ] || fail "$1: of $SENT packets only $arrived arrived"
	echo "$((ns / (arrived + 1))) $(calc 2 "100 * ($SENT - $arrived) / $SENT") $RATE" >>"$WORK/$1.$2"
	say "$1 $2: $(tail -n 1 "$WORK/$1.$2")" >&2
}

round() { # round WHO
	local rate
	"$1_up"
	frames -e "$WORK/$1.endpoints"
	# The first packets find routes and neighbours, and let rtpengine learn whom it talks to.
	send $((10 * SESSIONS)) "$(short 1 4)"
	for rate in $RATES; do
		measure "$1" "$rate"
	done
	"$1_down"
}

column() { # column WHO RATE N → median
	awk -v n="$3" '{ print $n }' "$WORK/$1.$2" | median
}

# residence WHAT: a line "p99-us p99.9-us load-percent" onto $WORK/residence.WHAT.
residence() {
	local rate=${RATES##* }
	kedge_up
	frames -e "$WORK/kedge.endpoints"
	send $((10 * SESSIONS)) "$(short 1 4)"
	ctl --json workers --interval "$TIME" >"$WORK/workers" &
	send "$rate" "$TIME"
	wait $!
	jq -r '"\(.residence_p99_us) \(.residence_p999_us) \(.busy_percent)"' <"$WORK/workers" >>"$WORK/residence.$1"
	kedge_down
}

renice -n -19 $$ >/dev/null # whoever else uses the machine
topology_pair >&2
count_arrivals access
count_arrivals core
for i in $(seq "$ROUNDS"); do
	round kedge
	round rtpengine
	residence sleeping
	RELAY_SETTINGS="idle_sleep_us = 0;"
	residence awake
	RELAY_SETTINGS=
done
# What a packet costs one that loses many says nothing.
reference() { # reference RATE
	[ "$(calc 0 "$(column rtpengine "$1" 2) < 1")" = 0 ] || echo "$(column rtpengine "$1" 1) rtpengine"
}

for rate in $RATES; do
	# shellcheck disable=SC2046 # two words
	row "kedge CPU at $rate packets/s" "$(column kedge "$rate" 1)" ns/packet $(reference "$rate")
	row "kedge loss at $rate packets/s" "$(column kedge "$rate" 2)" %
	row "rtpengine loss at $rate packets/s" "$(column rtpengine "$rate" 2)" %
done
for what in sleeping awake; do
	row "residence p99 at ${RATES##* } packets/s, $what" "$(column residence "$what" 1)" µs "$P99_GOAL" "goal, at 80 % load"
	row "residence p99.9 at ${RATES##* } packets/s, $what" "$(column residence "$what" 2)" µs "$P999_GOAL" "goal, at 80 % load"
	row "worker's load at ${RATES##* } packets/s, $what" "$(calc 1 "$(column residence "$what" 3)")" %
done
