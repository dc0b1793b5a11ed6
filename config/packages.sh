# The one list of Debian packages, to be sourced: `. config/packages.sh; packages_install build|test|bench|lint`.
# Installs only what is missing, so that it costs nothing the second time and works without a network then.
# shellcheck shell=bash

packages_build='gcc meson ninja-build pkg-config clang llvm libc6-dev linux-libc-dev
	libdpdk-dev libxdp-dev libbpf-dev libmnl-dev libevent-dev libc-ares-dev libssl-dev
	libconfig-dev libpcre2-dev libjansson-dev libpcap-dev libibverbs-dev check'
packages_run='iproute2 iputils-ping nftables ethtool procps util-linux jq'
packages_phones='baresip-core sox'
packages_test='sip-tester tshark kamailio python3 libclang-rt-dev'
packages_bench='valgrind dpdk-dev rtpengine-daemon'
# Of them, those that bring a service, which is neither to start now nor with the machine: tests run their own.
packages_services='kamailio rtpengine-daemon'
packages_lint='clang-format clang-tidy shellcheck'

# Print the packages of one set: build, test (all that tests/run.sh needs), phones (all that quickstart.sh needs), bench
# (all that tests/bench.sh needs) or lint.
packages_of() {
	case $1 in
	build) echo "$packages_build" ;;
	phones) echo "$packages_build $packages_run $packages_phones" ;;
	test) echo "$packages_build $packages_run $packages_phones $packages_test" ;;
	bench) echo "$packages_build $packages_run $packages_bench" ;;
	lint) echo "$packages_build $packages_lint" ;;
	*) echo "packages.sh: unknown set '$1'" >&2 && return 2 ;;
	esac
}

# Of the packages named, those that are not installed.
packages_missing() {
	local package
	for package in "$@"; do
		case $(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null) in
		*not-installed* | '') echo "$package" ;;
		*installed*) ;; # one word for each architecture installed
		*) echo "$package" ;;
		esac
	done
}

# Debian asks this file before a package starts its service. What the host has already stays.
POLICY=/usr/sbin/policy-rc.d

# A subshell, so that its policy goes whatever way it ends.
packages_apt() (
	trap 'exit 130' INT TERM HUP
	if [ ! -e $POLICY ]; then
		trap 'rm -f $POLICY' EXIT
		printf '#!/bin/sh\nexit 101\n' >$POLICY && chmod 755 $POLICY
	fi
	status=0
	# tshark asks whether users may capture, unless told not to ask.
	DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends "$@" || status=$?
	for package in "$@"; do
		case " $packages_services " in
		*" $package "*) packages_service_off "$package" ;;
		esac
	done
	exit $status
)

packages_service_off() {
	update-rc.d "$1" disable || true
	deb-systemd-helper disable "$1.service" || true
} >/dev/null 2>&1

# Install what is missing of a set. Needs root only then.
packages_install() {
	local wanted missing
	wanted=$(packages_of "$1") || return
	# shellcheck disable=SC2086 # lists of words
	missing=$(packages_missing $wanted)
	[ -n "$missing" ] || return 0
	missing=$(echo "$missing" | tr '\n' ' ')
	if [ "$(id -u)" != 0 ]; then
		echo "packages are missing, and only root can install them: $missing" >&2
		return 1
	fi
	echo "installing: $missing" >&2
	# shellcheck disable=SC2086
	packages_apt $missing >/dev/null 2>&1 && return 0
	apt-get update -qq >&2
	# shellcheck disable=SC2086
	packages_apt $missing >&2
}
