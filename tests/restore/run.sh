# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# run.sh: what the tests of a restore in time have in common: one in the background, and trees whose processes are found by
# their numbers.  Sourced first; it goes on in a PID namespace of its own, so that what a failed test leaves dies with it.
# Needs $SETTID.

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
