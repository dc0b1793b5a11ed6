#!/bin/bash
# The relay stands still for a while, first for less than control waits for it (a minute, so that no machine is too slow to
# look meanwhile), then for more.
#
#	 access: caller, rtp_peer ═══ kedge-relay, stopped ═══ core: callee, rtp_peer
#	                              kedge-control
. "$(dirname "$0")/lib.sh"
story "no phone is told of media that the relay doesn't carry yet; a relay that is late costs the call, with 503, and leaves nothing"

CONTROL_SETTINGS='relay_deadline_ms = 60000;'
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
in_ns core nft -f - <<-END
	table inet seen {
		counter acks { }
		chain in {
			type filter hook input priority 0
			ip saddr $EDGE_CORE udp sport 5060 @th,64,32 0x41434b20 counter name acks
		}
	}
END
acks() {
	in_ns core nft -j list counter inet seen acks | jq '.nftables[] | .counter? // empty | .packets'
}

answered_twice() {
	[ "$(grep -c "leg=1 .*status=200" "$WORK/control.log")" -ge 2 ]
}

callee callee "$CALLEE" <<-END
	recv INVITE sdp
	until poked
	reply 200
	recv ACK
	media 50
	recv BYE
	answer 200
END
caller caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 200 sdp
	send ACK
	media 50
	until poked
	send BYE
	recv 200
END
wait_for "the INVITE at the callee" 5 received callee INVITE
kill -STOP "${PIDS[relay]}"
poke callee core "$CALLEE"
# Its second 200 says that half a second has passed without an ACK, and the list of calls that control is through with it.
wait_for "the callee's answer, twice, at control" 5 answered_twice
check_equal "calls, by which control is through with it" "$(n_calls)" 1
check_equal "ACKs at the callee, which would start its media" "$(acks)" 0
check "the caller knows nothing of an answer" not grep -q "^SIP/2.0 200" "$WORK/caller.messages"
kill -CONT "${PIDS[relay]}"
heard 50 rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
check "ACKs at the callee in the end" test "$(acks)" -ge 1
check_media_whole rtp_access access rtp_core core
check_nothing_left

say "too late"
stop control
CONTROL_SETTINGS='relay_deadline_ms = 3000;'
kedge_config
control_start
kill -STOP "${PIDS[relay]}"
caller unlucky "$CALLER" <<-END
	send INVITE
	recv 100
	recv 503
	? Retry-After [0-9]+
	send ACK
END
phones_done unlucky
kill -CONT "${PIDS[relay]}"
check "control counts it" test "$(control_stats .media.late)" -ge 1
wait_for "the relay and control" 10 control_connected
check_nothing_left
good_call afterwards
check_nothing_left
story_end
