#!/bin/bash
# A NIC that the relay takes whole; a virtual device stands in for it.
#
#	 access: callers ── net ═══ access_nic ── vdev:net_af_packet ── kedge-relay ── af_xdp:core ═══ net ── core: callees
#	                                                                     │ punt thread
#	            the edge's kernel: ARP, ICMP, SIP, TCP ── 203.0.113.1 ── access (TAP)
. "$(dirname "$0")/lib.sh"
story "a NIC taken whole: ARP, ping, SIP and TCP pass through the TAP beside relayed RTP, floods are limited, lost devices are said"

TAKEN=access
QUEUES=1
LIMITS='' # of its own
port_access() {
	PORT_DEVICES[access]="vdev:net_af_packet0,iface=access_nic,framecnt=8192,blocksz=65536,qpairs=$QUEUES"
	PORT_SETTINGS[access]="kernel_if = \"access\"; punt_pps = { $LIMITS };"
	kedge_config
}

kernel_packets() { # kernel_packets JQ-PATH → of the access port
	ctl --json ports | jq -r "select(.name == \"access\") | $1"
}

kernel_packets_is() {
	[ "$(kernel_packets "$1")" = "$2" ]
}

mac_of() { # mac_of NS DEVICE
	ip -n "$(ns "$1")" -j link show "$2" | jq -r '.[0].address'
}

# The kernel of the access network has learnt who 203.0.113.1 is; by ARP, as it has no other way.
learnt_mac() {
	ip -n "$(ns access)" -j neigh show "$EDGE_ACCESS" dev net | jq -r '.[0].lladdr // "none"'
}

tap_carrier_is() {
	[ "$(ip -n "$(ns edge)" -j link show access | jq '.[0].flags | contains(["LOWER_UP"])')" = "$1" ]
}

ping_edge() { # ping_edge N
	in_ns access ping -q -n -c "$1" -i 0.02 -W 2 "$EDGE_ACCESS" >"$WORK/ping.log" && grep -q " 0% packet loss" "$WORK/ping.log"
}

# A megabyte up and down one TCP connection to the SIP address, by the kernel's own sockets.
tcp_echo() {
	cat >"$WORK/echo.py" <<-'END'
		import socket, sys
		s = socket.create_server((sys.argv[1], 5060))
		print("ready", flush=True)
		c, _ = s.accept()
		while data := c.recv(65536):
		    c.sendall(data)
	END
	cat >"$WORK/ask.py" <<-'END'
		import hashlib, os, socket, sys, threading
		c = socket.create_connection((sys.argv[1], 5060), 10)
		c.settimeout(20)
		sent = os.urandom(1 << 20)
		def send():
		    c.sendall(sent)
		    c.shutdown(socket.SHUT_WR)
		threading.Thread(target=send).start()
		got = b''
		while data := c.recv(65536):
		    got += data
		sys.exit(0 if hashlib.sha256(got).digest() == hashlib.sha256(sent).digest() else 1)
	END
	spawn echo exec_in_ns edge python3 "$WORK/echo.py" "$EDGE_ACCESS"
	wait_for "the echo server" 10 logged echo ^ready
	in_ns access python3 "$WORK/ask.py" "$EDGE_ACCESS" && finish echo
}

tap_got_what_was_punted() {
	[ "$(ip -n "$(ns edge)" -j -s link show access | jq '.[0].stats64.rx.packets')" = "$(kernel_packets '[.punted_packets[]] | add')" ]
}

start_call() { # start_call NAME: media both ways until stopped
	local access core
	access=$(rtp_sum rtp_access received)
	core=$(rtp_sum rtp_core received)
	PACKETS=0
	plain_callee "$1_callee" "$CALLEE"
	plain_caller "$1_caller" "$CALLER"
	wait_for "media of $1" 10 rtp_received_at_least rtp_core $((core + 25))
	wait_for "media of $1 back" 10 rtp_received_at_least rtp_access $((access + 25))
}

end_call() { # end_call NAME
	rtp_quiet rtp_access rtp_core
	poke "$1_caller" access "$CALLER"
	phones_done "$1_caller" "$1_callee"
}

topology_taken
port_access
kedge_run_folder
relay_start
check "the TAP has come" ip -n "$(ns edge)" link show access
check_equal "the TAP's MAC address" "$(mac_of edge access)" "$(mac_of edge access_nic)"
check "the relay says which media address is missing" logged relay 'media address 203.0.113.1 is not on this host'
addresses edge access 203.0.113 1 1
control_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1

check "ping is answered by the kernel behind the TAP" ping_edge 20
check_equal "the MAC address that ARP told" "$(learnt_mac)" "$(mac_of edge access_nic)"
check "a megabyte goes up and down a TCP connection" tcp_echo
check_soon "they are counted by class" kernel_packets_is '[.punted_packets | .arp >= 1, .icmp == 20, .tcp > 100] | all' true

capture media access net "udp portrange 16384-32767"
start_call first
end_call first
check_soon "the kernel had from the TAP what was counted" tap_got_what_was_punted
check "and no media: of UDP only the requests and responses of a call" test "$(kernel_packets .punted_packets.udp)" -le 6
capture_stop media
check_media_whole rtp_access access rtp_core core
rtp_seen=$(tshark -r "$WORK/media.pcap" -d udp.port==16384-32767,rtp -Y "rtp && ip.src == $EDGE_ACCESS" 2>/dev/null | wc -l)
check "tshark sees the relay's RTP" test "$rtp_seen" -ge 25
check_equal "frames of it from another MAC address" \
	"$(captured media "ip.src == $EDGE_ACCESS && eth.src != $(mac_of edge access_nic)")" 0
check_nothing_left
check_sums

# A new relay, with two workers, takes up the TAP with what was put there, and limits of its own.
kedge_stop
check "the TAP outlives the relay, with its address" ip -n "$(ns edge)" addr show dev access to "$EDGE_ACCESS"
index=$(ip -n "$(ns edge)" -j link show access | jq '.[0].ifindex')
LIMITS='arp = 20; icmp = 50;'
IFS=, read -ra cpus <<<"$ALL_CPUS"
if [ "${#cpus[@]}" -ge 2 ]; then
	WORKERS="${cpus[1]}, ${cpus[0]}"
	QUEUES=2
fi
port_access
kedge_start
sums_again
check_equal "queues of the access port" "$(kernel_packets .queues)" "$QUEUES"
check_equal "the TAP is the same one" "$(ip -n "$(ns edge)" -j link show access | jq '.[0].ifindex')" "$index"
check "ping is answered as before" ping_edge 3

start_call second
in_ns access ping -q -n -l 3000 -c 3000 -W 1 "$EDGE_ACCESS" >"$WORK/flood.log" 2>&1 || true
answered=$(sed -n 's/.* \([0-9]*\) received.*/\1/p' "$WORK/flood.log")
sent=$(sed -n 's/^\([0-9]*\) packets transmitted.*/\1/p' "$WORK/flood.log")
check_soon "of the flood $answered of $sent were answered, the rest is counted as over the limit" \
	kernel_packets_is '[.punted_packets.icmp, .punt_limited_packets.icmp] | tojson' "[$((answered + 3)),$((sent - answered))]"
check "the limit holds" test "$answered" -lt 1500
check_soon "the verdict says so too" relay_stats_is .drops.punt_limit "$((sent - answered))"
end_call second
check_media_whole rtp_access access rtp_core core
check_nothing_left
check_sums

# Another relay with the same device, and another TAP's owner.
status=0
sed "s,$WORK/run/relay.sock,$WORK/run/other.sock," "$CONFIG" >"$WORK/other.conf"
in_ns edge timeout 20 "$RELAY" -c "$WORK/other.conf" >"$WORK/other.log" 2>&1 || status=$?
check_equal "the status of a second relay with this device" "$status" 1
check "it names the device" logged other 'port name=access device=vdev:net_af_packet0.* in use by another'

# The link of the far end goes and comes back.
ip -n "$(ns access)" link set net down
check_soon "the link is down" kernel_packets_is .link_up false
check_soon "the kernel sees it on the TAP" tap_carrier_is false
ip -n "$(ns access)" link set net up
check_soon "the link is up again" kernel_packets_is .link_up true
check_soon "the kernel sees that too" tap_carrier_is true
check "it is in the log" logged relay 'port name=access interface=access_nic link=down'
check_soon "ping is answered again" ping_edge 1

# A successor of a relay that was killed finds all as it was.
stop relay KILL
relay_start
check_soon "ping is answered by way of the successor" ping_edge 1

# The TAP goes.
stop control
ip -n "$(ns edge)" link del access
check_ends relay 1
check "the log names it" logged relay 'port name=access interface=access is gone'

# Somebody else has a TAP of that name.
cat >"$WORK/squat.py" <<-'END'
	import fcntl, struct, time
	f = open("/dev/net/tun", "r+b", buffering=0)
	fcntl.ioctl(f, 0x400454ca, struct.pack("16sH22x", b"access", 0x1002))  # TUNSETIFF, IFF_TAP | IFF_NO_PI
	print("ready", flush=True)
	time.sleep(60)
END
spawn squatter exec_in_ns edge python3 "$WORK/squat.py"
wait_for "another owner of the TAP" 10 logged squatter ^ready
relay_spawn
check_ends relay 1
check "the log says who is in the way" logged relay "kernel_if=access can't be used: another process has this TAP"
stop squatter

# The NIC goes.
relay_start
ip -n "$(ns edge)" link del access_nic
check_ends relay 1
check "the log names it" logged relay 'port name=access interface=access_nic is gone'
echo "proven: $STORY"
