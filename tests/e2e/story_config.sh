#!/bin/bash
# Wrong configuration: one mistake a case, made by sed in a good file. No network.
. "$(dirname "$0")/lib.sh"
story "each mistake in a config is named with file, line, setting and what is allowed, with exit status 2, by all programs"

kedge_config
GOOD=$CONFIG
check "the good file passes" "$KEDGECTL" check-config "$GOOD"
n=0

# wrong WHAT SED-SCRIPT REGEX: the message must begin with the right FILE:LINE: and match.
wrong() {
	local bad=$WORK/bad.conf status=0 out line

	sed "$2" "$GOOD" >"$bad"
	line=$(cmp "$GOOD" "$bad" | sed 's/.*line //') || true
	[ -n "$line" ] || fail "$1: sed changed nothing"
	out=$("$KEDGECTL" check-config "$bad" 2>&1) || status=$?
	[ "$status" = 2 ] || fail "$1: status $status: $out"
	# The pattern may reach into what is allowed.
	out=$(grep -E -- "^$bad:$line: .*$3" <<<"$out" | grep -m 1 '; allowed: ') ||
		fail "$1: '$bad:$line: $3 …; allowed: …' is not in: $("$KEDGECTL" check-config "$bad" 2>&1)"
	n=$((n + 1))
	say "ok: $1: ${out#"$WORK"/}"
}

wrong "unknown setting" 's/dscp = 46/dscpp = 46/' 'dscpp'
wrong "unknown top-level setting" 's/^node = /nodde = /' 'nodde'
wrong "syntax" 's/node_id = 1;/node_id = = 1;/' 'syntax'
wrong "no node" 's/node = "edge1";//' 'node'
wrong "node_id too large" 's/node_id = 1;/node_id = 65536;/' 'node_id.*65535'
wrong "node_id beyond 32 bits" 's/node_id = 1;/node_id = 4294967297;/' 'node_id'
wrong "node_id is a text" 's/node_id = 1;/node_id = "1";/' 'node_id'
wrong "a name with a space" 's/node = "edge1"/node = "edge 1"/' 'node'
wrong "hugepages" 's/hugepages = "never"/hugepages = "sometimes"/' 'hugepages.*auto'
wrong "no worker" 's/workers = \[ [0-9]* \]/workers = [ ]/' 'workers'
wrong "a CPU that isn't there" 's/workers = \[ [0-9]* \]/workers = [ 99999 ]/' 'workers'
wrong "max_sessions 0" 's/max_sessions = [0-9]*/max_sessions = 0/' 'max_sessions'
wrong "max_sessions negative" 's/max_sessions = [0-9]*/max_sessions = -5/' 'max_sessions'
wrong "unknown device" 's/af_xdp:access/carrier_pigeon:access/' 'device.*af_xdp'
wrong "device without interface" 's/af_xdp:access/af_xdp:/' 'device'
wrong "two ports of one name" 's/name = "core"; device/name = "access"; device/' 'ports.1..name'
wrong "a realm on no port" '/name = "access"; port/s/port = "access"/port = "acess"/' 'port.*acess'
wrong "nat" 's/nat = "never"/nat = "perhaps"/' 'nat.*never'
wrong "latch" 's/latch = "auto"/latch = "autoo"/' 'latch.*auto'
wrong "dscp" 's/dscp = 46/dscp = 64/' 'dscp.*63'
wrong "allow" 's,203.0.113.0/24,203.0.113.0/33,' 'allow'
wrong "media address" '/media = /s/203.0.113.1/203.0.113.300/' 'address'
wrong "media ports reversed" 's/\[ 16384, 32767 \]/[ 32766, 16385 ]/' 'ports'
wrong "media ports out of range" 's/\[ 16384, 32767 \]/[ 16384, 70000 ]/' 'ports'
wrong "one media port" 's/\[ 16384, 32767 \]/[ 16384 ]/' 'ports'
wrong "SIP port within the media ports" 's/port = 5060; } ); },$/port = 20000; } ); },/' 'port'
wrong "transport" '/sip = /s/transport = "udp"/transport = "smoke"/' 'transport.*udp'
wrong "a trunk in no realm" 's/name = "carrier"; realm = "core"/name = "carrier"; realm = "cor"/' 'realm'
wrong "a peer's port" 's/"198.51.100.2"; port = 5060/"198.51.100.2"; port = 99999/' 'port.*65535'
wrong "ring timeout" 's/ring_timeout_s = 60/ring_timeout_s = "long"/' 'ring_timeout_s'
wrong "a pattern that doesn't compile" 's/user = "\.\*"/user = "(.*"/' 'user'
wrong "a route to no trunk" 's/to = ( "carrier" )/to = ( "carier" )/' 'carier'
wrong "a route from nowhere" 's/{ from_realm = "access"; /{ /' 'from_realm'
wrong "a contact that is no SIP URI" 's/contact = "sip:/contact = "mailto:/' 'contact'
wrong "a user that isn't there" 's/ended_calls = 1000;/user = "no-such-user";/' 'control.user.*no such user'
wrong "media timeout" 's/media_timeout_s = 300/media_timeout_s = -1/' 'media_timeout_s'
check "at least 25 cases" test "$n" -ge 25

# The programs themselves refuse the same file.
sed 's/dscp = 46/dscp = 64/' "$GOOD" >"$WORK/bad.conf"
for program in "$RELAY" "$CONTROL"; do
	status=0
	timeout 10 "$program" -c "$WORK/bad.conf" >"$WORK/out" 2>&1 || status=$?
	check_equal "$(basename "$program")'s status with a wrong file" "$status" 2
	check "$(basename "$program") names the mistake" grep -q "bad.conf:[0-9]*: .*dscp" "$WORK/out"
	status=0
	timeout 10 "$program" -c "$WORK/none.conf" >"$WORK/out" 2>&1 || status=$?
	check_equal "$(basename "$program")'s status without the file" "$status" 2
	status=0
	timeout 10 "$program" --nonsense >"$WORK/out" 2>&1 || status=$?
	check_equal "$(basename "$program")'s status with wrong words" "$status" 2
done
echo "proven: $STORY"
