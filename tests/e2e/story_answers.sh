#!/bin/bash
# What a callee refuses with, and what the caller is told.
#
#	 access: caller ─── kedge ─── core: callee
. "$(dirname "$0")/lib.sh"
story "refusals are passed on by the rules, with their words, but not with Contact, Warning or Retry-After"

topology_pair
kedge_start

# refused WITH TOLD REASON: an INVITE is refused WITH, the caller is TOLD.
refused() {
	callee "callee_$1" "$CALLEE" <<-END
		recv INVITE
		reply $1 reason=$3 contact=sip:elsewhere@198.51.100.9
		+ Warning: 399 core "secret of the core"
		+ Retry-After: 17
		recv ACK
	END
	caller "caller_$1" "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv $2
		? msg $4
		! msg Contact:
		! msg Warning:
		! msg Retry-After:
		send ACK
	END
	phones_done "caller_$1" "callee_$1"
}

refused 486 486 Rather_Busy "SIP/2.0 486 Rather Busy"
refused 404 404 Nobody_Here "SIP/2.0 404 Nobody Here"
refused 603 603 No_Thanks "SIP/2.0 603 No Thanks"
refused 500 500 Broken "SIP/2.0 500 "
refused 503 500 Full "SIP/2.0 500 "
refused 302 480 Moved "SIP/2.0 480 "
refused 401 403 Who_Are_You "SIP/2.0 403 "
refused 407 403 Who_Are_You "SIP/2.0 403 "
check_nothing_left
story_end
