# Turns the ladder of one phone into a SIPp scenario, so that a story can be read as the exchange that it is.
#
#	send METHOD [OPTION…]     a request; an INVITE carries SDP unless `nosdp`; BYE, ACK and the like belong to the dialog
#	reply STATUS [OPTION…]    a response to the INVITE that was received
#	answer STATUS [OPTION…]   a response to the last request received, other than INVITE
#	recv METHOD|STATUS [maybe] [sdp] [timeout=MS]
#	? HEADER REGEX            what was received must match; HEADER may be `body` or `msg` (the whole message)
#	! HEADER REGEX            … must not match
#	+ HEADER: VALUE           one more header of the message sent above
#	media N                   rtp_peer sends N packets to the endpoint of the SDP received last (0: until told to stop)
#	pause MS                  whatever comes meanwhile is unexpected
#	until poked               wait for the story's `poke`
#	# comment
#
# Options: sdp, nosdp, dir=sendonly, tag=T, uri=U, branch=B, cseq=N, contact=URI, norepeat (no retransmissions), rtp=PORT,
# ip=ADDRESS (in SDP), reason=A_B, hops=N (Max-Forwards), to=URI. A ladder that begins with `recv` is a callee's.
function escape(s) {
	gsub(/&/, "\\&amp;", s)
	gsub(/</, "\\&lt;", s)
	gsub(/>/, "\\&gt;", s)
	gsub(/"/, "\\&quot;", s)
	return s
}
function die(why) {
	printf "ladder:%d: %s: %s\n", NR, why, $0 >"/dev/stderr"
	failed = 1
	exit 2
}
# Options of the line from field n on.
function read_options(n,    i, eq) {
	split("", option)
	for (i = n; i <= NF; i++) {
		eq = index($i, "=")
		if (eq > 0)
			option[substr($i, 1, eq - 1)] = substr($i, eq + 1)
		else
			option[$i] = 1
	}
}
function opt(name, otherwise) {
	return name in option ? option[name] : otherwise
}
function use(name) {
	used[name] = 1
	return "[$" name "]"
}
# A step is held back until the lines that belong to it have been read.
function flush_step() {
	if (step == "")
		return
	if (kind == "recv") {
		printf "  <recv %s>\n", step
		if (actions != "")
			printf "    <action>\n%s    </action>\n", actions
		print "  </recv>"
	} else {
		printf "  <send%s>\n    <![CDATA[\n%s", step, head
		if (body != "")
			printf "      Content-Type: application/sdp\n      Content-Length: [len]\n\n%s", body
		else
			print "      Content-Length: 0\n"
		print "    ]]>\n  </send>"
	}
	step = head = body = actions = ""
}
function line(text) {
	head = head "      " text "\n"
}
function sdp() {
	body = "      v=0\n      o=phone [call_number] 1 IN IP4 " opt("ip", "[local_ip]") "\n      s=-\n"
	body = body "      c=IN IP4 " opt("ip", "[local_ip]") "\n      t=0 0\n"
	body = body "      m=audio " opt("rtp", "[auto_media_port]") " RTP/AVP 0 101\n"
	body = body "      a=rtpmap:0 PCMU/8000\n      a=rtpmap:101 telephone-event/8000\n      a=ptime:20\n"
	if ("dir" in option)
		body = body "      a=" option["dir"] "\n"
}
function ereg(regex, where, header, how, into) {
	use(into)
	actions = actions sprintf("      <ereg regexp=\"%s\" search_in=\"%s\"%s %s assign_to=\"%s\"/>\n", escape(regex), where,
		header == "" ? "" : " header=\"" header ":\"", how, into)
}
function capture(regex, where, header, into) {
	use(into)
	ereg(regex, where, header, "check_it=\"true\"", "w" ++n_whole "," into)
	delete used["w" n_whole "," into]
	used["w" n_whole] = 1
}
function contact() {
	line("Contact: <" opt("contact", "sip:" (callee ? "callee" : "caller") "[call_number]@[local_ip]:[local_port]") ">")
}
function send_request(method,    uri, branch, number, to) {
	last_sent = method
	branch = "[branch]"
	uri = "sip:[service]@[remote_ip]:[remote_port]"
	to = "<sip:[service]@[remote_ip]:[remote_port]>"
	if (method == "INVITE")
		invite_branch = "z9hG4bK-[pid]-[call_number]-" ++n_invites
	if (method == "INVITE" || method == "CANCEL" || (method == "ACK" && last_status >= 300))
		branch = invite_branch
	if (in_dialog || method == "ACK")
		to = to "[peer_tag_param]"
	if (in_dialog && !(method == "ACK" && last_status >= 300) && method != "CANCEL")
		uri = use("target")
	if (method != "ACK" && method != "CANCEL")
		cseq++
	number = method == "ACK" || method == "CANCEL" ? invite_cseq : cseq
	if (method == "INVITE")
		invite_cseq = number
	line(method " " opt("uri", uri) " SIP/2.0")
	line("Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=" opt("branch", branch) ";rport")
	line("Max-Forwards: " opt("hops", 70))
	if (callee) {
		line("From: " use("to") ";tag=" opt("tag", local_tag))
		line("To: " use("from"))
	} else {
		line("From: \"Caller [call_number]\" <sip:caller[call_number]@[local_ip]:[local_port]>;tag=" opt("tag", "c[pid]-[call_number]"))
		line("To: " ("to" in option ? "<" option["to"] ">" : to))
	}
	line("Call-ID: " opt("callid", "[call_id]"))
	line("CSeq: " opt("cseq", number) " " method)
	if (method != "CANCEL" && method != "ACK" && method != "BYE")
		contact()
	if ((method == "INVITE" && !("nosdp" in option)) || "sdp" in option)
		sdp()
	step = (method == "ACK" || "norepeat" in option) ? " " : " retrans=\"500\""
}
function reason(status) {
	gsub(/_/, " ", option["reason"])
	if (option["reason"] != "")
		return option["reason"]
	return status in reasons ? reasons[status] : "Whatever"
}
function send_reply(status) {
	line("SIP/2.0 " status " " reason(status))
	line("Via:" use("via"))
	line("From:" use("from"))
	local_tag = opt("tag", "d[pid]") "-[call_number]"
	line("To:" use("to") (status > 100 ? ";tag=" local_tag : ""))
	line("Call-ID: [call_id]")
	line("CSeq:" use("cseq"))
	if (status > 100)
		contact()
	if ("sdp" in option || (status >= 200 && status < 300 && !("nosdp" in option)))
		sdp()
	step = (status < 200 || "norepeat" in option) ? " " : " retrans=\"500\""
}
function send_answer(status) {
	line("SIP/2.0 " status " " reason(status))
	line("[last_Via:]")
	line("[last_From:]")
	line("[last_To:]" opt("addtag", ""))
	line("[last_Call-ID:]")
	line("[last_CSeq:]")
	step = " "
}
function receive(what) {
	if (what ~ /^[0-9]+$/) {
		step = "response=\"" what "\""
		last_status = what
		if (what > 100 && what < 300) {
			in_dialog = 1
			if (!("maybe" in option) && what >= 200 && last_sent == "INVITE")
				capture("<(sip:[^>]*)>", "hdr", "Contact", "target")
		}
	} else {
		step = "request=\"" what "\""
		if (what == "INVITE" && !callee_known) {
			callee_known = 1
			ereg(".*", "hdr", "Via", "check_it=\"true\"", "via")
			ereg(".*", "hdr", "From", "check_it=\"true\"", "from")
			ereg(".*", "hdr", "To", "check_it=\"true\"", "to")
			ereg(".*", "hdr", "CSeq", "check_it=\"true\"", "cseq")
			capture("<(sip:[^>]*)>", "hdr", "Contact", "target")
			in_dialog = 1
		}
	}
	if ("maybe" in option)
		step = step " optional=\"true\""
	if ("timeout" in option)
		step = step " timeout=\"" option["timeout"] "\""
	if ("sdp" in option) {
		capture("c=IN IP4 ([0-9.]+)", "body", "", "address")
		capture("m=audio ([0-9]+) ", "body", "", "port")
	}
}
function expect(how,    header, regex, where) {
	header = $2
	regex = $0
	sub(/^[?!][ \t]+[^ \t]+[ \t]+/, "", regex)
	where = header == "body" || header == "msg" ? header : "hdr"
	ereg(regex, where, where == "hdr" ? header : "", how, "x" ++n_expected)
}
BEGIN {
	reasons[100] = "Trying"; reasons[180] = "Ringing"; reasons[183] = "Session Progress"; reasons[200] = "OK"
	reasons[302] = "Moved Temporarily"; reasons[401] = "Unauthorized"; reasons[404] = "Not Found"
	reasons[407] = "Proxy Authentication Required"; reasons[486] = "Busy Here"; reasons[487] = "Request Terminated"
	reasons[503] = "Service Unavailable"; reasons[603] = "Decline"
	print "<?xml version=\"1.0\" encoding=\"UTF-8\" ?>\n<scenario name=\"ladder\">"
}
/^[ \t]*(#.*)?$/ { next }
{ sub(/^[ \t]+/, "") }
$1 == "?" { if (kind != "recv") die("nothing received"); expect("check_it=\"true\""); next }
$1 == "!" { if (kind != "recv") die("nothing received"); expect("check_it_inverse=\"true\""); next }
$1 == "+" { if (kind != "send") die("nothing sent"); sub(/^\+[ \t]+/, ""); line($0); next }
{ flush_step(); n_steps++ }
n_steps == 1 && $1 == "recv" { callee = 1; local_tag = "d[pid]-[call_number]"; cseq = 1000 }
$1 == "send" { kind = "send"; read_options(3); send_request($2); next }
$1 == "reply" { kind = "send"; read_options(3); send_reply($2); next }
$1 == "answer" { kind = "send"; read_options(3); send_answer($2); next }
$1 == "recv" { kind = "recv"; read_options(3); receive($2); next }
$1 == "until" { print "  <recv request=\"NOTIFY\"/>"; kind = ""; next }
$1 == "pause" { printf "  <pause milliseconds=\"%d\"/>\n", $2; next }
$1 == "media" {
	printf "  <nop><action><log message=\"send [call_number] %s %s %d\"/></action></nop>\n", use("address"), use("port"), $2
	next
}
{ die("not a step") }
END {
	if (failed)
		exit 2
	flush_step()
	names = ""
	for (name in used)
		names = names (names == "" ? "" : ",") name
	if (names != "")
		printf "  <Reference variables=\"%s\"/>\n", names
	print "</scenario>"
}
