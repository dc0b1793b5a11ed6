#!/bin/bash
# Two media addresses in a realm, with a rule of the kernel that sends one of them by another gateway. Nobody speaks SIP here:
# relay_load is the controller, and says which address a session's side has.
#
#	 access ═══ bridge ═══ trunk ── kedge-relay: core 198.51.100.31 ──► gw2 ══╗
#	                                             core 198.51.100.1 ───► gw1 ══╩═ far
. "$(dirname "$0")/lib.sh"
story "each media address of a realm has the routes of its own source, and a session that changes it changes its way"

RELAY_LOAD=${RELAY_LOAD:-$BUILD_DIR/tests/bench/relay_load}
FIRST=198.51.100.31 # of the realm's two
SECOND=$EDGE_CORE
CORE_MEDIA="{ address = \"$FIRST\"; ports = $MEDIA_PORTS; }, { address = \"$SECOND\"; ports = $MEDIA_PORTS; }"
topology_gateways
ip -n "$(ns edge)" addr add "$FIRST/32" dev trunk
ip -n "$(ns edge)" rule add from "$FIRST" table 31
ip -n "$(ns edge)" route add "$FAR/32" via "$GW2" table 31
kedge_config
kedge_run_folder
relay_start

# place N ADDRESS: put the session, which has an owner of its own, with this address of ours at the core.
place() {
	in_ns edge "$RELAY_LOAD" -c "$WORK/run/relay.sock" -n 1 -o "$1" -s "realm=access,remote=$CALLER:$((20000 + 2 * $1))" \
		-s "realm=core,remote=$FAR:30000,local=$2:$((20000 + 2 * $1))" put "endpoints=$WORK/session$1" >/dev/null
}
remove() { # remove N
	in_ns edge "$RELAY_LOAD" -c "$WORK/run/relay.sock" -n 1 -o "$1" -s "realm=access,remote=$CALLER:20000" \
		-s "realm=core,remote=$FAR:30000" delete >/dev/null
}
# Next hops of the sides at the core, by their address: "ADDRESS GATEWAY MAC STATE, …"
ways() {
	ctl --json sessions | jq -s -r 'map(select(.type == "session") | .sides[1] |
		"\(.local | sub(":.*"; "")) \(.components[0].next_hop | "\(.address) \(.mac) \(.state)")") | sort | join(", ")'
}
ways_are() {
	[ "$(ways)" = "$1" ]
}
BY_GW1="$GW1 $(mac_of gw1 net) reachable" BY_GW2="$GW2 $(mac_of gw2 net) reachable"
# send N: ten packets from the session's caller.
send() {
	local ours theirs
	read -r ours theirs _ <"$WORK/session$1"
	in_ns access "$RTP_FRAMES" net "$(mac_of edge trunk)" "$theirs" "$ours" 10
}

place 1 "$FIRST"
place 2 "$SECOND"
check_soon "each goes by the gateway of its own address, to the same peer" ways_are "$SECOND $BY_GW1, $FIRST $BY_GW2"
check_soon "three destinations are reachable: the caller, and the peer from either address" relay_stats_is .next_hops.reachable 3
capture gw1 gw1 net "udp dst port 30000"
capture gw2 gw2 net "udp dst port 30000"
send 1
send 2
check_soon "what the first address sends passes the second gateway" captured_are gw2 "ip.src == $FIRST && eth.dst == $(mac_of gw2 net)" 10
check_soon "what the second address sends passes the first" captured_are gw1 "ip.src == $SECOND && eth.dst == $(mac_of gw1 net)" 10

place 1 "$SECOND"
check_soon "a session that moves to the other address goes by that one's gateway" ways_are "$SECOND $BY_GW1, $SECOND $BY_GW1"
send 1
check_soon "and so do its packets" captured_are gw1 "ip.src == $SECOND" 20
place 1 "$FIRST"
check_soon "it moves back" ways_are "$SECOND $BY_GW1, $FIRST $BY_GW2"
capture_stop gw1
capture_stop gw2
check_equal "packets that came by the wrong gateway" \
	"$(captured gw1 "ip.src == $FIRST")+$(captured gw2 "ip.src == $SECOND")" 0+0

ip -n "$(ns edge)" rule del from "$FIRST" table 31
check_soon "without the rule both go the same way" ways_are "$SECOND $BY_GW1, $FIRST $BY_GW1"
ip -n "$(ns edge)" rule add from "$FIRST" table 31
ip -n "$(ns edge)" addr del "$FIRST/32" dev trunk
first_has_none() {
	ways | grep -q "^$SECOND $BY_GW1, $FIRST .* no_route$"
}
check_soon "the host loses the first address: that one has no route, the second keeps its own" first_has_none
place 3 "$SECOND"
check_soon "a new session of the second goes on" ways_are "$SECOND $BY_GW1, $SECOND $BY_GW1, $(ways | sed 's/.*, //')"
ip -n "$(ns edge)" addr add "$FIRST/32" dev trunk
check_soon "the address is back" ways_are "$SECOND $BY_GW1, $SECOND $BY_GW1, $FIRST $BY_GW2"

for n in 1 2 3; do
	remove "$n"
done
check_soon "no session is left" relay_stats_is .sessions 0
check_soon "no next hop is left" relay_stats_is '[.next_hops[]] | add' 0
story_end
