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
check "what the phones record grows" test -s "$folder/phone_a/config"
kill -TERM "${PIDS[quickstart]}"
check_ends quickstart 0
check_equal "namespaces left" "$(ip netns list | grep -c "^$theirs-" || true)" 0
check "its folder is gone" test ! -e "$folder"
check_equal "processes of it left" "$(pgrep -fc "$folder" || true)" 0
echo "proven: $STORY"
