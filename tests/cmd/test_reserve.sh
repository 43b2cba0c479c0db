#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_reserve.sh: `settid reserve` as a user meets it: what is held, for how long, and who may ask the holder.
# Needs $SETTID, $TREES.
# shellcheck disable=SC2016

# In a PID namespace of its own: the numbers are free there, and what a failed test leaves dies with it.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"

taken() { # NUMBER: somebody has it
	! "$SETTID" exec --pid "$1" -- true 2>/dev/null
}
free() {
	"$SETTID" exec --pid "$1" -- true
}
# hold ARG...: a holder in the background, at ./socket; its PID in $holder
hold() {
	rm -f said
	"$SETTID" reserve --socket socket "$@" >said 2>complaint &
	holder=$!
	trap 'kill -KILL "$holder" 2>/dev/null || :' EXIT
	wait_for grep -qs reserved said
}
finish() {
	status=0
	wait "$holder" || status=$?
	out=$(cat said) err=$(cat complaint)
}

# ------------------------------------------------------------------------------------------ holding --

holds() {
	hold 2000,2010-2012
	taken 2000 && taken 2010 && taken 2011 && taken 2012
	free 2001
	free 2013
	kill -TERM "$holder"
	finish
	is "$status" 0
	like "$out" "reserved 4 numbers in "
	like "$out" "; socket $PWD/socket"
	free 2000
	free 2012
	[ ! -e socket ]
}
killed() {
	hold 2000-2100
	kill -KILL "$holder"
	wait_for free 2000
	wait_for free 2100
	hold 2000 # the dead one's socket is in nobody's way
	kill -TERM "$holder"
	finish
	is "$status" 0
}
lapses() {
	run "$SETTID" reserve --ttl 0.2 2000
	is "$status" 0
	like "$err" "0.2 s are over"
	free 2000
}
named() {
	sleep 1000 &
	number=$!
	becomes "$number" sleep
	run "$SETTID" reserve "3000-3005,$number"
	is "$status" 1
	like "$err" "$number is held by a live process, $number (sleep)"
	kill "$number"
}
waits() {
	"$SETTID" exec --pid 2000 -- sleep 0.3 &
	wait_for is_taken 2000
	run "$SETTID" reserve --wait 20 --ttl 0.1 2000
	is "$status" 0
	like "$out" "reserved 1 number"
}
two_levels() {
	cat >inside <<-END
	"$SETTID" reserve --socket socket 50-52/2000-2001,2007 &
	until [ -S socket ]; do sleep 0.02; done
	for n in 50 51 52; do "$SETTID" exec --pid \$n -- true 2>/dev/null && exit 1; done
	: >ready
	until [ -e 'go on' ]; do sleep 0.02; done
	exit 5
	END
	"$SETTID" exec --new-pidns --mount-proc -- sh inside &
	inside=$!
	wait_for test -e ready
	taken 2000 && taken 2001 && taken 2007
	free 2002
	: >'go on'
	status=0
	wait "$inside" || status=$?
	is "$status" 5
	free 2000
}
for_tree() {
	run "$SETTID" reserve --for "$TREES/groups.json" --json --ttl 0.01
	is "$status" 0
	like "$out" '"held": 10'
	run "$SETTID" reserve --for "$TREES/init.json"
	is "$status" 1
	like "$err" "a new PID namespace"
}
into_pid() {
	"$SETTID" exec --new-pidns -- sleep 1000 &
	wait_for pgrep -x sleep
	sleeper=$(pgrep -x sleep)
	hold --into "$sleeper" 77
	free 77
	taken_inside() { grep -qs "^NSpid:	[0-9]*	77$" /proc/[0-9]*/status; }
	taken_inside
	kill -TERM "$holder"
	finish
	is "$status" 0
	! taken_inside
	kill -KILL "$sleeper"
}
background() {
	run "$SETTID" reserve --detach --socket socket 2000-2009
	is "$status" 0
	like "$out" "reserved 10 numbers"
	taken 2009
	run "$SETTID" reserve --end socket
	is "$status" 0
	wait_for free 2009
	run "$SETTID" reserve --detach --socket socket 1
	is "$status" 1
	like "$err" "1 is held by"
}
it "numbers and ranges are held, until a signal" holds
it "a holder that is killed sets them free, and its socket can be used again" killed
it "--ttl sets them free" lapses
it "who has a number is named" named
it "--wait waits for a number" waits
it "a list for each level is held there" two_levels
it "--for holds what a tree wants, and says when it wants nothing" for_tree
it "--into PID holds numbers in there" into_pid
it "--detach returns once they are held" background

# ------------------------------------------------------------------------------------------ command --

command_runs() {
	run "$SETTID" reserve 2000 --socket socket -- sh -c '
		"$1" exec --pid 2000 -- true 2>/dev/null && exit 1
		[ -S "$SETTID_RESERVATION" ] || exit 2
		"$1" reserve --give "$SETTID_RESERVATION" || exit 3
		"$1" exec --pid 2000 -- true || exit 4
		"$1" reserve --take "$SETTID_RESERVATION" || exit 5
		"$1" exec --pid 2000 -- true 2>/dev/null && exit 6
		exit 42' - "$SETTID"
	is "$status" 42
	free 2000
	[ ! -e socket ]
}
command_fails() {
	run "$SETTID" reserve 2000 -- ./no-such
	is "$status" 127
	is "$err" "settid reserve: cannot execute ./no-such: No such file or directory"
	: >plain
	run "$SETTID" reserve 2000 -- ./plain
	is "$status" 126
	run "$SETTID" reserve 1 -- true
	is "$status" 125
	run "$SETTID" reserve 2000 -- sh -c 'kill -SEGV $$'
	is "$status" 139
}
command_outlives() {
	run "$SETTID" reserve --ttl 0.1 2000 -- sh -c 'until "$1" exec --pid 2000 -- true 2>/dev/null; do sleep 0.02; done; exit 7' - "$SETTID"
	is "$status" 7
}
it "a command runs while they are held, and can have them" command_runs
it "... and its exit status is told as env(1) does" command_fails
it "... and outlives the time" command_outlives

# --------------------------------------------------------------------------------------- being asked --

asked() {
	hold 2000-2002
	run "$SETTID" reserve --status socket
	is "$out" "3 of 3 numbers are held"
	run "$SETTID" reserve --give socket
	is "$status" 0
	like "$out" "3 numbers are free"
	free 2001
	run "$SETTID" reserve --json --status socket
	like "$out" '"held": 0'
	run "$SETTID" reserve --take socket
	is "$status" 0
	taken 2001
	run "$SETTID" reserve --end socket
	is "$status" 0
	finish
	is "$status" 0
	free 2001
}
told() {
	hold 2000-2002
	run "$SETTID" reserve --give socket
	"$SETTID" exec --pid 2001 -- sleep 1000 &
	wait_for is_taken 2001
	becomes 2001 sleep
	run "$SETTID" reserve --take socket
	is "$status" 1
	like "$err" "2001 is held by a live process, 2001 (sleep)"
	kill 2001
	run "$SETTID" reserve --wait 20 --take socket
	is "$status" 0
	kill -TERM "$holder"
	finish
}
nobody() {
	run "$SETTID" reserve --give socket
	is "$status" 1
	like "$err" "cannot reach a reservation at socket: No such file or directory"
	: >plain
	run "$SETTID" reserve --status plain
	is "$status" 1
	like "$err" "cannot reach a reservation at plain: Nobody listens there"
}
private() {
	hold 2000
	is "$(stat -c %a socket)" 600
	kill -TERM "$holder"
	finish
}
moved() {
	hold 2000-2002
	echo 1990 >/proc/sys/kernel/ns_last_pid
	run "$SETTID" reserve --give socket
	sh -c 'echo $$' >next
	[ "$(cat next)" -gt 2002 ]
	kill -TERM "$holder"
	finish
}
three_levels() {
	"$SETTID" exec --new-pidns --mount-proc -- sh -c '"$0" exec --new-pidns -- sleep 1000 & wait' "$SETTID" &
	wait_for pgrep -x sleep
	sleeper=$(pgrep -x sleep)
	hold --into "$sleeper" 77/88/2000-2002
	run "$SETTID" reserve --give socket
	like "$out" "3 numbers are free"
	like "$out" "ns_last_pid was moved at 3 levels"
	kill -TERM "$holder"
	finish
	kill -KILL "$sleeper"
}
it "a holder gives, takes again and ends when it is asked to" asked
it "what cannot be taken again is told to who asks" told
it "nobody there is said" nobody
it "the socket is its user's alone" private
it "the count goes past the numbers before they are free" moved
it "... at each of three levels" three_levels

# ------------------------------------------------------------------------------------------ restore --

restores() {
	hold --for "$TREES/groups.json"
	run "$SETTID" restore --into current "$TREES/groups.json"
	is "$status" 1
	like "$err" "(settid-reserve)"
	"$SETTID" restore --into current --reservation socket --pidfile root "$TREES/groups.json" >restored 2>&1 &
	restorer=$!
	wait_for test -s root
	like "$(cat restored)" "verified, every number as in the file"
	like "$(cat restored)" "its reserved numbers were free for "
	finish # the holder's work is done
	is "$status" 0
	kill -TERM "$restorer"
	wait "$restorer"
}
restores_json() {
	run "$SETTID" reserve --for "$TREES/dead-root.json" -- sh -c \
		'exec "$1" restore --exec --json --into current --reservation "$SETTID_RESERVATION" "$2"' - \
		"$SETTID" "$TREES/dead-root.json"
	is "$status" 5
	like "$out" '"window_seconds": 0.0'
	like "$out" '"lost": 0'
}
# It begins just below the tree's numbers: without the reservation it would have had them long before.
restores_beside_a_forker() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 0, "state": "live"},
	  {"nspid": [2001], "ppid": 2000, "pgid": 2000, "sid": 0, "state": "live"},
	  {"nspid": [2002], "ppid": 2000, "pgid": 2000, "sid": 0, "state": "live"}]}
	TREE
	hold --for tree
	echo 1990 >/proc/sys/kernel/ns_last_pid
	while :; do
		true & true & true &
		wait
	done 2>/dev/null &
	forker=$!
	trap 'kill -KILL "$forker" "$holder" 2>/dev/null || :' EXIT
	wait_for past 2010
	"$SETTID" restore --into current --reservation socket --pidfile root tree >restored 2>&1 &
	restorer=$!
	wait_for test -s root
	kill -KILL "$forker"
	like "$(cat restored)" "verified, every number as in the file"
	kill -TERM "$restorer"
	wait "$restorer"
	finish
}
past() {
	[ "$(cat /proc/sys/kernel/ns_last_pid)" -gt "$1" ]
}
# One number is somebody's all the time: the restore begins anew as often as it may, and says whose it is.
loses() {
	tree_of_two
	hold 2000
	"$SETTID" exec --pid 2001 -- sleep 1000 &
	wait_for is_taken 2001
	run "$SETTID" restore --into current --reservation socket tree
	is "$status" 1
	like "$err" "2001 is held by a live process, 2001 "
	taken 2000
	run "$SETTID" reserve --status socket
	is "$out" "1 of 1 numbers are held"
	kill 2001
	kill -TERM "$holder"
	finish
}
# Somebody has one for a while: all are held again when he ends, and the restore goes through.
wins_back() {
	tree_of_two
	hold 2000,2001
	run "$SETTID" reserve --give socket
	"$SETTID" exec --pid 2001 -- sleep 1000 &
	wait_for is_taken 2001
	"$SETTID" restore --into current --reservation socket --json --pidfile root tree >restored 2>&1 &
	restorer=$!
	wait_for grep -qs settid-reserve /proc/2000/comm # the restore has met him, and the holder waits for his end
	[ ! -e root ]
	kill 2001
	wait_for test -s root
	like "$(cat restored)" '"lost": 1'
	like "$(cat restored)" '"verified": true'
	finish
	kill -TERM "$restorer"
	wait "$restorer"
}
tree_of_two() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 0, "state": "live"},
	  {"nspid": [2001], "ppid": 2000, "pgid": 2000, "sid": 0, "state": "live"}]}
	TREE
}
fails_and_is_held_again() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 0, "state": "live"},
	  {"nspid": [3999999], "ppid": 2000, "pgid": 2000, "sid": 0, "state": "live"}]}
	TREE
	echo 32768 >/proc/sys/kernel/pid_max 2>/dev/null || return 0
	hold 2000
	run "$SETTID" restore --into current --reservation socket tree
	is "$status" 1
	like "$err" "pid_max"
	run "$SETTID" reserve --status socket
	is "$out" "1 of 1 numbers are held"
	kill -TERM "$holder"
	finish
}
no_holder() {
	run "$SETTID" restore --into current --reservation no-such "$TREES/groups.json"
	is "$status" 1
	like "$err" "cannot reach a reservation at no-such: No such file"
	run "$SETTID" restore --reservation no-such "$TREES/groups.json"
	is "$status" 125
}
it "restore --reservation has the numbers, and lets the holder end" restores
it "... and says so in JSON" restores_json
it "... and succeeds beside a busy forker" restores_beside_a_forker
it "a number that stays lost is named, and the others are held again" loses
it "a number that is lost for a while is held again when it is free, and the restore goes through" wins_back
it "a restore that fails leaves the numbers held" fails_and_is_held_again
it "a holder that is not there is an error" no_holder

# -------------------------------------------------------------------------------------------- usage --

wrong_usage() {
	run "$SETTID" reserve "$@"
	is "$status" 125
	is "$out" ""
}
it "no numbers are wrong usage" wrong_usage
it "two lists are wrong usage" wrong_usage 1 2
it "numbers and --for are wrong usage" wrong_usage --for "$TREES/groups.json" 5
it "a number that is none is wrong usage" wrong_usage 12x
it "0 is wrong usage" wrong_usage 0
it "a range that runs backwards is wrong usage" wrong_usage 20-10
it "an empty item is wrong usage" wrong_usage 1,,2
it "an empty level is wrong usage" wrong_usage 1/
it "33 levels are wrong usage" wrong_usage 1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1/1
it "no command after -- is wrong usage" wrong_usage 5 --
it "--detach with a command is wrong usage" wrong_usage --detach 5 -- true
it "two requests are wrong usage" wrong_usage --give a --take a
it "a request with numbers is wrong usage" wrong_usage --give a 5
it "no time is wrong usage" wrong_usage --ttl 0 5
it "--into new is wrong usage" wrong_usage --into new 5

tap_end
