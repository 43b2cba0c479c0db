#!/bin/sh
# SPDX-License-Identifier: MIT
# test_dump.sh: `settid dump`: what it prints, where it writes, how it refuses.
. "$(dirname "$0")/tap.sh"

# A process that sleeps until the test function's end: its PID in $sleeper.
sleeper() {
	sleep 60 &
	sleeper=$!
	becomes "$sleeper" sleep
	trap 'kill $sleeper' EXIT
}

prints() {
	sleeper
	run "$SETTID" dump $sleeper
	is "$status" 0
	is "$err" ""
	like "$out" '"settid": 1'
	like "$out" "\"nspid\": [[]$sleeper], \"ppid\": 0"
	like "$out" '"argv": [[]"sleep", "60"]'
}
it "the tree goes to standard output" prints

no_commands() {
	sleeper
	run "$SETTID" dump --no-commands $sleeper
	is "$status" 0
	unlike "$out" argv
	unlike "$out" cwd
	like "$out" '"comm": "sleep"'
}
it "--no-commands leaves command lines and directories out" no_commands

frozen() {
	sleeper
	run "$SETTID" dump --freeze $sleeper
	is "$status" 0
	like "$out" '"state": "live"'
	kill -0 $sleeper
}
if [ "$(id -u)" = 0 ]; then
	it "--freeze dumps too, and lets go" frozen
else
	skip "--freeze dumps too, and lets go" "freezing needs root where ptrace is restricted"
fi

readable() {
	sleeper
	run "$SETTID" dump -o tree.json $sleeper
	is "$status" 0
	is "$out" ""
	run "$SETTID" show tree.json
	is "$status" 0
	like "$out" "$sleeper"
}
it "-o writes a file that show reads" readable

replaced() {
	sleeper
	echo old >tree.json
	chmod 640 tree.json
	ln -s tree.json link
	run "$SETTID" dump -o link $sleeper
	is "$status" 0
	[ -L link ]
	like "$(cat tree.json)" '"settid": 1'
	is "$(stat -c %a tree.json)" 640 "the file's mode"
	is "$(ls)" "link
tree.json" "what is in the directory"
}
it "-o replaces what a link points at and keeps its mode" replaced

kept() {
	echo old >tree.json
	run "$SETTID" dump -o tree.json 4194303
	is "$status" 1
	like "$err" "no process 4194303"
	is "$(cat tree.json)" old "the file"
	is "$(ls)" tree.json "what is in the directory"
}
it "a dump that fails leaves the file as it was" kept

device() {
	sleeper
	run sh -c '"$0" dump -o /dev/stdout "$1" | cat' "$SETTID" $sleeper
	like "$out" '"settid": 1'
	run "$SETTID" dump -o /dev/full $sleeper
	is "$status" 1
	like "$err" "/dev/full"
	[ -c /dev/full ]
}
it "-o writes through what is no file" device

itself() {
	run sh -c '"$0" dump $$ | cat' "$SETTID"
	is "$status" 0
	unlike "$out" '"comm": "settid"'
	like "$out" '"comm": "sh"'
}
it "a dump of the calling shell leaves settid out" itself

unreadable() {
	sleeper
	cp "$SETTID" "$tap_dir/settid"
	chmod 755 "$tap_dir/settid"
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$tap_dir/settid" dump $sleeper
	is "$status" 0
	like "$err" "2 facts could not be read"
	unlike "$out" cwd
}

# Where the parent's next child would live cannot be read; that it would be elsewhere is not to be concluded from that.
unreadable_namespace() {
	unshare -p -f setpriv --reuid 65534 --regid 65534 --clear-groups sleep 30 &
	root=$!
	wait_for grep -q . "/proc/$root/task/$root/children"
	child=$(tr -d ' ' <"/proc/$root/task/$root/children")
	wait_for grep -q sleep "/proc/$child/comm"
	cp "$SETTID" "$tap_dir/settid"
	chmod 755 "$tap_dir/settid"
	run setpriv --reuid 65534 --regid 65534 --clear-groups "$tap_dir/settid" dump $root
	kill -KILL "$child"
	is "$status" 0
	like "$out" "[$child, 1]"
	unlike "$out" '"ns"'
}
# Also where /proc is mounted with hidepid there is nothing to be seen for another user.
if [ "$(id -u)" = 0 ] && unshare -p -f true &&
	setpriv --reuid 65534 --regid 65534 --clear-groups test -e /proc/1; then
	it "facts that another user may not read are counted aloud" unreadable
	it "a link that may not be read gives nobody a label" unreadable_namespace
else
	skip "facts that another user may not read are counted aloud" "needs root, setpriv, and a /proc that shows all processes"
	skip "a link that may not be read gives nobody a label" "needs root, setpriv, and a /proc that shows all processes"
fi

usage() {
	for args in "" "1 2" "--nothing 1" "0" "-5" "4x" "-o"; do
		# shellcheck disable=SC2086 # words
		run "$SETTID" dump $args
		is "$status" 125 "the status of 'dump $args'"
		is "$out" ""
		like "$err" "--help"
	done
	run "$SETTID" dump -o '' 1
	is "$status" 125 "the status of an empty name"
	run "$SETTID" dump --help
	is "$status" 0
	like "$out" "--freeze"
}
it "wrong usage is 125 and says where help is" usage

tap_end
