#!/bin/sh
# SPDX-License-Identifier: MIT
# test_probe.sh: `settid probe`: the table, the JSON, and the exit status.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"

cp "$SETTID" "$BLOCK_CALL" "$tap_dir" || exit 1
SETTID=$tap_dir/settid
BLOCK_CALL=$tap_dir/block_call
chmod 755 "$SETTID" "$BLOCK_CALL"

table() {
	run "$SETTID" probe
	for what in clone3 set_tid ns_last_pid CAP_CHECKPOINT_RESTORE CAP_SYS_ADMIN 'PID namespaces' 'user namespaces' \
		seccomp /proc 'Best method: '; do
		like "$out" "$what"
	done
	is "$err" ""
	case $status in 0 | 1) ;; *) is "$status" "0 or 1" ;; esac
}
it "the table has a line for everything that decides, and a conclusion" table

plain() {
	run "$SETTID" probe
	unlike "$out" "$(printf '\033')"
}
it "the table is plain text when it is piped" plain

json() {
	run "$SETTID" probe --json
	for key in best why clone3 set_tid seccomp last_pid_writable user_namespaces pid_namespaces proc_is_ours levels; do
		like "$out" "\"$key\":"
	done
	if command -v python3 >/dev/null; then echo "$out" | python3 -c 'import json, sys; json.load(sys.stdin)'; fi
}
it "--json tells the same to programs" json

usage() {
	run "$SETTID" probe --nothing
	is "$status" 125
	run "$SETTID" probe argument
	is "$status" 125
	like "$err" 'argument'
	is "$out" ""
	run "$SETTID" probe --help
	is "$status" 0
	like "$out" 'Usage: settid probe'
}
it "wrong usage is 125" usage

if "$SETTID" exec --new-pidns --mount-proc -- true 2>/dev/null; then
	works() {
		run "$SETTID" probe
		is "$status" 0
		like "$out" 'Best method: clone3'
	}
	it "with privileges clone3 is the best method" works
	levels() {
		run "$SETTID" exec --new-pidns=2 --mount-proc -- "$SETTID" probe
		is "$status" 0
		like "$out" 'set_tid?0?'
		like "$out" 'set_tid?2?'
	}
	it "below two new namespaces there is a line for each level" levels
	foreign_proc() {
		run "$SETTID" exec --new-pidns -- "$SETTID" probe --json
		is "$status" 0
		like "$out" '"proc_is_ours": false'
	}
	it "a /proc of another namespace is noticed" foreign_proc
	blocked() {
		run "$SETTID" exec --new-pidns --mount-proc -- "$BLOCK_CALL" "$1" "$SETTID" probe
		is "$status" 0
		like "$out" 'Best method: ns_last_pid'
		like "$out" "$2"
	}
	it "a filter that hides clone3 is told, and ns_last_pid is what remains" blocked enosys 'seccomp filter hides it (ENOSYS)'
	it "a filter that forbids clone3 is told, and ns_last_pid is what remains" blocked eperm 'seccomp filter refuses it (EPERM)'
	nothing() {
		run "$SETTID" exec --new-pidns --mount-proc -- setpriv --reuid 65534 --regid 65534 --clear-groups \
			"$BLOCK_CALL" enosys "$SETTID" probe
		is "$status" 1
		like "$out" 'Best method: none'
	}
	if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
		it "where nothing works the exit status is 1, and says so" nothing
	fi
else
	skip "probe with privileges" "needs the right to make PID namespaces (root)"
fi

# Notes are long where something is refused, so the probe of somebody without rights is looked at.
narrow() {
	run script -qec "stty cols 60; setpriv --bounding-set=-all --inh-caps=-all --no-new-privs '$SETTID' probe" /dev/null
	widest=$(echo "$out" | tr -d '\r' | sed 's/\x1b\[[0-9;]*m//g' | LC_ALL=C.UTF-8 wc -L)
	like "$out" 'NOTE'
	[ "$widest" -le 60 ] || {
		echo "a line has $widest columns"
		tap_last
		return 1
	}
	unlike "$out" 'right to w
'
}
if command -v script >/dev/null && command -v setpriv >/dev/null; then
	it "notes are wrapped at words on a narrow terminal" narrow
else
	skip "notes are wrapped at words on a narrow terminal" "no script(1) or setpriv(1) here"
fi

tap_end
