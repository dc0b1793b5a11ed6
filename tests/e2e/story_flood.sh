#!/bin/bash
# Rubbish beside good calls.
#
#	 access: callers, rtp_peer; 203.0.113.9 floods ═══ kedge ═══ core: callees, rtp_peer; 198.51.100.9 floods
#	         203.0.113.4 caller of the deaf                           198.51.100.3 deaf: ICMP errors for its media
. "$(dirname "$0")/lib.sh"
story "floods of stray UDP at media ports, of ICMP errors and malformed SIP: good calls lose nothing, all of it is counted by reason"

CALLS=20
MORE_TRUNKS='{ name = "deaf"; realm = "core"; peers = ( { address = "198.51.100.3"; port = 5060; } ); },'
MORE_ROUTES='{ from_realm = "access"; user = "777"; to = ( "deaf" ); },'
topology_pair
in_ns core sysctl -q -w net.ipv4.icmp_ratelimit=0
kedge_start
rtp_phones rtp_access access "$CALLER" "$CALLS"
rtp_phones rtp_core core "$CALLEE" "$CALLS"
PACKETS=0
plain_callee callees "$CALLEE" -m "$CALLS"
plain_caller callers "$CALLER" -m "$CALLS" -r 40 -l 100
check_soon "all calls are up" control_stats_is .calls.answered "$CALLS"
ports=$(ctl --json sessions | jq -r 'select(.type == "session") | .sides[].local' | sort)
in_use_access=$(grep -m 1 "^$EDGE_ACCESS:" <<<"$ports" | cut -d: -f2)
in_use_core=$(grep -m 1 "^$EDGE_CORE:" <<<"$ports" | cut -d: -f2)

# flood NS FROM TO PORT N WHAT: N datagrams of random bytes, or of good RTP of a stream that nobody knows, 100 at a
# time, about 10,000 a second. The source address is chosen by a route.
flood() {
	ip -n "$(ns "$1")" route replace "$3/32" dev net src "$2"
	# shellcheck disable=SC2016 # expanded inside
	in_ns "$1" bash -c 'exec 4<"$3" 5>/dev/udp/$1/$2
		for _ in $(seq "$4"); do
			dd bs=172 count=100 status=none <&4 >&5
			sleep 0.01
		done' - "$3" "$4" "$6" "$(($5 / 100))"
	ip -n "$(ns "$1")" route del "$3/32" dev net
}

# many FILE: 4096 times what stdin has.
many() {
	cat >"$WORK/one"
	for _ in $(seq 12); do
		cat "$WORK/one" "$WORK/one" >"$1"
		cp "$1" "$WORK/one"
	done
}
RANDOM_BYTES=/dev/urandom
GOOD_RTP=$WORK/good.rtp
BAD_RTP=$WORK/bad.rtp # of version 1
{ printf '\200\000\001\002\001\002\003\004\001\002\003\004' && head -c 160 /dev/zero; } | many "$GOOD_RTP"
{ printf '\120' && head -c 171 /dev/urandom; } | many "$BAD_RTP"

# Malformed in ways that a parser may stumble over; all to the SIP port.
malformed() {
	local n
	ip -n "$(ns access)" route replace "$EDGE_ACCESS/32" dev net src 203.0.113.8
	# shellcheck disable=SC2016 # expanded inside
	in_ns access bash -c '
		exec 3>/dev/udp/$1/5060
		for n in $(seq 30); do
			env printf "INVITE" >&3
			env printf "INVITE sip:1@$1 SIP/2.0\r\n\r\n" >&3
			env printf "INVITE sip:1@$1 SIP/9.9\r\nVia: SIP/2.0/UDP 203.0.113.8;branch=z9hG4bKx\r\n\r\n" >&3
			env printf "SIP/2.0 999999 X\r\nVia: x\r\n\r\n" >&3
			env printf "OPTIONS sip:1@$1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.8;branch=z9hG4bKy$n\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:b@c>\r\nCall-ID: $n\r\nCSeq: 1 OPTIONS\r\nContent-Length: 99999999999999999999\r\n\r\n" >&3
			env printf "OPTIONS sip:1@$1 SIP/2.0\r\nVia: SIP/2.0/UDP 203.0.113.8;branch=z9hG4bKz$n\r\nFrom: <sip:a@b>;tag=1\r\nFrom: <sip:a@b>;tag=2\r\nTo: <sip:b@c>\r\nCall-ID: z$n\r\nCSeq: 1 OPTIONS\r\n\r\n" >&3
			env printf "\r\n\r\n" >&3
			head -c 300 /dev/urandom >&3
		done' - "$EDGE_ACCESS"
	ip -n "$(ns access)" route del "$EDGE_ACCESS/32" dev net
}

# A phone that nobody listens at: its kernel answers each packet with an ICMP error to our media address.
icmp_errors() {
	in_ns edge nstat -asz IcmpInDestUnreachs | awk '/IcmpInDestUnreachs/ { print $2 }'
}
rtp_phones rtp_deaf access 203.0.113.4 1
callee deaf_callee 198.51.100.3 <<-END
	recv INVITE
	reply 200 rtp=29990
	recv ACK
	recv BYE
	answer 200
END
MEDIA=rtp_deaf caller deaf_caller 203.0.113.4 -s 777 <<-END
	send INVITE
	recv 100 maybe
	recv 200 sdp
	send ACK
	media 100
	until poked
	send BYE
	recv 200
END
many_icmp_errors() {
	[ "$(icmp_errors)" -ge 100 ]
}
wait_for "ICMP errors" 5 many_icmp_errors
rtp_command rtp_deaf stop 1
deaf_sent=$(rtp_report rtp_deaf | jq '[.[] | .sent + .rtcp_sent] | add')
all_icmp_errors() {
	[ "$(icmp_errors)" = "$deaf_sent" ]
}
wait_for "an ICMP error for each of the $deaf_sent packets" 5 all_icmp_errors
poke deaf_caller access 203.0.113.4
phones_done deaf_caller deaf_callee

say "flooding media ports of $ports"
flood access 203.0.113.9 "$EDGE_ACCESS" "$in_use_access" 3000 "$GOOD_RTP"
flood core 198.51.100.9 "$EDGE_CORE" "$in_use_core" 3000 "$GOOD_RTP"
flood access "$CALLER" "$EDGE_ACCESS" "$in_use_access" 2000 "$BAD_RTP"
flood access 203.0.113.9 "$EDGE_ACCESS" 32000 5000 "$RANDOM_BYTES"
flood core 198.51.100.9 "$EDGE_CORE" 32001 2000 "$RANDOM_BYTES"
malformed
check_equal "calls that are up after all that" "$(n_calls)" "$CALLS"
rtp_quiet rtp_access rtp_core "$CALLS"
poke callers access "$CALLER"
phones_done callers callees
check_media_whole rtp_access access rtp_core core
for peer in rtp_access rtp_core; do
	check_equal "phones of $peer that heard theirs" "$(rtp_report "$peer" | jq 'map(select(.received > 50)) | length')" "$CALLS"
done

check "stray packets are counted as no_session" test "$(drops_as no_session)" -ge 7000
check "packets from elsewhere are counted as bad_source" test "$(drops_as bad_source)" -ge 5000
check "rubbish from the phone's own address is counted as bad_rtp" test "$(drops_as bad_rtp)" -ge 2000
check "malformed SIP is counted" test "$(control_stats '.sip.malformed + .sip.refused')" -ge 180
check "ICMP errors are counted, as neither UDP nor ours" test "$(relay_stats '[.ports[].xdp_packets.other] | add')" -ge 100
check "keepalives are not malformed" test "$(control_stats .sip.keepalives)" -ge 30
say "malformed by reason: $(control_stats .sip_faults | jq -c 'with_entries(select(.value > 0))')"
good_call afterwards
check_nothing_left
story_end
