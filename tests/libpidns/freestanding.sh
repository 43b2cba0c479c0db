#!/bin/sh
# SPDX-License-Identifier: MIT
#
# freestanding.sh: the library needs no libc, no floating point, no recursion, and less than 1 KiB of stack; and these checks
# notice one that does.  $LIBRARY is the plain static library.

. "$(dirname "$0")/../cmd/tap.sh"
. "$(dirname "$0")/embed_flags.sh"

"$SOURCE"/tools/dist.py "$tap_dir/dist" || exit 1

library_asks_for_no_libc() {
	ld -r --whole-archive "$LIBRARY" -o whole.o
	asks_for nm whole.o >names
	is "$(cat names)" ''
}
it 'the static library asks for nothing but memcpy, memmove, memset and memcmp' library_asks_for_no_libc

a_libc_call_is_noticed() {
	printf 'void *malloc(__SIZE_TYPE__); void *f(void) { return malloc(3); }\n' >f.c
	cc -c f.c
	is "$(asks_for nm f.o)" malloc
}
it 'a call of malloc would be noticed' a_libc_call_is_noticed

nothing_to_start_with() {
	ld -r --whole-archive "$LIBRARY" -o whole.o
	readelf -SW whole.o >sections
	! grep -E '\.(init|ctors|tdata|tbss)' sections
}
it 'there are no constructors and no thread-local storage' nothing_to_start_with

no_global_state() {
	ld -r --whole-archive "$LIBRARY" -o whole.o
	size -A whole.o | awk '$1 ~ /^\.(data|bss)$|^\.(data|bss)\.[^r]/ && $2 > 0' >state # .data.rel.ro is constant
	is "$(cat state)" ''
}
it 'there is no global state' no_global_state

if cc -mgeneral-regs-only -x c -c /dev/null -o /dev/null 2>/dev/null; then
	no_floating_point() {
		# shellcheck disable=SC2086 # words
		cc $embed_flags -mgeneral-regs-only -c "$tap_dir/dist/pidns.c"
	}
	it 'it compiles for a machine without floating point' no_floating_point
	floating_point_is_noticed() {
		echo 'double f(double d) { return d * 2; }' >f.c
		! cc -mgeneral-regs-only -c f.c
	}
	it 'floating point would be noticed' floating_point_is_noticed
else
	skip 'it compiles for a machine without floating point' 'this compiler knows no -mgeneral-regs-only'
fi

# ------------------------------------------------------------------------------------------------------------ stack --

stack_is_small() { # FILE... -- OPTION...
	files=''
	while [ "$1" != -- ]; do
		files="$files $1"
		shift
	done
	shift
	for file in $files; do
		cc -std=c11 -ffreestanding -I"$SOURCE/include" -fcallgraph-info=su,da "$@" -c "$file"
	done
	"$SOURCE"/tools/stack.py 1024 ./*.ci
}

notices() { # WORDS, program text on standard input
	cat >f.c
	cc -O1 -fcallgraph-info=su,da -c f.c
	run "$SOURCE"/tools/stack.py 1024 f.ci
	is "$status" 1
	like "$err" "$1"
}

a_cycle_is_noticed() {
	notices '*recursion*pidns_a*' <<-'END'
		void g(void (*)(void)); void pidns_b(int);
		__attribute__((noinline)) void pidns_a(int n) { g(0); if (n) pidns_b(n - 1); g(0); }
		__attribute__((noinline)) void pidns_b(int n) { g(0); if (n) pidns_a(n - 1); g(0); }
	END
}

a_cycle_through_a_pointer_is_noticed() {
	notices '*recursion*' <<-'END'
		void (*volatile p)(void); void g(void);
		static void b(void) { p(); g(); }
		void pidns_a(void) { p = b; p(); g(); }
	END
}

a_large_frame_is_noticed() {
	notices '*1 public functions need 1024*' <<-'END'
		void g(char *);
		__attribute__((noinline)) static void b(void) { char c[600]; g(c); g(c); }
		void pidns_a(void) { char c[500]; g(c); b(); g(c); }
	END
}

an_array_of_unknown_size_is_noticed() {
	notices '*unknown size*pidns_a*' <<-'END'
		void g(char *); void pidns_a(int n) { char c[n]; g(c); }
	END
}

if echo 'int x;' | cc -fcallgraph-info=su,da -x c -c - -o "$tap_dir/x.o" 2>/dev/null; then
	it 'no public function recurses or needs 1 KiB of stack' stack_is_small "$SOURCE"/src/libpidns/*.c -- -O2
	for level in -Os -O2 -O3; do
		it "nor in one file at $level" stack_is_small "$tap_dir/dist/pidns.c" -- $level
	done
	it 'nor in a single-threaded build' stack_is_small "$tap_dir/dist/pidns.c" -- -O2 -DPIDNS_SINGLE_THREADED
	it 'a cycle of calls would be noticed' a_cycle_is_noticed
	it 'a cycle through a pointer would be noticed' a_cycle_through_a_pointer_is_noticed
	it 'a frame that is too large would be noticed' a_large_frame_is_noticed
	it 'an array of unknown size would be noticed' an_array_of_unknown_size_is_noticed
else
	skip 'stack use and recursion' 'this compiler writes no call graphs (gcc 10 or later does)'
fi
tap_end
