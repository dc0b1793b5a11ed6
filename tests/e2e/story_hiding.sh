#!/bin/bash
# Topology hiding: what one side says of itself never reaches the other.
#
#	 access [capture] ─── kedge ─── [capture] core
#
# SIP and media: what goes through the relay passes by a tap on its own host.
. "$(dirname "$0")/lib.sh"
story "tshark finds no address, tag, branch or Call-ID of one side in anything that is sent to the other"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
capture access access net udp
capture core core net udp

callee busy_callee "$CALLEE" <<-END
	recv INVITE
	reply 183 sdp tag=fork
	reply 486 contact=sip:secret@198.51.100.9
	+ Warning: 399 198.51.100.9 "secret"
	recv ACK
END
caller busy_caller "$CALLER" <<-END
	send INVITE
	+ Subject: nothing that crosses
	+ Record-Route: <sip:proxy@203.0.113.2;lr>
	recv 100 maybe
	recv 183
	recv 486
	send ACK
END
phones_done busy_caller busy_callee
callee hanging_callee "$CALLEE" <<-END
	recv INVITE
	reply 200
	+ Record-Route: <sip:proxy@$CALLEE;lr>
	recv ACK
	pause 100
	send BYE
	+ Reason: Q.850;cause=16
	recv 200
END
caller hung_caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 200
	send ACK
	recv BYE
	answer 200
END
phones_done hung_caller hanging_callee
good_call plain
capture_stop access
capture_stop core

# Words by which a capture's own side is known: Call-IDs, tags, branches.
words() {
	tshark -r "$WORK/$1.pcap" -Y "sip && ip.src == $2" -T fields -E separator=, -e sip.Call-ID -e sip.from.tag \
		-e sip.to.tag -e sip.Via.branch 2>/dev/null | tr , '\n' | grep . | sort -u
}

# none_of WORDS CAPTURE SENDER: none of the words is in anything that SENDER sent, SIP or media.
none_of() {
	local word filter n=0
	while read -r word; do
		n=$((n + 1))
		filter="${filter:+$filter || }udp.payload contains \"$word\""
	done <"$1"
	[ "$n" -gt 12 ] || fail "only $n words in $1: that proves nothing"
	check_equal "datagrams to the other side that contain one of $n words of $(basename "$1")" \
		"$(captured "$2" "ip.src == $3 && ($filter)")" 0
}

words access "$CALLER" >"$WORK/access.words"
words core "$CALLEE" >"$WORK/core.words"
check_equal "words that both sides have in common" "$(comm -12 "$WORK/access.words" "$WORK/core.words" | paste -sd' ')" ""
echo "203.0.113." >>"$WORK/access.words"
echo "198.51.100." >>"$WORK/core.words"
for side in access core; do
	while read -r word; do
		check "tshark finds $word where it belongs" test "$(captured "$side" "udp.payload contains \"$word\"")" -gt 0
	done <"$WORK/$side.words" >/dev/null
	say "tshark finds all $(wc -l <"$WORK/$side.words") words of $side where they belong"
	check "RTCP of $side names its sender by its address" test \
		"$(captured "$side" '!(udp.port == 5060) && udp.payload contains "@"')" -gt 0
done
check "a source description crossed to the core" test "$(captured core "ip.src == $EDGE_CORE && udp.payload contains 81:ca")" -gt 0
check "a source description crossed to the caller" test "$(captured access "ip.src == $EDGE_ACCESS && udp.payload contains 81:ca")" -gt 0
none_of "$WORK/access.words" core "$EDGE_CORE"
none_of "$WORK/core.words" access "$EDGE_ACCESS"
check_nothing_left
story_end
