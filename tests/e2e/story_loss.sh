#!/bin/bash
# Each kind of SIP message is lost once, and then all of them come twice.
#
#	 access: caller ─╳─ kedge ─╳─ core: callee
#
# ╳: an nft rule that drops exactly the first message that it matches, on its way.
. "$(dirname "$0")/lib.sh"
story "calls survive the loss of any one SIP message, and the repetition of all of them"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1

# What a SIP datagram is, by the first bytes of its payload; short ones carry no SDP.
declare -A IS=(
	[INVITE]='@th,64,32 0x494e5649' [ACK]='@th,64,32 0x41434b20' [BYE]='@th,64,32 0x42594520'
	[CANCEL]='@th,64,32 0x43414e43' [100]='@th,128,24 0x313030' [180]='@th,128,24 0x313830' [200_SDP]='@th,128,24 0x323030 udp length > 480'
	[200]='@th,128,24 0x323030 udp length <= 480' [487]='@th,128,24 0x343837' [486]='@th,128,24 0x343836'
)

# lose NS DIRECTION MESSAGE: once, with the direction as the phone sees it. What it sends is lost at the edge, because a
# sender's own kernel would tell it.
lose() {
	local where=$1 from=edge
	[ "$2" = in ] || { where=edge && from=$1; }
	# shellcheck disable=SC2086 # a rule is words
	drop "$where" in ip saddr "${ADDRESSES[$from]}" udp dport 5060 ${IS[$3]} limit rate 1/day burst 1 packets
}
declare -A ADDRESSES=([access]=$CALLER [core]=$CALLEE [edge]="{ $EDGE_ACCESS, $EDGE_CORE }")

was_lost() {
	local where=$1
	[ "$2" = in ] || where=edge
	check_equal "datagrams lost" "$(dropped "$where")" 1
	undrop "$where"
	check_soon "no call left" n_calls_is 0
}

answered_call() {
	callee callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		reply 200
		recv ACK
		${MORE_ACKS:-}
		recv BYE
		answer 200
		pause 700
	END
	caller caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180 maybe
		recv 200
		send ACK
		pause 600
		send BYE
		recv 200
	END
	phones_done caller callee
}

refused_call() {
	callee callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		reply 486
		recv ACK
		pause 700
	END
	caller caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 486
		send ACK
		pause 700
	END
	phones_done caller callee
}

hung_up_call() {
	callee callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		reply 200
		recv ACK
		pause 100
		send BYE
		recv 200
	END
	caller caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 200
		send ACK
		recv BYE
		answer 200
		pause 700
	END
	phones_done caller callee
}

cancelled_call() {
	callee callee "$CALLEE" <<-END
		recv INVITE
		reply 180
		recv CANCEL
		answer 200
		pause 600
		reply 487
		recv ACK
		pause 700
	END
	caller caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		send CANCEL
		recv 200 maybe
		recv 487
		send ACK
		${REPEATED:-pause 700}
	END
	if [ -n "${REPEATED:-}" ]; then
		check_soon "the caller has acknowledged" received caller ACK
		check_soon "the cancelled call is over" n_calls_is 0
		poke caller access "$CALLER"
	fi
	phones_done caller callee
}

lost_in() { # lost_in CALL WHERE DIRECTION MESSAGE
	say "lost: $4, $2 $3"
	lose "$2" "$3" "$4"
	"$1"
	was_lost "$2" "$3"
}

# Every message doubled, by the kernel of each of the three.
repeat_all() { # repeat_all NS TO DEVICE
	in_ns "$1" nft -f - <<-END
		table ip twice {
			chain out {
				type filter hook output priority 0
				udp dport 5060 ip daddr $2 counter dup to $2 device "$3"
			}
		}
	END
}

case ${CASES:-all} in
all | answered)
	for message in "access out INVITE" "access in 100" "core in INVITE" "core out 180" "access in 180" "core out 200_SDP" "access in 200_SDP" \
		"access out ACK" "core in ACK" "access out BYE" "core in BYE" "core out 200" "access in 200"; do
		# shellcheck disable=SC2086
		lost_in answered_call $message
	done
	;;&
all | refused)
	for message in "core out 486" "access in 486" "access out ACK" "core in ACK"; do
		# shellcheck disable=SC2086
		lost_in refused_call $message
	done
	;;&
all | hung_up)
	for message in "core out BYE" "access in BYE" "access out 200" "core in 200"; do
		# shellcheck disable=SC2086
		lost_in hung_up_call $message
	done
	;;&
all | cancelled)
	for message in "access out CANCEL" "core in CANCEL" "core out 200" "access in 200" "core out 487" "access in 487" \
		"access out ACK" "core in ACK"; do
		# shellcheck disable=SC2086
		lost_in cancelled_call $message
	done
	;;&
all | repeated)
	say "all messages twice"
	repeat_all access "$EDGE_ACCESS" net
	repeat_all core "$EDGE_CORE" net
	repeat_all edge "$CALLER" access
	repeat_all edge "$CALLEE" core
	# Each 200 that arrives is acknowledged, and each ACK comes twice.
	MORE_ACKS=$'recv ACK maybe\nrecv ACK maybe\nrecv ACK maybe'
	answered_call
	REPEATED=$'recv 200 maybe\nrecv 487 maybe\nrecv 200 maybe\nrecv 487 maybe\nrecv 200 maybe\nuntil poked'
	cancelled_call
	check "datagrams were repeated" test "$(in_ns core nft -j list ruleset | jq '[.. | .counter? // empty | .packets? // empty] | add')" -ge 10
	check "control noticed repetitions" test "$(control_stats .sip.retransmissions_in)" -ge 10
	;;
esac
check_nothing_left
story_end
