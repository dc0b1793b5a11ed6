#!/bin/bash
# What Kedge doesn't do, or not for everybody, is refused properly.
#
#	 access: phones, one of them not allowed ─── kedge ─── core: callee, rtp_peer
. "$(dirname "$0")/lib.sh"
story "what Kedge does not do is refused with the right status, and a call that is up does not notice"

ACCESS_ALLOW='"203.0.113.0/29"' # not .9
LOG_LEVEL=debug
topology_pair
kedge_start
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1

# refused NAME [ADDRESS] <LADDER: one exchange that never reaches the core.
refused() {
	caller "$1" "${2:-$CALLER}"
	phones_done "$1"
}

refused options <<-END
	send OPTIONS
	recv 200
	? Allow INVITE
END
refused unknown_method <<-END
	send FOO
	recv 501
END
refused method_not_done <<-END
	send INFO
	recv 405
	? Allow BYE
	! Allow INFO
END
refused extension_required <<-END
	send INVITE
	+ Require: 100rel
	recv 420
	? Unsupported 100rel
	send ACK
END
refused cancel_of_nothing <<-END
	send CANCEL cseq=7 branch=z9hG4bKnothing
	recv 481
END
refused bye_of_nothing <<-END
	send BYE
	recv 481
END
refused no_sdp <<-END
	send INVITE nosdp
	recv 100 maybe
	recv 488
	send ACK
END
refused last_hop <<-END
	send INVITE hops=0
	recv 100 maybe
	recv 483
	send ACK
END
refused foreign_host <<-END
	send INVITE uri=sip:$DIALLED@192.0.2.77
	recv 100 maybe
	recv 404
	send ACK
END
refused no_route <<-END
	send INVITE uri=sip:letters@$EDGE_ACCESS:5060
	recv 100 maybe
	recv 404
	send ACK
END
refused not_allowed 203.0.113.9 <<-END
	send INVITE
	recv 100 maybe
	recv 403
	send ACK
END

# In a call: a re-INVITE and an INFO are refused, the call and its media go on as before.
callee callee "$CALLEE" <<-END
	recv INVITE sdp
	reply 180
	reply 200
	recv ACK
	media 100
	recv BYE
	answer 200
END
caller caller "$CALLER" <<-END
	send INVITE
	recv 100 maybe
	recv 180
	recv 200 sdp
	send ACK
	media 100
	pause 500
	send INVITE dir=sendonly
	recv 100 maybe
	recv 488
	send ACK
	pause 100
	send INFO
	recv 405
	? Allow BYE
	until poked
	send BYE
	recv 200
END
heard 100 rtp_access rtp_core
wait_for "the last refusal" 5 received caller "SIP/2.0 405"
poke caller access "$CALLER"
phones_done caller callee
check_media_whole rtp_access access rtp_core core
check_nothing_left
story_end
