#!/bin/bash
# quickstart.sh --stay: what it shows can be looked at, and goes when it is told to.
. "$(dirname "$0")/lib.sh"
story "quickstart.sh --stay leaves a checked call running for a look, and nothing at all once it ends"

spawn quickstart env KEEP= taskset -c "$ALL_CPUS" "$ROOT/config/quickstart.sh" --stay
stays() {
	running quickstart || fail "quickstart.sh ended: $(tail -n 5 "$WORK/quickstart.log")"
	logged quickstart "It all stays until Ctrl-C"
}
wait_for "its invitation to look" 30 stays
for heard_by in A B; do
	check "phone $heard_by heard the other's tone" logged quickstart "^phone $heard_by heard .'s tone: "
done
# The very words that it says, from another terminal.
words=$(sed -n 's/^ *\(.*kedgectl -c .* calls\)$/\1/p' "$WORK/quickstart.log")
check_equal "states of its calls" "$($words | awk 'NR > 1 { print $2 }')" confirmed
CONFIG=$(sed -n 's/^ *.*kedgectl -c \([^ ]*\) calls$/\1/p' "$WORK/quickstart.log")
check_soon "in = out + drops" relay_stats_is .packet_sums_hold true
theirs=$(sed -n 's/^ *ip netns exec \(kedge-[0-9]*\)-edge .*/\1/p' "$WORK/quickstart.log")
folder=$(sed -n 's/^ *ls \(\/tmp\/[^ ]*\).*/\1/p' "$WORK/quickstart.log")
check_equal "its namespaces" "$(ip netns list | grep -c "^$theirs-")" 5
recorded_bytes() {
	stat -c %s "$folder"/phone_"$1"/dump-*-dec.wav
}
grows() { # grows A|B BYTES
	[ "$(recorded_bytes "$1")" -gt "$2" ]
}
for phone in a b; do
	check_soon "what phone $phone records grows" grows "$phone" "$(recorded_bytes "$phone")"
done

# Real phones name themselves by their address in RTCP, every few seconds.
for side in phone core; do
	spawn "capture_$side" ip netns exec "$theirs-$side" dumpcap -q -P -i any -f 'udp[1] & 1 = 1 and udp[3] & 1 = 1' -w "$WORK/$side.pcap"
done
says() { # says SIDE SOURCE TEXT: somebody's RTCP has it there
	[ "$(captured "$1" "ip.src == $2 && udp.payload contains \"$3\"")" -gt 0 ]
}
wait_for "phone A's name in its RTCP" 20 says phone "$PHONE" "@$PHONE"
wait_for "phone B's name in its RTCP" 20 says core "$CALLEE" "@$CALLEE"
described() { # described SIDE OUR_ADDRESS: we sent a source description there
	[ "$(captured "$1" "ip.src == $2 && udp.payload contains 81:ca")" -gt 0 ]
}
wait_for "a source description at phone B" 20 described core "$EDGE_CORE"
wait_for "a source description at phone A" 20 described phone "$EDGE_ACCESS"
capture_stop phone
capture_stop core
check_equal "RTCP at phone B with A's address" "$(captured core "ip.src == $EDGE_CORE && udp.payload contains \"$PHONE\"")" 0
check_equal "RTCP at phone A with B's address" "$(captured phone "ip.src == $EDGE_ACCESS && udp.payload contains \"$CALLEE\"")" 0

kill -TERM "${PIDS[quickstart]}"
check_ends quickstart 0
check_equal "namespaces left" "$(ip netns list | grep -c "^$theirs-" || true)" 0
check "its folder is gone" test ! -e "$folder"
check_equal "processes of it left" "$(pgrep -fc "$folder" || true)" 0
echo "proven: $STORY"
