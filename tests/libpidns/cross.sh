#!/bin/sh
# SPDX-License-Identifier: MIT
#
# cross.sh TRIPLET EMULATOR: the library as one file, compiled for another machine, asks for no runtime there; and its tests pass
# under an emulator.

. "$(dirname "$0")/../cmd/tap.sh"
. "$(dirname "$0")/embed_flags.sh"

triplet=$1 emulator=$2
command -v "$triplet-gcc" >/dev/null || skip_all "no $triplet-gcc"
echo 'int main(void) { return 0; }' >"$tap_dir/libc.c"
"$triplet-gcc" -static "$tap_dir/libc.c" -o "$tap_dir/libc" 2>/dev/null || skip_all "no libc for $triplet-gcc"

"$SOURCE"/tools/dist.py "$tap_dir/dist" || exit 1
tests=$SOURCE/tests/libpidns
export TAP_TIMEOUT=300

# atomics in line: gcc's own library of them is for user programs on Linux
outline=''
echo | "$triplet-gcc" -mno-outline-atomics -x c -c - -o "$tap_dir/x.o" 2>/dev/null && outline=-mno-outline-atomics

compiles() { # OPTION...
	# shellcheck disable=SC2086 # words
	"$triplet-gcc" $embed_flags $outline "$@" -c "$tap_dir/dist/pidns.c" -o pidns.o
	asks_for "$triplet-nm" pidns.o | grep -vxE '__aeabi_mem(cpy|move|set|clr)[48]?' >names || true
	is "$(cat names)" ''
}

passes() { # NAME, with what it needs
	name=$1
	shift
	compiles -O2
	"$triplet-gcc" -static -std=c11 -D_GNU_SOURCE -O2 -DDEPTH=4 -DRANDOM_OPS=100000 -I"$tests/tiny" -I"$tap_dir/dist" \
		-I"$SOURCE/src" "$tests/test_$name.c" "$@" pidns.o -o "$name"
	run "$emulator" "./$name"
	echo "$out"
	is "$status" 0
	unlike "$out" '*not ok*'
	like "$out" '*ok 4*'
}

it "it compiles for $triplet without a warning, and asks for no runtime" compiles
it 'without threads too' compiles -DPIDNS_SINGLE_THREADED
if command -v "$emulator" >/dev/null; then
	it 'a world, the example and an error' passes first
	it 'the tests of numbers' passes number "$tests/mem.c" "$tests/scene.c"
	it 'the tests of numbers that are chosen' passes wish "$tests/mem.c" "$tests/scene.c"
	it 'the tests of identities' passes identity "$tests/mem.c"
	case $triplet in
	arm-*) it 'the tests of memory that is short' passes memory "$tests/mem.c" "$tests/dump.c" ;; # long; 32 bits differ most
	esac
	it 'short and random sequences beside the oracle' passes oracle "$tests/oracle.c" "$tests/pair.c"
else
	skip 'the tests pass under an emulator' "no $emulator"
fi
tap_end
