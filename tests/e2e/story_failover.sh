#!/bin/bash
# A trunk of four peers, of which only the last one works.
#
#	                                  ┌── 198.51.100.3 silent
#	 access: caller ─── kedge ── core ┼── 198.51.100.4 ICMP port unreachable
#	                                  ├── 198.51.100.5 503
#	                                  └── 198.51.100.2 answers
. "$(dirname "$0")/lib.sh"
story "a trunk fails over on silence, transport error and 503, and the call succeeds"

FIRST_RESPONSE_MS=1000
T1_MS=100 # the INVITE to the silent peer times out after 64 * T1, and the call's record waits for that
CARRIER_PEERS='{ address = "198.51.100.3"; port = 5060; }, { address = "198.51.100.4"; port = 5060; },
	{ address = "198.51.100.5"; port = 5060; }, { address = "198.51.100.2"; port = 5060; }'
LOG_LEVEL=debug
topology_pair
drop core in ip daddr 198.51.100.3 udp dport 5060
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
callee full_callee 198.51.100.5 <<-END
	recv INVITE
	reply 503
	recv ACK
END
PACKETS=100
HOLD="until poked"
plain_callee good_callee "$CALLEE"
plain_caller good_caller "$CALLER"
heard "$PACKETS" rtp_access rtp_core
poke good_caller access "$CALLER"
phones_done full_callee good_caller good_callee
check "the silent peer was tried" test "$(dropped core)" -ge 1
check_media_whole rtp_access access rtp_core core
wait_for "the end of the try at the silent peer" 10 n_ended_is 1
id=$(ctl --json calls --ended | jq -r 'select(.type == "call") | .id')
check_equal "tries on record" "$(ctl --json call "$id" | jq -c 'select(.type == "call") | [.branches[].target]')" \
	'["198.51.100.3:5060","198.51.100.4:5060","198.51.100.5:5060","198.51.100.2:5060"]'
check_nothing_left
story_end
