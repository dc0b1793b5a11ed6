#!/bin/bash
# Two realms on one port, each with a network of its own on the same wire.
#
#	 access: caller, rtp_peer ═══ bridge ═══ trunk ── kedge: 203.0.113.1 and 198.51.100.1
#	 core: callee, rtp_peer ══════╝
. "$(dirname "$0")/lib.sh"
story "a call between two realms of one port: its media leaves by the interface that it came by"

topology_one_port
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=100
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
phones_done caller callee
check_media_whole rtp_access access rtp_core core
check_equal "packets of the relay's one port" "$(relay_stats '.ports | length')" 1
check_equal "packets dropped" "$(relay_stats .packets_dropped)" 0
check_nothing_left
story_end
