#!/bin/sh
# SPDX-License-Identifier: MIT
# settid diff: what is said of two trees, and the exit status.

. "$(dirname "$0")/tap.sh"

changed() { # SED-SCRIPT: b.json is the dump of 40 processes, changed
	"$SETTID" convert "$IMAGES/job-3-children" -o a.json
	sed "$1" a.json >b.json
	! cmp -s a.json b.json
}
same_trees_are_0() {
	for tree in "$TREES"/*.json "$IMAGES"/*/; do
		run "$SETTID" diff "$tree" "$tree"
		is "$status" 0 "status for $tree"
		like "$out" 'the same: '
	done
}
images_and_their_tree_file_are_the_same() {
	"$SETTID" convert "$IMAGES/tree-40" -o a.json
	run "$SETTID" diff "$IMAGES/tree-40" a.json
	is "$status" 0
	like "$out" 'the same: 40 processes, '
}
order_does_not_count() {
	"$SETTID" convert "$IMAGES/job-3-children" -o a.json
	python3 -c 'import json, sys; t = json.load(open("a.json")); t["processes"].reverse(); json.dump(t, open("b.json", "w"))'
	run "$SETTID" diff a.json b.json
	is "$status" 0
}
difference_is_said() { # SED-SCRIPT SENTENCE
	changed "$1"
	run "$SETTID" diff a.json b.json
	is "$status" 1
	is "$out" "a: a.json
b: b.json
$2
1 difference"
}
json_says_the_same() {
	changed 's/\[5010\], "ppid": 5001, "pgid": 5002/[5010], "ppid": 5001, "pgid": 5001/'
	run "$SETTID" diff --json a.json b.json
	is "$status" 1
	is "$(echo "$out" | tr -d ' \n')" '{"same":false,"a":"a.json","b":"b.json","differences":[{"process":5010,"field":"pgid","a":"5002","b":"5001","text":"processgroupis5002ina,5001inb"}]}'
	run "$SETTID" diff --json a.json a.json
	is "$status" 0
	like "$out" '"same": true'
	like "$out" '"differences": [[][]]'
}
names_may_differ_if_asked() {
	changed 's/"sort"/"uniq"/g'
	run "$SETTID" diff --no-names a.json b.json
	is "$status" 0
}
commands_may_differ_if_asked() {
	changed 's/"comm": "sort"/&, "argv": ["sort"]/'
	sed 's/"comm": "sort"/&, "argv": ["sort", "-u"]/' a.json >c.json
	run "$SETTID" diff b.json c.json
	is "$status" 1
	like "$out" 'command is sort in a, sort -u in b'
	run "$SETTID" diff --no-commands b.json c.json
	is "$status" 0
}
quiet_is_silent() {
	changed 's/"sort"/"uniq"/g'
	run "$SETTID" diff -q a.json b.json
	is "$status" 1
	is "$out$err" ''
	run "$SETTID" diff -q a.json a.json
	is "$status" 0
	is "$out$err" ''
}
unreadable_is_2() { # ARG...
	run "$SETTID" diff "$@"
	is "$status" 2
	is "$out" ''
	like "$err" 'settid diff: '
}
live_tree_can_be_one() {
	sleep 60 &
	pid=$!
	becomes $pid sleep
	"$SETTID" dump $pid -o a.json
	run "$SETTID" diff a.json $pid
	kill $pid
	is "$status" 0
	run "$SETTID" diff a.json "$(free_pid)"
	is "$status" 2
}
stdin_can_be_one() {
	"$SETTID" convert "$IMAGES/job-3-children" -o a.json
	status=0
	"$SETTID" diff - "$IMAGES/job-3-children" <a.json >out || status=$?
	is "$status" 0
	run "$SETTID" diff - -
	is "$status" 125
}
leader_outside_is_about_the_images() {
	"$SETTID" convert "$IMAGES/dead-sid" --outside 8010 -o a.json
	run "$SETTID" diff a.json "$IMAGES/dead-sid"
	is "$status" 1
	like "$out" 'process 8011 (orphan): session is 0 in a, 8010 in b'
	run "$SETTID" diff a.json "$IMAGES/dead-sid" --outside 8010
	is "$status" 0
	run "$SETTID" diff a.json a.json --outside 8010
	is "$status" 2
}
names_cannot_take_a_terminal_over() {
	changed 's/"sort"/{"hex": "1b5d303b780741"}/g'
	run "$SETTID" diff a.json b.json
	is "$status" 1
	like "$out" '\x1b'
	unlike "$out" "$(printf '\033')"
}
usage_is_wrong() { # ARG...
	run "$SETTID" diff "$@"
	is "$status" 125
	is "$out" ''
}
lost_output_is_an_error() {
	status=0
	"$SETTID" diff "$TREES/nested.json" "$TREES/nested.json" >/dev/full 2>err || status=$?
	is "$status" 2
	like "$(cat err)" 'No space left on device'
}

it 'a tree is the same as itself' same_trees_are_0
it 'images and the tree file made of them are the same' images_and_their_tree_file_are_the_same
if command -v python3 >/dev/null; then
	it 'the order of processes does not count' order_does_not_count
else
	skip 'the order of processes does not count' 'no python3 here'
fi
it 'another group is said' difference_is_said 's/\[5010\], "ppid": 5001, "pgid": 5002/[5010], "ppid": 5001, "pgid": 5001/' \
	'process 5010 (sort): process group is 5002 in a, 5001 in b'
it 'a process that one tree lacks is said' difference_is_said '/\[5010\]/d' 'process 5010 (sort) is in a only'
it 'another state is said' difference_is_said '/\[5010\]/s/"live"/"stopped"/' 'process 5010 (sort): is live in a, stopped in b'
it 'another name is said' difference_is_said 's/"sort"/"uniq"/g' 'process 5010 (sort): name is "sort" in a, "uniq" in b'
it 'JSON says the same' json_says_the_same
it '--no-names lets names differ' names_may_differ_if_asked
it '--no-commands lets command lines differ' commands_may_differ_if_asked
it '--quiet is silent' quiet_is_silent
it 'a missing file is 2' unreadable_is_2 "$TREES/nested.json" no-such-file.json
it 'a folder without images is 2' unreadable_is_2 "$IMAGES" "$TREES/nested.json"
it 'one of the trees may be alive' live_tree_can_be_one
it 'one of the trees may be standard input, not both' stdin_can_be_one
it '--outside is about the images among the two' leader_outside_is_about_the_images
it 'names are fit to be shown' names_cannot_take_a_terminal_over
it 'one operand is wrong usage' usage_is_wrong "$TREES/nested.json"
it 'three operands are wrong usage' usage_is_wrong a b c
it 'lost output is an error' lost_output_is_an_error
tap_end
