#!/bin/bash
# Topology hiding: what one side says of itself never reaches the other.
#
#	 access ─── [capture] ─── kedge ─── [capture] ─── core
. "$(dirname "$0")/lib.sh"
story "tshark finds no address, tag, branch or Call-ID of one side in anything that is sent to the other"

topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
capture access edge access
capture core edge core

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
	tshark -r "$WORK/$1.pcap" -Y sip -T fields -E separator=/n -E occurrence=a -E aggregator=/n \
		-e sip.Call-ID -e sip.from.tag -e sip.to.tag -e sip.Via.branch 2>/dev/null | tr , '\n' | grep . | sort -u
}

# none_of WORDS CAPTURE SENDER: none of the words is in any SIP that SENDER sent.
none_of() {
	local word filter n=0
	while read -r word; do
		n=$((n + 1))
		filter="${filter:+$filter || }udp.payload contains \"$word\""
	done <"$1"
	[ "$n" -gt 4 ] || fail "only $n words in $1: that proves nothing"
	check_equal "datagrams to the other side that contain one of $n words of $(basename "$1")" \
		"$(tshark -r "$2" -Y "ip.src == $3 && ($filter)" 2>/dev/null | wc -l)" 0
}

for side in access core; do
	words "$side" >"$WORK/$side.words"
	sort -u "$WORK/$side.words" -o "$WORK/$side.words"
done
check_equal "words that both sides have in common" "$(comm -12 "$WORK/access.words" "$WORK/core.words" | paste -sd' ')" ""
echo "203.0.113." >>"$WORK/access.words"
echo "198.51.100." >>"$WORK/core.words"
for side in access core; do
	check "the words of $side are really there" grep -q . "$WORK/$side.words"
	check "tshark finds them where they belong" test \
		"$(tshark -r "$WORK/$side.pcap" -Y "udp.payload contains \"$(tail -n 1 "$WORK/$side.words")\"" 2>/dev/null | wc -l)" -gt 10
done
none_of "$WORK/access.words" "$WORK/core.pcap" "$EDGE_CORE"
none_of "$WORK/core.words" "$WORK/access.pcap" "$EDGE_ACCESS"
check_nothing_left
story_end
