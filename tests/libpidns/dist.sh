#!/bin/sh
# SPDX-License-Identifier: MIT
#
# dist.sh: the library as one file each, built and used as an embedder would: two files copied somewhere, a compiler, a program.

. "$(dirname "$0")/../cmd/tap.sh"
. "$(dirname "$0")/embed_flags.sh"

dist=$tap_dir/dist
"$SOURCE"/tools/dist.py "$dist" || exit 1

same_bytes_every_time() {
	(cd / && "$SOURCE"/tools/dist.py "$tap_dir/again")
	cmp "$dist/pidns.c" "$tap_dir/again/pidns.c"
	cmp "$dist/pidns.h" "$tap_dir/again/pidns.h"
}

two_files_and_no_more() {
	is "$(ls "$dist")" "pidns.c
pidns.h"
	! grep -n '#[[:space:]]*include' "$dist"/* | grep -vE '"pidns.h"|<std(atomic|bool|def|int)\.h>'
	! grep -n "$SOURCE" "$dist"/*
}

build() { # COMPILER OPTION...
	compiler=$1
	shift
	cp "$dist"/pidns.[ch] .
	# shellcheck disable=SC2086 # words
	$compiler $embed_flags "$@" -c pidns.c -o pidns.o
	is "$(asks_for nm pidns.o)" ''
}

toy_kernel_runs() { # COMPILER OPTION...
	build "$@"
	"$1" -std=c11 -Wall -Wextra -Wpedantic -Werror -I. "$SOURCE/examples/toy_kernel.c" pidns.o -o toy
	run ./toy
	is "$status" 0
	like "$out" '*deep*NSpid 31496 42 1: is born*'
}

tests_pass() { # COMPILER OPTION...
	build "$@"
	for name in first number wish identity; do
		"$@" -std=c11 -O1 -I. -I"$SOURCE/tests/libpidns/tiny" "$SOURCE/tests/libpidns/test_$name.c" \
			"$SOURCE/tests/libpidns/mem.c" "$SOURCE/tests/libpidns/scene.c" pidns.o -o "$name"
		run "./$name"
		is "$status" 0
		unlike "$out" '*not ok*'
	done
}

as_cxx() {
	printf '#include <pidns.h>\n#include <pidns.h>\nint main() { return pidns_profile("6.18", 0) == 0; }\n' >user.cc
	build cc
	c++ -std=c++11 -Wall -Wextra -Wpedantic -Werror -I. user.cc pidns.o -o user
	./user
}

a_clash_is_noticed() {
	mkdir -p tree/src tree/include
	cp -r "$SOURCE/src/libpidns" tree/src/
	cp "$SOURCE/include/pidns.h" tree/include/
	cp -r "$SOURCE/tools" "$SOURCE/LICENSE" "$SOURCE/meson.build" tree/
	printf '/* SPDX-License-Identifier: MIT */\n#include "internal.h"\n\nstatic void unlink_link(void)\n{\n}\n' >tree/src/libpidns/clash.c
	run tree/tools/dist.py out
	is "$status" 1
	like "$err" '*unlink_link() is static in both*'
}

it 'the same sources give the same bytes' same_bytes_every_time
it 'it is two files, which include freestanding headers only' two_files_and_no_more
for compiler in gcc clang; do
	if ! command -v $compiler >/dev/null; then
		skip "it compiles without a warning with $compiler" "no $compiler here"
		continue
	fi
	it "it compiles without a warning with $compiler, and the toy kernel runs on it" toy_kernel_runs $compiler
	it "without threads too ($compiler)" toy_kernel_runs $compiler -DPIDNS_SINGLE_THREADED
done
it 'the tests of numbers pass on it' tests_pass cc
it 'without threads too' tests_pass cc -DPIDNS_SINGLE_THREADED
if command -v c++ >/dev/null; then
	it 'a C++ program uses it' as_cxx
else
	skip 'a C++ program uses it' 'no c++ here'
fi
it 'two static functions of one name would be noticed' a_clash_is_noticed
tap_end
