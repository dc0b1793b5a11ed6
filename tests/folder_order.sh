#!/bin/bash
# Who may include whom: the order of the folders, and of the layers within control/.
#
#	relay ◄─ config ◄─ dpdk_app
#	  ▲         ▲
#	  │         └───── control: base ◄─ sip ◄──────────┐
#	  └─ protocol.h ──────────▲       ◄─ sdp ◄─ media ◄─ call ◄─ ops
#
# control/ sees of relay/ only the control protocol: protocol.h, what that includes, and next_hop.h, whose states it
# carries; and keyed_hash.h, which both need. tests/ see everything. Prints each include that goes
# against the order; exit status 1 if there is one.
set -e -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# relay/protocol.h and what it includes, all the way down.
protocol_headers() {
	local known='' next='relay/protocol.h' header
	while [ -n "$next" ]; do
		header=${next%% *}
		next=${next#"$header"}
		next=${next# }
		case " $known " in *" $header "*) continue ;; esac
		known="$known $header"
		[ -f "$header" ] || continue
		next="$next $(sed -n 's/^#include "\([^"]*\)".*/\1/p' "$header" | tr '\n' ' ')"
		next=${next% }
		next=${next# }
	done
	echo "$known"
}

# Patterns of what a file of a folder may include.
allowed_for() {
	local base="config/* control/[a-z_]*.h control/[a-z_]*.def $PROTOCOL"
	case $1 in
	relay) echo 'relay/*' ;;
	config) echo 'relay/* config/*' ;;
	dpdk_app) echo 'relay/* config/* dpdk_app/*' ;;
	control) echo "$base" ;;
	control/sip) echo "$base control/sip/*" ;;
	control/sdp) echo "$base control/sdp/*" ;;
	control/media) echo "$base control/sdp/* control/media/*" ;;
	control/call) echo "$base control/sip/* control/sdp/* control/media/* control/call/*" ;;
	control/ops) echo "$base control/sip/* control/sdp/* control/media/* control/call/* control/ops/*" ;;
	*) echo '*' ;;
	esac
}

# True if the include fits one of the patterns; a * doesn't reach into a folder below.
fits() {
	local include=$1 pattern
	shift
	for pattern in "$@"; do
		# shellcheck disable=SC2254 # it is a pattern
		case $include in
		$pattern) [ "${include//[!\/]/}" = "${pattern//[!\/]/}" ] && return 0 ;;
		esac
	done
	return 1
}

set -f # patterns stay patterns
PROTOCOL="$(protocol_headers) relay/next_hop.h relay/keyed_hash.h"
wrong=0
for folder in relay config dpdk_app control control/sip control/sdp control/media control/call control/ops; do
	[ -d "$folder" ] || continue
	allowed=$(allowed_for "$folder")
	while IFS=: read -r file line text; do
		include=$(sed -n 's/^[^"]*"\([^"]*\)".*/\1/p' <<<"$text")
		# shellcheck disable=SC2086 # a list of patterns
		fits "$include" $allowed && continue
		# The one file that joins all layers is main.
		[ "$file" = control/main.c ] && case $include in control/*) continue ;; esac
		echo "$file:$line: $folder may not include \"$include\""
		wrong=1
	done < <(find "$folder" -maxdepth 1 -name '*.[chS]' -exec grep -Hn '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' {} + || true)
done
exit "$wrong"
