#!/bin/bash
# Measures: tests/bench.sh [--short] [NAME]…, all benches without a name. A row a figure: name, value, unit, reference, ratio
# to the reference, and what the reference is. No row is a verdict: a bench fails when it yields no figure or when packets or
# sessions don't add up, never because of speed.
#
# BENCH_SHORT=1 or --short: the short setting, which shows that all of it works; its figures are rough.
set -e -u -o pipefail

REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

# As they are to be read, the quickest first.
BENCHES='relay_burst sessions calls relay_killed line_rate beside_rtpengine'

usage() {
	cat <<-END
		Usage: tests/bench.sh [--short] [NAME…]

		  relay_burst        the media core alone: time and instructions a packet, by sessions and size of the burst
		  sessions           puts, listing and deletes a second, memory a session (root only)
		  calls              the B2BUA: CPU and memory a call, how long an INVITE is held up (root only)
		  relay_killed       media's silence when the relay is killed under 10,000 calls (root only)
		  line_rate          the whole data plane on one core, beside dpdk-testpmd (root only)
		  beside_rtpengine   CPU a packet and loss beside rtpengine in user space (root only)

		All of them without a name. Exit status: 0 all measured, 1 one of them could not be, 2 usage.
	END
}

if [ "${1:-}" = --short ]; then
	BENCH_SHORT=1
	shift
fi
export BENCH_SHORT=${BENCH_SHORT:-}
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $BENCHES
for name in "$@"; do
	case " $BENCHES " in
	*" $name "*) ;;
	*) usage >&2 && exit 2 ;;
	esac
done

if [ -z "${BUILD_DIR:-}" ]; then
	export BUILD_DIR=$REPO/build
	# shellcheck source=config/packages.sh
	. "$REPO/config/packages.sh"
	packages_install bench || exit 1
	[ -f "$BUILD_DIR/build.ninja" ] || CC=gcc meson setup "$BUILD_DIR" "$REPO" >/dev/null
	ninja -C "$BUILD_DIR" --quiet
fi

status=0
printf '# %s, %s CPUs, %s\n' "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -sr)"
printf '# %-42s %10s %-14s %10s %6s  %s\n' figure value unit reference ratio 'the reference is'
for name in "$@"; do
	"$REPO/tests/bench/$name.sh" || status=1
done
exit "$status"
