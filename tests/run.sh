#!/bin/bash
# Installs what is missing, builds, and runs the tests. What a test can't do here has a line "SKIP name: why", which is
# neither. Ends with the line "N passed, N failed".
set -e -u -o pipefail

usage() {
	cat <<-END
		Usage: tests/run.sh [SUITE…]

		  unit   builds with gcc and with clang, unit tests
		  asan   unit tests under AddressSanitizer and UndefinedBehaviorSanitizer; those of threads under ThreadSanitizer
		  fuzz   each fuzz target for FUZZ_SECONDS (10) over its corpus
		  lint   format, scripts, order of the folders, headers, clang-tidy
		  e2e    the stories of tests/e2e, in network namespaces (root only)
		  bench  the benches of tests/bench.sh in their short setting (root only)

		All of them without an argument. BUILD_ROOT is where the build folders go (the repository).
		Exit status: 0 all passed, 1 something failed, 2 usage.
	END
}

SUITES='unit lint asan fuzz e2e bench'
REPO=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
BUILD_ROOT=${BUILD_ROOT:-$REPO}
FUZZ_SECONDS=${FUZZ_SECONDS:-10}
STORY_SECONDS=240

passed=0 failed=0
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

pass() {
	passed=$((passed + 1))
	echo "PASS $1"
}

# fail NAME LOG [LINES]: shows where a build broke, else the end of the log.
fail() {
	failed=$((failed + 1))
	echo "FAIL $1"
	if grep -q '^FAILED:' "$2"; then
		grep -m 3 -A 8 '^FAILED:' "$2"
	else
		tail -n "${3:-60}" "$2"
	fi | cut -c 1-300 | sed 's/^/    /'
}

skip() { # skip NAME WHY
	echo "SKIP $1: $2"
}

# check NAME COMMAND…: one test, its output shown only when it fails.
check() {
	local name=$1
	shift
	if "$@" >"$scratch/log" 2>&1 </dev/null; then
		pass "$name"
	else
		fail "$name" "$scratch/log"
		return 1
	fi
}

# configure FOLDER COMPILER [OPTION…]: a build folder, made anew if the old one can't be taken up.
configure() {
	local folder=$BUILD_ROOT/$1 compiler=$2
	shift 2
	[ -f "$folder/build.ninja" ] && meson setup --reconfigure "$folder" "$REPO" "$@" && return
	rm -rf "$folder"
	CC=$compiler meson setup "$folder" "$REPO" "$@"
}

# build FOLDER COMPILER [OPTION…]: everything, as far as it compiles.
build() {
	configure "$@" && ninja -C "$BUILD_ROOT/$1" --quiet -k 0
}

# Adds up what the unit tests of a build folder counted: passed and failed checks, failed programs that counted nothing.
# Then a line for each test that was skipped (its status is 77): its name and its last words.
count_checks() {
	python3 - "$1/meson-logs/testlog.json" <<-'END'
		import json, re, sys
		passed = failed = 0
		skipped = []
		for line in open(sys.argv[1]):
		    test = json.loads(line)
		    if test['result'] == 'SKIP':
		        words = test.get('stdout', '').split('\n')
		        skipped.append(test['name'] + ' ' + ([w for w in words if w] or ['it does not say why'])[-1])
		        continue
		    good = test['result'] in ('OK', 'EXPECTEDFAIL')
		    counts = re.findall(r'Checks: (\d+), Failures: (\d+), Errors: (\d+)', test.get('stdout', ''))
		    bad = sum(int(f) + int(e) for _, f, e in counts)
		    passed += sum(int(n) for n, _, _ in counts) - bad if counts else good
		    failed += bad if bad or good else 1
		print(passed, failed)
		print(*skipped, sep='\n')
	END
}

# unit_tests NAME FOLDER [TEST…]: meson's tests of a folder that is built, counted by check.
unit_tests() {
	local name=$1 folder=$BUILD_ROOT/$2 good bad counts test why
	shift 2
	rm -f "$folder/meson-logs/testlog.json"
	# shellcheck disable=SC2086 # a command to run under, or none
	${UNDER:-} meson test -C "$folder" --no-rebuild --print-errorlogs "$@" >"$scratch/log" 2>&1 </dev/null || true
	if ! counts=$(count_checks "$folder" 2>>"$scratch/log"); then
		fail "$name" "$scratch/log"
		return
	fi
	while read -r test why; do
		[ -z "$test" ] || skip "$name: $test" "$why"
	done <<<"$(tail -n +2 <<<"$counts")"
	read -r good bad <<<"$counts"
	passed=$((passed + good))
	if [ "$bad" = 0 ]; then
		echo "PASS $name: $good checks"
		return
	fi
	fail "$name: $bad of $((good + bad)) checks" "$scratch/log" 200
	failed=$((failed + bad - 1))
}

suite_unit() {
	check 'unit: gcc builds' build build gcc && unit_tests 'unit: tests' build
	check 'unit: clang builds' build build-clang clang || true
}

# The tests whose name ends in _threads. ThreadSanitizer wants the address space as it is without randomisation.
thread_tests() {
	local file names=()
	for file in "$REPO"/tests/unit/test_*_threads.c; do
		[ -f "$file" ] || continue
		file=$(basename "$file" .c)
		names+=("${file#test_}")
	done
	[ ${#names[@]} -gt 0 ] || return 0
	check 'tsan: gcc builds' thread_build "${names[@]}" || return 0
	export TSAN_OPTIONS='halt_on_error=1'
	UNDER="setarch $(uname -m) -R" unit_tests 'tsan: tests' build-tsan --timeout-multiplier=4 "${names[@]}"
	unset TSAN_OPTIONS
}

thread_build() {
	configure build-tsan gcc -Db_sanitize=thread -Db_lundef=false &&
		ninja -C "$BUILD_ROOT/build-tsan" --quiet "${@/#/tests/unit/test_}"
}

suite_asan() {
	export ASAN_OPTIONS='detect_leaks=1:strict_string_checks=1'
	export UBSAN_OPTIONS='halt_on_error=1:print_stacktrace=1'
	export CK_TIMEOUT_MULTIPLIER=4 # as meson's
	check 'asan: gcc builds' build build-asan gcc -Db_sanitize=address,undefined -Db_lundef=false &&
		unit_tests 'asan: tests' build-asan --timeout-multiplier=4
	unset ASAN_OPTIONS UBSAN_OPTIONS
	thread_tests
	unset CK_TIMEOUT_MULTIPLIER
}

# The corpus of the repository is read; what is new goes to a folder that is thrown away. A find is kept in the build folder.
fuzz_target() {
	local name=$1 folder=$BUILD_ROOT/build-fuzz seeds=$REPO/tests/fuzz/corpus/${1#fuzz_}
	mkdir -p "$scratch/$name"
	[ -d "$seeds" ] || seeds=
	# shellcheck disable=SC2086 # a path or nothing
	"$folder/tests/fuzz/$name" -max_total_time="$FUZZ_SECONDS" -timeout=10 -rss_limit_mb=2048 -verbosity=0 \
		-print_final_stats=1 -artifact_prefix="$folder/" "$scratch/$name" ${seeds:+"$seeds"}
}

fuzz_build() {
	local folder=$BUILD_ROOT/build-fuzz
	configure build-fuzz clang -Dfuzz=true -Db_lundef=false || return
	ninja -C "$folder" -t targets all >"$scratch/targets" || return
	grep -o '^tests/fuzz/fuzz_[a-z0-9_]*:' "$scratch/targets" | tr -d : | sort -u >"$scratch/fuzz"
	[ -s "$scratch/fuzz" ] && xargs ninja -C "$folder" --quiet <"$scratch/fuzz"
}

suite_fuzz() {
	local target
	check 'fuzz: clang builds' fuzz_build || return 0
	while read -r target; do
		check "fuzz: ${target##*/}" fuzz_target "${target##*/}" || true
	done <"$scratch/fuzz"
}

suite_lint() {
	local name
	# shellcheck source=config/packages.sh
	. "$REPO/config/packages.sh"
	packages_install lint
	check 'lint: compile database' configure build-clang clang || return 0
	for name in format shell order headers length units tidy; do
		check "lint: $name" env BUILD_DIR="$BUILD_ROOT/build-clang" "$REPO/tests/lint.sh" "$name" || true
	done
}

# A story that can't do something here says "SKIPPED: why"; its status is 77 if that was all of it.
suite_e2e() {
	local story name logs=$BUILD_ROOT/build/e2e-logs start status why
	if [ "$(id -u)" != 0 ]; then
		skip e2e 'network namespaces need root'
		return
	fi
	check 'e2e: gcc builds' build build gcc || return 0
	mkdir -p "$logs"
	for story in "$REPO"/tests/e2e/story_*.sh "$REPO"/tests/e2e/[0-9]*.sh; do
		[ -x "$story" ] || continue
		name=$(basename "$story" .sh)
		start=$SECONDS status=0
		BUILD_DIR=$BUILD_ROOT/build timeout -k 20 "$STORY_SECONDS" "$story" >"$logs/$name.log" 2>&1 </dev/null || status=$?
		while read -r why; do
			skip "e2e: $name" "$why"
		done < <(sed -n 's/^ *SKIPPED: //p' "$logs/$name.log")
		case $status in
		0) pass "e2e: $name ($((SECONDS - start)) s)" ;;
		77) grep -q '^ *SKIPPED: ' "$logs/$name.log" || fail "e2e: $name: skipped, nobody knows why" "$logs/$name.log" ;;
		*) fail "e2e: $name ($((SECONDS - start)) s)" "$logs/$name.log" 120 ;;
		esac
	done
}

# They fail when they yield no figure or when packets or sessions don't add up, never because of speed.
suite_bench() {
	local bench name
	if [ "$(id -u)" != 0 ]; then
		skip bench 'network namespaces need root'
		return
	fi
	packages_install bench
	check 'bench: gcc builds' build build gcc || return 0
	for bench in "$REPO"/tests/bench/*.sh; do
		[ -x "$bench" ] || continue
		name=$(basename "$bench" .sh)
		check "bench: $name" env BUILD_DIR="$BUILD_ROOT/build" \
			timeout -k 20 "$STORY_SECONDS" "$REPO/tests/bench.sh" --short "$name" || true
	done
}

# shellcheck disable=SC2086 # a list of words
[ $# -gt 0 ] || set -- $SUITES
for suite in "$@"; do
	case " $SUITES " in
	*" $suite "*) ;;
	*) usage >&2 && exit 2 ;;
	esac
done
# shellcheck source=config/packages.sh
. "$REPO/config/packages.sh"
packages_install test || exit 1
mkdir -p "$BUILD_ROOT"
for suite in "$@"; do
	"suite_$suite"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
