#!/bin/bash
# One subscriber calls another by way of the carrier's proxy, so the call passes Kedge twice.
#
#	 access: A 203.0.113.2 ─── kedge ─── core: Kamailio
#	         B 203.0.113.3 ─── kedge ───┘
#	 media:  A ═══ kedge ═══ B
. "$(dirname "$0")/lib.sh"
story "a call that passes Kedge twice: audio both ways, never on the core's wire; media that turns in circles ends as loop"

SUBSCRIBER=203.0.113.3

# A proxy as small as one can be: stateless, stays in the dialogs, sends everything to Kedge.
proxy_start() {
	cat >"$WORK/proxy.cfg" <<-END
		listen = udp:$CALLEE:5060
		disable_tcp = yes
		log_stderror = yes
		fork = no
		loadmodule "pv.so"
		loadmodule "rr.so"
		request_route {
			if (!loose_route()) {
				record_route();
				\$ru = "sip:" + \$rU + "@$EDGE_CORE:5060";
			}
			forward();
		}
	END
	spawn proxy exec_in_ns core kamailio -f "$WORK/proxy.cfg" -Y "$WORK" -m 16 -M 4
	wait_for "the proxy's socket" 10 proxy_listens
}

proxy_listens() {
	running proxy || fail "the proxy ended: $(tail -n 3 "$WORK/proxy.log")"
	[ -n "$(in_ns core ss -Huln "src $CALLEE:5060")" ]
}

# The subscriber that is called: a phone in the access network that waits for calls.
subscriber() {
	sipp_start "$1" access "$SUBSCRIBER"
	wait_for "$1's socket" 5 sipp_listens access "$SUBSCRIBER" "$1"
}

say "A calls B"
topology_pair
MORE_ROUTES="{ from_trunk = \"carrier\"; user = \".*\"; contact = \"sip:$SUBSCRIBER:5060\"; realm = \"access\"; },"
kedge_config
kedge_start
proxy_start
capture wire core net "udp port 5060 or udp portrange 16384-32767 or udp portrange $PHONE_PORTS"
rtp_phones rtp_a access "$CALLER" 1
rtp_phones rtp_b access "$SUBSCRIBER" 1
PACKETS=0
MEDIA=rtp_b subscriber b <<-END
	recv INVITE sdp
	? body c=IN IP4 $EDGE_ACCESS
	reply 180
	reply 200
	recv ACK
	media 0
	recv BYE
	answer 200
END
MEDIA=rtp_a plain_caller a "$CALLER"
wait_for "media at A" 5 rtp_received_at_least rtp_a 100
wait_for "media at B" 5 rtp_received_at_least rtp_b 100
check_equal "kedgectl calls" "$(n_calls)" 2
check_equal "media addresses of the core legs, ours both times" \
	"$(ctl --json calls | jq -r 'select(.type == "call") | .id' | while read -r id; do
		ctl --json call "$id" | jq -r '.streams[0].sides[] | [.local, .signalled_rtp] | @tsv'
	done | grep -o "$EDGE_CORE" | wc -l)" 4
check_equal "the second call comes from" "$(ctl --json calls | jq -r 'select(.type == "call" and .to_realm == "access") | .id' |
	while read -r id; do ctl --json call "$id" | jq -r '.legs[0].flow.remote'; done)" "$CALLEE:5060"
check_equal "next hops towards core" "$(ctl --json sessions |
	jq -r 'select(.type == "session") | .sides[] | select(.realm == "core") | .components[0].next_hop.state' | sort | uniq -c | xargs)" \
	"2 ourselves"
for id in $(ctl --json calls | jq -r 'select(.type == "call") | .id'); do
	ctl call "$id" >"$WORK/story"
	check "kedgectl call $id: audio both ways" grep -q "=> audio flows both ways" "$WORK/story"
done
rtp_quiet rtp_a rtp_b
check_media_whole rtp_a access rtp_b access
check_equal "packets at the core port, in" "$(relay_stats '.ports[] | select(.name == "core") | .xdp_packets.media')" 0
poke a access "$CALLER"
phones_done a b
check_nothing_left
capture_stop wire
check "SIP passed the core's wire" test "$(captured wire "udp.port == 5060")" -gt 0
check_equal "media on the core's wire" "$(captured wire "!(udp.port == 5060)")" 0
check_equal "packets that turned in circles" "$(drops_as loop)" 0
check_sums
kedge_stop
stop proxy
stop rtp_a
stop rtp_b

# forge FROM TO PORT N: RTP as if from there, straight at the edge's MAC, as no kernel would send it.
forge() {
	in_ns access python3 - "$1" "$2" "$3" "$4" "$(ip -n "$(ns edge)" -j link show access | jq -r '.[0].address')" <<-'END'
		import socket, struct, sys
		source, target, port, n, mac = sys.argv[1:]
		out = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
		out.bind(("net", 0))
		def total(data):
		    words = sum(struct.unpack("!%dH" % (len(data) // 2), data))
		    while words >> 16:
		        words = (words & 0xffff) + (words >> 16)
		    return ~words & 0xffff
		for i in range(int(n)):
		    rtp = struct.pack("!BBHII", 0x80, 0, i, 160 * i, 0x10091009) + bytes(160)
		    udp = struct.pack("!HHHH", 4000, int(port), 8 + len(rtp), 0) + rtp
		    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), i, 0, 64, 17, 0,
		        socket.inet_aton(source), socket.inet_aton(target))
		    ip = ip[:10] + struct.pack("!H", total(ip)) + ip[12:]
		    out.send(bytes.fromhex(mac.replace(":", "")) + bytes(6) + b"\x08\x00" + ip + udp)
	END
}

say "two calls whose parties all say that their media is at Kedge"
NS_PREFIX=kedge-$$-loop # interfaces of its own, so that their counters start at nothing
topology_pair
ACCESS_NAT=never
MEDIA_PORTS="[ 16384, 16387 ]" # a pair for each call, so any of them is somebody's
MORE_ROUTES=
kedge_config
kedge_start
callee liars "$CALLEE" -m 2 <<-END
	recv INVITE sdp
	reply 200 ip=$EDGE_CORE rtp=16384
	recv ACK
	recv BYE
	answer 200
END
caller their_callers "$CALLER" -m 2 -r 10 <<-END
	send INVITE ip=$EDGE_ACCESS rtp=16386
	recv 100 maybe
	recv 200 sdp
	send ACK
	until poked
	send BYE
	recv 200
END
check_soon "two calls are up" control_stats_is .calls.answered 2
forge "$EDGE_ACCESS" "$EDGE_ACCESS" 16386 100
check_soon "every packet ends as loop" relay_stats_is .drops.loop 100
check_equal "packets that came in, and no more" "$(relay_stats .packets_in)" 100
check_equal "packets that went out" "$(relay_stats .packets_out)" 0
check_equal "turns of all of them" \
	"$(ctl --json sessions | jq -s '[.[] | select(.type == "session") | .sides[].components[].forwarded_packets] | add')" 200
ctl stats >"$WORK/stats"
check "kedgectl stats has them" grep -Eq '^drops +loop +100 ' "$WORK/stats"
poke their_callers access "$CALLER"
phones_done their_callers liars
check_nothing_left
story_end
