# The one list of Debian packages, to be sourced: `. config/packages.sh; packages_install build|test|lint`.
# Installs only what is missing, so that it costs nothing the second time and works without a network then.
# shellcheck shell=bash

packages_build='gcc meson ninja-build pkg-config clang llvm libc6-dev linux-libc-dev
	libdpdk-dev libxdp-dev libbpf-dev libmnl-dev libevent-dev libc-ares-dev libssl-dev
	libconfig-dev libpcre2-dev libjansson-dev check'
packages_run='iproute2 nftables ethtool procps util-linux jq'
packages_phones='baresip-core sox'
packages_test='sip-tester tshark'
packages_lint='clang-format clang-tidy shellcheck'

# Print the packages of one set: build, test (all that tests/run.sh needs), phones (all that quickstart.sh needs) or lint.
packages_of() {
	case $1 in
	build) echo "$packages_build" ;;
	phones) echo "$packages_build $packages_run $packages_phones" ;;
	test) echo "$packages_build $packages_run $packages_phones $packages_test" ;;
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
	# tshark asks whether users may capture, unless told not to ask; no service is to start by itself.
	export DEBIAN_FRONTEND=noninteractive
	# shellcheck disable=SC2086
	apt-get install -qq -y --no-install-recommends $missing >/dev/null 2>&1 && return 0
	apt-get update -qq >&2
	# shellcheck disable=SC2086
	apt-get install -qq -y --no-install-recommends $missing >&2
}
