#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_criu_restore.sh: examples/criu-action.sh with a real CRIU: a live tree is dumped and killed, check names who has
# one of its numbers, and CRIU brings it back with all of them, beside a busy forker.
# Needs $SETTID, $CRIU_TREE (criu_tree.c), $SOURCE; $CRIU is a CRIU of at least 4.0, or else tools/criu.sh puts one into
# $BUILD/criu.
# shellcheck disable=SC2016

# Everything in a PID namespace of its own, whose init (this shell) reaps.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	: "${CRIU:=$BUILD/criu/criu}"
	[ -x "$CRIU" ] || why=$(timeout 400 "$SOURCE/tools/criu.sh" "$BUILD/criu") || {
		echo "1..0 # SKIP ${why:-no CRIU could be fetched}"
		exit 0
	}
	export CRIU
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"
export SETTID CRIU
action=$SOURCE/examples/criu-action.sh

# A tree with the numbers 3000 to 3003, until the test is over; its root in $root.
plant() {
	trap uproot EXIT
	echo 5000 >/proc/sys/kernel/ns_last_pid # what this test starts is elsewhere
	"$CRIU_TREE" 3000
	root=3000
	wait_for four_there
}
four_there() { # and where they belong: the last one is in its group, all have closed their descriptors
	[ "$(ls /proc/3000/fd /proc/3001/fd /proc/3002/fd /proc/3003/fd)" = "$(printf '/proc/%s/fd:\n\n' 3000 3001 3002 3003)" ]
}
none_there() {
	! grep -qs '^Name:.criu_tree' /proc/[0-9]*/status
}
uproot() {
	kill -KILL 3003 3002 3001 3000 2>/dev/null || :
	wait_for none_there
}
dump() {
	mkdir images
	"$SETTID" dump --no-commands -o before.json $root
	"$CRIU" dump -t $root -D images -o dump.log >complaint 2>&1 || {
		cat complaint
		tail -n 5 images/dump.log
		return 1
	}
	wait_for none_there # the tree was killed, and this namespace's init has reaped it
}
same_tree() {
	"$SETTID" dump --no-commands -o after.json 3000
	run "$SETTID" diff before.json after.json
	is "$status" 0
}

can_dump() (
	"$CRIU" check >complaint 2>&1 && plant && dump
)

mkdir "$tap_dir/try" && cd "$tap_dir/try" || exit 1
can_dump >log 2>&1 || skip_all "CRIU itself cannot dump a tree here: $(cat complaint images/dump.log 2>/dev/null | grep Error | tail -n 1)"
cd "$tap_dir" || exit 1

named() {
	plant
	dump
	"$SETTID" exec --pid 3002 -- sleep 1000 &
	wait_for is_taken 3002
	becomes 3002 sleep
	run "$action" restore "$PWD/images" -d
	is "$status" 1
	like "$err" "3002, for process 3002 *, is the process 3002 (sleep): end 3002 (sleep)"
	none_there
	kill 3002
	wait_for free_again 3002
	run "$action" restore "$PWD/images" -d -o restore.log
	is "$status" 0
	same_tree
}

# The forker begins just below the tree's numbers, and goes on until the tree is back.
busy() {
	plant
	dump
	run "$SETTID" check --into current images
	is "$status" 0
	"$SETTID" reserve --for images --socket socket --ttl 60 --detach
	echo 2990 >/proc/sys/kernel/ns_last_pid
	while :; do
		/bin/true & /bin/true & /bin/true & /bin/true &
		wait
	done &
	forker=$!
	trap 'kill -KILL "$forker" 2>/dev/null || :; uproot' EXIT
	wait_for past 3100
	export SETTID_RESERVATION="$PWD/socket"
	run "$CRIU" restore -D images -d -o restore.log --action-script "$action"
	kill -KILL "$forker"
	is "$status" 0
	same_tree
}
past() {
	[ "$(cat /proc/sys/kernel/ns_last_pid)" -gt "$1" ]
}

# Without all this CRIU meets the forker's numbers, or a zombie.
lost() {
	plant
	dump
	"$SETTID" exec --pid 3001 -- sleep 1000 &
	wait_for is_taken 3001
	run "$CRIU" restore -D images -d -o restore.log
	[ "$status" != 0 ]
	none_there
	kill 3001
	wait_for free_again 3001
}
free_again() {
	! is_taken "$1"
}

# An init of its own: number 1 is taken in every namespace that exists, and CRIU makes a new one.
own_init() {
	unshare --pid --fork setsid sleep 1000 <&- >&- 2>&- & # no settid exec: who was told to die with it dies with CRIU
	wait_for pgrep -x sleep
	root=$(pgrep -x sleep)
	trap 'kill -KILL $(pgrep -x sleep) 2>/dev/null || :' EXIT
	dump
	wait
	run "$action" restore "$PWD/images" -d -o restore.log
	is "$status" 0
	grep -q "^NSpid:.*	1$" "/proc/$(pgrep -x sleep)/status"
}

it "check names who has a number, and once it is free CRIU restores the tree" named
it "beside a busy forker CRIU gets the numbers that are reserved" busy
it "a tree with an init of its own needs no reservation" own_init
it "without it CRIU fails where a number is taken" lost
tap_end
