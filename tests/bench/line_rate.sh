#!/bin/bash
# The whole data plane on one core, beside dpdk-testpmd on the same core, both fed by net_pcap from the same files as fast as they
# take it (infinite_rx: frames are copied out of memory) and both sending to net_pcap's sink that frees what it gets.
#
#	file ── net_pcap ── kedge-relay or dpdk-testpmd ── net_pcap ── nothing       two ports, both directions, bursts of 32
#
# testpmd forwards without looking (io), swaps MAC addresses (macswap), or MAC and IP addresses and UDP ports (5tswap).
. "$(dirname "$0")/lib.sh"
bench "the relay forwards all that net_pcap gives, and at what rate"

SESSIONS=1000
FRAMES=2000 # of a port: net_pcap keeps them in buffers of the pool
ROUNDS=$(short 1 5)
TIME=$(short 2 4) # s
MODES=$(short 5tswap "io macswap 5tswap")
GATEWAY_MAC=02:00:00:00:00:99
SIDES=(-n "$SESSIONS" -p "$FRAMES" -s "realm=access,remote=198.18.0.1+$SESSIONS:20000,local=$EDGE_ACCESS:16384+20000"
	-s "realm=core,remote=198.19.0.1+8:20000+5000,local=$EDGE_CORE:16384+20000")

# net_pcap's MAC addresses end with the number of the device.
make_files() {
	"$RELAY_LOAD" "${SIDES[@]}" -m 02:70:63:61:70:00 "frames0=$WORK/access.pcap"
	"$RELAY_LOAD" "${SIDES[@]}" -m 02:70:63:61:70:01 "frames1=$WORK/core.pcap"
}

# attach DEVICE ADDRESS NETWORK: what the kernel must know of a port so that the relay knows where to send.
attach() {
	ip -n "$(ns edge)" link set "$1" up
	ip -n "$(ns edge)" addr add "$2/24" dev "$1"
	ip -n "$(ns edge)" neigh add "${2%.*}.254" lladdr "$GATEWAY_MAC" dev "$1" nud permanent
	ip -n "$(ns edge)" route add "$3" via "${2%.*}.254" dev "$1"
}

relay_up() {
	relay_config "$SESSIONS" "device = \"vdev:net_pcap0,rx_pcap=$WORK/access.pcap,infinite_rx=1\"; kernel_if = \"access\";" \
		"device = \"vdev:net_pcap1,rx_pcap=$WORK/core.pcap,infinite_rx=1\"; kernel_if = \"core\";" \
		"$(media_list 203.0.113 1 1)" "$(media_list 198.51.100 1 1)"
	relay_spawn
	wait_for "the relay's socket" 15 relay_answers
	[ -e "$WORK/attached" ] || { attach access "$EDGE_ACCESS" 198.18.0.0/16 && attach core "$EDGE_CORE" 198.19.0.0/16; }
	touch "$WORK/attached"
	"$RELAY_LOAD" -c "$WORK/run/relay.sock" "${SIDES[@]}" put >>"$WORK/load.log"
	wait_for "all packets to be forwarded" 10 all_forwarded
}

totals() { # → in, out, drops
	relay_stats '"\(.packets_in) \(.packets_out) \(.packets_dropped)"'
}

all_forwarded() {
	local before after
	before=$(totals) && sleep 0.1 && after=$(totals)
	[ "${before##* }" = "${after##* }" ] && [ "$before" != "$after" ]
}

# kedge: packets a second onto $WORK/kedge, with none dropped.
kedge() {
	local in out drops in2 out2 drops2 start
	relay_up
	read -r in out drops < <(totals)
	start=${EPOCHREALTIME/./}
	sleep "$TIME"
	read -r in2 out2 drops2 < <(totals)
	echo $(((out2 - out) * 1000000 / (${EPOCHREALTIME/./} - start))) >>"$WORK/kedge"
	check_equal "packets dropped of $((in2 - in))" $((drops2 - drops)) 0 >&2
	check_soon "in = out + drops" relay_stats_is .packet_sums_hold true >&2
	relay_end INT
}

exec_testpmd() { # exec_testpmd MODE
	taskset -cp "$ALL_CPUS" "$BASHPID" >/dev/null
	exec_in_ns edge dpdk-testpmd --no-huge --no-shconf -m 256 --no-pci --no-telemetry --iova-mode=va \
		-l "$OTHER_CPU,$WORKER_CPU" --main-lcore "$OTHER_CPU" \
		--vdev "net_pcap0,rx_pcap=$WORK/access.pcap,infinite_rx=1" \
		--vdev "net_pcap1,rx_pcap=$WORK/core.pcap,infinite_rx=1" -- --forward-mode="$1" --nb-cores=1 --rxq=1 \
		--txq=1 --burst=32 --total-num-mbufs=13696 --no-flush-rx --stats-period=1
}

periods() { # how many seconds testpmd has reported
	[ "$(grep -c 'Tx-pps' "$WORK/testpmd.log")" -gt $((2 * $1)) ]
}

# testpmd MODE: packets a second onto $WORK/MODE: the median of its seconds, the first apart, of both ports.
testpmd() {
	rm -f "$WORK/testpmd.log"
	spawn testpmd exec_testpmd "$1"
	wait_for "testpmd's figures" $((TIME + 20)) periods $((TIME + 1))
	stop testpmd INT
	grep -Eq 'TX-packets: [1-9]' "$WORK/testpmd.log" || fail "testpmd forwarded nothing"
	awk '/Tx-pps/ && ++n > 2 { print 2 * $2 }' "$WORK/testpmd.log" | median >>"$WORK/$1"
}

renice -n -19 $$ >/dev/null # whoever else uses the machine
ns_add edge
kedge_run_folder
make_files
for i in $(seq "$ROUNDS"); do
	kedge
	for mode in $MODES; do
		testpmd "$mode"
	done
done
rate=$(median <"$WORK/kedge")
for mode in $MODES; do
	row "kedge beside testpmd $mode" "$(calc 2 "$rate / 1e6")" Mpackets/s "$(calc 2 "$(median <"$WORK/$mode") / 1e6")" testpmd
done
row "kedge, of one packet" "$(calc 1 "1e9 / $rate")" ns
