#!/bin/bash
# kedge-relay is killed under very many calls and started anew at once, as a supervisor does: how long is media gone?
#
#	 access: call_load (callers) ═══ edge: kedge-control, kedge-relay ✝ ═══ core: call_load (callees)
#
# Media of the first and the last of the calls flows both ways, a packet each millisecond; the silence of each way is measured.
. "$(dirname "$0")/lib.sh"
bench "all calls have media again on the same ports after a relay's death"

CALLS=$(short 500 10000)
ROUNDS=$(short 1 3)
FILL_RATE=$(short 500 1000)
SILENCE=30 # ms: longer than a scheduler's hiccup, shorter than any start
GAP_GOAL=1000 REPLAY_GOAL=200

restored_ms() { # restored_ms ROUND
	sed -n "s/.* media restored_sessions=$CALLS new_relay=1 took_ms=//p" "$WORK/control.log" | sed -n "$1p"
}
was_restored() {
	[ -n "$(restored_ms "$1")" ]
}

# one_death ROUND: adds the longest silence of the four ways and the time of the puts to $WORK/gaps and replays, in milliseconds.
one_death() {
	echo "gap $SILENCE" >&"${PHONES[1]}"
	phones_until flows >/dev/null
	stop relay KILL
	relay_spawn
	phones_until "done" >"$WORK/gap"
	figure gap <"$WORK/gap" | sort -g | tail -n 1 >>"$WORK/gaps"
	wait_for "all sessions' return" 15 was_restored "$1"
	restored_ms "$1" >>"$WORK/replays"
}

topology_pair >&2
ACCESS_NAT=never MAX_SESSIONS=$((CALLS + 100)) MEDIA_TIMEOUT_S=0 MEDIA_PORTS="[ 16384, 65535 ]"
CONTROL_SETTINGS="max_calls = $((CALLS + 100)); max_transactions = 1000000;"
kedge_start >&2
phones_begin "$CALLS"
phones "hold $CALLS $FILL_RATE" >/dev/null
before=$(local_ports)
for round in $(seq "$ROUNDS"); do
	one_death "$round"
done
check "our media ports are the same" test "$(local_ports)" = "$before" >&2
row "silence after the relay's death, calls=$CALLS" "$(median <"$WORK/gaps")" ms "$GAP_GOAL" goal
row "of that, putting all sessions again" "$(median <"$WORK/replays")" ms "$REPLAY_GOAL" goal
sums_again >&2
phones "end $FILL_RATE" >/dev/null
check_nothing_left >&2
story_end >&2
