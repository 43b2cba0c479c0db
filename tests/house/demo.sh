#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh: `./dev demo` shows its four parts, is plain in a pipe and as wide as its terminal, and cleans up.

. "$(dirname "$0")/../cmd/tap.sh"
export SETTID_BUILD="$BUILD"
TAP_TIMEOUT=100
command=$BUILD/src/settid/settid
demo=$SOURCE/demo/demo.sh

"$command" exec --new-pidns -- true 2>/dev/null || "$command" exec --user --new-pidns -- true 2>/dev/null ||
	skip_all 'neither root nor user namespaces here'

four_parts() {
	run "$demo"
	is "$status" 0
	is "$err" ''
	like "$out" '1. One process'
	like "$out" '31496'
	like "$out" '2. A live tree'
	like "$out" 'zombie SIGABRT'
	like "$out" 'stopped SIGSTOP'
	like "$out" '3. A number that is taken'
	like "$out" '42 is held by a live process, 42 (sleep)'
	like "$out" '4. The race'
	like "$(echo "$out" | tail -n 1)" 'verified in'
	unlike "$out" "$(printf '\033')"
}

# All that is seen after a mistake: the parts after it still run, and the last line and the status say so.
notices() { # what settid is replaced by does the wrong thing once
	mkdir -p build/src/settid
	ln -s "$BUILD/demo" build/demo
	cat >build/src/settid/settid <<-END
		#!/bin/sh
		$1
		exec "$command" "\$@"
	END
	chmod +x build/src/settid/settid
	run env SETTID_BUILD="$PWD/build" "$demo"
	is "$status" 1
	like "$out" "$2"
	like "$(echo "$out" | tail -n 1)" 'went wrong'
}

stopped_in_the_middle() {
	TMPDIR=$PWD "$demo" >out 2>&1 &
	pid=$!
	wait_for grep -q 'restored' out
	kill -TERM "$pid"
	wait "$pid" || true
	is "$(ls)" out
	root=$(sed -n 's/.* settid show \([0-9]*\)$/\1/p' out)
	[ -z "$root" ] || [ ! -e "/proc/$root" ]
}

on_80_columns() {
	run script -qec "stty cols 80; '$demo'" /dev/null
	is "$status" 0
	widest=$(echo "$out" | tr -d '\r' | sed 's/\x1b\[[0-9;]*m//g' | LC_ALL=C.UTF-8 wc -L)
	[ "$widest" -le 80 ] || {
		echo "a line has $widest columns"
		return 1
	}
}

it 'the demo shows its four parts, plainly, and ends with what was verified' four_parts
it 'the demo notices numbers that are not those asked for' notices \
	'case "$*" in *31496*grep*) set -- exec -- sh -c "echo 1; echo NSpid: 31497 42 1" ;; esac' 'the kernel shows'
it 'the demo notices an error that does not name the holder' notices \
	'case "$*" in *inside-taken*) echo "settid exec: set_tid[0] = 42 is taken"; exit 125 ;; esac' 'did not name the holder'
it 'a demo that is stopped in the middle leaves nothing behind' stopped_in_the_middle
if command -v script >/dev/null; then
	it 'no line of the demo is wider than a terminal of 80 columns' on_80_columns
else
	skip 'no line of the demo is wider than a terminal of 80 columns' 'no script(1) here'
fi
tap_end
