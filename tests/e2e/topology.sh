# Networks of the stories, made of namespaces and veth pairs. Sourced by lib.sh.
#
#	topology_pair:
#	 access: 203.0.113.2–.9 ── net ═══ access ── edge ── core ═══ net ── core: 198.51.100.2–.9
#	         callers                203.0.113.1      198.51.100.1           callees
#
#	topology_nat adds, behind the access network's 203.0.113.20:
#	 phone: 10.20.0.2 ── net ═══ inside ── nat (masquerade, random ports) ── outside ═══ bridge in access
#
# The edge forwards nothing (ip_forward=0): what crosses it, Kedge carried.
# shellcheck shell=bash

EDGE_ACCESS=203.0.113.1
EDGE_CORE=198.51.100.1
CALLER=203.0.113.2
CALLEE=198.51.100.2
PHONE=10.20.0.2
NAT_OUTSIDE=203.0.113.20
# What phones use for media; the counters count these ports.
PHONE_PORTS=20000-29999

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
	ip link add "$2" netns "$(ns "$1")" numrxqueues 1 numtxqueues 1 type veth \
		peer name "$4" netns "$(ns "$3")" numrxqueues 1 numtxqueues 1
	ip -n "$(ns "$1")" link set "$2" up
	ip -n "$(ns "$3")" link set "$4" up
}

# Kernel senders on veth leave UDP checksums to a NIC that isn't there; a real peer's packets carry them.
no_offload() { # no_offload NS DEV
	in_ns "$1" ethtool -K "$2" tx off gro off gso off tso off >/dev/null 2>&1
}

addresses() { # addresses NS DEV PREFIX FIRST LAST
	local i
	for i in $(seq "$4" "$5"); do
		ip -n "$(ns "$1")" addr add "$3.$i/24" dev "$2"
	done
}

topology_pair() {
	ns_add access edge core
	veth access net edge access
	veth core net edge core
	no_offload access net
	no_offload core net
	addresses access net 203.0.113 2 9
	addresses core net 198.51.100 2 9
	addresses edge access 203.0.113 1 1
	addresses edge core 198.51.100 1 1
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
	ip -n "$(ns access)" link add net type bridge
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

# RTP and RTCP as they leave and reach the phones of a namespace, counted by its kernel.
count_rtp() {
	in_ns "$1" nft -f - <<-END
		table inet count {
			counter rtp_out { }
			counter rtp_in { }
			chain out {
				type filter hook output priority 0
				udp sport $PHONE_PORTS counter name rtp_out
			}
			chain in {
				type filter hook input priority 0
				udp dport $PHONE_PORTS counter name rtp_in
			}
		}
	END
}

# What the edge's own network stack sends, which excludes what the relay does.
count_stack() {
	local port
	for port in access core; do
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
	in_ns edge nft -j list counter netdev "stack_$1" sent | jq '.nftables[] | .counter? // empty | .packets'
}

rtp_counted() { # rtp_counted NS in|out → packets
	in_ns "$1" nft -j list counter inet count "rtp_$2" | jq '.nftables[] | .counter? // empty | .packets'
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

capture_stop() {
	stop "capture_$1" INT
	[ -s "$WORK/$1.pcap" ] || fail "nothing captured on $1"
}
