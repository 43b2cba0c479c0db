#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore_run.sh: `settid restore` in time: what is said and done while it builds, verifies, holds and runs programs.
# Needs $SETTID, $TREES, $SLOW_CALL (slow_call.c), $PTY (tests/cmd/pty.c).
# shellcheck disable=SC2016

# In a PID namespace of its own: processes are found by their numbers, and what a failed test leaves dies with it.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/../cmd/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"

# begin COMMAND...: in the background; its PID in $restorer, its output in said and complaint.
begin() {
	"$@" >said 2>complaint &
	restorer=$!
	trap 'kill -KILL "$restorer" 2>/dev/null || :' EXIT
}
settled() {
	grep -q . said || ! kill -0 "$restorer" 2>/dev/null
}
# start COMMAND...: begins it and waits until it says that the tree stands.
start() {
	begin "$@"
	wait_for settled
}
# finish [SIGNAL]: its status in $status.
finish() {
	[ -z "${1-}" ] || kill -"$1" "$restorer"
	wait_for gone "$restorer"
	status=0
	wait "$restorer" || status=$?
	out=$(cat said) err=$(cat complaint)
}
root_of() {
	sed -n 's/.* as PID \([0-9]*\) .*/\1/p' said
}
# The PID here of the process that is NUMBER in a namespace whose processes have "NSpid: here NUMBER".
inside() {
	grep -ls "^NSpid:.*	$1$" /proc/[0-9]*/status | sed 's,^/proc/\([0-9]*\)/.*,\1,'
}
holds() { # PID: it does nothing but wait, as a placeholder that has done its steps
	grep -q futex "/proc/$1/wchan" 2>/dev/null
}

# A tree whose numbers are nobody's here, so that a process is found by them; a note is said when it is built.
noted_tree() {
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 25500, "sid": 25500, "state": "live", "comm": "root"},
	  {"nspid": [25501], "ppid": 25500, "pgid": 25500, "sid": 25500, "state": "live", "comm": "victim"},
	  {"nspid": [25502], "ppid": 25500, "pgid": 25500, "sid": 25500, "state": "zombie"},
	  {"nspid": [25503], "ppid": 25501, "pgid": 25500, "sid": 25500, "state": "live", "comm": "last"}]}
	TREE
}

# ---------------------------------------------------------------------------------- found different --

# While nobody reads its standard error, which is full, the restorer waits with its note: the tree stands, and the
# verification is still to come.
start_unheard() {
	noted_tree
	mkfifo pipe
	exec 3<>pipe
	dd if=/dev/zero bs=65536 count=1 2>/dev/null >&3
	: >complaint
	"$SETTID" restore "$@" tree >said 2>&3 &
	restorer=$!
	trap 'kill -KILL "$restorer" 2>/dev/null || :' EXIT
	wait_for all_there
}
all_there() {
	victim=$(inside 25501) last=$(inside 25503)
	[ -n "$victim" ] && [ -n "$last" ] && holds "$victim" && holds "$last" && holds "$(inside 25500)"
}
builds() { # it has a child, and is no longer slow_call, which had one too
	[ "$(cat "/proc/$restorer/comm")" = settid ] && grep -q . "/proc/$restorer/task/$restorer/children"
}
found() {
	[ -n "$(inside "$1")" ]
}
not_found() {
	! found "$1"
}
strike() { # PID: kills it, and sees it dead
	kill -KILL "$1"
	wait_for gone "$1"
}
listen() {
	dd bs=65536 count=1 2>/dev/null <&3 >/dev/null
}
heard() { # finish, and what it had to complain of
	finish "$@"
	echo >&3
	err=$(dd bs=65536 count=1 2>/dev/null <&3)
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

# ---------------------------------------------------------------------------------------- programs --

barrier() {
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh", "-c",
	    "echo \$\$ >started; until [ -e 'started too' ]; do sleep 0.02; done; exit 3"]},
	  {"nspid": [25501], "ppid": 25500, "pgid": 0, "sid": 0, "state": "live", "argv": ["touch", "started too"]},
	  {"nspid": [25502], "ppid": 25500, "pgid": 0, "sid": 0, "state": "zombie"},
	  {"nspid": [25503], "ppid": 25501, "pgid": 0, "sid": 0, "state": "live", "argv": ["sleep", "100"]}]}
	TREE
	mkfifo pipe
	exec 3<>pipe
	dd if=/dev/zero bs=65536 count=1 2>/dev/null >&3
	: >complaint
	"$SETTID" restore --exec tree >said 2>&3 &
	restorer=$!
	wait_for all_there
	[ ! -e started ] && [ ! -e "started too" ]
	listen
	finish
	is "$status" 3
	is "$(cat started)" 25500
	[ -e "started too" ]
	wait_for not_found 25503
}
it "no program starts before all is verified" barrier

# program SCRIPT: a tree whose root is that
program() {
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$1], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh", "-c", "$2"]},
	  {"nspid": [25502], "ppid": $1, "pgid": 0, "sid": 0, "state": "live", "argv": ["sleep", "100"]}]}
	TREE
}
passes_on() {
	program 25500 "trap 'exit 7' TERM; echo ready; while :; do sleep 0.05; done"
	begin "$SETTID" restore --exec tree
	wait_for grep -q ready said
	finish TERM
	is "$status" 7
}
heeded() { # no SIGTERM, the 15th, waits for the restorer
	! grep -q '^S[a-z]*Pnd:.*[4-7c-f]...$' "/proc/$restorer/status"
}
insists() {
	program 25500 "trap '' TERM; echo ready; while :; do sleep 0.05; done"
	begin "$SETTID" restore --exec tree
	wait_for grep -q ready said
	kill -TERM "$restorer"
	wait_for heeded # two that wait are one
	kill -0 "$restorer"
	finish TERM
	is "$status" 143
	[ -z "$(inside 25502)" ]
}
by_signal() {
	program "$1" 'echo ready; kill -SEGV $$'
	run "$SETTID" restore --exec tree
	is "$status" 139
}
dead_root() {
	run "$SETTID" restore --exec "$@" "$TREES/dead-root.json"
	is "$status" 5
	like "$out" "verified"
}
stays() {
	run timeout -s TERM 20 "$SETTID" restore --exec "$TREES/programs.json"
	is "$status" 9
	like "$err" "note: 1 of 4 processes stay placeholders: zombies, stopped ones, those with threads or without argv"
	run "$SETTID" restore --exec --json "$TREES/programs.json"
	is "$status" 9
	like "$out" "1 of 4 processes stay placeholders"
	is "$err" ""
}
# No program to hear it: what a second signal does to others, the first does here.
deaf_root() {
	noted_tree
	start "$SETTID" restore --exec tree
	finish TERM
	is "$status" 143
	[ -z "$(inside 25501)" ]
}
surroundings() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "cwd": "/usr",
	   "argv": ["-sh", "-c", "pwd; echo $0 $WISH; grep Sig[BI] /proc/self/status; ls -l /proc/self/fd | wc -l"]}]}
	TREE
	run sh -c 'grep Sig[BI] /proc/self/status' # timeout(1), which runs them, leaves HUP and QUIT unignored
	echo "$out" >want
	echo 5 >>want # 0, 1, 2, that of ls, and a line on top
	WISH=fulfilled
	export WISH
	run "$SETTID" restore --exec tree </dev/null
	is "$status" 0
	is "$(echo "$out" | tail -n +2)" "/usr
-sh fulfilled
$(cat want)"
}
cannot_start() {
	printf '#!/no/such/interpreter\n' >script
	chmod 755 script
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sleep", "100"]},
	  {"nspid": [25501], "ppid": 25500, "pgid": 0, "sid": 0, "state": "live", "argv": ["./script"]}]}
	TREE
	run "$SETTID" restore --exec tree
	is "$status" 1
	like "$err" "process 25501 could not"
	like "$err" "No such file or directory; nothing is left"
	[ -z "$(inside 25500)" ]
}
no_directory() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [25500], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["true"], "cwd": "/no/where"}]}
	TREE
	run "$SETTID" restore --exec tree
	is "$status" 1
	like "$err" "process 25500: cannot enter its directory /no/where: No such file or directory"
}
orphans() {
	a=$(free_pid)
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$a], "ppid": 0, "pgid": $a, "sid": 0, "state": "live",
	   "argv": ["sh", "-c", "(sh -c 'echo \$\$ >orphan' &); until [ -s orphan ]; do sleep 0.02; done; sleep 0.3; exit 5"]}]}
	TREE
	begin "$SETTID" restore --exec --into current tree
	wait_for test -s orphan
	wait_for test ! -e "/proc/$(cat orphan)"
	finish
	is "$status" 5
}
killed_with_programs() {
	a=$(free_pid)
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$a], "ppid": 0, "pgid": $a, "sid": 0, "state": "live",
	   "argv": ["sh", "-c", "setsid sh -c 'echo \$\$ >deep; sleep 100' & sleep 100"]}]}
	TREE
	begin "$SETTID" restore --exec "$@" tree
	wait_for test -s deep
	children=$(pgrep -x sleep -c) || :
	finish KILL
	wait_for gone "$a"
	[ "$#" = 0 ] || wait_for gone "$(cat deep)"
	[ -n "$children" ]
}
it "the first signal goes to the root program" passes_on
it "a second one ends the tree" insists
it "a root that dies from a signal is told as a shell tells it" by_signal 25500
it "a root that was dead in the file gives its status at once" dead_root
it "... in the own namespace too" dead_root --into current
it "what stays a placeholder is said" stays
it "a root that stays one does not keep the tree from ending" deaf_root
it "programs get directory, environment, signals and streams, and no other descriptor" surroundings
it "a program that cannot be started ends all and is named" cannot_start
it "a directory that is not there is refused beforehand" no_directory
it "orphans in the own namespace are reaped while programs run" orphans
it "a restorer that is killed takes its programs along" killed_with_programs
it "... and what they started, in the own namespace too" killed_with_programs --into current

pidfile_late() {
	mkfifo pipe
	program 25500 "cat pipe"
	begin "$SETTID" restore --exec --pidfile here tree
	wait_for test -s here
	is "$(cat here)" "$(inside 25500)"
	echo >pipe
	finish
	is "$status" 0
	[ ! -e here ]
}
pidfile_unverified() {
	start_unheard --pidfile here
	[ ! -e here ]
	strike "$last"
	listen
	heard
	is "$status" 2
	[ ! -e here ]
}
it "--pidfile is there while programs run, with the root's PID as seen from here" pidfile_late
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
