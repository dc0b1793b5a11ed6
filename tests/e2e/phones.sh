# Simulated phones: SIPp speaks SIP by a ladder (ladder.awk), rtp_peer has the media. Sourced by lib.sh.
# shellcheck shell=bash

N_SIPPS=0
N_POKES=0
DIALLED=4930123456

# rtp_phones NAME NS ADDRESS N: media of N calls at a time and address; $WORK/NAME.fifo takes rtp_peer's commands.
rtp_phones() {
	mkfifo "$WORK/$1.fifo"
	spawn "$1" exec_in_ns "$2" "$RTP_PEER" "$3" 20000 "$4" "$WORK/$1.fifo" "$WORK/$1.report"
	wait_for "$1's sockets" 5 logged "$1" ^ready
}

rtp_command() { # rtp_command NAME WORDS…
	local name=$1
	shift
	echo "$*" >"$WORK/$name.fifo"
}

# A fresh report of NAME, as a JSON array of its phones.
rtp_report() {
	rm -f "$WORK/$1.report"
	rtp_command "$1" report
	wait_for "$1's report" 5 test -e "$WORK/$1.report"
	jq -s . "$WORK/$1.report"
}

rtp_sum() { # rtp_sum NAME FIELD
	rtp_report "$1" | jq "[.[].$2] | add // 0"
}

rtp_received_at_least() { # rtp_received_at_least NAME N
	[ "$(rtp_sum "$1" received)" -ge "$2" ]
}

media_sums() {
	jq -c '{sent: (map(.sent) | add), rtcp: (map(.rtcp_sent) | add), got: (map(.received) | add),
		got_rtcp: (map(.rtcp_received) | add), flaws: (map(.bad + .lost + .late + .send_errors + ([.senders - 1, 0] | max)) | add)}'
}

# Of phones' reports: how many hear somebody who hears somebody else.
one_sided() {
	jq -s '(map({key: "\(.ssrc)", value: .heard_ssrc}) | from_entries) as $heard |
		map(select(.senders > 0 and $heard["\(.heard_ssrc)"] != .ssrc)) | length'
}

# Both peers got exactly what the other sent, unchanged and in order; agrees with what their kernels counted.
check_media_whole() { # check_media_whole PEER_A NS_A PEER_B NS_B
	local a b
	a=$(rtp_report "$1" | media_sums)
	b=$(rtp_report "$3" | media_sums)
	say "media: $1 $a; $3 $b"
	check_equal "phones of $1 and $3 that hear another than hears them" "$(cat "$WORK/$1.report" "$WORK/$3.report" | one_sided)" 0
	check_equal "packets changed, lost, late or unsendable at $1" "$(jq .flaws <<<"$a")" 0
	check_equal "packets changed, lost, late or unsendable at $3" "$(jq .flaws <<<"$b")" 0
	check_equal "RTP $1 → $3" "$(jq .got <<<"$b")" "$(jq .sent <<<"$a")"
	check_equal "RTP $3 → $1" "$(jq .got <<<"$a")" "$(jq .sent <<<"$b")"
	check_equal "RTCP $1 → $3" "$(jq .got_rtcp <<<"$b")" "$(jq .rtcp <<<"$a")"
	check_equal "RTCP $3 → $1" "$(jq .got_rtcp <<<"$a")" "$(jq .rtcp <<<"$b")"
	check_equal "packets counted by the kernels, $2 → $4" "$(rtp_counted "$4" in)" "$(rtp_counted "$2" out)"
	check_equal "packets counted by the kernels, $4 → $2" "$(rtp_counted "$2" in)" "$(rtp_counted "$4" out)"
}

# rtp_quiet PEER_A PEER_B: stop all streams; what is under way arrives.
rtp_quiet() {
	local i
	for i in $(seq "${3:-1}"); do
		rtp_command "$1" stop "$i"
		rtp_command "$2" stop "$i"
	done
	wait_for "the last packets at $2" 2 rtp_arrived "$1" "$2"
	wait_for "the last packets at $1" 2 rtp_arrived "$2" "$1"
}

# heard N PEER…: each of them has received all N packets, so that whoever hangs up now cuts nothing off.
heard() {
	local n=$1 peer
	shift
	for peer in "$@"; do
		wait_for "$n packets at $peer" $((5 + n / 50)) rtp_received_at_least "$peer" "$n"
	done
}

# What the one has sent so far, the other has, less what ${LOST:-0} says.
rtp_arrived() {
	[ "$(rtp_sum "$2" received)" -ge $(($(rtp_sum "$1" sent) - ${LOST:-0})) ]
}

ladder() { # ladder NAME <LADDER: writes $WORK/NAME.xml
	cat >"$WORK/$1.ladder"
	awk -f "$E2E/ladder.awk" "$WORK/$1.ladder" >"$WORK/$1.xml"
}

# callee NAME ADDRESS [SIPP OPTIONS] <LADDER: a phone in the core (CALLEE_NS) that waits for -m calls (1). Media by
# rtp_phones MEDIA.
callee() {
	local name=$1 address=$2 where=${CALLEE_NS:-core}
	shift 2
	sipp_start "$name" "$where" "$address" "$@"
	wait_for "$name's socket" 5 sipp_listens "$where" "$address" "$name"
}

# caller NAME ADDRESS [SIPP OPTIONS] <LADDER: a phone in the access network (CALLER_NS) that calls Kedge.
caller() {
	local name=$1 address=$2
	shift 2
	sipp_start "$name" "${CALLER_NS:-access}" "$address" -s "$DIALLED" -m 1 "$@" "$EDGE_ACCESS:5060"
}

# sipp_start NAME NS ADDRESS [SIPP OPTIONS] <LADDER
sipp_start() {
	local name=$1 where=$2 address=$3 media=()
	shift 3
	ladder "$name"
	rm -f "$WORK/$name.messages" "$WORK/$name.errors"
	N_SIPPS=$((N_SIPPS + 1))
	if grep -q '^media ' "$WORK/$name.ladder"; then
		media=(-trace_logs -log_file "$WORK/${MEDIA:-rtp_$where}.fifo")
	fi
	# Its own media sockets are not used: kept out of the way, on an address of its own.
	spawn "$name" exec_in_ns "$where" sipp -sf "$WORK/$name.xml" -i "$address" -p 5060 -mi "127.0.1.$N_SIPPS" -mp 20000 -m 1 \
		-nostdin -timeout 40 -timeout_error "${media[@]}" -trace_err -error_file "$WORK/$name.errors" \
		-trace_msg -message_file "$WORK/$name.messages" "$@"
}

sipp_listens() {
	running "$3" || fail "$3 ended: $(tail -n 3 "$WORK/$3.log")"
	[ -n "$(in_ns "$1" ss -Huln "src $2:5060")" ]
}

# received NAME METHOD: the phone has had, or sent, such a request.
received() {
	grep -q "^$2 " "$WORK/$1.messages"
}

# poke NAME NS ADDRESS: let all calls of the phone go on from their `until poked`.
poke() {
	local ids
	ids=$(sed -n 's/^Call-ID: *//p' "$WORK/$1.messages" | tr -d '\r' | sort -u)
	[ -n "$ids" ] || fail "$1 has no call to poke"
	N_POKES=$((N_POKES + 1)) # one like the last would be taken for its repetition
	# One write, one datagram: bash's own printf writes a line at a time.
	# shellcheck disable=SC2016 # expanded inside
	in_ns "$2" bash -c 'for id in $2; do
		env printf "%s\r\n" "NOTIFY sip:poke@$1 SIP/2.0" "Via: SIP/2.0/UDP $1:9;branch=z9hG4bKpoke$3" \
			"From: <sip:story@$1>;tag=story" "To: <sip:poke@$1>" "Call-ID: $id" "CSeq: $3 NOTIFY" "Content-Length: 0" "" \
			>/dev/udp/$1/5060
		done' - "$3" "$ids" "$N_POKES"
}

# The call that most stories are about: the callee rings and answers, PACKETS packets go each way, the caller hangs up when
# they have had time enough. With PACKETS=0 media flows until the story stops it. HOLD="until poked" has the caller wait for
# the story to say when all has been heard; with PACKETS=0 it always does.
HOLD=
plain_callee() { # plain_callee NAME [SIPP OPTIONS]
	callee "$@" <<-END
		recv INVITE sdp
		reply 180
		reply 200
		recv ACK
		media $PACKETS
		recv BYE
		answer 200
	END
}

plain_caller() { # plain_caller NAME ADDRESS [SIPP OPTIONS]
	local hold=${HOLD:-pause $((PACKETS * 20 + 800))} # the callee may begin later
	[ "$PACKETS" -gt 0 ] || hold="until poked"
	caller "$@" <<-END
		send INVITE
		recv 100 maybe
		recv 180
		recv 200 sdp
		send ACK
		media $PACKETS
		$hold
		send BYE
		recv 200
	END
}

# One whole good call, start to end, with media heard by both: says that all is (still) well.
good_call() { # good_call NAME
	local access core
	access=$(rtp_sum rtp_access received)
	core=$(rtp_sum rtp_core received)
	PACKETS=10 plain_callee "$1_callee" "$CALLEE"
	PACKETS=10 HOLD="until poked" plain_caller "$1_caller" "$CALLER"
	heard $((access + 10)) rtp_access
	heard $((core + 10)) rtp_core
	poke "$1_caller" access "$CALLER"
	phones_done "$1_caller" "$1_callee"
}

# phones_done NAME…: each has gone through its ladder to the end.
phones_done() {
	local name status
	for name in "$@"; do
		status=0
		finish "$name" || status=$?
		[ "$status" = 0 ] || fail "$name left its ladder (SIPp's status $status)"
		say "ok: $name went through its ladder"
	done
}
