#!/bin/bash
# Two workers over devices of one queue each: the second one lives on the rings between them.
#
#	 access ═══ queue 0 ── worker 0 ── queue 0 ═══ core
#	                        │   ▲ rings
#	                        ▼   │
#	                       worker 1
. "$(dirname "$0")/lib.sh"
story "with two workers every packet arrives once and in order, whichever of them owns the call"

IFS=, read -ra cpus <<<"$ALL_CPUS"
WORKERS="${cpus[0]}, ${cpus[1]:-$((cpus[0] + 1))}"
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 20
rtp_phones rtp_core core "$CALLEE" 20
PACKETS=200
plain_callee callees "$CALLEE" -m 20
plain_caller callers "$CALLER" -m 20 -r 10 -l 20
phones_done callers callees
check_media_whole rtp_access access rtp_core core
for peer in rtp_access rtp_core; do
	check_equal "phones of $peer that got all their 200 packets" \
		"$(rtp_report "$peer" | jq 'map(select(.received == 200)) | length')" 20
done

say "$(relay_stats .workers)"
check "a fair part of it was the second worker's" test "$(relay_stats '.workers[0].handed')" -ge 2000
check_equal "packets that the rings had no room for" "$(relay_stats .ring_drops)" 0
check_nothing_left
story_end
