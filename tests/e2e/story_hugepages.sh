#!/bin/bash
# With hugepages, which the other stories do without.
#
#	 access: caller, rtp_peer ═══ kedge ═══ core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "with hugepages = \"require\" the relay starts on hugepages, refuses without them, and carries a call"

PAGES=/proc/sys/vm/nr_hugepages
reserved=$(cat $PAGES)
UNDO+=("echo $reserved >$PAGES")
topology_pair
HUGEPAGES=require
kedge_config
kedge_run_folder
if [ "$reserved" = 0 ]; then
	relay_spawn
	check_ends relay 1
	check "it says what it lacks" logged relay '[Hh]uge ?pages'
fi
echo $((reserved + 128)) >$PAGES
if [ "$(cat $PAGES)" -lt $((reserved + 64)) ]; then
	echo "SKIPPED: this machine gives no hugepages"
	exit 77
fi
kedge_start
check "the relay has taken hugepages" hugepages_taken
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=100
HOLD="until poked"
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
heard "$PACKETS" rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
check_media_whole rtp_access access rtp_core core
check_nothing_left
story_end
