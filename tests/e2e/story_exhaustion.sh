#!/bin/bash
# No more room: first for sessions, then for ports.
#
#	 access: three callers ─── kedge, room for two calls ─── core: callee
. "$(dirname "$0")/lib.sh"
story "with sessions or ports exhausted a call gets 503, counted, and the ones that are up don't notice"

topology_pair

three_calls() { # three_calls NAME
	local i
	callee "$1_callee" "$CALLEE" -m 2 <<-END
		recv INVITE
		reply 200
		recv ACK
		recv BYE
		answer 200
	END
	for i in 1 2; do
		caller "$1_$i" "203.0.113.$((i + 1))" <<-END
			send INVITE
			recv 100 maybe
			recv 200
			send ACK
			until poked
			send BYE
			recv 200
		END
	done
	check_soon "two calls are up" control_stats_is .calls.answered 2
	caller "$1_3" 203.0.113.4 <<-END
		send INVITE
		recv 100 maybe
		recv 503
		? Retry-After [0-9]+
		send ACK
	END
	phones_done "$1_3"
	check_equal "counted as exhausted" "$(control_stats .calls.exhausted)" 1
	check_equal "calls up" "$(n_calls)" 2
	poke "$1_1" access 203.0.113.2
	poke "$1_2" access 203.0.113.3
	phones_done "$1_1" "$1_2" "$1_callee"
	check_nothing_left
}

say "sessions: two"
MAX_SESSIONS=2
kedge_start
three_calls sessions
kedge_stop

say "ports: two pairs"
MAX_SESSIONS=1000
MEDIA_PORTS="[ 16384, 16387 ]"
kedge_config
kedge_start
three_calls ports
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
# A port that was in use rests for 2 s, so that no call hears another one's late packets.
check_soon "the ports have rested" relay_stats_is '[.realms[].media_ports_free] | add' 4
good_call afterwards
check_nothing_left
story_end
