#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_check.sh: `settid check` says what `settid restore` then does, who stands in the way, and what to do about it.
# Needs $SETTID, $TREES, $BLOCK_CALL.
# shellcheck disable=SC2016,SC2086

# In a PID namespace of its own: a quiet machine, and what a failed test leaves dies with it.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"

# The binary where every user may run it, and the trees where every user may read them.
cp "$SETTID" "$BLOCK_CALL" "$TREES"/*.json "$tap_dir" || exit 1
SETTID=$tap_dir/settid BLOCK_CALL=$tap_dir/block_call TREES=$tap_dir
chmod 755 "$SETTID" "$BLOCK_CALL"
chmod 644 "$TREES"/*.json
echo 20000 >/proc/sys/kernel/ns_last_pid # this test's own processes are not to have the trees' numbers

# restored ARG...: the restore's own status, 0 when the tree stood as in the file
restored() {
	rm -f said complaint
	: >said
	"$@" >said 2>complaint &
	restorer=$!
	wait_for settled
	kill -TERM "$restorer" 2>/dev/null || :
	status=0
	wait "$restorer" || status=$?
	! grep -q verified said || status=0 # and then ended by us, or by its own root
	out=$(cat said) err=$(cat complaint)
}
settled() {
	grep -q . said || ! kill -0 "$restorer" 2>/dev/null
}
# agree STATUS PREFIX... -- ARG...: check ends with it, and restore agrees; check's words stay in $answer.
agree() {
	want=$1 prefix=
	shift
	while [ "$1" != -- ]; do
		prefix="$prefix $1"
		shift
	done
	shift
	run $prefix "$SETTID" check "$@"
	answer=$out
	is "$status" "$want" "check's status"
	restored $prefix "$SETTID" restore "$@"
	is "$status" "$want" "restore's status"
}
says() {
	like "$answer" "$1" "check's words"
}

# -------------------------------------------------------------------------------------------- trees --

every_tree() { # WHERE
	for file in "$TREES"/*.json; do
		run "$SETTID" check --into "$1" "$file"
		answer=$status
		restored "$SETTID" restore --into "$1" "$file"
		is "$answer" "$status" "check's status for $file"
	done
}
it "check and restore agree on every tree, in a new namespace" every_tree new
it "... and in the current one" every_tree current

# One number of a tree is somebody's: any of them, chosen anew each time.
any_number() {
	tree_of 2000 2001 2002 2003 2004 2005 2006 2007 >tree
	for round in 1 2 3 4 5 6; do
		number=$((1998 + ($(od -An -N1 -tu1 /dev/urandom) % 12)))
		"$SETTID" exec --pid $number -- sleep 1000 &
		wait_for is_taken $number
		[ $number -ge 2000 ] && [ $number -le 2007 ] && want=1 || want=0
		agree $want -- --into current tree
		kill $number
		wait
		echo "round $round: $number"
	done
}
it "... whichever of its numbers is taken" any_number

no_tree() {
	run "$SETTID" check no-such-file
	is "$status" 2
	like "$err" "cannot open no-such-file"
}
it "a file that cannot be read cannot be told of" no_tree

# An init in a group founded inside its own namespace: no restore makes it, on any machine.
impossible() {
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 2000, "state": "live"},
	  {"nspid": [2001, 1], "ppid": 2000, "pgid": 2002, "sid": 2000, "state": "live"},
	  {"nspid": [2002, 2], "ppid": 2001, "pgid": 2002, "sid": 2000, "state": "live"}]}
	TREE
	agree 1 -- tree
	echo '{"settid": 1' >tree
	agree 1 -- tree
}
it "a tree that cannot exist will not work" impossible

# Outside its namespace's orphaned group nobody can stop by TTIN.
not_exactly() {
	cat >tree <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 2000, "state": "live"},
	  {"nspid": [2001], "ppid": 2000, "pgid": 2001, "sid": 2001, "state": "stopped", "stop_signal": 21}]}
	TREE
	agree 0 -- tree
	says "note: process 2001 is stopped by SIGSTOP, not SIGTTIN"
	like "$err" "note: process 2001 is stopped by SIGSTOP, not SIGTTIN" "restore's words"
	run "$SETTID" check --json tree
	like "$out" '"notes": \['
	like "$out" "process 2001 is stopped by SIGSTOP"
}
it "what will not be exactly as in the file is said" not_exactly

unheard() {
	for how in "" --json "--against inventory"; do
		"$SETTID" inventory --json >inventory
		status=0
		"$SETTID" check $how "$TREES/groups.json" >/dev/full 2>complaint || status=$?
		is "$status" 2
		like "$(cat complaint)" "cannot write the answer: No space left on device"
	done
}
it "an answer that cannot be written is none" unheard

no_plan() {
	agree 1 -- --into current "$TREES/init.json"
	says "plan  no "
	says "use --into new"
	agree 0 -- "$TREES/init.json"
}
it "a tree that cannot go there is refused, and where it can is said" no_plan

# ------------------------------------------------------------------------------------------ holders --

process() {
	"$SETTID" exec --pid 2000 -- sleep 1000 &
	wait_for is_taken 2000
	becomes 2000 sleep
	tree_of 2000 2001 >tree
	agree 1 -- --into current tree
	says "2000, for process 2000 (line 2), is the process 2000 (sleep): end 2000 (sleep), or use --into new"
	says "It will not work: 1 thing is in the way."
	agree 0 -- --into new tree
	kill 2000
	wait
	agree 0 -- --into current tree
}
several() {
	cat >held <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [1900], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "comm": "careless"},
	  {"nspid": [2000], "ppid": 1900, "pgid": 0, "sid": 0, "state": "zombie"},
	  {"nspid": [1901], "ppid": 1900, "pgid": 1901, "sid": 0, "state": "live", "comm": "member",
	   "threads": [{"nspid": [1901]}, {"nspid": [2002]}]},
	  {"nspid": [2003], "ppid": 1900, "pgid": 0, "sid": 0, "state": "live", "leader_dead": true, "comm": "hollow",
	   "threads": [{"nspid": [2003]}, {"nspid": [1903]}]}]}
	TREE
	"$SETTID" restore --into current --pidfile root held >said 2>&1 &
	holder=$!
	wait_for test -s root
	tree_of 2000 2001 2002 2003 >tree
	run "$SETTID" check --into current tree
	is "$status" 1
	like "$out" "2000, for process 2000 (line 2), is a zombie, child of 1900 (careless): reap it: its parent is 1900 (careless), or use --into new"
	like "$out" "2002, for process 2002 (line 4), is a thread of 1901 (member): end 1901 (member) with all its threads"
	like "$out" "2003, for process 2003 (line 5), is the dead leader of 2003 (hollow), whose other threads live"
	like "$out" "It will not work: 3 things are in the way."
	run "$SETTID" check --json --into current tree
	is "$status" 1
	like "$out" '"answer": "fails"'
	like "$out" '"kind": "zombie"'
	like "$out" '"parent": 1900'
	restored "$SETTID" restore --into current tree
	is "$status" 1
	kill "$holder"
	wait
	agree 0 -- --into current tree
}
reserved() {
	tree_of 2000 2001 >tree
	"$SETTID" reserve --for tree --socket socket >held &
	holder=$!
	wait_for grep -q reserved held
	agree 1 -- --into current tree
	says "2000, for process 2000 (line 2), is reserved by settid: restore with --reservation SOCKET"
	kill $holder
	wait
	agree 0 -- --into current tree
}
it "a process is named, and what to do about it" process
it "zombies, threads and dead leaders are named, with those who can end them" several
it "settid's own reservation is known as that" reserved

# Reaped alone, it would still be their group's number.
followed() {
	cat >scene <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [1900], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "comm": "careless"},
	  {"nspid": [2000], "ppid": 1900, "pgid": 2000, "sid": 0, "state": "zombie"},
	  {"nspid": [1901], "ppid": 1900, "pgid": 2000, "sid": 0, "state": "live"}]}
	TREE
	"$SETTID" restore --into current --pidfile root scene >said &
	holder=$!
	wait_for test -s root
	tree_of 2000 >tree
	agree 1 -- --into current tree
	says "reap it: its parent is 1900 (careless), and end whoever is in its group or session"
	"$SETTID" inventory --json >inventory
	run "$SETTID" check --into current --against inventory tree
	like "$out" "and end whoever is in its group or session"
	kill $holder
	wait $holder || :
}
it "who would keep a number after its holder is told, too" followed

# ------------------------------------------------------------------------------------- rights, limits --

# somebody whom no other test becomes: limits count all processes of a user
as_user='setpriv --reuid 64123 --regid 64123 --clear-groups'
users() {
	tree_of 2000 2001 >tree
	chmod 644 tree
	agree 1 $as_user -- tree
	says "use --user, or run as root"
	agree 0 $as_user -- --user tree
	agree 1 $as_user -- --into current tree
	says "no right to choose numbers in this PID namespace"
	says "or use --into new --user"
}
user_limit() {
	tree_of 2000 2001 2002 2003 2004 2005 >tree
	chmod 644 tree
	agree 1 $as_user prlimit --nproc=3 -- --user tree
	says "RLIMIT_NPROC leaves"
	says "raise it (ulimit -u) by at least"
}
# Root is mapped into a user namespace only by who has CAP_SETFCAP.
bare_root() {
	tree_of 2000 2001 >tree
	agree 1 $without -- --user tree
	says "no user namespace with this user in it"
	like "$err" "cannot map root into the user namespace: that needs CAP_SETFCAP" "restore's words"
	agree 1 $without -- tree
	says "CAP_SYS_ADMIN"
}
without='setpriv --bounding-set -all --inh-caps -all'
if $without unshare --user true 2>/dev/null && ! $without unshare --user --map-root-user true 2>/dev/null; then
	it "root without capabilities is not promised a user namespace" bare_root
else
	skip "root without capabilities" "this kernel maps it all the same, or makes no user namespaces"
fi
if $as_user unshare --user true 2>/dev/null; then
	it "rights that are missing are named" users
	it "RLIMIT_NPROC is" user_limit
else
	skip "rights and limits of ordinary users" "there are none here who may make user namespaces"
fi

no_clone3() {
	tree_of 2000 2001 >tree
	agree 0 $BLOCK_CALL enosys -- --into current tree
	says "ns_last_pid: a race"
	agree 0 $BLOCK_CALL enosys -- tree
	says "one more level, as was tried"
	agree 1 $BLOCK_CALL enosys -- --into current "$TREES/nested.json"
	says "one level only"
	agree 1 $BLOCK_CALL eperm -- --into current --method clone3 tree
	"$SETTID" exec --pid 2001 -- sleep 1000 &
	wait_for is_taken 2001
	becomes 2001 sleep
	agree 1 $BLOCK_CALL enosys -- --into current tree
	says "is the process 2001 (sleep)"
	kill 2001
	wait
}
it "without clone3 it is ns_last_pid, for trees of one level" no_clone3

pid_max() {
	tree_of 2000 3000 >tree
	max=$(cat /proc/sys/kernel/pid_max)
	echo 2500 >/proc/sys/kernel/pid_max
	agree 1 -- --into current tree
	says "level 0: 3000 is wanted, and pid_max is 2500: raise pid_max to at least 3001"
	echo 3001 >/proc/sys/kernel/pid_max
	agree 0 -- --into current tree
	echo "$max" >/proc/sys/kernel/pid_max
}
few_numbers() { # births in a new namespace have a number of this one, too
	max=$(cat /proc/sys/kernel/pid_max)
	tree_of 2000 2001 2002 2003 2004 2005 2006 2007 >tree
	"$SETTID" restore --into current --pidfile held tree >/dev/null & # these are above pid_max then, and do not count
	holder=$!
	wait_for test -s held
	wrong=0 words=
	for k in 4 6 8 10 11 12 13 14 20; do
		echo $((300 + k)) >/proc/sys/kernel/pid_max # forks of this shell have numbers of it, too
		run "$SETTID" check --into new tree
		answer=$status words="$words$out"
		restored "$SETTID" restore --into new tree
		echo "$max" >/proc/sys/kernel/pid_max
		[ "$answer" = 2 ] || [ "$answer" = "$status" ] || wrong=$((wrong + 1))
	done
	kill "$holder"
	wait "$holder" || :
	is "$wrong" 0 "answers that the restore did not agree with"
	like "$words" "free numbers, and"
}
own_pid_max() { # since Linux 6.14 each namespace has its own: only then it may be changed here
	before=$(cat /proc/sys/kernel/pid_max)
	unshare --pid --fork --mount-proc sh -c 'echo 9999 >/proc/sys/kernel/pid_max' 2>/dev/null || return 1
	[ "$(cat /proc/sys/kernel/pid_max)" = "$before" ] || {
		echo "$before" >/proc/sys/kernel/pid_max
		return 1
	}
}
if own_pid_max; then
	it "pid_max is named, and how far to raise it" pid_max
	it "a namespace that has few numbers left is measured rightly" few_numbers
else
	skip "pid_max is named, and how far to raise it" "pid_max is the whole machine's here"
fi

# A cgroup of our own, version 1 or 2; its folder in $cgroup.
make_cgroup() {
	name=settid-check-$(od -An -N4 -tx4 /dev/urandom | tr -d ' ') # this shell is number 1: $$ is nobody's name
	for top in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -d "$top" ] && mkdir "$top/$name" 2>/dev/null || continue
		cgroup=$top/$name
		[ -w "$cgroup/pids.max" ] && return 0
		rmdir "$cgroup"
	done
	return 1
}
cgroup() {
	tree_of 2000 2001 2002 2003 2004 2005 >tree
	cat >inside <<-'END'
	echo $$ >"$1/cgroup.procs"
	shift
	exec "$@"
	END
	echo 4 >"$cgroup/pids.max"
	agree 1 sh inside $cgroup -- --into current tree
	says "the pids cgroup leaves"
	says "raise pids.max by at least"
	echo 20 >"$cgroup/pids.max"
	agree 0 sh inside $cgroup -- --into current tree
}
if make_cgroup; then
	it "the pids cgroup is named, and by how much to raise it" cgroup
	wait_for rmdir "$cgroup"
else
	skip "the pids cgroup is named" "no pids cgroup can be made here"
fi

core() {
	agree 1 prlimit --core=0:0 -- "$TREES/core.json"
	says "the hard limit on core files is 0: raise it"
	agree 0 prlimit --core=0:0 -- --no-core "$TREES/core.json"
	agree 0 -- "$TREES/core.json"
}
case $(cat /proc/sys/kernel/core_pattern) in
'|'* | */*) skip "a core dump that cannot be had is named" "this machine's core_pattern sends them away" ;;
*) it "a core dump that cannot be had is named" core ;;
esac

execve() { # the sysctl is a PID namespace's own, and never lowered again
	echo 'echo 2 >/proc/sys/vm/memfd_noexec; exec "$@"' >forbid
	agree 1 unshare --pid --fork --kill-child --mount-proc sh forbid -- "$TREES/signal-lost-by-execve.json"
	says "here no memfd can be executed: set the sysctl vm.memfd_noexec to 0 or 1"
	like "$err" "there can be no memfd for that: Permission denied (sysctl vm.memfd_noexec)" "restore's words"
	agree 0 -- "$TREES/signal-lost-by-execve.json"
	says "can do so"
}
if [ -w /proc/sys/vm/memfd_noexec ]; then
	it "an execve that a tree needs and cannot have is named" execve
else
	skip "an execve that a tree needs and cannot have is named" "this kernel knows no vm.memfd_noexec, or it is not ours"
fi

deep() { # a chain of inits, N namespaces inside each other
	parent=0
	echo '{"settid": 1, "processes": ['
	echo '{"nspid": [100], "ppid": 0, "pgid": 0, "sid": 0, "state": "live"}'
	n=1
	while [ $n -le "$1" ]; do
		parent=$((99 + n))
		list=$((100 + n)) k=1
		while [ $k -lt $n ]; do
			list="$list, $((n - k + 1))"
			k=$((k + 1))
		done
		echo ", {\"nspid\": [$list, 1], \"ppid\": $parent, \"pgid\": 0, \"sid\": 0, \"state\": \"live\"}"
		n=$((n + 1))
	done
	echo ']}'
}
depth() {
	deep 31 >tree
	agree 1 -- --into new tree
	says "the tree's innermost namespace would be at level 33, and 32 is the last: restore it 1 levels further out"
	agree 0 -- --into current tree
}
it "a tree that would be too deep is told by how much" depth

namespaces() { # that of the test's own user namespace; what one command made is gone a moment after it
	echo 'echo $MAX >/proc/sys/user/max_pid_namespaces && exec "$@"' >at_most
	deep 4 >tree
	agree 1 env MAX=4 unshare --user --map-root-user sh at_most -- --into new tree
	says "5 PID namespaces are needed, and max_pid_namespaces is 4: raise"
	like "$err" "too many namespaces: 32 levels at most, and max_pid_namespaces in all" "restore's words"
	agree 0 env MAX=40 unshare --user --map-root-user sh at_most -- --into new tree
	run env MAX=6 unshare --user --map-root-user sh at_most "$SETTID" check --into new tree
	is "$status" 2
	like "$out" "and max_pid_namespaces, 6, may leave fewer: raise"
}
if unshare --user --map-root-user sh -c 'echo 100 >/proc/sys/user/max_pid_namespaces' 2>/dev/null; then
	it "too many namespaces for max_pid_namespaces are told by how many" namespaces
else
	skip "too many namespaces for max_pid_namespaces are told by how many" "no user namespace can be made here"
fi

elsewhere() {
	"$SETTID" exec --new-pidns -- sleep 1000 &
	wait_for pgrep -x sleep
	sleeper=$(pgrep -x sleep)
	tree_of 77 78 >tree
	agree 0 -- --into "$sleeper" tree
	tree_of 1 78 >other
	"$SETTID" restore --into "$sleeper" --pidfile root tree >said &
	wait_for test -s root
	run "$SETTID" check --into "$sleeper" tree
	is "$status" 1
	like "$out" "77, for process 77 (line 2), is the process"
	run "$SETTID" restore --into "$sleeper" tree
	is "$status" 1
	like "$err" "make process 77: its number is taken in there; settid check with the same --into names the holder"
	kill $!
	wait $! || :
	run "$SETTID" check --into 99999 tree
	is "$status" 1
	like "$err" "there is no such process"
	kill -KILL "$sleeper"
}
it "--into PID asks about that namespace" elsewhere

# -------------------------------------------------------------------------------------------- usage --

json() {
	run "$SETTID" check --json "$TREES/groups.json"
	is "$status" 0
	like "$out" '"answer": "works"'
	like "$out" '"topic": "plan"'
	command -v python3 >/dev/null || return 0
	printf '%s\n' "$out" | python3 -c '
import json, sys
for f in json.load(sys.stdin)["findings"]:
    assert f["answer"] == "works" and f["topic"] and f["text"], f'
}
it "--json is JSON" json
images() {
	run "$SETTID" check "$CRIU_IMAGES/threads"
	is "$status" 0
	like "$out" "It will work."
}
[ -z "${CRIU_IMAGES-}" ] || it "the images of a CRIU dump are checked as well" images

wrong_usage() {
	run "$SETTID" check "$@"
	is "$status" 125
	is "$out" ""
}
it "no file is wrong usage" wrong_usage
it "two files are wrong usage" wrong_usage a b
it "--into nowhere is wrong usage" wrong_usage --into nowhere a
it "--user with an existing namespace is wrong usage" wrong_usage --user --into current a
it "--against with --into PID is wrong usage" wrong_usage --against a --into 1 a
it "an unknown option is wrong usage" wrong_usage --frobnicate a

tap_end
