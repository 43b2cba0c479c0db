#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh SECONDS: fuzz the tree-file reader under ASan and UBSan.  Inputs it finds stay in build-fuzz/corpus.
# Ends with 0 when nothing was found, 1 with the input's name when something was, 77 when there is no clang.
set -eu
seconds=${1:-60}
case $seconds in '' | *[!0-9]*) echo "usage: $0 SECONDS" >&2; exit 2 ;; esac
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build-fuzz}
cd "$root"

if ! command -v clang >/dev/null; then
	echo "# SKIP fuzz: clang is not installed, so the tree-file reader was NOT fuzzed"
	exit 77
fi
if [ ! -f "$build/build.ninja" ]; then
	CC=clang meson setup "$build" -Dfuzz=true >/dev/null
fi
ninja -C "$build" -j2 tests/fuzz/fuzz_json >"$build/fuzz-build.log" 2>&1 || {
	cat "$build/fuzz-build.log"
	exit 1
}
mkdir -p "$build/corpus"
log=$build/fuzz.log
set +e
UBSAN_OPTIONS=print_stacktrace=1 nice "$build/tests/fuzz/fuzz_json" \
	-max_total_time="$seconds" -dict="$here/json.dict" -max_len=16384 -timeout=10 -rss_limit_mb=2048 \
	-artifact_prefix="$build/" -print_final_stats=1 \
	"$build/corpus" "$here/corpus" "$root/tests/trees" >"$log" 2>&1
status=$?
set -e
if [ "$status" -ne 0 ]; then
	tail -n 40 "$log"
	echo "fuzz: the tree-file reader failed (status $status); see $log"
	exit 1
fi
executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
echo "fuzz: $executions executions of the tree-file reader in $seconds s, nothing found"
