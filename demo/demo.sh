#!/bin/sh
# SPDX-License-Identifier: MIT
#
# demo.sh: the guided tour that `./dev demo` runs, in four parts; needs a finished build.
#
# Owns:  a temporary directory, and what it starts: a keeper with the program of part 2, a restore.
# Keeps: whatever way it ends, all of that is gone afterwards; it signals only its own children, by the PIDs that it
#        has not waited for yet.  Exit status 0 only if everything it shows was checked and right.
# As root it works on this machine's own PIDs; as a plain user (and as root of a container) in user namespaces (--user).
# On a terminal it has colour and its width; elsewhere it is plain, and lines are as long as they are.

set -u
here=$(cd "$(dirname "$0")" && pwd)
bin=${SETTID_BUILD:-$here/../build}
bin=$(cd "$bin" && pwd) || exit 1
PATH=$bin/src/settid:$PATH
export PATH

exec 3>&1
columns=$(stty size <&3 2>/dev/null | cut -d ' ' -f 2)
exec 3>&-
[ "${columns:-0}" -ge 40 ] || columns=100000
if [ -t 1 ] && [ "${TERM:-dumb}" != dumb ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') green=$(printf '\033[32m') red=$(printf '\033[31m')
	plain=$(printf '\033[0m')
else
	bold='' green='' red='' plain=''
fi

failures=0
part() { printf '\n%s── %s ──%s\n\n' "$bold" "$*" "$plain"; }
wrapped() { fold -s -w "$columns"; }
note() { printf '%s\n' "$*" | wrapped; }
shown() { printf '%s$ %s%s\n' "$bold" "$*" "$plain"; }
ok() {
	printf '%s' "$green"
	printf '✓ %s\n' "$*" | wrapped
	printf '%s' "$plain"
}
wrong() {
	printf '%s' "$red"
	printf '✗ %s\n' "$*" | wrapped
	printf '%s' "$plain"
	failures=$((failures + 1))
}
indent() { fold -s -w $((columns - 2)) | sed 's/^/  /'; }

# ------------------------------------------------------------------------------------- taking it all down --

tmp=$(mktemp -d)
keeper='' restore=''

stop() { # PID of a child of ours, not waited for yet
	[ -n "$1" ] || return 0
	kill -TERM "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

clean_up() {
	trap '' INT TERM HUP
	stop "$restore"
	stop "$keeper"
	rm -rf "$tmp"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

wait_for() { # FILE PID: until the file is there; not when the process has ended
	for _ in $(seq 300); do
		[ -s "$1" ] && return 0
		kill -0 "$2" 2>/dev/null || return 1
		sleep 0.1
	done
	return 1
}

# --------------------------------------------------------------------- 1. one process, three numbers of choice --

free_number() { # FROM
	n=$1
	while [ -e "/proc/$n" ]; do
		n=$((n + 1))
	done
	echo "$n"
}

# The kernel lists a process's numbers from the outermost namespace that the reader sees.
three_numbers() {
	part '1. One process, three PID namespaces, the number chosen in each'
	levels=2
	outer=$(free_number 31496)
	if [ "$user" ]; then
		levels=3 # the machine's own level is not a user's to choose at: the outermost is left to the kernel
		outer=31496
		note 'As a plain user: in a user namespace (--user) with three PID namespaces inside it.'
	fi
	shown "settid exec${user:+ $user} --set-tid 1,42,$outer --new-pidns=$levels -- \\"
	printf "%s      sh -c 'echo \$\$; exec grep NSpid /proc/self/status'%s\n" "$bold" "$plain"
	# shellcheck disable=SC2016,SC2086 # for the inner shell; words
	settid exec $user --set-tid 1,42,$outer --new-pidns=$levels -- \
		sh -c 'echo $$; exec grep NSpid /proc/self/status' >"$tmp/three" 2>&1
	indent <"$tmp/three"
	kernel=$(sed -n 's/^NSpid:[[:space:]]*//p' "$tmp/three" | tr -s '[:space:]' ' ')
	kernel=${kernel% }
	[ -z "$user" ] || kernel=${kernel#* }
	inside=$(head -n 1 "$tmp/three")
	# shellcheck disable=SC2086 # words
	set -- $kernel
	printf '\n  %-34s %10s %14s\n' 'namespace' 'asked for' 'kernel shows'
	printf '  %-34s %10s %14s\n' 'innermost (what $$ says: '"$inside"')' 1 "${3:-?}" 'the one around it' 42 "${2:-?}" \
		'outermost of the three' "$outer" "${1:-?}"
	if [ "$kernel" = "$outer 42 1" ] && [ "$inside" = 1 ]; then
		ok 'all three numbers are the ones asked for'
	else
		wrong "the kernel shows '$kernel', \$\$ was '$inside'"
	fi
}

# --------------------------------------------------------------------------- 2. a live tree, dumped and restored --

kernel_view() { # ROOT SKIP: see kernel-view.awk
	grep -asHE '^(Name|State|Tgid|Pid|PPid|NSpid|NSpgid|NSsid):' /proc/[0-9]*/task/[0-9]*/status |
		awk -v root="$1" -v skip="$2" -f "$here/kernel-view.awk" | sort -t "$(printf '\t')" -k 2
}

# Under short names, so that the picture is about the tree.
start_job() {
	ln -s "$here/job.sh" job.sh
	ln -s "$bin/demo/demo-workers" workers
	"$bin/demo/demo-keeper" ./job.sh ./workers ready root </dev/null &
	keeper=$!
	wait_for ready "$keeper" && sleep 0.3
}

compare_views() { # BEFORE AFTER
	awk -F '\t' -v red="$red" -v plain="$plain" '
		function wider(column, text) {
			if (length(text) > width[column])
				width[column] = length(text)
		}
		function line(f, restored, verdict,    i, out) {
			for (i = 1; i <= 6; i++)
				out = out sprintf("  %-" width[i] "s", f[i])
			printf "%s  %-" width[7] "s  %s\n", out, restored, verdict
		}
		BEGIN {
			split("NSpid|parent|group|session|state|name", head, "|")
			for (i = 1; i <= 6; i++)
				wider(i, head[i])
			wider(7, "restored")
		}
		FNR == NR {
			after[$2] = $1
			wider(7, $1)
			next
		}
		{
			row[++rows] = $2
			n = split($2, f, "|")
			for (i = 1; i <= n; i++)
				wider(i, f[i])
		}
		END {
			line(head, "restored", "")
			for (r = 1; r <= rows; r++) {
				split(row[r], f, "|")
				if (row[r] in after)
					line(f, after[row[r]], "same")
				else
					line(f, "-", red "DIFFERENT" plain)
			}
		}' "$2" "$1" | sed 's/ *$//'
}

dump_and_restore() {
	part '2. A live tree: dumped, drawn, killed, restored, compared'
	note 'A shell with job control (a pipeline, a stopped job) and a program with workers,'
	note 'threads, a sandbox in a PID namespace of its own, and two zombies:'
	cd "$tmp" || exit 1
	if ! start_job; then
		wrong 'the program of the demo did not start'
		return
	fi
	root=$(cat root)
	kernel_view "$root" 0 >before
	shown "settid dump $root -o tree.json"
	settid dump "$root" -o tree.json 2>&1 | indent
	shown 'settid show tree.json'
	settid show tree.json
	echo
	stop "$keeper"
	keeper=''
	if [ -e "/proc/$root" ]; then
		wrong "$root is still there"
		return
	fi
	note "Killed: $root and everything below it are gone."
	echo
	note 'Now from the file, into a new PID namespace:'
	shown "settid restore tree.json${user:+ $user} --hold --pidfile root.pid &"
	# shellcheck disable=SC2086 # words
	settid restore tree.json $user --hold --pidfile root.pid >restore.out 2>&1 </dev/null &
	restore=$!
	if ! wait_for root.pid "$restore"; then
		indent <restore.out
		wrong 'nothing was restored'
		return
	fi
	indent <restore.out
	new=$(cat root.pid)
	shown "settid show $new"
	settid show "$new"
	kernel_view "$new" 1 >after
	echo
	note "The comparison, read from the kernel's /proc without settid: a row per thread;"
	note 'restored, each has one number more, its own in the namespace outside:'
	compare_views before after
	threads=$(wc -l <before)
	cut -f 2 before >before.numbers
	cut -f 2 after >after.numbers
	if [ "$threads" -gt 10 ] && cmp -s before.numbers after.numbers; then
		ok "all $threads processes and threads have their PID, TID, parent, group and session back, at every level"
	else
		wrong 'the trees differ:'
		diff before.numbers after.numbers | indent
	fi
	stop "$restore"
	status=$?
	restore=''
	if [ $status = 0 ] && [ ! -e "/proc/$new" ]; then
		ok 'settid restore was told to stop (SIGTERM): nothing is left of the tree'
	else
		wrong "settid restore ended with $status"
	fi
	cd "$here" || exit 1
}

# ------------------------------------------------------------------------------------- 3. a number that is taken --

# Runs as the first process of a PID namespace: there the numbers are free, and nobody else's.
inside_taken() {
	shown 'settid exec --pid 42 -- sleep 60 &'
	settid exec --pid 42 -- sleep 60 &
	holder=$!
	for _ in $(seq 100); do
		[ "$(cat /proc/42/comm 2>/dev/null)" = sleep ] && break
		sleep 0.05
	done
	shown 'settid exec --pid 42 -- true'
	settid exec --pid 42 -- true
	echo "  (exit status $?)"
	kill "$holder"
	wait "$holder" 2>/dev/null

	echo
	note 'A leader that is dead, but whose group lives on, still holds its number:'
	shown "settid exec --pid 300 -- setsid sh -c 'sleep 60 & exit'"
	settid exec --pid 300 -- setsid sh -c 'sleep 60 & exit'
	for _ in $(seq 100); do
		awk '$2 == "(sleep)" && $5 == 300 { found = 1 } END { exit !found }' /proc/[0-9]*/stat && break
		sleep 0.05
	done
	shown 'settid exec --pid 300 -- true'
	settid exec --pid 300 -- true
	echo "  (exit status $?)"
}

taken_number() {
	part '3. A number that is taken: who holds it?'
	# shellcheck disable=SC2086 # words
	settid exec $user --new-pidns --mount-proc -- "$here/demo.sh" --inside-taken >"$tmp/taken" 2>&1 </dev/null
	wrapped <"$tmp/taken"
	if grep -q '^settid exec: set_tid\[0\] = 42 is held by .*(sleep)' "$tmp/taken" &&
		grep -q '^settid exec: set_tid\[0\] = 300 is still .*(sleep)' "$tmp/taken"; then
		ok 'both errors name the number and its holder'
	else
		wrong 'an error did not name the holder'
	fi
}

# --------------------------------------------------------------------------------------------------- 4. the race --

race() {
	part '4. The race: ns_last_pid against set_tid, beside a busy forker'
	# shellcheck disable=SC2086 # words
	if settid exec $user --new-pidns -- "$bin/demo/demo-race" 1000; then
		ok 'set_tid gave the number that was asked for, every time it gave one'
	else
		wrong 'set_tid missed'
	fi
}

if [ "${1:-}" = --inside-taken ]; then
	trap - EXIT
	rm -rf "$tmp"
	inside_taken
	exit
fi

# Rather tried than told by the user: root of a container may not choose numbers outside it.
user=''
settid exec --pid "$(free_number 31496)" --new-pidns -- true 2>/dev/null || user=--user
# shellcheck disable=SC2086 # words
if ! settid exec $user --new-pidns -- true 2>"$tmp/why"; then
	cat "$tmp/why"
	note 'This demo makes PID namespaces: it needs root, or user namespaces (see settid probe).'
	exit 1
fi
begin=$(date +%s)
three_numbers
dump_and_restore
taken_number
race
seconds=$(($(date +%s) - begin))
printf '\n'
if [ $failures = 0 ]; then
	green=$bold$green
	ok "verified in $seconds s: 3 numbers in 3 namespaces, $threads processes and threads restored exactly," \
		'2 holders named, 1,000 set_tid births without a wrong number'
else
	wrong "$failures of the things shown went wrong"
	exit 1
fi
