#!/bin/sh
# SPDX-License-Identifier: MIT
# run.sh SECONDS [TARGET...]: fuzz under ASan and UBSan, each target so long: json (tree files), criu (images of
# dumps), model (scripts of settid model), ops (a stream of operations on libpidns), plan (the planner, on tree files); without a target all
# of them.  Inputs that it finds stay in build-fuzz/corpus-TARGET.
# Ends with 0 when nothing was found, 1 with the input's name when something was, 77 when there is no clang.
set -eu
seconds=${1:-60}
case $seconds in '' | *[!0-9]*) echo "usage: $0 SECONDS [json|criu|model|ops|plan...]" >&2; exit 2 ;; esac
[ $# -eq 0 ] || shift
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
build=${BUILD:-$root/build-fuzz}
cd "$root"

if ! command -v clang >/dev/null; then
	echo "# SKIP fuzz: clang is not installed, so nothing was fuzzed"
	exit 77
fi
if [ ! -f "$build/build.ninja" ]; then
	CC=clang meson setup "$build" -Dfuzz=true >/dev/null
fi

# Words that mean something: a file for libFuzzer's -dict.
dictionary() { # TARGET
	case $1 in
	json | plan) cat "$here/json.dict" ;;
	criu) # the names of images, their magics, and keys of messages
		printf '"%s"\n' inventory.img pstree.img core-10.img core-11.img ids-10.img pidns-9.img \
			'\x19CVT' '\x16\x3111X' '00\x27P' 'G8\x05U' '0 CT' 'rq\x15a' '\x08\x0a' '\x10\x00' '\x2a' '\x32\x01x'
		;;
	ops) printf '"%s"\n' '\x00\x00' '\x01' '\xff' ;;
	model)
		printf '"%s"\n' init outer tree draw help ' = ' ' ? ' '$' 'set_tid='
		sed -n 's/.*{ "\([A-Za-z0-9_\/]*\)".*/"\1"/p' src/model/ops.c | sort -u
		;;
	esac
}

# Where inputs to begin with are.
seeds() { # TARGET
	case $1 in
	json) echo "$here/corpus" "$root/tests/trees" ;;
	plan) echo "$root/tests/trees" ;;
	criu) echo "$build/seeds-criu" ;;
	model) echo "$here/corpus-model" "$root/tests/cases" ;;
	ops) ;; # it finds its own
	esac
}

longest() { # TARGET: bytes of an input
	case $1 in
	json | criu) echo 16384 ;;
	plan) echo 4096 ;;
	model | ops) echo 2048 ;;
	esac
}

# A dump is a folder; the fuzzer wants one file.
pack_dumps() {
	mkdir -p "$build/seeds-criu"
	for dump in "$root"/tests/criu/*/; do
		python3 "$here/pack_images.py" "$dump" "$build/seeds-criu/$(basename "$dump")"
	done
}

fuzz() { # TARGET WHAT
	[ "$1" != criu ] || pack_dumps
	ninja -C "$build" -j2 "tests/fuzz/fuzz_$1" >"$build/fuzz-build.log" 2>&1 || {
		cat "$build/fuzz-build.log"
		return 1
	}
	mkdir -p "$build/corpus-$1"
	dictionary "$1" >"$build/$1.dict"
	log=$build/fuzz-$1.log
	status=0
	# shellcheck disable=SC2046 # folders of ours
	UBSAN_OPTIONS=print_stacktrace=1 nice "$build/tests/fuzz/fuzz_$1" \
		-max_total_time="$seconds" -dict="$build/$1.dict" -max_len="$(longest "$1")" -timeout=10 -rss_limit_mb=2048 \
		-artifact_prefix="$build/$1-" -print_final_stats=1 \
		"$build/corpus-$1" $(seeds "$1") >"$log" 2>&1 || status=$?
	if [ "$status" -ne 0 ]; then
		tail -n 40 "$log"
		echo "fuzz: $2 failed (status $status); see $log"
		return 1
	fi
	executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	echo "fuzz: $executions executions of $2 in $seconds s, nothing found"
}

[ $# -gt 0 ] || set -- json criu model ops plan
for target in "$@"; do
	case $target in
	json) fuzz json 'the tree-file reader' ;;
	criu) fuzz criu 'the reader of CRIU images' ;;
	model) fuzz model 'scripts of settid model' ;;
	ops) fuzz ops 'streams of operations on libpidns' ;;
	plan) fuzz plan 'the planner' ;;
	*)
		echo "no target '$target'" >&2
		exit 2
		;;
	esac
done
