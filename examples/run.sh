#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh: every example runs and says what its comment promises.  Each in a PID namespace of its own, where all numbers are
# free; as a plain user in a user namespace.

. "$SOURCE/tests/cmd/tap.sh"

user=''
[ "$(id -u)" = 0 ] || user=--user
in_a_namespace() {
	# shellcheck disable=SC2086 # words
	run "$SETTID" exec $user --new-pidns --mount-proc -- "$@"
	out="$out $err"
	is "$status" 0
}

# shellcheck disable=SC2086
"$SETTID" exec $user --new-pidns --mount-proc -- true 2>/dev/null || skip_all 'no PID namespace can be made here'

fork_runs() {
	in_a_namespace "$BUILD/examples/example-fork" 4242
	like "$out" 'the child is 4242'
	like "$out" 'made by clone3'
	like "$out" '4242 is held by'
}
it 'fork: the child has the number, and the next one hears who has it' fork_runs

spawn_runs() {
	in_a_namespace "$BUILD/examples/example-spawn"
	like "$out" 'in here I am 1'
	like "$out" 'one level up it is 42'
	like "$out" '(step: exec)'
}
it 'spawn: two namespaces, and an execve that failed is reported as that' spawn_runs

thread_runs() {
	in_a_namespace "$BUILD/examples/example-thread" 4243
	like "$out" 'a thread with TID 4243 of process'
}
it 'thread: it has the TID' thread_runs

probe_runs() {
	in_a_namespace "$BUILD/examples/example-probe"
	like "$out" 'level 0: numbers below * ours to choose'
}
it 'probe: it tells what may be chosen' probe_runs

who_runs() {
	in_a_namespace "$BUILD/examples/example-who" 1
	like "$out" 'holder: process'
	in_a_namespace "$BUILD/examples/example-who" 29999
	like "$out" 'it looks free'
}
it 'who: a live process, and nobody' who_runs
tap_end
