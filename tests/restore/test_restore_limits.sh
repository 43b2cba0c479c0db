#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore_limits.sh: `settid restore` where something is missing or full: rights, limits, clone3, ns_last_pid,
# /proc, standard streams, directories.  It says what stands in the way, ends with 1 and leaves nothing, or it works.
# Needs $SETTID, $TREES, $BLOCK_CALL.
# shellcheck disable=SC2016

. "$(dirname "$0")/../cmd/tap.sh"

unshare --pid --fork --mount-proc true 2>/dev/null || skip_all "no right to make PID and mount namespaces here"

# The binary where every user may run it, and the trees where every user may read them.
cp "$SETTID" "$BLOCK_CALL" "$TREES"/*.json "$tap_dir" || exit 1
SETTID=$tap_dir/settid
BLOCK_CALL=$tap_dir/block_call
TREES=$tap_dir
chmod 755 "$SETTID" "$BLOCK_CALL"
chmod 644 "$TREES"/*.json

cat >"$tap_dir/alone" <<'END'
# In a PID namespace of its own: the command, then who is left beside this shell.
"$@"
status=$?
[ -e /proc/self ] || mount -t proc proc /proc
set -- /proc/[0-9]*
[ $# = 1 ] || echo "left: $*" >&2
exit $status
END
cat >"$tap_dir/hold" <<'END'
# The command until it says that the tree stands, then SIGTERM.
: >said
"$@" >said &
until grep -q . said || ! kill -0 $! 2>/dev/null; do sleep 0.02; done
kill -TERM $! 2>/dev/null
wait $!
status=$?
cat said
exit $status
END

alone() {
	run unshare --pid --fork --kill-child --mount-proc sh "$tap_dir/alone" "$@"
	unlike "$err" "left:"
}

# refused PATTERN COMMAND...
refused() {
	pattern=$1
	shift
	alone "$@"
	is "$status" 1 "exit status"
	like "$err" "$pattern"
}

# works COMMAND...
works() {
	alone sh "$tap_dir/hold" "$@"
	is "$status" 0 "exit status"
	like "$out" "verified, every number as in the file"
	is "$(echo "$err" | grep -v '^==[0-9]*==WARNING')" "" # AddressSanitizer's, without /proc
}

# ------------------------------------------------------------------------------------------ rights --

as_user='setpriv --reuid 65534 --regid 65534 --clear-groups'
user_namespaces=no
# shellcheck disable=SC2086
$as_user unshare --user true 2>/dev/null && user_namespaces=yes

if $as_user true 2>/dev/null; then
	# shellcheck disable=SC2086
	it "without rights a new namespace is refused, and --user named" refused "--user needs none" \
		$as_user "$SETTID" restore "$TREES/groups.json"
	# shellcheck disable=SC2086
	it "without rights numbers of the own namespace are refused" refused "needs CAP_CHECKPOINT_RESTORE" \
		$as_user "$SETTID" restore --into current "$TREES/groups.json"
	# shellcheck disable=SC2086
	it "without rights another namespace is refused" refused "cannot enter the PID namespace of 1" \
		$as_user "$SETTID" restore --into 1 "$TREES/groups.json"
else
	skip "restores without rights" "cannot become an ordinary user here"
fi
it "a PID that nobody has is no place" refused "there is no such process" \
	"$SETTID" restore --into 30000 "$TREES/groups.json"

# ------------------------------------------------------------------------------------------ limits --

if [ $user_namespaces = yes ]; then
	# The limit counts all of a user's processes on the machine: 1 is always too few.
	# shellcheck disable=SC2086
	it "RLIMIT_NPROC is named when it is reached" refused "RLIMIT_NPROC" \
		$as_user prlimit --nproc=1 "$SETTID" restore --user "$TREES/groups.json"
else
	skip "RLIMIT_NPROC is named when it is reached" "no user namespaces for ordinary users here"
fi

few_descriptors() {
	for limit in 4 5 6 7 8 9 10 11 12; do
		alone sh "$tap_dir/hold" prlimit --nofile=$limit "$SETTID" restore "$TREES/nested.json"
		[ "$status" = 0 ] && return 0
		[ "$status" = 127 ] && continue # the loader could not even open the libraries
		is "$status" 1 "exit status with $limit descriptors"
		like "$err" "Too many open files"
	done
	is "$status" 0 "exit status with 12 descriptors"
}
it "too few descriptors are told as that, and 12 are enough" few_descriptors

memory() {
	cat >big.json <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [1], "ppid": 0, "pgid": 1, "sid": 1, "state": "live"}
	TREE
	n=2
	while [ $n -lt 20000 ]; do
		echo ", {\"nspid\": [$n], \"ppid\": 1, \"pgid\": 1, \"sid\": 1, \"state\": \"live\"}"
		n=$((n + 1))
	done >>big.json
	echo ']}' >>big.json
	refused "memory" prlimit --as=30000000 "$SETTID" restore big.json
}
if grep -q __asan_init "$SETTID"; then
	skip "too little memory is told as that" "AddressSanitizer needs an address space of its own"
else
	it "too little memory is told as that" memory
fi

# A group of processes of our own, v1 or v2; its folder in $cgroup.
make_cgroup() {
	cgroup=
	for top in /sys/fs/cgroup/pids /sys/fs/cgroup /sys/fs/cgroup/unified; do
		[ -d "$top" ] && mkdir "$top/settid-test-$$" 2>/dev/null || continue
		cgroup=$top/settid-test-$$
		[ -w "$cgroup/pids.max" ] && return 0
		rmdir "$cgroup"
	done
	return 1
}
pids_max() {
	make_cgroup
	echo "$1" >"$cgroup/pids.max"
	shift
	refused "pids cgroup" sh -c 'echo $$ >"$0/cgroup.procs" && exec "$@"' "$cgroup" "$@" || {
		rmdir "$cgroup"
		return 1
	}
	rmdir "$cgroup"
}
if make_cgroup; then
	rmdir "$cgroup"
	it "a pids cgroup that is full when the guard is made is told as that" pids_max 1 \
		"$SETTID" restore "$TREES/groups.json"
	it "a pids cgroup that fills up meanwhile is told as that" pids_max 8 \
		"$SETTID" restore "$TREES/groups.json"
	it "... in the own namespace too" pids_max 8 "$SETTID" restore --into current "$TREES/groups.json"
else
	skip "a full pids cgroup is told as that" "no pids cgroup can be made here"
fi

# ------------------------------------------------------------------------------------------- numbers --

# Since Linux 6.14 each PID namespace has a pid_max of its own.
set_pid_max='echo $0 >/proc/sys/kernel/pid_max && exec "$@"'
own_pid_max() {
	unshare --pid --fork --mount-proc sh -c 'echo 400 >/proc/sys/kernel/pid_max' 2>/dev/null &&
		[ "$(cat /proc/sys/kernel/pid_max)" != 400 ]
}
# Once the numbers below 300 were used, new ones begin there: nine sleeps leave one of ten, which is the guard's.
full() {
	run unshare --pid --fork --kill-child --mount-proc sh -c 'echo 310 >/proc/sys/kernel/pid_max
		echo 300 >/proc/sys/kernel/ns_last_pid
		for k in 1 2 3 4 5 6 7 8 9; do sleep 60 & done
		exec "$@"' sh "$SETTID" restore "$TREES/groups.json"
	is "$status" 1
	like "$err" "a full PID namespace); nothing is left"
}
small_target() {
	unshare --pid --fork --kill-child --mount-proc sh -c 'echo 400 >/proc/sys/kernel/pid_max; : >ready; exec sleep 60' &
	outer=$!
	wait_for test -e ready
	run sh "$tap_dir/hold" "$SETTID" restore --into "$(pgrep -P "$outer")" "$TREES/groups.json"
	kill -KILL "$outer"
	is "$status" 0
	like "$out" "verified"
}
if own_pid_max; then
	it "a number that is not below pid_max is told with it" refused "7000 is not below pid_max (400)" \
		sh -c "$set_pid_max" 400 "$SETTID" restore --into current "$TREES/zombies.json"
	it "a small pid_max outside does not matter in a new namespace" works \
		sh -c "$set_pid_max" 400 "$SETTID" restore "$TREES/zombies.json"
	it "a full PID space is told as a limit" full
	it "the guard finds a number below another namespace's own pid_max" small_target
else
	skip "pid_max and full PID spaces" "PID namespaces have no pid_max of their own here (Linux 6.14)"
fi

taken() {
	cat >tree <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [1000], "ppid": 0, "pgid": 1000, "sid": 1000, "state": "live"},
	  {"nspid": [1], "ppid": 1000, "pgid": 1000, "sid": 1000, "state": "live"}]}
	TREE
	alone "$SETTID" restore --into current tree
	is "$status" 1
}
it "a tree that wants the own namespace's 1 is refused" taken

# --------------------------------------------------------------------------------------------- clone3 --

it "where seccomp hides clone3 (ENOSYS), a flat tree is restored by ns_last_pid" works \
	"$BLOCK_CALL" enosys "$SETTID" restore "$TREES/groups.json"
it "where seccomp forbids clone3 (EPERM), a tree with threads is restored by ns_last_pid" works \
	"$BLOCK_CALL" eperm "$SETTID" restore "$TREES/threads.json"
it "... in the own namespace too" works \
	"$BLOCK_CALL" eperm "$SETTID" restore --into current "$TREES/zombies.json"
it "where seccomp forbids clone3, nested namespaces are refused with that reason" refused \
	"numbers at 2 levels*seccomp filter forbids clone3" "$BLOCK_CALL" eperm "$SETTID" restore "$TREES/nested.json"
it "--method clone3 says that seccomp forbids it" refused "seccomp filter forbids clone3" \
	"$BLOCK_CALL" eperm "$SETTID" restore --method clone3 "$TREES/groups.json"
it "--method clone3 says that it is missing" refused "clone3 is not available here" \
	"$BLOCK_CALL" enosys "$SETTID" restore --method clone3 "$TREES/groups.json"

read_only='mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"'
it "a read-only ns_last_pid is told as that" refused "ns_last_pid cannot be opened: Read-only file system" \
	sh -c "$read_only" sh "$SETTID" restore --method ns_last_pid "$TREES/groups.json"
it "with neither clone3 nor ns_last_pid both are named" refused "seccomp filter forbids clone3; ns_last_pid" \
	sh -c "$read_only" sh "$BLOCK_CALL" eperm "$SETTID" restore "$TREES/groups.json"

# ---------------------------------------------------------------------------------------------- /proc --

# AddressSanitizer looks for its options in /proc/self; its search for leaks would need more.
no_proc='mount -t tmpfs none /proc && if grep -q __asan_init "$0"; then
	mkdir /proc/self && printf "ASAN_OPTIONS=detect_leaks=0\\0" >/proc/self/environ
	fi; exec "$@"'
foreign() {
	run unshare --pid --fork --kill-child sh "$tap_dir/hold" "$SETTID" restore "$@"
	is "$status" 0
	like "$out" "verified, every number as in the file"
	is "$err" ""
}
it "no /proc is needed" works sh -c "$no_proc" "$SETTID" "$SETTID" restore "$TREES/nested.json"
it "no /proc is needed in the own namespace" works \
	sh -c "$no_proc" "$SETTID" "$SETTID" restore --into current "$TREES/groups.json"
it "no /proc is needed to run programs" refused "" \
	sh -c "$no_proc" "$SETTID" sh -c '"$@"; [ $? = 9 ] && exit 1' sh "$SETTID" restore --exec \
	--into current "$TREES/programs.json"
it "where /proc is another namespace's, one of its own is read" foreign "$TREES/nested.json"
it "... to restore into the own namespace too" foreign --into current "$TREES/nested.json"
if [ $user_namespaces = yes ]; then
	# shellcheck disable=SC2086
	it "a user without /proc is told that it is missing" refused "/proc is not mounted" \
		sh -c "$no_proc" "$SETTID" $as_user "$SETTID" restore --user "$TREES/groups.json"
	# shellcheck disable=SC2086
	it "hidepid does not keep a user from restoring and verifying" works \
		sh -c 'mount -o remount,hidepid=2 /proc && exec "$@"' sh \
		$as_user "$SETTID" restore --user "$TREES/nested.json"
else
	skip "users without /proc or with hidepid" "no user namespaces for ordinary users here"
fi

# --------------------------------------------------------------------------------------- core dumps --

pattern=$(cat /proc/sys/kernel/core_pattern)
hard_limit=$(prlimit --core --noheadings --output HARD)
it "a core dump with a hard limit of 0 is refused beforehand" refused "a zombie with a core dump is wanted, and" \
	prlimit --core=0:0 "$SETTID" restore "$TREES/core.json"
case $pattern in
'|'* | */* | '')
	it "a core dump that would go elsewhere is refused beforehand" refused "core_pattern is" \
		"$SETTID" restore "$TREES/core.json"
	;;
*)
	if [ "$hard_limit" = 0 ]; then
		skip "core dumps" "the hard limit on core files is 0"
	else
		it "a core dump is made although the soft limit is 0" works \
			prlimit --core=0: "$SETTID" restore "$TREES/core.json"
		core_vanishes() {
			works "$SETTID" restore "$TREES/core.json"
			is "$(ls)" "said"
		}
		it "a core dump leaves no file" core_vanishes
	fi
	# The pattern is the machine's: another file stands in where the command reads it.
	for other in '|/bin/false %p' /var/crash/core ''; do
		it "a core dump with the pattern '$other' is refused beforehand" refused "core_pattern is" \
			sh -c 'echo "$0" >pattern && mount --bind pattern /proc/sys/kernel/core_pattern && exec "$@"' \
			"$other" "$SETTID" restore "$TREES/core.json"
	done
	;;
esac
it "a death that could dump core and did not leaves no file" works "$SETTID" restore "$TREES/zombies.json"

# -------------------------------------------------------------------------- streams and directories --

closed() {
	run sh -c 'exec "$@" >&-' sh "$SETTID" restore "$TREES/groups.json"
	is "$status" 1
	like "$err" "cannot write the output: Bad file descriptor; nothing is left"
}
it "a closed standard output is told as that" closed
works_closed() {
	alone sh "$tap_dir/hold" sh -c 'exec "$@" <&- 2>&-' sh "$SETTID" restore --into current "$TREES/groups.json"
	is "$status" 0
	like "$out" "verified"
}
it "closed standard input and error do not matter" works_closed
all_closed() {
	alone sh -c '"$@" <&- >&- 2>&-' sh "$SETTID" restore "$TREES/groups.json"
	is "$status" 1
}
it "with all streams closed nothing is left either" all_closed
full_disk() {
	run sh -c 'exec "$@" >/dev/full' sh "$SETTID" restore --json "$TREES/groups.json"
	is "$status" 1
	like "$err" "cannot write the output: No space left on device; nothing is left"
}
it "output that cannot be written ends the tree" full_disk

deleted='mkdir gone && cd gone && rmdir ../gone && exec "$@"'
it "a directory that was deleted is no obstacle" works sh -c "$deleted" sh "$SETTID" restore "$TREES/groups.json"
it "a pidfile in a deleted directory is told as that" refused "cannot write here: " \
	sh -c "$deleted" sh "$SETTID" restore --pidfile here "$TREES/groups.json"
it "a pidfile in a directory that is not there is told as that" refused "cannot write no/here: No such file" \
	"$SETTID" restore --pidfile no/here "$TREES/groups.json"
kept() {
	echo old >here
	mkdir dir
	refused "cannot write dir: Is a directory" "$SETTID" restore --pidfile dir "$TREES/groups.json"
	[ -d dir ]
	run sh -c '(ulimit -f 0; trap "" XFSZ; exec "$@" 2>&1 >/dev/null) | cat' sh \
		"$SETTID" restore --pidfile here "$TREES/groups.json"
	like "$out" "cannot write here: File too large"
	is "$(cat here)" old
}
it "a pidfile that cannot be written keeps the old one" kept

tap_end
