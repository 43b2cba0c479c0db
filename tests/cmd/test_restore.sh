#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore.sh: `settid restore` and `settid plan` as a user meets them.
# Needs $SETTID, the command, and $TREES, the folder of tree files that can all be built.

. "$(dirname "$0")/tap.sh"

can_make_namespaces() {
	unshare --pid --fork true 2>/dev/null
}

can_make_namespaces || skip_all "no right to make a PID namespace here"

# start ARG...: a restore in the background; its PID in $restorer, back when it says that the tree stands.
start() {
	start_command "$SETTID" restore "$@"
}

start_command() {
	rm -f said complaint
	"$@" >said 2>complaint &
	restorer=$!
	wait_for settled
}

settled() {
	grep -q . said || ! kill -0 "$restorer" 2>/dev/null
}

# finish SIGNAL: ends it; its status in $status.
finish() {
	kill -"$1" "$restorer"
	status=0
	wait "$restorer" || status=$?
}

root_of() {
	sed -n 's/.* as PID \([0-9]*\) .*/\1/p' said
}

builds() {
	start "$1"
	like "$(cat said complaint)" "verified, every number as in the file"
	root=$(root_of)
	finish TERM
	is "$status" 0 "exit status"
	gone "$root"
	is "$(cat complaint)" "" "standard error"
}
for file in "$TREES"/*.json; do
	name=$(basename "$file" .json)
	case $name in
	core | cores) dumps=true ;;
	*) dumps=false ;;
	esac
	if $dumps && grep -q '^|\|/' /proc/sys/kernel/core_pattern; then
		skip "tree $name is restored" "core dumps go elsewhere here"
	elif $dumps && [ "$(awk '/Max core file size/ { print $6 }' /proc/self/limits)" = 0 ]; then
		skip "tree $name is restored" "the hard limit on core files is 0"
	else
		it "tree $name is restored, verified and undone" builds "$file"
	fi
done

interrupted() {
	start "$TREES/groups.json"
	finish "$1"
	is "$status" 0
}
it "SIGINT ends a hold with status 0" interrupted INT

killed() {
	start "$TREES/nested.json"
	root=$(root_of)
	finish KILL
	wait_for gone "$root"
}
it "a restorer that is killed takes the tree along" killed

one_process() {
	cat <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$1], "ppid": 0, "pgid": $1, "sid": $1, "state": "live", "comm": "settid-test"},
	  {"nspid": [$2], "ppid": $1, "pgid": $2, "sid": $1, "state": "live"},
	  {"nspid": [$3], "ppid": $2, "pgid": $2, "sid": $1, "state": "zombie", "exit_code": 3}]}
	TREE
}

into_current() {
	a=$(free_pid)
	one_process "$a" $((a + 1)) $((a + 2)) >tree
	start --into current tree
	like "$(cat said complaint)" "restored 3 processes as PID $a"
	is "$(cat "/proc/$((a + 1))/comm")" settid-test
	finish TERM
	is "$status" 0
	[ ! -e "/proc/$a" ] && [ ! -e "/proc/$((a + 1))" ] && [ ! -e "/proc/$((a + 2))" ]
}
it "a tree is restored into the current namespace" into_current

into_pid() {
	unshare --pid --fork sleep 60 &
	outer=$!
	wait_for pgrep -P "$outer"
	inner=$(pgrep -P "$outer")
	one_process 900 901 902 >tree
	start --into "$inner" tree
	like "$(cat said complaint)" "restored 3 processes"
	grep -q 'NSpid:.*900$' "/proc/$(root_of)/status"
	finish TERM
	is "$status" 0
	kill -KILL "$inner"
	wait "$outer" || :
}
it "a tree is restored into the namespace of a process" into_pid

names_the_holder() {
	sleep 60 &
	becomes $! sleep
	one_process $! $(($(free_pid) + 1)) $(($(free_pid) + 2)) >tree
	run "$SETTID" restore --into current tree
	holder=$!
	kill "$holder"
	is "$status" 1
	like "$err" "$holder"
	like "$err" "sleep"
	like "$err" "nothing is left"
}
it "a number that is taken is refused with its holder" names_the_holder

last_pid() {
	[ -w /proc/sys/kernel/ns_last_pid ] || return 0
	one_process 500 510 520 >tree
	start --method ns_last_pid tree
	like "$(cat said complaint)" "verified, every number as in the file"
	finish TERM
	is "$status" 0
}
if [ -w /proc/sys/kernel/ns_last_pid ]; then
	it "a flat tree is restored by ns_last_pid" last_pid
else
	skip "a flat tree is restored by ns_last_pid" "no ns_last_pid here"
fi

last_pid_levels() {
	run "$SETTID" restore --method ns_last_pid "$TREES/nested.json"
	is "$status" 1
	like "$err" "numbers at 2 levels"
}
it "ns_last_pid refuses nested namespaces beforehand" last_pid_levels

programs() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [700], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh", "-c", "echo $$; exit 9"]},
	  {"nspid": [701], "ppid": 700, "pgid": 0, "sid": 0, "state": "zombie", "exit_code": 3}]}
	TREE
	run "$SETTID" restore --exec tree
	is "$status" 9
	like "$out" "
700"
	like "$err" "1 of 2 processes stay placeholders"
}
it "--exec starts the programs and returns the root's status" programs

init_program() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [1], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh", "-c", "sleep 0.1; exit 4"]},
	  {"nspid": [5], "ppid": 1, "pgid": 5, "sid": 0, "state": "live", "argv": ["sleep", "100"], "cwd": "/"}]}
	TREE
	run "$SETTID" restore --exec tree
	is "$status" 4
}
it "--exec ends with a root that is init, and the rest with it" init_program

current_programs() {
	a=$(free_pid)
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [$a], "ppid": 0, "pgid": $a, "sid": 0, "state": "live", "argv": ["sh", "-c", "sleep 77 & exit 5"]},
	  {"nspid": [$((a + 1))], "ppid": $a, "pgid": $a, "sid": 0, "state": "live", "argv": ["sleep", "78"]}]}
	TREE
	run "$SETTID" restore --exec --into current tree
	is "$status" 5
	[ ! -e "/proc/$a" ] && [ ! -e "/proc/$((a + 1))" ]
	! pgrep -f '^sleep 77$' >/dev/null
}
it "programs in the current namespace leave no orphans" current_programs

missing_program() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [700], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["no-such-program"]}]}
	TREE
	run "$SETTID" restore --exec tree
	is "$status" 1
	like "$err" "process 700: its program no-such-program is not found in PATH"
}
it "a program that is not there is refused beforehand" missing_program

pidfile() {
	start --pidfile here "$TREES/single.json"
	is "$(cat here)" "$(root_of)"
	finish TERM
	[ ! -e here ]
	is "$(ls)" "complaint
said"
}
it "--pidfile is written when the tree stands and removed with it" pidfile

pidfile_killed() {
	start --pidfile here "$TREES/single.json"
	[ -e here ]
	finish KILL
	wait_for test ! -e here
}
it "a killed restorer leaves no pidfile" pidfile_killed

as_json() {
	start --json "$TREES/single.json"
	finish TERM
	python=$(command -v python3) || return 0
	"$python" -c 'import json, sys; d = json.load(open("said")); assert d["verified"] and d["processes"] == 1' || return 1
}
it "--json says the same for programs" as_json

# The build directory may be in somebody's private home.
reachable=$tap_dir/settid
cp "$SETTID" "$reachable" && chmod 755 "$reachable"

ordinary_user() {
	chmod 777 .
	cp "$TREES/nested.json" "$TREES/groups.json" .
	chmod 644 ./*.json
	for file in nested groups; do
		start_command setpriv --reuid 65534 --regid 65534 --clear-groups "$reachable" restore --user $file.json
		like "$(cat said complaint)" "verified, every number as in the file"
		finish TERM
		is "$status" 0
	done
}
# What cannot be read cannot have been verified.
ordinary_zombies() {
	chmod 777 .
	cp "$TREES/zombies.json" .
	chmod 644 zombies.json
	start_command setpriv --reuid 65534 --regid 65534 --clear-groups "$reachable" restore --user --pidfile root zombies.json
	wait_for test -s root
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$reachable" show "$(cat root)"
	finish TERM
	like "$out" 'zombie SIGSEGV'
	is "$err" ''
}
# Where no limit lets a core dump be refused, the dead cannot be looked at: said, and told to programs.
unverified_zombies() {
	chmod 777 .
	cp "$TREES/zombies.json" .
	chmod 644 zombies.json
	start_command setpriv --reuid 65534 --regid 65534 --clear-groups sh -c \
		'ulimit -c 0; exec "$0" restore --user "$@" zombies.json' "$reachable" "$@"
	finish TERM
	is "$status" 0
}
unverified_is_said() {
	unverified_zombies
	like "$(cat complaint)" '7 facts could not be read, and so not verified'
}
unverified_is_json() {
	unverified_zombies --json
	like "$(cat said)" '"unreadable": 7'
	is "$(cat complaint)" ''
}
if setpriv --reuid 65534 --regid 65534 --clear-groups unshare --user true 2>/dev/null &&
	setpriv --reuid 65534 --regid 65534 --clear-groups sh -c '"$0" --version' "$reachable" >/dev/null 2>&1; then
	it "an ordinary user restores with --user" ordinary_user
	it "what a verification could not read is said" unverified_is_said
	it "what a verification could not read is in the JSON" unverified_is_json
	it "an ordinary user can read how all zombies of a restore ended" ordinary_zombies
else
	skip "an ordinary user restores with --user" "no user namespaces for ordinary users, or the command is out of their reach"
fi

refused() {
	printf '%s' "$1" >tree
	run "$SETTID" restore tree
	is "$status" 1
	like "$err" "$2"
	run "$SETTID" plan tree
	is "$status" 1
	like "$err" "$2"
}
it "a session that nobody could have left there is refused by name" refused \
	'{"settid": 1, "processes": [
	{"nspid": [5], "ppid": 0, "pgid": 5, "sid": 5, "state": "live"},
	{"nspid": [6], "ppid": 5, "pgid": 5, "sid": 5, "state": "live"},
	{"nspid": [7], "ppid": 6, "pgid": 0, "sid": 0, "state": "live", "comm": "lost"}]}' \
	"process 7 (lost) cannot be built: its session is outside the tree"

usage() {
	run "$SETTID" "$@"
	is "$status" 125
	[ -n "$err" ]
}
it "restore without a file is wrong usage" usage restore
it "restore with two files is wrong usage" usage restore a b
it "--hold with --exec is wrong usage" usage restore --hold --exec a
it "--into nowhere is wrong usage" usage restore --into nowhere a
it "--into 0 is wrong usage" usage restore --into 0 a
it "--method magic is wrong usage" usage restore --method magic a
it "--timeout soon is wrong usage" usage restore --timeout soon a
it "--keep with --no-verify is wrong usage" usage restore --keep --no-verify a
it "an unknown option is wrong usage" usage restore --frobnicate a
it "plan without a file is wrong usage" usage plan
it "plan in an unknown format is wrong usage" usage plan --format pdf a

missing_file() {
	run "$SETTID" restore nowhere.json
	is "$status" 1
	like "$err" "cannot open nowhere.json"
}
it "a file that is not there is refused" missing_file

plans() {
	run "$SETTID" plan "$TREES/groups.json"
	is "$status" 0
	like "$out" "found a process group"
	run "$SETTID" plan --format json "$TREES/groups.json"
	like "$out" '"op": "setsid"'
	run "$SETTID" plan --format dot "$TREES/groups.json"
	like "$out" "digraph plan"
}
it "a plan is printed in all formats" plans

tap_end
