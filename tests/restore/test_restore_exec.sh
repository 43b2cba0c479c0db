#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore_exec.sh: `settid restore --exec` in time: programs that start together, hear signals, end and are ended.
# Needs $SETTID, $TREES.
# shellcheck disable=SC2016

. "$(dirname "$0")/run.sh"

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
it "--pidfile is there while programs run, with the root's PID as seen from here" pidfile_late

tap_end
