#!/bin/bash
# The media core alone, no devices: nanoseconds and instructions of a packet in relay_burst (decide and rewrite) and
# relay_count (count), by how many sessions share the load and how many packets come at a time.
. "$(dirname "$0")/lib.sh"

PACKETS=$(short 100000 4000000)

# The goals are for full bursts: those of fewer packets are a lightly loaded relay.
goal() { # goal SESSIONS BURST → reference, what
	case $1/$2 in
	1000/32) echo "12 goal" ;;
	?00000/32) echo "30 goal" ;;
	esac
}

# timed SESSIONS BURST
timed() {
	local figures
	figures=$("$BENCH/bench_burst" "$1" "$PACKETS" "$2") || fail "bench_burst $* ended with $?"
	[ "$(figure packets <<<"$figures")" -ge "$PACKETS" ] || fail "bench_burst $*: $figures"
	# shellcheck disable=SC2046 # two words
	row "relay_burst sessions=$1 burst=$2" "$(figure relay_burst <<<"$figures")" ns/packet $(goal "$1" "$2")
	[ "$2" != 32 ] || row "relay_count sessions=$1 burst=$2" "$(figure relay_count <<<"$figures")" ns/packet
}

# callgrind FUNCTION SESSIONS PACKETS BURST → packets, instructions of the function and all it calls. The same every time.
callgrind() {
	local out
	out=$(valgrind --tool=callgrind --callgrind-out-file=/dev/null --collect-atstart=no --toggle-collect="$1" \
		"$BENCH/bench_burst" "$2" "$3" "$4" 2>&1) || fail "valgrind: $out"
	echo "$(figure packets <<<"$out") $(sed -n 's/.*Collected : //p' <<<"$out")"
}

# counted FUNCTION SESSIONS BURST: the difference of two runs, so that the first packets of components don't count.
counted() {
	local few few_instructions many many_instructions
	read -r few few_instructions < <(callgrind "$1" "$2" 1 "$3")
	read -r many many_instructions < <(callgrind "$1" "$2" 20000 "$3")
	[ "${few_instructions:-0}" -gt 0 ] || fail "callgrind counted nothing of $1"
	row "$1 sessions=$2 burst=$3" "$(calc 1 "($many_instructions - $few_instructions) / ($many - $few)")" instructions
}

for sessions in $(short "1000 100000" "1000 10000 100000 400000"); do
	for burst in $(short 32 "1 4 32"); do
		timed "$sessions" "$burst"
	done
done
for burst in $(short 32 "1 4 32"); do
	counted relay_burst 1000 "$burst"
done
counted relay_count 1000 32
[ -n "$BENCH_SHORT" ] || counted relay_burst 100000 32
