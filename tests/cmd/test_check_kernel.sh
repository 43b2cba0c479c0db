#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_check_kernel.sh: numbers of kernel threads, which only the outermost PID namespace has: nobody is told to end them.

. "$(dirname "$0")/tap.sh"

[ "$(cat /proc/2/comm 2>/dev/null)" = kthreadd ] || skip_all "no kernel threads are visible here"

tree_of_2() {
	echo '{"settid":1,"processes":[{"nspid":[2],"ppid":0,"pgid":0,"sid":0,"state":"live"}]}'
}
cannot_be_ended() { # COMMAND-PREFIX...
	tree_of_2 >tree.json
	run "$@" "$SETTID" check --into current tree.json
	is "$status" 1
	like "$out" "is the process 2 (kthreadd): it cannot be ended: "
}
it "a kernel thread cannot be ended" cannot_be_ended
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	it "... and a plain user is told so too" cannot_be_ended setpriv --reuid 64123 --regid 64123 --clear-groups
else
	skip "... and a plain user is told so too" "needs root and setpriv(1)"
fi
tap_end
