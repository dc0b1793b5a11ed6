#!/bin/bash
# Checks of the sources themselves: tests/lint.sh [CHECK…], all of them without an argument.
# clang-tidy reads the compile database of BUILD_DIR (default: build-clang beside this folder), made if it isn't there.
set -e -u -o pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

CHECKS='format shell order headers length units tidy'
BUILD_DIR=${BUILD_DIR:-$PWD/build-clang}
FOLDERS=(relay config dpdk_app control tests)
LINES_MAX=600

c_files() {
	find "${FOLDERS[@]}" -name '*.[ch]' | sort
}

lint_format() {
	c_files | xargs clang-format --dry-run -Werror
}

lint_shell() {
	# What a script sources is checked by itself; what looks unreachable is called by a name in a variable.
	find "${FOLDERS[@]}" .ci -type f \( -name '*.sh' -o -path '.ci/*' \) -print0 | sort -z |
		xargs -0 shellcheck -x -e SC1091,SC2317
}

lint_order() {
	tests/folder_order.sh
}

# Each header compiles alone, with the flags of its folder's code.
lint_headers() {
	local header failed=0 flags
	flags="-std=gnu2x -D_GNU_SOURCE -I. $(pkg-config --cflags libdpdk libevent)"
	while read -r header; do
		# shellcheck disable=SC2086 # flags
		gcc $flags -include "$header" -fsyntax-only -x c /dev/null || {
			echo "$header: does not compile alone"
			failed=1
		}
		grep -q '^#pragma once' "$header" || {
			echo "$header: without #pragma once"
			failed=1
		}
	done < <(c_files | grep '\.h$')
	return "$failed"
}

lint_length() {
	local file lines failed=0
	while read -r file; do
		lines=$(wc -l <"$file")
		[ "$lines" -le "$LINES_MAX" ] || {
			echo "$file: $lines lines; at most $LINES_MAX"
			failed=1
		}
	done < <(c_files)
	return "$failed"
}

# The units, with programs that are there in place of ours, which aren't installed.
lint_units() {
	local folder unit status=0
	command -v systemd-analyze >/dev/null || return 0
	folder=$(mktemp -d)
	for unit in config/*.service; do
		sed 's|^ExecStart=/usr/bin/kedge[^ ]*|ExecStart=/bin/true|' "$unit" >"$folder/$(basename "$unit")"
	done
	# It says nothing about units that are right.
	systemd-analyze verify --man=no "$folder"/*.service >"$folder/log" 2>&1 || status=1
	if [ -s "$folder/log" ]; then
		cat "$folder/log"
		status=1
	fi
	rm -rf "$folder"
	return "$status"
}

lint_tidy() {
	local log
	[ -f "$BUILD_DIR/compile_commands.json" ] || CC=clang meson setup "$BUILD_DIR" >/dev/null
	log=$(mktemp)
	# The product only: the tests' macros take as long again and are read by every sanitizer. It says a lot on the
	# way; only findings matter.
	run-clang-tidy -quiet -j "$(nproc)" -p "$BUILD_DIR" '/(relay|config|dpdk_app|control)/' >"$log" 2>&1 || {
		sed -i 's/\x1b\[[0-9;]*m//g' "$log"
		grep -E -A 6 '(error|warning): ' "$log" || cat "$log"
		rm -f "$log"
		return 1
	}
	rm -f "$log"
}

failed=0
# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $CHECKS
for check in "$@"; do
	case " $CHECKS " in
	*" $check "*) ;;
	*) echo "usage: tests/lint.sh [$CHECKS]" >&2 && exit 2 ;;
	esac
	"lint_$check" || {
		echo "lint: $check failed"
		failed=1
	}
done
exit "$failed"
