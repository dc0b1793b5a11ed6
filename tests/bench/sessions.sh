#!/bin/bash
# A relay that holds very many sessions, as a controller and an observer see it: puts, pages and deletes a second, memory.
#
#	relay_load ── Unix socket ── kedge-relay ═══ access, core (AF_XDP on veth, no media)
. "$(dirname "$0")/lib.sh"
bench "very many sessions are put, listed, counted and deleted, and all of them are there"

MAX=100000
ADDRESSES=5 # of 24,576 port pairs each
BYTES_GOAL=1536
FEW_PEERS=203.0.113.10+200:2000+1000
MANY_PEERS=198.18.0.1+$MAX:2000 # behind one gateway

load() { # load N PEERS STEP...
	local n=$1 peers=$2
	shift 2
	"$RELAY_LOAD" -c "$WORK/run/relay.sock" -n "$n" -s "realm=access,remote=$peers" \
		-s realm=core,remote=198.51.100.10+8:2000+20000 "$@" || fail "relay_load $* ended with $?"
}

# with_relay N PEERS: a relay with room for N sessions of these peers in access, filled and emptied. Leaves $WORK/N.figures,
# $WORK/N.endpoints and RESIDENT.
with_relay() {
	local n=$1 peers=$2
	relay_config "$n" 'device = "af_xdp:access";' 'device = "af_xdp:core";' "$(media_list 203.0.113 1 "$ADDRESSES")" \
		"$(media_list 198.51.100 1 "$ADDRESSES")"
	relay_spawn
	wait_for "the relay's socket" 15 relay_answers
	load "$n" "$peers" put list count "endpoints=$WORK/$n.endpoints" >"$WORK/$n.figures"
	RESIDENT=$(resident_kib relay)
	load "$n" "$peers" delete >>"$WORK/$n.figures"
	check_soon "no session is left of $n" relay_stats_is .sessions 0 >&2
	check_soon "no media port is in use" relay_stats_is '[.realms[].media_ports_used] | add' 0 >&2
	check_equal "our endpoints of $n sessions" "$(awk '{ print $1; print $3 }' "$WORK/$n.endpoints" | sort -u | wc -l)" \
		"$((2 * n))" >&2
	relay_end
}

figures() { # figures N
	local name unit
	for name in put_rate list_rate delete_rate; do
		unit=$(figure "$name" 3 <"$WORK/$1.figures")
		row "$name sessions=$1" "$(figure "$name" <"$WORK/$1.figures")" "$unit"
	done
}

# Of one relay less what a small one has: counters, tables, next hops; not code, packet buffers or tables of ports.
bytes_a_session() {
	calc 0 "($RESIDENT - $small) * 1024 / ($MAX - 1000)"
}

topology_pair >&2
addresses edge access 203.0.113 2 "$ADDRESSES"
addresses edge core 198.51.100 2 "$ADDRESSES"
ip -n "$(ns edge)" route add 198.18.0.0/15 via "$CALLER"
kedge_run_folder
with_relay 1000 "$FEW_PEERS"
small=$RESIDENT
figures 1000
with_relay "$MAX" "$FEW_PEERS"
figures "$MAX"
check_equal "sessions listed" "$(figure listed <"$WORK/$MAX.figures")" "$MAX" >&2
check_equal "components in the shared counters" "$(figure counted <"$WORK/$MAX.figures")" $((4 * MAX)) >&2
row "relay memory a session, few peers" "$(bytes_a_session)" bytes "$BYTES_GOAL" goal
with_relay "$MAX" "$MANY_PEERS"
row "relay memory a session, each with its peer" "$(bytes_a_session)" bytes "$BYTES_GOAL" goal
