#!/bin/sh
# SPDX-License-Identifier: MIT
# settid show: what is drawn from where, and what is refused.

. "$(dirname "$0")/tap.sh"

tree() { cat "$TREES/nested.json"; }

file_is_drawn() {
	run "$SETTID" show "$TREES/nested.json"
	is "$status" 0
	like "$out" 'LEVEL1'
	like "$out" 'init of level 1'
	like "$out" 'PID namespaces; '
	is "$err" ''
}
stdin_is_drawn() {
	run "$SETTID" show "$TREES/nested.json"
	want=$out
	status=0
	got=$(tree | "$SETTID" show -) || status=$?
	is "$status" 0
	is "$got" "$want"
}
json_is_the_tree_again() {
	run "$SETTID" show -f json "$TREES/nested.json"
	is "$status" 0
	echo "$out" >once.json
	run "$SETTID" show --format=json once.json
	is "$out" "$(cat once.json)"
	run "$SETTID" show --json once.json
	is "$out" "$(cat once.json)"
}
bytes_that_are_not_utf8_stay_json() {
	printf '{"settid":1,"processes":[{"nspid":[5],"ppid":0,"pgid":0,"sid":0,"state":"live","comm":{"hex":"66c3"}}]}' >t
	run "$SETTID" show -f json t
	is "$status" 0
	like "$out" '{"hex": "66c3"}'
	echo "$out" | iconv -f UTF-8 -t UTF-8 >/dev/null
}
live_tree_is_drawn() {
	sh -c 'sleep 30 & wait' &
	root=$!
	wait_for grep -q . "/proc/$root/task/$root/children"
	child=$(tr -d ' ' <"/proc/$root/task/$root/children")
	becomes "$child" sleep
	run "$SETTID" show "$root"
	kill "$child"
	is "$status" 0
	like "$out" "$root "
	like "$out" 'sleep 30'
	like "$out" '2 processes'
}
# One of its own, for that of the machine may never hold still.
own_namespace_is_drawn_without_an_operand() {
	# shellcheck disable=SC2016
	run "$SETTID" exec "$@" --new-pidns --mount-proc -- sh -c '"$0" show; exit $?' "$SETTID"
	is "$status" 0
	like "$out" 'sh -c'
	like "$out" ' 1 '
	like "$out" '1 PID namespace'
}
digits_are_a_pid() {
	tree >./42000000
	run "$SETTID" show 42000000
	is "$status" 1
	run "$SETTID" show ./42000000
	is "$status" 0
}
nobody_is_an_error() {
	run "$SETTID" show "$(free_pid)"
	is "$status" 1
	is "$out" ''
	like "$err" 'settid show: '
}
missing_file_is_an_error() {
	run "$SETTID" show no-such-file.json
	is "$status" 1
	is "$out" ''
	like "$err" 'no-such-file.json'
	like "$err" 'No such file'
}
bad_file_is_an_error_with_its_place() {
	printf '{"settid": 1,\n"processes": [\n{"nspid": [5], "ppid": 0, "pgid": 7, "sid": 0, "state": "live"}]}\n' >t.json
	run "$SETTID" show t.json
	is "$status" 1
	is "$out" ''
	like "$err" 't.json:3: process 5: '
}
usage_is_wrong() { # ARG...
	run "$SETTID" show "$@"
	is "$status" 125
	is "$out" ''
	like "$err" 'settid show'
}
pipe_is_plain() {
	run env TERM=xterm "$SETTID" show "$TREES/zombies.json"
	is "$status" 0
	unlike "$out" "$(printf '\033')"
}
terminal() { # COMMAND... on a terminal of 70 columns
	run script -qec "stty cols 70; $(printf "'%s' " "$@")" /dev/null
}
terminal_is_coloured() {
	TERM=xterm terminal env -u NO_COLOR -u COLUMNS "$SETTID" show "$TREES/zombies.json"
	is "$status" 0
	like "$out" "$(printf '\033[31m')zombie"
}
no_color_is_honoured() {
	TERM=xterm terminal env NO_COLOR=1 "$SETTID" show "$TREES/zombies.json"
	is "$status" 0
	like "$out" 'zombie'
	unlike "$out" "$(printf '\033')"
}
locale_decides_the_lines() {
	run env LC_ALL=C "$SETTID" show "$TREES/nested.json"
	like "$out" '`-'
	run env LC_ALL=C.UTF-8 "$SETTID" show "$TREES/nested.json"
	like "$out" '└─'
}
svg_is_wellformed() {
	"$SETTID" show "$TREES/nested.json" -f svg >t.svg
	python3 -c 'import sys, xml.dom.minidom; xml.dom.minidom.parse(sys.argv[1])' t.svg
}
dot_is_accepted() {
	"$SETTID" show "$TREES/nested.json" -f dot | dot -Tplain >/dev/null
}
lost_output_is_an_error() { # FORMAT
	status=0
	"$SETTID" show -f "$1" "$TREES/nested.json" >/dev/full 2>err || status=$?
	is "$status" 1
	like "$(cat err)" 'No space left on device'
}

it 'a tree file is drawn' file_is_drawn
it 'standard input is drawn' stdin_is_drawn
it 'as JSON it is the same tree again' json_is_the_tree_again
it 'bytes that are not UTF-8 are valid JSON' bytes_that_are_not_utf8_stay_json
it 'the live tree below a PID is drawn' live_tree_is_drawn
if "$SETTID" exec --new-pidns --mount-proc -- true 2>/dev/null; then
	it 'without an operand the whole namespace is drawn' own_namespace_is_drawn_without_an_operand
elif "$SETTID" exec --user --new-pidns --mount-proc -- true 2>/dev/null; then
	it 'without an operand the whole namespace is drawn' own_namespace_is_drawn_without_an_operand --user
else
	skip 'without an operand the whole namespace is drawn' 'no PID namespace with a /proc of its own can be made here'
fi
it 'digits are a PID, and a file with a slash' digits_are_a_pid
it 'a PID that nobody has is an error' nobody_is_an_error
it 'a file that is not there is an error' missing_file_is_an_error
it 'a file that is no tree is an error with its place' bad_file_is_an_error_with_its_place
it 'two trees are wrong usage' usage_is_wrong "$TREES/nested.json" "$TREES/nested.json"
it 'an unknown format is wrong usage' usage_is_wrong -f png "$TREES/nested.json"
it 'a number that cannot be a PID is wrong usage' usage_is_wrong 0
it 'an empty name is wrong usage' usage_is_wrong ''
it 'there is no colour in a pipe' pipe_is_plain
if command -v script >/dev/null; then
	it 'there is colour on a terminal' terminal_is_coloured
	it 'NO_COLOR is honoured' no_color_is_honoured
else
	skip 'there is colour on a terminal' 'no script(1) here'
	skip 'NO_COLOR is honoured' 'no script(1) here'
fi
it 'the locale decides how lines are drawn' locale_decides_the_lines
if command -v python3 >/dev/null; then
	it 'the SVG is well-formed' svg_is_wellformed
else
	skip 'the SVG is well-formed' 'no python3 here'
fi
if command -v dot >/dev/null; then
	it 'graphviz takes the dot file' dot_is_accepted
else
	skip 'graphviz takes the dot file' 'no dot(1) here'
fi
for format in text json dot svg; do
	it "a $format picture that could not be written is an error" lost_output_is_an_error "$format"
done
tap_end
