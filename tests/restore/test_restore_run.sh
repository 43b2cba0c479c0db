#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore_run.sh: `settid restore` in time: what is said and done while it builds, verifies and holds.
# Needs $SETTID, $TREES, $SLOW_CALL (slow_call.c), $PTY (tests/cmd/pty.c).
# shellcheck disable=SC2016

. "$(dirname "$0")/run.sh"

# ---------------------------------------------------------------------------------- found different --

builds() { # it has a child, and is no longer slow_call, which had one too
	[ "$(cat "/proc/$restorer/comm")" = settid ] && grep -q . "/proc/$restorer/task/$restorer/children"
}
differs() {
	start_unheard
	strike "$last"
	listen
	heard
	is "$status" 2
	like "$err" "different: process 25503"
	like "$err" "1 difference; undone"
	like "$out" "found different"
	gone "$victim"
}
kept() {
	start_unheard --keep --pidfile here
	strike "$last"
	listen
	wait_for settled
	like "$(cat said)" "found different"
	is "$(cat here)" "$(root_of)"
	holds "$victim"
	heard TERM
	is "$status" 2
	unlike "$err" undone
	gone "$victim"
	[ ! -e here ]
}
differs_json() {
	noted_tree
	begin "$SLOW_CALL" 300 "$SETTID" restore --json tree
	wait_for builds
	kill -STOP "$restorer" # long before the tree stands
	wait_for all_there
	strike "$last"
	kill -CONT "$restorer"
	finish
	is "$status" 2
	like "$out" '"verified": false'
	like "$out" '"pid": 25503'
	unlike "$err" "different: process"
}
unverified() {
	start_unheard --no-verify
	strike "$last"
	listen
	wait_for settled
	heard TERM
	is "$status" 0
	unlike "$out" verified
	unlike "$out" different
}
unverified_json() {
	start "$SETTID" restore --no-verify --json "$TREES/single.json"
	finish TERM
	is "$status" 0
	like "$out" '"verified": false'
	unlike "$out" '"differences"'
}
too_late() {
	start_unheard --timeout 3
	strike "$last"
	sleep 3.1
	listen
	heard
	is "$status" 1
	like "$err" "the verification took too long; nothing is left"
	gone "$victim"
}
root_killed_early() {
	start_unheard --into current
	strike "$(inside 25500)"
	listen
	heard
	is "$status" 1
	like "$err" "cannot verify: the new tree was killed by somebody else; nothing is left"
	gone "$victim"
}
it "what is found different ends with 2 and is undone" differs
it "--keep keeps it, and ends with 2 all the same" kept
if "$SLOW_CALL" 1 true 2>/dev/null; then
	it "--json lists the differences" differs_json
fi
it "--no-verify does not look" unverified
it "--no-verify --json claims nothing" unverified_json
it "--timeout covers the verification" too_late
it "a tree that is killed before it is verified is no difference" root_killed_early

# ------------------------------------------------------------------------------------------ building --

slowly() {
	begin "$SLOW_CALL" "$@" "$TREES/groups.json"
}
interrupted() {
	slowly 200 "$SETTID" restore
	wait_for builds
	finish "$1"
	is "$status" 1
	is "$out" ""
	is "$err" "settid restore: interrupted; nothing is left"
}
robbed() {
	slowly 200 "$SETTID" restore
	wait_for found 60
	kill -KILL "$(inside 60)"
	finish
	is "$status" 1
	is "$err" "settid restore: process 60 was killed while the tree was built; nothing is left"
}
late() {
	slowly 100 "$SETTID" restore --timeout 0.5
	finish
	is "$status" 1
	like "$err" "the tree did not stand in time: [0-9]* of 12 processes and threads do; nothing is left"
}
in_time() {
	slowly 20 "$SETTID" restore --timeout 30
	wait_for settled
	finish TERM
	is "$status" 0
	like "$out" "verified, every number as in the file"
}
if "$SLOW_CALL" 1 true 2>/dev/null; then
	it "SIGINT while it is built ends with 1" interrupted INT
	it "SIGTERM while it is built ends with 1" interrupted TERM
	it "SIGHUP while it is built ends with 1" interrupted HUP
	it "a process that is killed while the tree is built is missed" robbed
	it "--timeout covers building" late
	it "--timeout in time changes nothing" in_time
else
	skip "what happens while a tree is built" "seccomp cannot hand calls to a supervisor here"
fi

progress() {
	cat >script <<-'END'
	expect restoring
	expect of 12 processes and threads
	expect /s
	expect holding; Ctrl-C ends it
	send \x03
	end
	END
	run "$PTY" script "$SLOW_CALL" 200 "$SETTID" restore "$TREES/groups.json"
	is "$status" 0
}
silent() {
	cat >script <<-'END'
	expect holding
	send \x03
	end
	END
	run "$PTY" script "$SETTID" restore "$TREES/groups.json"
	is "$status" 0
	unlike "$out" restoring
}
no_terminal() {
	slowly 120 "$SETTID" restore
	wait_for settled
	finish TERM
	is "$err" ""
}
given_up() {
	cat >script <<-'END'
	pause 300
	send \x03
	end
	END
	run "$PTY" script "$SETTID" restore -
	is "$status" 130
}
if "$SLOW_CALL" 1 true 2>/dev/null; then
	it "on a terminal a long restore shows its progress and rate" progress
	it "... and only there" no_terminal
fi
it "on a terminal a short one shows none, and Ctrl-C ends the hold with 0" silent
it "a file that is typed in can be given up with Ctrl-C" given_up

# ----------------------------------------------------------------------------------------- holding --

hangs_up() {
	start "$SETTID" restore "$TREES/single.json"
	finish HUP
	is "$status" 0
}
killed_root() {
	start "$SETTID" restore "$@" tree
	root=$(root_of)
	kill -KILL "$root"
	finish
	is "$status" 1
	like "$err" "the tree was killed by somebody else; nothing is left"
	gone "$root"
}
# A group in a session of its own is orphaned as soon as the root is gone, and its stopped member in another session.
not_hung_up() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 0, "sid": 0, "state": "live"},
	  {"nspid": [25510], "ppid": 25500, "pgid": 25510, "sid": 25510, "state": "live"},
	  {"nspid": [25511], "ppid": 25510, "pgid": 0, "sid": 0, "state": "stopped"}]}
	TREE
	for signal in TERM KILL; do
		rm -f root hangup
		setsid -w sh -c 'trap ": >hangup" HUP
			"$1" restore --into current --pidfile root tree &
			until [ -s root ]; do sleep 0.02; done
			kill -"$2" $!
			wait
			while [ -e /proc/25511 ]; do sleep 0.02; done' - "$SETTID" $signal >said 2>&1
		[ ! -e hangup ]
	done
}
killed_plain_root() {
	noted_tree
	killed_root
}
killed_current_root() {
	noted_tree
	killed_root --into current
}
killed_init() {
	cp "$TREES/init.json" tree
	killed_root
}
reaps() {
	noted_tree
	start "$SETTID" restore tree
	victim=$(inside 25501) last=$(inside 25503)
	kill -KILL "$victim" # a zombie: its parent is a placeholder, and does not reap
	wait_for grep -q '^State:.Z' "/proc/$victim/status"
	kill -KILL "$last" # its parent is the helper init by now
	wait_for test ! -e "/proc/$last"
	[ -e "/proc/$victim" ]
	finish TERM
	is "$status" 0
}
helper_named() {
	noted_tree
	start "$SETTID" restore tree
	is "$(cat "/proc/$(awk '/^PPid/ { print $2 }' "/proc/$(root_of)/status")/comm")" settid-init
	finish TERM
	is "$status" 0
}
one_group() {
	noted_tree
	start "$SETTID" restore tree
	for number in 25500:root 25501:victim 25503:last; do
		is "$(cat "/proc/$(inside ${number%:*})/comm")" "${number#*:}"
	done
	is "$(tr '\0' ' ' <"/proc/$(inside 25501)/cmdline")" "$(tr '\0' ' ' <"/proc/$restorer/cmdline")"
	finish TERM
}
it "SIGHUP ends a hold with 0" hangs_up
it "the caller's group is not hung up when a tree goes in which somebody of it is stopped" not_hung_up
it "a root that somebody kills ends the hold with 1" killed_plain_root
it "... in the own namespace too" killed_current_root
it "... and where it is an init" killed_init
it "the helper init reaps what is left to it" reaps
it "the helper init's name is its own" helper_named
it "comm is the tree's, the command line the restorer's" one_group

outside_wanted() {
	# All numbers but a few from the top down are wanted: the guard takes one of the few.
	max=$(cat /proc/sys/kernel/pid_max)
	free=$(free_pid)
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$free], "ppid": 0, "pgid": $free, "sid": $free, "state": "live",
	   "threads": [{"nspid": [$free]}, {"nspid": [$((max - 1))]}]}],
	 "ghosts": []}
	TREE
	start "$SETTID" restore --into current tree
	like "$(cat said)" "verified"
	guard=$(awk '/^PPid/ { print $2 }' "/proc/$free/status")
	[ "$guard" -lt $((max - 1)) ] && [ "$guard" -gt $((max - 200)) ]
	is "$(cat "/proc/$guard/comm")" settid-guard
	finish TERM
}
it "the guard's number is chosen, and none that the tree wants" outside_wanted

pidfile_unverified() {
	start_unheard --pidfile here
	[ ! -e here ]
	strike "$last"
	listen
	heard
	is "$status" 2
	[ ! -e here ]
}
it "--pidfile is not written for a tree that was found different" pidfile_unverified

helps() {
	run "$SETTID" restore --help
	is "$status" 0
	for option in into hold exec method user no-verify keep pidfile timeout json help; do
		like "$out" "--$option "
	done
}
it "--help names every option" helps

tap_end
