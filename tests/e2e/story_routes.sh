#!/bin/bash
# Route sets: requests inside a dialog go where Record-Route says, not where Contact does.
#
#	 access: caller behind a proxy ─── kedge ─── core: callee behind a proxy
#
# The Contacts (….77) do not exist; the "proxies" are the phones' own addresses, so what arrives was routed.
. "$(dirname "$0")/lib.sh"
story "loose and strict route sets are followed on both legs, Record-Route is returned, our own Route is removed"

topology_pair
kedge_start

# The callee's proxies, in the order of its Record-Route: the route set is the reverse (RFC 3261 §12.1.2).
loose_callee() {
	callee loose_callee "$CALLEE" <<-END
		recv INVITE
		reply 200 contact=sip:callee@198.51.100.77:5060
		+ Record-Route: <sip:far@198.51.100.8;lr>, <sip:near@$CALLEE;lr>
		recv ACK
		? msg ^ACK sip:callee@198\.51\.100\.77:5060 SIP/2\.0
		? Route <sip:near@198\.51\.100\.2;lr>
		? msg Route:.*near@.*far@198\.51\.100\.8;lr
		recv BYE
		? msg ^BYE sip:callee@198\.51\.100\.77:5060 SIP/2\.0
		? Route <sip:near@198\.51\.100\.2;lr>
		answer 200
	END
	caller loose_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 200
		! msg Record-Route
		send ACK
		pause 100
		send BYE
		recv 200
	END
	phones_done loose_caller loose_callee
}

# A strict router wants itself in the Request-URI and the Contact at the end of the Route (§12.2.1.1).
strict_callee() {
	callee strict_callee "$CALLEE" <<-END
		recv INVITE
		reply 200 contact=sip:callee@198.51.100.77:5060
		+ Record-Route: <sip:strict@$CALLEE>
		recv ACK
		? msg ^ACK sip:strict@198\.51\.100\.2 SIP/2\.0
		? Route <sip:callee@198\.51\.100\.77:5060>
		recv BYE
		? msg ^BYE sip:strict@198\.51\.100\.2 SIP/2\.0
		? Route <sip:callee@198\.51\.100\.77:5060>
		answer 200
	END
	caller strict_caller "$CALLER" <<-END
		send INVITE
		recv 100 maybe
		recv 200
		send ACK
		pause 100
		send BYE
		recv 200
	END
	phones_done strict_caller strict_callee
}

# The caller's proxy recorded itself: the 200 carries that back, and the callee's BYE comes to the proxy.
caller_behind_proxy() {
	callee hanging_callee "$CALLEE" <<-END
		recv INVITE
		! msg Record-Route
		! msg \r\nRoute:
		reply 200
		recv ACK
		pause 200
		send BYE
		recv 200
	END
	caller proxied_caller "$CALLER" <<-END
		send INVITE contact=sip:caller@203.0.113.77:5060
		+ Route: <sip:$EDGE_ACCESS;lr>
		+ Record-Route: <sip:edgeproxy@$CALLER;lr>
		recv 100 maybe
		recv 200
		? Record-Route <sip:edgeproxy@203\.0\.113\.2;lr>
		send ACK
		recv BYE
		? msg ^BYE sip:caller@203\.0\.113\.77:5060 SIP/2\.0
		? Route <sip:edgeproxy@203\.0\.113\.2;lr>
		answer 200
	END
	phones_done proxied_caller hanging_callee
}

loose_callee
strict_callee
caller_behind_proxy
check_nothing_left
story_end
