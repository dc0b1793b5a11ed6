#!/bin/bash
# 10,000 sessions whose peers are all behind one gateway. Nobody speaks SIP here: relay_load is the controller.
#
#	 access: 203.0.113.2: one peer ═══ kedge-relay ═══ core: 198.51.100.2, .3: gateways to 100.64.0.0/10: 10,000 peers
. "$(dirname "$0")/lib.sh"
story "10,000 peers behind one gateway: one neighbour of the kernel; its MAC, route, death and return reach all of them at once"

RELAY_LOAD=${RELAY_LOAD:-$BUILD_DIR/tests/bench/relay_load}
N=10000
SAMPLE=50
GATEWAY=$CALLEE
MAX_SESSIONS=$N
MEDIA_PORTS='[ 10000, 31999 ]'
topology_pair
ip -n "$(ns edge)" route add 100.64.0.0/10 via "$GATEWAY"
in_ns edge sysctl -q -w net.ipv4.neigh.core.delay_first_probe_time=1 net.ipv4.neigh.core.base_reachable_time_ms=1000 \
	net.ipv4.neigh.core.retrans_time_ms=200
kedge_config
kedge_run_folder
relay_start
resident_kib() {
	awk '$1 == "VmRSS:" { print $2 }' "/proc/${PIDS[relay]}/status"
}
# What the main thread has used of a CPU; the worker is another one.
main_cpu_ms() {
	awk -v hz="$(getconf CLK_TCK)" '{ printf "%d", ($14 + $15) * 1000 / hz }' "/proc/${PIDS[relay]}/task/${PIDS[relay]}/stat"
}
hops_are() { # hops_are STATE N
	[ "$(relay_stats ".next_hops.$1")" = "$2" ]
}
# Of all sessions, the next hops to the core: "ADDRESS MAC=how many …"
core_hops() {
	ctl --json sessions | jq -s -r 'map(select(.type == "session") | .sides[1].components[0].next_hop | "\(.address) \(.mac)") |
		group_by(.) | map("\(.[0])=\(length)") | join(" ")'
}
core_hops_are() {
	[ "$(core_hops)" = "$1" ]
}
# took WHAT SECONDS COMMAND…: until it is true, and says how long that was and what it cost the main thread.
took() {
	local what=$1 start cpu
	start=$(date +%s%N) cpu=$(main_cpu_ms)
	wait_for "$1" "$2" "${@:3}"
	say "ok: $what, seen after $((($(date +%s%N) - start) / 1000000)) ms, for $(($(main_cpu_ms) - cpu)) ms of the main thread"
}

resident=$(resident_kib)
spawn load exec_in_ns edge "$RELAY_LOAD" -c "$WORK/run/relay.sock" -n "$N" -s realm=access,remote="$CALLER:20000+$N" \
	-s realm=core,remote="100.64.0.1+$N:30000" put "endpoints=$WORK/endpoints" hold
took "all $((N + 1)) destinations are reachable" 10 hops_are reachable $((N + 1))
wait_for "the controller's part" 10 logged load ^holding
ip -n "$(ns edge)" neigh show dev core >"$WORK/neighbours"
check_equal "neighbours of the kernel at the core" "$(wc -l <"$WORK/neighbours")" 1
check_equal "next hops" "$(core_hops)" "$GATEWAY $(mac_of core net)=$N"
each=$((($(resident_kib) - resident) * 1024 / N))
say "$each bytes more of the relay's memory a session"
check "that is at most 2 KiB" test "$each" -le 2048

in_ns core sysctl -q -w net.ipv4.conf.net.arp_notify=1
ip -n "$(ns core)" link set net address 02:00:00:00:00:77
took "all sessions follow the gateway to its new MAC address" 5 core_hops_are "$GATEWAY 02:00:00:00:00:77=$N"
# endpoints has a line a session: ours and the peer's at access, the same at the core.
capture sample core net "ether dst 02:00:00:00:00:77 and udp dst port 30000"
shuf -n "$SAMPLE" "$WORK/endpoints" >"$WORK/sample"
edge_mac=$(mac_of edge access)
while read -r local remote _; do
	in_ns access "$RTP_FRAMES" net "$edge_mac" "$remote" "$local" 1
done <"$WORK/sample"
all_forwarded() {
	[ "$(relay_stats .packets_out)" = "$SAMPLE" ]
}
check_soon "packets of $SAMPLE of them are forwarded" all_forwarded
check_soon "… by that MAC address" captured_are sample udp "$SAMPLE"
capture_stop sample
tshark -r "$WORK/sample.pcap" -T fields -e ip.dst 2>/dev/null | sort >"$WORK/arrived"
check_equal "… to their peers" "$(cat "$WORK/arrived")" "$(awk '{ print $4 }' "$WORK/sample" | cut -d: -f1 | sort)"

ip -n "$(ns edge)" route replace 100.64.0.0/10 via 198.51.100.3
took "all sessions follow the route to another gateway" 5 core_hops_are "198.51.100.3 02:00:00:00:00:77=$N"
in_ns core sysctl -q -w net.ipv4.conf.net.arp_ignore=8 # it answers no question any more
in_ns edge ping -c 3 -i 0.5 198.51.100.3 >/dev/null || true # traffic of the host's own: the kernel finds out
took "the gateway dies, and all know it" 15 hops_are failed "$N"
in_ns core sysctl -q -w net.ipv4.conf.net.arp_ignore=0
took "it returns, and all know it" 5 hops_are failed 0
check_soon "none is left out" hops_are reachable $((N + 1))
check_equal "netlink messages lost" "$(awk -v pid="${PIDS[relay]}" '$3 == pid { n += $9 } END { print n + 0 }' "/proc/${PIDS[relay]}/net/netlink")" 0

# The relay stands still while more news come than its socket holds, that of the gateway among them.
for i in $(seq 100); do
	for host in $(seq 10 250); do
		echo "neigh replace 198.51.100.$host lladdr 02:00:00:00:$(printf %02x:%02x "$i" "$host") dev core nud stale"
	done
done >"$WORK/flood"
kill -STOP "${PIDS[relay]}"
ip -n "$(ns edge)" -batch "$WORK/flood"
ip -n "$(ns core)" link set net address 02:00:00:00:00:78
kernel_knows() {
	ip -n "$(ns edge)" neigh show 198.51.100.3 dev core | grep -q "$1"
}
wait_for "the kernel to know the new address" 5 kernel_knows 02:00:00:00:00:78
kill -CONT "${PIDS[relay]}"
check_soon "news were lost, and the relay knows" logged relay "netlink news lost: asking for everything again"
took "it finds out all the same" 10 core_hops_are "198.51.100.3 02:00:00:00:00:78=$N"
stop load
in_ns edge "$RELAY_LOAD" -c "$WORK/run/relay.sock" -n "$N" -s realm=access,remote="$CALLER:20000+$N" \
	-s realm=core,remote="100.64.0.1+$N:30000" delete >/dev/null
check_soon "no next hop is left" hops_are reachable 0
check_soon "no session is left" relay_stats_is .sessions 0
story_end
