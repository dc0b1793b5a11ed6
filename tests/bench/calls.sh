#!/bin/bash
# The B2BUA under load: what a call costs, how long an INVITE is held up, and what memory a call takes that is up.
#
#	 access: call_load (callers) ═══ edge: kedge-control, kedge-relay ═══ core: call_load (callees)
#
# CPU a call, from INVITE to BYE with its media anchored and all transactions at their end: CPU time of kedge-control, of all
# threads of kedge-relay but its workers, and time of the workers' loops that carried packets (no media is sent). Their system
# calls are in it, and so is the way of each message that they send to the phone's socket.
. "$(dirname "$0")/lib.sh"
bench "calls come and go beside very many that are up; none fails and nothing is left"

HELD=$(short "100 1000" "1000 100000") # calls that are up meanwhile
MAX=$(short 3000 110000)
ADDRESSES=$(short 1 5) # of 24,576 port pairs each
FILL_RATE=$(short 500 1500) # calls a second
RATE=$(short 400 2000) # of the calls that come and go
TIME=$(short 2 10) # s
T1_MS=$(short 50 500)
MEDIA_TIMEOUT_S=0 # there is none
CPU_GOAL=100 # µs
DELAY_GOAL=2000 # µs
MEMORY_GOAL=8192

# transactions_end: those of an INVITE take 64 * T1 after its answer. Asking all the time would cost more than they do.
transactions_end() {
	sleep $((64 * T1_MS / 1000 + 1))
	wait_for "the end of the transactions" 20 control_stats_is .transactions 0
}

both_ns() {
	echo $(($(threads_ns control) + $(relay_ns)))
}

# run RATE: figures in $WORK/run.figures, and COST_US a call, less what both take in as long a time without calls.
run() {
	local began ns calls
	began=$(date +%s%N)
	ns=$(both_ns)
	phones "run $TIME $1" >"$WORK/run.figures"
	calls=$(figure calls <"$WORK/run.figures")
	transactions_end
	ns=$(($(both_ns) - ns - IDLE_NS_A_SECOND * ($(date +%s%N) - began) / 1000000000))
	COST_US=$(calc 1 "$ns / 1000 / $calls")
	check_equal "calls that are up after those that came and went" "$(control_stats .calls_now)" "$held" >&2
}

# idle: what both take a second while calls are only held.
idle() {
	local ns
	ns=$(both_ns)
	sleep "$TIME"
	IDLE_NS_A_SECOND=$((($(both_ns) - ns) / TIME))
}

show_cost() {
	row "CPU a call, both processes, held=$held" "$COST_US" µs "$CPU_GOAL" goal
	row "CPU of both with no call coming, held=$held" "$(calc 1 "$IDLE_NS_A_SECOND / 1000000")" ms/s
	[ -n "${first_cost:-}" ] || { first_cost=$COST_US && return; }
	row "CPU a call beside many over beside few" "$COST_US" µs "$first_cost" "held=${HELD%% *}, same run"
}

topology_pair >&2
[ "$ADDRESSES" = 1 ] || addresses edge access 203.0.113 11 $((10 + ADDRESSES))
[ "$ADDRESSES" = 1 ] || addresses edge core 198.51.100 11 $((10 + ADDRESSES))
if [ "$ADDRESSES" -gt 1 ]; then
	ACCESS_MEDIA=$(media_list 203.0.113 11 $((10 + ADDRESSES)))
	CORE_MEDIA=$(media_list 198.51.100 11 $((10 + ADDRESSES)))
fi
ACCESS_NAT=never MAX_SESSIONS=$MAX CONTROL_SETTINGS="max_calls = $MAX; max_transactions = 1000000;"
kedge_start >&2
phones_begin "$MAX"
empty=$(resident_kib control)
for held in $HELD; do
	phones "hold $held $FILL_RATE" >/dev/null
	transactions_end
	idle
	memory=$(calc 0 "($(resident_kib control) - $empty) * 1024 / $held")
	run "$RATE"
	for figure in p50 p99 max; do
		row "INVITE delay $figure at $RATE calls/s, held=$held" "$(figure "delay_$figure" <"$WORK/run.figures")" µs \
			"$([ "$figure" != p99 ] || echo "$DELAY_GOAL")" "$([ "$figure" != p99 ] || echo goal)"
	done
	show_cost
done
row "control memory a call, held=$held" "$memory" bytes "$MEMORY_GOAL" goal
phones "end $FILL_RATE" >/dev/null
check_nothing_left >&2
check_equal "calls that failed" "$(control_stats .calls.attempts)" "$(control_stats .calls.answered)" >&2
story_end >&2
