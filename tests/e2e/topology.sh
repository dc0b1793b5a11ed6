# Networks of the stories, made of namespaces and veth pairs. Sourced by lib.sh.
#
#	topology_pair:
#	 access: 203.0.113.2–.9 ── net ═══ access ── edge ── core ═══ net ── core: 198.51.100.2–.9
#	         callers                203.0.113.1      198.51.100.1           callees
#
#	topology_nat adds, behind the access network's 203.0.113.20:
#	 phone: 10.20.0.2 ── net ═══ inside ── nat (masquerade, random ports) ── outside ═══ bridge in access
#
#	topology_one_port:
#	 access: 203.0.113.2–.9 ── net ═══ bridge ═══ trunk ── edge
#	 core: 198.51.100.2–.9 ─── net ═══╝ (switch)            203.0.113.1, 198.51.100.1
#
#	topology_gateways adds to that one port:
#	 roamer: 203.0.113.30 ── net ═══ bridge
#	 far: 192.0.2.2 ── gw1 ══ gw1: 198.51.100.11 ── net ═══ bridge
#	                ── gw2 ══ gw2: 198.51.100.12 ── net ═══ bridge
#
# ACCESS_VLAN and CORE_VLAN, where set, put those networks on interfaces net.VLAN and, at the edge, access.VLAN and so on.
#
# The edge forwards nothing (ip_forward=0): what crosses it, Kedge carried.
# shellcheck shell=bash

EDGE_ACCESS=203.0.113.1
EDGE_CORE=198.51.100.1
CALLER=203.0.113.2
CALLEE=198.51.100.2
ROAMER=203.0.113.30
FAR=192.0.2.2
GW1=198.51.100.11
GW2=198.51.100.12
PHONE=10.20.0.2
NAT_OUTSIDE=203.0.113.20
# What phones use for media; the counters count these ports.
PHONE_PORTS=20000-29999
EDGE_DEVICES=(access core) # the edge's interfaces, each a port of the relay
RX_QUEUES=1 # of each interface
ACCESS_VLAN='' CORE_VLAN=''
declare -A VLAN_SENT=() # by device: what interfaces of VLANs sent that are gone

ns() {
	echo "$NS_PREFIX-$1"
}

in_ns() { # in_ns NAME COMMAND...
	local name=$1
	shift
	ip netns exec "$(ns "$name")" "$@"
}

# For spawn: the process becomes the command itself.
exec_in_ns() {
	local name=$1
	shift
	exec ip netns exec "$(ns "$name")" "$@"
}

ns_add() {
	local name
	for name in "$@"; do
		ip netns add "$(ns "$name")"
		NAMESPACES+=("$(ns "$name")")
		ip -n "$(ns "$name")" link set lo up
		in_ns "$name" sysctl -q -w net.ipv4.ip_forward=0 net.ipv6.conf.all.disable_ipv6=1 net.ipv6.conf.default.disable_ipv6=1
	done
}

# veth NS_A DEV_A NS_B DEV_B
veth() {
	ip link add "$2" netns "$(ns "$1")" numrxqueues "$RX_QUEUES" numtxqueues 1 type veth \
		peer name "$4" netns "$(ns "$3")" numrxqueues "$RX_QUEUES" numtxqueues 1
	ip -n "$(ns "$1")" link set "$2" up
	ip -n "$(ns "$3")" link set "$4" up
}

# Kernel senders on veth leave UDP checksums and VLAN tags to a NIC that isn't there; a real peer's packets carry them.
no_offload() { # no_offload NS DEV
	in_ns "$1" ethtool -K "$2" tx off gro off gso off tso off rxvlan off txvlan off >/dev/null 2>&1
}

addresses() { # addresses NS DEV PREFIX FIRST LAST
	local i
	for i in $(seq "$4" "$5"); do
		ip -n "$(ns "$1")" addr add "$3.$i/24" dev "$2"
	done
}

# on_vlan NS DEV [VLAN]: the interface that carries it, made if it is not there: DEV without a VLAN. Kernels that lack
# 802.1Q get one made of a veth pair, which the relay can't know by itself: the realm's setting says it.
on_vlan() {
	local where=$1 device=$2 name=$2.${3:-}
	[ -n "${3:-}" ] || { echo "$device" && return; }
	echo "$name"
	in_ns "$where" test ! -e "/sys/class/net/$name" || return 0
	if ! ip -n "$(ns "$where")" link add link "$device" name "$name" type vlan id "$3" 2>/dev/null; then
		ip -n "$(ns "$where")" link add "$name" address "$(mac_of "$where" "$device")" type veth peer name "$name-p"
		ip -n "$(ns "$where")" link set "$name-p" up
		in_ns "$where" "$VLAN_DEVICE" "$VLAN_DEVICE.bpf" "$device" "$name-p" "$3"
	fi
	ip -n "$(ns "$where")" link set "$name" up
	no_offload "$where" "$name"
}

# The settings of a realm on that VLAN of the edge's device; none without a VLAN.
vlan_settings() { # vlan_settings DEV [VLAN]
	[ -n "${2:-}" ] || return 0
	echo "vlan = $2;"
	[ "$(ip -n "$(ns edge)" -d -j link show "$1.$2" | jq -r '.[0].linkinfo.info_kind')" = vlan ] || echo "interface = \"$1.$2\";"
}

mac_of() { # mac_of NS DEV
	ip -n "$(ns "$1")" -j link show "$2" | jq -r '.[0].address'
}

topology_pair() {
	ns_add access edge core
	veth access net edge access
	veth core net edge core
	number_networks access core
}

topology_one_port() {
	EDGE_DEVICES=(trunk)
	ACCESS_PORT=trunk CORE_PORT=trunk
	ns_add access edge core switch
	veth access net switch access
	veth core net switch core
	veth switch trunk edge trunk
	ip -n "$(ns switch)" link add bridge type bridge mcast_snooping 0 # else it sends reports of its own
	for port in access core trunk; do
		no_offload switch "$port"
		ip -n "$(ns switch)" link set "$port" master bridge
	done
	ip -n "$(ns switch)" link set bridge up
	number_networks trunk trunk
}

# The edge's route to far leads to gw1, the way back to gw2.
topology_gateways() {
	local gw
	topology_one_port
	ns_add roamer far gw1 gw2
	ip -n "$(ns far)" addr add "$FAR/32" dev lo
	for gw in roamer gw1 gw2; do
		veth "$gw" net switch "$gw"
		no_offload "$gw" net
		ip -n "$(ns switch)" link set "$gw" master bridge
	done
	addresses roamer net 203.0.113 30 30
	for gw in 1 2; do
		veth far "gw$gw" "gw$gw" far
		no_offload far "gw$gw"
		addresses "gw$gw" net 198.51.100 "1$gw" "1$gw"
		addresses "gw$gw" far "10.99.$gw" 1 1
		addresses far "gw$gw" "10.99.$gw" 2 2
		in_ns "gw$gw" sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.net.rp_filter=0 net.ipv4.conf.far.rp_filter=0
		ip -n "$(ns "gw$gw")" route add "$FAR/32" via "10.99.$gw.2"
		in_ns far sysctl -q -w net.ipv4.conf.all.rp_filter=0 "net.ipv4.conf.gw$gw.rp_filter=0"
	done
	ip -n "$(ns far)" route add default via 10.99.2.1
	ip -n "$(ns edge)" route add "$FAR/32" via "$GW1"
}

# Addresses for the access and core networks, and at the edge's devices ACCESS CORE.
number_networks() {
	no_offload access net
	no_offload core net
	addresses access "$(on_vlan access net "$ACCESS_VLAN")" 203.0.113 2 9
	addresses core "$(on_vlan core net "$CORE_VLAN")" 198.51.100 2 9
	addresses edge "$(on_vlan edge "$1" "$ACCESS_VLAN")" 203.0.113 1 1
	addresses edge "$(on_vlan edge "$2" "$CORE_VLAN")" 198.51.100 1 1
	ACCESS_SETTINGS+=" $(vlan_settings "$1" "$ACCESS_VLAN")"
	CORE_SETTINGS+=" $(vlan_settings "$2" "$CORE_VLAN")"
	count_rtp access
	count_rtp core
	count_stack
}

# A phone behind a NAT, beside the ordinary callers.
topology_nat() {
	ns_add access edge core nat phone
	veth access uplink edge access
	veth core net edge core
	veth access outside nat outside
	veth phone net nat inside
	ip -n "$(ns access)" link add net type bridge mcast_snooping 0
	ip -n "$(ns access)" link set uplink master net
	ip -n "$(ns access)" link set outside master net
	ip -n "$(ns access)" link set net up
	no_offload access net
	no_offload core net
	no_offload phone net
	no_offload nat outside
	no_offload nat inside
	addresses access net 203.0.113 2 9
	addresses core net 198.51.100 2 9
	addresses edge access 203.0.113 1 1
	addresses edge core 198.51.100 1 1
	addresses nat outside 203.0.113 20 20
	addresses nat inside 10.20.0 1 1
	addresses phone net 10.20.0 2 2
	ip -n "$(ns phone)" route add default via 10.20.0.1
	in_ns nat sysctl -q -w net.ipv4.ip_forward=1
	in_ns nat nft -f - <<-'END'
		table ip nat {
			chain out {
				type nat hook postrouting priority srcnat
				oifname "outside" masquerade random,fully-random
			}
		}
	END
	count_rtp phone
	count_rtp core
	count_stack
}

# The edge's access NIC is to be taken whole (vdev:net_af_packet): it has no address, and the kernel must not see what comes
# in there, as it would not with DPDK's driver. Packet sockets come before that hook.
topology_taken() {
	ns_add access edge core
	veth access net edge access_nic
	veth core net edge core
	no_offload access net
	no_offload core net
	addresses access net 203.0.113 2 9
	addresses core net 198.51.100 2 9
	addresses edge core 198.51.100 1 1
	in_ns edge nft -f - <<-'END'
		table netdev taken {
			chain in {
				type filter hook ingress device "access_nic" priority 0
				policy drop
			}
		}
	END
	count_rtp access
	count_rtp core
	count_stack
}

# RTP and RTCP as they leave and reach the phones of a namespace, counted by its kernel; and what tells them that nobody is
# where they send to, which ends calls.
count_rtp() {
	in_ns "$1" nft -f - <<-END
		table inet count {
			counter rtp_out { }
			counter rtp_in { }
			counter unreachable { }
			chain out {
				type filter hook output priority 0
				udp sport $PHONE_PORTS counter name rtp_out
			}
			chain in {
				type filter hook input priority 0
				udp dport $PHONE_PORTS counter name rtp_in
				icmp type destination-unreachable counter name unreachable
			}
		}
	END
}

# What the edge's own network stack sends, which excludes what the relay does.
count_stack() {
	local port
	for port in "${EDGE_DEVICES[@]}"; do
		! is_taken "$port" || continue
		in_ns edge nft -f - <<-END
			table netdev stack_$port {
				counter sent { }
				chain out {
					type filter hook egress device "$port" priority 0
					counter name sent
				}
			}
		END
	done
}

stack_sent() { # stack_sent DEVICE → packets
	local sent
	sent=$(in_ns edge nft -j list counter netdev "stack_$1" sent | jq '.nftables[] | .counter? // empty | .packets')
	echo $((sent + ${VLAN_SENT[$1]:-0} + $(pairs_sent "$1.")))
}

# What vlan_device redirects to a device of the edge passes nftables by.
pairs_sent() {
	ip -n "$(ns edge)" -j -s link show type veth | jq --arg of "$1" \
		'[.[] | select((.ifname | startswith($of)) and (.ifname | endswith("-p"))) | .stats64.rx.packets] | add // 0'
}

# Take a VLAN's interface from the edge.
vlan_del() { # vlan_del DEV VLAN
	VLAN_SENT[$1]=$((${VLAN_SENT[$1]:-0} + $(pairs_sent "$1.$2-")))
	ip -n "$(ns edge)" link del "$1.$2"
}

counted() { # counted NS COUNTER → packets
	in_ns "$1" nft -j list counter inet count "$2" | jq '.nftables[] | .counter? // empty | .packets'
}

rtp_counted() { # rtp_counted NS in|out → packets
	counted "$1" "rtp_$2"
}

check_none_unreachable() {
	check_equal "ICMP unreachables that the caller's host got" "$(counted access unreachable)" 0
	check_equal "ICMP unreachables that the callee's host got" "$(counted core unreachable)" 0
}

# drop NS in|out RULE...: drop what the rule matches, e.g. drop core in udp dport 5060 @ih,0,32 0x42594520 limit …
# The chain is made once; undrop takes all rules away.
drop() {
	local name=$1 hook=$2
	shift 2
	[ "$hook" = in ] && hook=input || hook=output
	in_ns "$name" nft add table inet lose
	in_ns "$name" nft add chain inet lose "$hook" "{ type filter hook $hook priority -10; }"
	in_ns "$name" nft add rule inet lose "$hook" "$@" counter drop
}

undrop() {
	in_ns "$1" nft delete table inet lose
}

dropped() { # dropped NS → packets
	in_ns "$1" nft -j list table inet lose | jq '[.nftables[].rule?.expr[]?.counter?.packets // empty] | add'
}

# capture NAME NS DEVICE [FILTER]: everything (by default: SIP) on the device, into $WORK/NAME.pcap.
capture() {
	spawn "capture_$1" exec_in_ns "$2" dumpcap -q -P -i "$3" -f "${4:-udp port 5060}" -w "$WORK/$1.pcap"
	wait_for "the capture of $1" 10 logged "capture_$1" "^File: "
}

# captured NAME FILTER → how many frames of a capture match (tshark's display filter); nothing and an error if tshark can't
# tell. While it runs the last ones may not have been written yet, and be cut off; captured_are is for check_soon.
captured() {
	local frames
	frames=$(tshark -r "$WORK/$1.pcap" -Y "$2" -T fields -e frame.number 2>"$WORK/$1.tshark") ||
		grep -q 'cut short' "$WORK/$1.tshark" || { cat "$WORK/$1.tshark" >&2 && return 1; }
	printf '%s' "${frames:+$frames$'\n'}" | wc -l
}

captured_are() {
	[ "$(captured "$1" "$2")" = "$3" ]
}

capture_stop() {
	stop "capture_$1" INT
	[ "$(captured "$1" frame)" -gt 0 ] || fail "nothing captured on $1"
}
