#!/bin/bash
# Interfaces that AF_XDP can't have: one with a further receive queue, one with somebody else's XDP program.
#
#	 access: caller ═══ kedge ═══ core: callee
. "$(dirname "$0")/lib.sh"
story "an interface that the relay can't have whole is refused, with what is wrong and its cure, and left as it was"

RX_QUEUES=2
topology_pair
kedge_config
kedge_run_folder
program() { # of the access interface: "ID NAME", if any
	ip -n "$(ns edge)" -d -j link show access | jq -r '.[0].xdp.prog // empty | "\(.id) \(.name)"'
}
# refused NAME: the relay does not start.
refused() {
	relay_spawn "$1"
	check_ends "$1" 1
}

in_ns edge ethtool -L core rx 1
refused two_queues
check "it says which interface, and what it found" logged two_queues 'error .*interface=access .*rx=2 combined=0'
cure=$(grep -o 'ethtool -L access .*' "$WORK/two_queues.log")
check "it says the cure" test "$cure" = "ethtool -L access rx 1"
check_equal "XDP programs there" "$(program)" ""
# shellcheck disable=SC2086 # a command
in_ns edge $cure

in_ns edge ip link set dev access xdp obj "$BUILD_DIR/tests/e2e/foreign_xdp.bpf" sec xdp
theirs=$(program)
check_equal "somebody's XDP program is on the interface" "${theirs#* }" foreign_xdp
refused foreign_program
check "it names the interface and the program" logged foreign_program 'error .*interface=access .*foreign XDP program \(foreign_xdp\)'
cure=$(grep -o 'ip link set dev access .*' "$WORK/foreign_program.log")
check "it says the cure" test "$cure" = "ip link set dev access xdp off"
check_equal "the program that is there" "$(program)" "$theirs"
check "none is on the other interface" not grep -q prog/xdp <<<"$(ip -n "$(ns edge)" link show core)"
# shellcheck disable=SC2086 # a command
in_ns edge $cure

kedge_start
check "it starts" xdp_attached
rtp_phones rtp_access access "$CALLER" 1
rtp_phones rtp_core core "$CALLEE" 1
good_call cured
check_nothing_left
story_end
