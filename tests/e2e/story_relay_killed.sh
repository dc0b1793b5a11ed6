#!/bin/bash
# kedge-relay dies in mid-call.
#
#	 access: caller, rtp_peer ═══ kedge-relay ✝ ═══ core: callee, rtp_peer
#	                              kedge-control
. "$(dirname "$0")/lib.sh"
story "relay killed in mid-call: new calls get 503 with Retry-After, and after its restart media flows again on the same ports"

LOG_LEVEL=debug
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
PACKETS=0
plain_callee callee "$CALLEE"
plain_caller caller "$CALLER"
wait_for "media" 5 rtp_received_at_least rtp_access 20
wait_for "media" 5 rtp_received_at_least rtp_core 20
ports=$(local_ports)
stop relay KILL
check_soon "control noticed" relay_is_gone
caller unlucky 203.0.113.3 <<-END
	send INVITE
	recv 100 maybe
	recv 503
	? Retry-After [0-9]+
	send ACK
END
phones_done unlucky
check_equal "calls still up" "$(n_calls)" 1

relay_start
check_soon "control is connected again" control_connected
check_equal "media ports" "$(local_ports)" "$ports"
wait_for "media at the caller again" 5 rtp_received_at_least rtp_access $(($(rtp_sum rtp_access received) + 50))
wait_for "media at the callee again" 5 rtp_received_at_least rtp_core $(($(rtp_sum rtp_core received) + 50))
check_equal "endpoints that the caller ever got media from" "$(rtp_report rtp_access | jq '.[0].sources | length')" 1
check_equal "endpoints that the callee ever got media from" "$(rtp_report rtp_core | jq '.[0].sources | length')" 1
check_equal "packets changed" "$(($(rtp_sum rtp_access bad) + $(rtp_sum rtp_core bad)))" 0
check_none_unreachable
LOST=1000 rtp_quiet rtp_access rtp_core
poke caller access "$CALLER"
phones_done caller callee
sums_again
good_call new
check_nothing_left
story_end
