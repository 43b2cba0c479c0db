#!/bin/sh
# SPDX-License-Identifier: MIT
# test_exec_run.sh: `settid exec` while the command runs: signals, settid's own death, --detach, --mount-proc.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"

"$SETTID" exec --new-pidns -- true 2>/dev/null || skip_all "needs the right to make PID namespaces (root)"

# A command line nobody else has: each test knows its own processes by it.
mark=54321.$$
runs() { ps -eo stat=,args= | grep -v '^Z' | grep -F -- "$1" | grep -v -e grep -e "exec "; }
runs_not() { ! runs "$1"; }

# start ARG...: settid in the background, $pid; returns when the command has said "up" into the file `up`.
start() {
	"$SETTID" exec "$@" &
	pid=$!
	wait_for test -s up
}
ends_with() {
	wait_for gone "$pid" || {
		kill -KILL "$pid"
		return 1
	}
	s=0
	wait "$pid" || s=$?
	is "$s" "$1" "exit status"
}

# ------------------------------------------------------------------------------------------- signals

default_action() {
	start "$@" -- sh -c "echo up >up; exec sleep $mark"
	wait_for runs "sleep $mark"
	kill -TERM "$pid"
	ends_with 143
	wait_for runs_not "sleep $mark"
}
it "SIGTERM ends a command that does nothing about it" default_action
it "SIGTERM ends an init that does nothing about it" default_action --new-pidns
it "SIGTERM ends an init below in-between inits" default_action --new-pidns=3

handled() {
	start "$@" -- sh -c 'trap "echo got; exit 9" TERM; echo up >up; while :; do sleep 0.1; done' >got
	kill -TERM "$pid"
	ends_with 9
	is "$(cat got)" got
}
it "a signal with a handler is the handler's" handled
it "a signal with a handler is the handler's in an init too" handled --new-pidns
it "a signal with a handler is the handler's below in-between inits" handled --new-pidns=3

ignored() {
	start --new-pidns -- sh -c 'trap "" TERM; trap "exit 4" USR1; echo up >up; while :; do sleep 0.1; done'
	kill -TERM "$pid"
	sleep 0.3
	kill -USR1 "$pid"
	ends_with 4
}
it "a signal that an init ignores stays ignored" ignored

# The program blocks the signal, is slow to come back to it, and lets it through: an init drops it then.
blocked_for_a_moment() {
	start --new-pidns -- python3 -c 'import signal, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open("up", "w").write("up")
time.sleep(0.3)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
time.sleep(20)'
	kill -TERM "$pid"
	ends_with 143
}
blocked_and_fetched() {
	start --new-pidns -- python3 -c 'import signal, sys, time
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
open("up", "w").write("up")
time.sleep(0.2)
signal.sigwait([signal.SIGTERM])
time.sleep(0.5)
signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGTERM])
time.sleep(0.2)
sys.exit(12)'
	kill -TERM "$pid"
	ends_with 12
}
if command -v python3 >/dev/null; then
	it "a signal that an init blocks for a moment only still ends it" blocked_for_a_moment
	it "a signal that an init fetches is the init's own affair" blocked_and_fetched
else
	skip "signals that an init blocks" "needs python3"
fi

ignored_at_entry() {
	trap '' HUP
	start -- sh -c 'echo up >up; while [ ! -e done ]; do sleep 0.1; done; exit 3'
	kill -HUP "$pid"
	sleep 0.2
	touch 'done'
	ends_with 3
}
it "under nohup SIGHUP ends neither settid nor the command" ignored_at_entry

every_signal() {
	for sig in HUP INT QUIT USR1 USR2 ALRM PIPE PWR WINCH URG RTMIN RTMAX; do
		rm -f up
		# In the background a shell has INT and QUIT ignored, under nohup HUP is, and an ignored signal
		# cannot be trapped.
		env --default-signal "$SETTID" exec "$@" -- \
			bash -c "trap 'exit 11' $sig; echo up >up; while :; do sleep 0.05; done" &
		pid=$!
		wait_for test -s up
		kill -s "$sig" "$pid"
		ends_with 11
	done
}
if command -v bash >/dev/null && env --default-signal true 2>/dev/null; then
	it "every signal that makes sense is forwarded" every_signal
	it "every signal that makes sense is forwarded to an init below an init" every_signal --new-pidns=2
else
	skip "every signal that makes sense is forwarded" "needs bash and env --default-signal"
fi

to_between_init() {
	start --new-pidns=3 -- sh -c 'trap "exit 8" TERM; echo up >up; while :; do sleep 0.1; done'
	for child in $(cat "/proc/$pid/task/$pid/children"); do
		if grep -q settid-init "/proc/$child/comm"; then
			kill -TERM "$child"
		fi
	done
	ends_with 8
}
it "an in-between init hands on what it is sent" to_between_init

stop_and_go() {
	start "$@" -- sh -c "echo up >up; exec sleep $mark"
	wait_for runs "sleep $mark"
	command=$(ps -eo pid=,args= | grep -F "sleep $mark" | grep -v -e grep -e exec | awk '{ print $1 }')
	kill -TSTP "$command"
	kill -STOP "$command"
	wait_for sh -c "ps -o stat= -p $command | grep -q ^T"
	kill -CONT "$pid"
	wait_for sh -c "ps -o stat= -p $command | grep -q ^S"
	kill -TERM "$pid"
	ends_with 143
}
it "SIGCONT to settid continues a stopped command" stop_and_go
it "SIGCONT to settid continues a stopped init below in-between inits" stop_and_go --new-pidns=3

reaps_between() {
	start --new-pidns=2 -- sh -c "echo up >up; exec sleep $mark"
	init=$(cat "/proc/$pid/task/$pid/children")
	init=${init%% *}
	# Two processes are put into the in-between namespace; the second is left to its init by the first.
	nsenter --pid="/proc/$init/ns/pid_for_children" true 2>/dev/null || :
	nsenter --pid="/proc/$init/ns/pid" sh -c '(sleep 0.2 &) ; exit 0'
	wait_for sh -c "test \$(wc -w </proc/$init/task/$init/children) = 1"
	kill -TERM "$pid"
	ends_with 143
}
if command -v nsenter >/dev/null; then
	it "an in-between init reaps what is left to it" reaps_between
else
	skip "an in-between init reaps what is left to it" "needs nsenter"
fi

as_init_itself() {
	# settid as the init of a namespace: orphans become its children, and signals of its own cannot end it.
	run "$SETTID" exec --new-pidns --mount-proc -- "$SETTID" exec -- \
		sh -c '(sleep 0.1 & sleep 0.1 &); sleep 0.5
			for i in 1 2 3 4 5 6 7 8 9 10; do
				zombies=$(grep -l "^State:.*Z" /proc/[0-9]*/status 2>/dev/null) || break
				sleep 0.5
			done
			echo $zombies; kill -TERM $$'
	is "$status" 143
	is "$out" ""
}
it "settid as an init reaps orphans, and passes on a death by signal" as_init_itself

# ------------------------------------------------------------------------------------- settid's death

killed() {
	what=$1
	shift
	start --pidfile f "$@" -- sh -c "echo up >up; $what"
	wait_for runs "sleep $mark"
	kill -KILL "$pid"
	ends_with 137
	wait_for runs_not "sleep $mark"
	wait_for test ! -e f
}
it "SIGKILL of settid ends the command and removes the PID file" killed "exec sleep $mark"
it "SIGKILL of settid ends an init and all below it" killed "setsid sleep $mark & sleep $mark" --new-pidns
it "SIGKILL of settid ends all new namespaces" killed "setsid sleep $mark & sleep $mark" --new-pidns=3
if [ "$(id -u)" = 0 ] && command -v setpriv >/dev/null; then
	it "SIGKILL of settid ends a command that has become another user" \
		killed "exec setpriv --reuid 65534 --clear-groups sleep $mark"
fi

no_guard_left() {
	# In a namespace of its own, where nobody else's settid runs.
	run "$SETTID" exec --new-pidns --mount-proc -- sh -c '
		"$0" exec -- true
		"$0" exec --new-pidns=3 -- true
		"$0" exec no-such-command-anywhere 2>/dev/null
		"$0" exec --new-pidns=3 no-such-command-anywhere 2>/dev/null
		"$0" exec --new-pidns=3 --pid 1 true 2>/dev/null
		ps -eo comm=' "$SETTID"
	is "$out" "sh
ps"
}
it "nothing of settid is left after an end or a failure" no_guard_left

guard_killed() {
	start -- sh -c 'echo up >up; while [ ! -e done ]; do sleep 0.1; done; exit 3'
	for child in $(cat "/proc/$pid/task/$pid/children"); do
		if grep -q settid-guard "/proc/$child/comm"; then kill -KILL "$child"; fi
	done
	touch 'done'
	ends_with 3
}
it "a killed guard does no harm" guard_killed

# ------------------------------------------------------------------------------------------- --detach

detached() {
	n=$(free_pid)
	# The substitution ends although the command runs on: it does not hold the pipe.
	out=$("$SETTID" exec --detach --pidfile f --pid "$n" "$@" -- sleep "$mark")
	is "$out" "$n"
	is "$(cat f)" "$n"
	is "$(ps -o sid= -p "$n" | tr -d ' ')" "$n" session
	is "$(readlink "/proc/$n/fd/1")" /dev/null
	is "$(awk '{ print $7 }' "/proc/$n/stat")" 0 "controlling terminal"
	kill -KILL "$n"
	wait_for runs_not "sleep $mark"
}
it "--detach prints the PID and leaves the command in a session of its own" detached
it "--detach works below in-between inits" detached --new-pidns=3

detached_files() {
	n=$(free_pid)
	"$SETTID" exec --detach --pid "$n" -- sh -c "echo said; echo wrong >&2; exec sleep $mark" >log 2>&1
	wait_for grep -q wrong log
	is "$(sort log)" "$(printf '%s\n' "$n" said wrong | sort)"
	kill -KILL "$n"
}
it "--detach leaves output that goes to a file where it is" detached_files

detached_ends() {
	n=$(free_pid)
	"$SETTID" exec --detach --new-pidns=2 --set-tid "1,5,$n" -- sleep "$mark" >/dev/null
	init=$(awk '{ print $4 }' "/proc/$n/stat")
	kill -TERM "$init"
	wait_for gone "$n"
	wait_for gone "$init"
}
it "a detached in-between init still forwards, and ends with the command" detached_ends

detached_not_found() {
	run "$SETTID" exec --detach --new-pidns=2 no-such-command-anywhere
	is "$status" 127
	is "$out" ""
}
it "--detach knows whether the command could be run" detached_not_found

detached_json() {
	run "$SETTID" exec --detach --json --new-pidns -- sleep "$mark"
	like "$out" '{"event":"started","pid":'
	n=$(echo "$out" | sed 's/.*"pid":\([0-9]*\).*/\1/')
	kill -KILL "$n"
}
it "--detach --json prints a record" detached_json

# ---------------------------------------------------------------------------------------- --mount-proc

own_proc() {
	run "$SETTID" exec --new-pidns=2 --mount-proc -- sh -c 'echo /proc/[0-9]*; grep NSpid /proc/self/status'
	is "$status" 0
	like "$out" '/proc/1'
	unlike "$out" "/proc/$$"
	like "$(echo "$out" | tail -n 1)" 'NSpid:	[0-9]'
	is "$(echo "$out" | tail -n 1 | wc -w)" 2 "words in the innermost NSpid"
}
it "--mount-proc shows the innermost namespace only" own_proc

proc_uncovered() {
	before=$(cat /proc/self/mountinfo)
	run "$SETTID" exec --new-pidns=2 --mount-proc -- sh -c 'grep -c " /proc " /proc/self/mountinfo'
	is "$status" 0
	is "$(cat /proc/self/mountinfo)" "$before"
	[ -e "/proc/$$" ]
}
it "--mount-proc leaves the caller's mounts as they were" proc_uncovered

proc_uncovered_shared() {
	run unshare -m --propagation shared sh -c '
		before=$(cat /proc/self/mountinfo)
		"$0" exec --new-pidns --mount-proc -- sh -c "echo \$\$"
		[ "$(cat /proc/self/mountinfo)" = "$before" ] && [ -e /proc/$$ ]' "$SETTID"
	is "$out" 1
	is "$status" 0
}
if unshare -m --propagation shared true 2>/dev/null; then
	it "--mount-proc never covers the caller's /proc, even where mounts are shared" proc_uncovered_shared
else
	skip "--mount-proc where mounts are shared" "needs a mount namespace"
fi

# A chroot whose root is no mount: a folder with the system's folders mounted into it.
in_a_chroot() {
	cat >enter.sh <<-'END'
		mount -t tmpfs -o mode=755 none base && cp "$1" base/settid && mkdir base/root && cd base/root || exit 9
		for dir in /usr /bin /lib* /proc; do
			if [ -L "$dir" ]; then
				cp -P "$dir" .
			else
				mkdir ".$dir" && mount --rbind "$dir" ".$dir" || exit 9
			fi
		done
		mv ../settid . && mount --make-rshared proc
		before=$(cat /proc/self/mountinfo)
		chroot . /settid exec --new-pidns --mount-proc -- sh -c 'echo $$; cd /proc; echo [0-9]*' || exit
		[ "$(cat /proc/self/mountinfo)" = "$before" ]
	END
	mkdir base
	run unshare -m sh enter.sh "$SETTID"
	is "$status" 0
	like "$out" "1
1"
	unlike "$out" "$$"
}
if unshare -m true 2>/dev/null; then
	it "--mount-proc works in a chroot whose root is no mount, and leaves its /proc as it was" in_a_chroot
else
	skip "--mount-proc in a chroot" "needs a mount namespace"
fi

tap_end
