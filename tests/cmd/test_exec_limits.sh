#!/bin/sh
# SPDX-License-Identifier: MIT
# test_exec_limits.sh: `settid exec` where something is missing: rights, clone3, ns_last_pid, /proc.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"

# The binary where every user may run it.
cp "$SETTID" "$BLOCK_CALL" "$tap_dir" || exit 1
SETTID=$tap_dir/settid
BLOCK_CALL=$tap_dir/block_call
chmod 755 "$SETTID" "$BLOCK_CALL"

# ----------------------------------------------------------------------------------------- ordinary user

if [ "$(id -u)" = 0 ]; then
	as_user() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
else
	as_user() { "$@"; }
fi
# `run` starts a program, not a function.
run_as_user() {
	if [ "$(id -u)" = 0 ]; then
		run setpriv --reuid 65534 --regid 65534 --clear-groups "$@"
	else
		run "$@"
	fi
}

user_without() {
	run_as_user "$SETTID" exec --new-pidns -- true
	is "$status" 125
	like "$err" CAP_SYS_ADMIN
	like "$err" 'try --user'
}
user_alone() {
	run_as_user "$SETTID" exec --user --new-pidns=2 --set-tid 1,42 --mount-proc -- \
		sh -c 'echo $$ $(id -u) $(id -g); echo /proc/[0-9]*; grep CapEff /proc/self/status'
	is "$status" 0
	like "$out" '1 0 0'
	like "$out" '/proc/1*'
	like "$out" 'CapEff:	0000*ffff'
	unlike "$out" "/proc/$$ "
}
user_numbers() {
	run_as_user "$SETTID" exec --user --new-pidns=2 --set-tid 1,42 --json -- true
	is "$status" 0
	like "$err" ',42,1\],"method":"clone3"'
}
user_machine_level() {
	n=$(free_pid)
	run_as_user "$SETTID" exec --user --new-pidns=2 --set-tid "1,42,$n" -- true
	is "$status" 125
	like "$err" "set_tid?2? = $n needs CAP_CHECKPOINT_RESTORE"
	run_as_user "$SETTID" exec --pid "$n" -- true
	is "$status" 125
	like "$err" "set_tid?0? = $n needs CAP_CHECKPOINT_RESTORE"
}
user_statuses() {
	run_as_user "$SETTID" exec --user --new-pidns=3 -- sh -c 'exit 9'
	is "$status" 9
	run_as_user env PATH=/usr/bin:/bin "$SETTID" exec --user --new-pidns no-such-command-anywhere
	is "$status" 127
}
user_killed() {
	as_user "$SETTID" exec --user --new-pidns=2 --json=9 -- sleep 60 9>record &
	pid=$!
	wait_for test -s record
	command=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' record)
	# In a subshell that became setpriv, and that settid: its number is the command's grandparent's.
	kill -KILL "$(ps -eo pid=,args= | awk -v s="$SETTID" '$2 == s && /json=9/ { print $1; exit }')"
	wait "$pid" || :
	wait_for gone "$command"
}
if as_user "$SETTID" exec --user -- true 2>/dev/null; then
	[ "$(as_user id -u)" = 0 ] || it "without privileges --new-pidns says that --user is needed" user_without
	it "--user makes a plain user root of two new namespaces with chosen numbers" user_alone
	it "--user chooses with clone3" user_numbers
	[ "$(as_user id -u)" = 0 ] || it "a number of the machine that a plain user may not choose is refused by level" \
		user_machine_level
	it "exit statuses pass through --user" user_statuses
	it "SIGKILL of a plain user's settid ends all it made" user_killed
else
	skip "settid exec --user" "user namespaces are not available to plain users here"
fi

if ! "$SETTID" exec --new-pidns --mount-proc -- true 2>/dev/null; then
	skip "everything else in this file" "needs root"
	tap_end
fi

root_user() {
	n=$(free_pid)
	run "$SETTID" exec --user --new-pidns=2 --set-tid "1,42,$n" -- grep NSpid /proc/self/status
	is "$out" "NSpid:	$n	42	1"
	run "$SETTID" exec --user --pid "$n" -- sh -c 'echo $$; cat /proc/self/uid_map'
	like "$out" "$n
 * 0 * 0 * 1"
}
it "with privileges --user keeps the right over the machine's numbers" root_user

# ---------------------------------------------------------------------------------- clone3 is blocked

# In a namespace of its own, where nobody else forks and the race of ns_last_pid cannot be lost.
quietly() {
	run "$SETTID" exec --new-pidns --mount-proc -- "$@"
}
falls_back() {
	quietly "$BLOCK_CALL" "$1" "$SETTID" exec --json --pid 300 -- sh -c 'echo $$'
	is "$status" 0
	is "$out" 300
	like "$err" '"method":"ns_last_pid"'
}
it "where seccomp hides clone3 (ENOSYS), ns_last_pid gives the number" falls_back enosys
it "where seccomp forbids clone3 (EPERM), ns_last_pid gives the number" falls_back eperm
insists() {
	quietly "$BLOCK_CALL" "$1" "$SETTID" exec --method clone3 --pid 300 -- touch ran
	is "$status" 125
	like "$err" "$2"
	[ ! -e ran ]
}
it "--method clone3 says that it is missing" insists enosys 'clone3 is not available here'
it "--method clone3 says that it is forbidden" insists eperm 'seccomp filter forbids clone3'
no_wish() {
	quietly "$BLOCK_CALL" "$1" "$SETTID" exec --new-pidns=2 --set-tid 1 -- sh -c 'echo $$; exit 6'
	is "$status" 6
	is "$out" 1
}
it "without clone3 new namespaces work as long as no other number is asked for" no_wish enosys
several_levels() {
	quietly "$BLOCK_CALL" enosys "$SETTID" exec --new-pidns=2 --set-tid 1,42,300 -- touch ran
	is "$status" 125
	like "$err" 'ns_last_pid'
	[ ! -e ran ]
	quietly sh -c '"$0" enosys "$1" exec --new-pidns=2 --set-tid 1,42,300 -- true 2>/dev/null; ps -eo comm=' \
		"$BLOCK_CALL" "$SETTID"
	is "$out" "sh
ps"
}
it "without clone3 numbers at several levels are refused, and nothing is left" several_levels
by_last_pid() {
	quietly "$SETTID" exec --method ns_last_pid --json --pid 300 -- sh -c 'echo $$'
	is "$out" 300
	like "$err" '"method":"ns_last_pid"'
}
it "--method ns_last_pid uses it" by_last_pid
last_pid_taken() {
	quietly "$SETTID" exec --method ns_last_pid --pid 1 -- touch ran
	is "$status" 125
	like "$err" 'set_tid?0? = 1 is held by a live process, 1'
	[ ! -e ran ]
}
it "--method ns_last_pid names the holder of a taken number" last_pid_taken
read_only() {
	run unshare -m --propagation private sh -c '
		mount --bind /proc/sys/kernel/ns_last_pid /proc/sys/kernel/ns_last_pid &&
		mount -o remount,bind,ro /proc/sys/kernel/ns_last_pid &&
		exec "$0" exec --method ns_last_pid --pid 30000 -- touch ran' "$SETTID"
	is "$status" 125
	like "$err" ns_last_pid
	[ ! -e ran ]
}
if unshare -m true 2>/dev/null; then
	it "a read-only ns_last_pid is said to be one" read_only
else
	skip "a read-only ns_last_pid is said to be one" "needs a mount namespace"
fi

# ------------------------------------------------------------------------------------------- /proc

no_proc() {
	n=$(free_pid)
	# AddressSanitizer's search for leaks would need /proc, and so does reading the option that says no to it.
	run unshare -m --propagation private sh -c '
		mount -t tmpfs none /proc && if grep -q __asan_init "$0"; then
			mkdir /proc/self && printf "ASAN_OPTIONS=detect_leaks=0\\0" >/proc/self/environ
		fi && exec "$0" exec "$@"' "$SETTID" --json --set-tid "1,42,$n" --new-pidns=2 -- \
		sh -c 'echo $$'
	is "$status" 0
	is "$out" 1
	like "$err" "\"pid\":$n"
}
others_proc() {
	run unshare -pf --kill-child sh -c 'exec "$0" exec --json --set-tid 1,42,77 --new-pidns=2 -- sh -c "echo \$\$"' "$SETTID"
	is "$status" 0
	is "$out" 1
	like "$err" '"pid":77,"nspid":\[77,42,1\]'
}
others_proc_signal() {
	# Its own procfs tells settid that the init does nothing about SIGTERM.
	run unshare -pf --kill-child sh -c '
		"$0" exec --new-pidns -- sleep 30 & sleep 0.3; kill -TERM $!; wait $!; exit $?' "$SETTID"
	is "$status" 143
}
if unshare -m --propagation private true 2>/dev/null; then
	it "no /proc is needed to run a command" no_proc
	it "where /proc is another namespace's, settid reads one of its own" others_proc
	it "where /proc is another namespace's, an init still gets a signal's default action" others_proc_signal
else
	skip "missing or foreign /proc" "needs a mount namespace"
fi

tap_end
