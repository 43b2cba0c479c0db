#!/bin/sh
# SPDX-License-Identifier: MIT
# settid model: the language, its answers, its errors, its trees; and every example of the manual's tour.

. "$(dirname "$0")/tap.sh"

# says SCRIPT ANSWERS [OPTION...]: all that is printed, line by line.
says() {
	printf '%s\n' "$1" >script
	want=$2
	shift 2
	run "$SETTID" model "$@" script
	is "$err" ''
	is "$out" "$want"
}
# refuses LINE COLUMN TEXT: a wrong line after a right one.
refuses() {
	printf 'a = init fork\n%s\ninit getpid\n' "$1" >script
	run "$SETTID" model script
	is "$status" 125
	is "$out" '1: ok 2 nspid=3,2'
	is "$err" "settid model: script:2:$2: $3"
}
# The answer to the last line of SCRIPT.
last_says() { # SCRIPT ANSWER [OPTION...]
	printf '%s\n' "$1" >script
	want=$2
	shift 2
	run "$SETTID" model "$@" script
	is "$err" ''
	is "$(echo "$out" | tail -n 1)" "$want"
}

# ------------------------------------------------------------------------------------------- the tour --

# The K-th example of the manual: lines as typed into `typed`, indented answers into `answered`.
tour() {
	awk -v want="$1" '
		/^\.\\" tour/ { k++ }
		/^\.Ed/ { on = 0 }
		on && k == want { if (/^\t/) print substr($0, 2) > "answered"; else print > "typed" }
		/^\.Bd/ { on = 1 }' "$MAN/settid-model.1"
}
tours() { grep -c '^\.\\" tour' "$MAN/settid-model.1"; }
tour_is_true() {
	tour "$1"
	[ -s typed ] && [ -s answered ]
	run "$SETTID" model typed
	is "$status" 0
	is "$err" ''
	is "$out" "$(cat answered)"
}

# -------------------------------------------------------------------------------------------- answers --

holders() {
	says 'a = init fork
t = a clone3 flags=THREAD
init clone3 set_tid=$a
init clone3 set_tid=$t
a exit
init clone3 set_tid=$a
s = init fork
s setsid
m = s fork
m setpgid pid=0 pgid=0
s exit_group
init wait4 pid=$s
init clone3 set_tid=$s' '1: ok 2 nspid=3,2
2: ok 3 nspid=4,3
3: error EEXIST index=0 level=1 pid=2 holder=process a
4: error EEXIST index=0 level=1 pid=3 holder=thread t of a
5: ended dead-leader
6: error EEXIST index=0 level=1 pid=2 holder=dead leader a
7: ok 4 nspid=5,4
8: ok 4
9: ok 5 nspid=6,5
10: ok 0
11: ended zombie exit0
12: ok 4 exit0
13: error EEXIST index=0 level=1 pid=4 holder=session with m'
}
stops() {
	says 'a = init fork
a kill pid=$a sig=STOP
init waitid idtype=P_ALL options=STOPPED
init kill pid=$a sig=CONT
init wait4 pid=-1 options=CONTINUED' '1: ok 2 nspid=3,2
2: blocks
2: a stopped STOP
3: ok 2 stop19
4: ok 0
4: a continued
2: returned ok 0
5: ok 2 cont'
}
signals() {
	says 'init sigaction sig=USR1 handler=COUNT
a = init fork
a kill pid=1 sig=USR1
init signals sig=USR1
a sigprocmask how=BLOCK sig=TERM
init kill pid=$a sig=TERM
a sigpending sig=TERM
a sigprocmask how=UNBLOCK sig=TERM' '1: ok 0
2: ok 2 nspid=3,2
3: ok 0
3: init handled USR1 from=2
4: ok 1 from=2
5: ok 0
6: ok 0
7: ok 1
8: ended zombie sig15'
}
dying_init() {
	says 'u = init fork
u unshare flags=NEWPID
k = u fork
x = u fork
k exit_group
init kill pid=$x sig=TERM
u wait4 pid=$x' '1: ok 2 nspid=3,2
2: ok 0
3: ok 3 nspid=4,3,1
4: ok 4 nspid=5,4,2
5: ended dying
5: x ended zombie sig9
6: ok 0
7: ok 4 sig9
7: k ended zombie exit0'
}
nobody() {
	says 'a = init clone3 set_tid=0
a getpid
b = init fork
b exit_group
b getpid
init wait4 pid=$b
b getpid
init returns' '1: error EINVAL index=0 level=1
2: - a was never made
3: ok 2 nspid=3,2
4: ended zombie exit0
5: - b is zombie
6: ok 2 exit0
7: - b is gone
8: - init waits for nothing'
}
profiles() {
	script='t = init clone3 flags=THREAD
init pidfd_open pid=$t flags=THREAD'
	last_says "$script" '2: ok 3'
	last_says "$script" '2: error EINVAL' --profile 6.8
	last_says "$script" '2: error EINVAL' -p 5.5
}
levels() {
	last_says 'init look' '1: ok live ppid=0 pgid=1 sid=1 nspid=1' --levels 0
	last_says 'init look' '1: ok live ppid=0 pgid=1 sid=1 nspid=2,1'
	last_says 'init clone3 flags=NEWPID' '1: error ENOSPC' -l 32
	last_says 'level1 kill pid=$init sig=KILL' '1: init ended zombie sig9' -l 3
	last_says 'init nest level=40' '1: error ENOSPC'
	last_says 'n = init nest level=3
n look' '2: ok live ppid=0 pgid=0 sid=0 nspid=4,3,2,1'
}
returns_tells_once() {
	says 'a = init fork
init wait4 pid=$a
init returns
a exit_group status=5
init returns
init returns' '1: ok 2 nspid=3,2
2: blocks
3: blocks
4: ended gone exit5
2: returned ok 2 exit5
5: ok 2 exit5
6: - init waits for nothing'
}
comments() {
	says '# a comment

  init getpid   # another
	init getppid' '3: ok 1
4: ok 0'
}
newest_name() {
	says 'a = init fork
a = init fork
init kill pid=$a sig=KILL
init kill pid=2 sig=KILL' '1: ok 2 nspid=3,2
2: ok 3 nspid=4,3
3: ok 0
3: a ended zombie sig9
4: ok 0
4: @1 ended zombie sig9'
}
answers_have_fields() {
	says 'a = init fork
a exit_group status=7
w = init wait4 pid=-1
init clone3 set_tid=$w+100
p = init clone3 flags=PIDFD
init poll fd=$p.pidfd
init fdinfo fd=$p.pidfd' '1: ok 2 nspid=3,2
2: ended zombie exit7
3: ok 2 exit7
4: ok 102 nspid=4,102
5: ok 3 nspid=5,3 pidfd=3
6: ok 0 revents=0
7: ok 5 nspid=5,3'
}
# Each operation of the table is asked once, with nothing but its name, and none is unknown to the performer.
every_operation_is_performed() {
	echo help | "$SETTID" model - | sed -nE 's/^  ([a-z0-9_]+)( +([a-z_]+= ?)+)?$/\1/p' | sort -u >operations
	[ "$(wc -l <operations)" -ge 45 ]
	while read -r operation; do
		printf 'a = init fork\na %s\n' "$operation" >script
		run "$SETTID" model script
		is "$err" ''
		is "$status" 0
		unlike "$out" ENOSYS
	done <operations
}
help_explains_one() {
	run sh -c 'echo help wait4 | "$0" model' "$SETTID"
	is "$status" 0
	like "$out" 'wait4: '
	like "$out" 'NOHANG UNTRACED'
}
reads_stdin() {
	for operand in '' -; do
		# shellcheck disable=SC2086
		is "$(echo 'init getpid' | "$SETTID" model $operand)" '1: ok 1'
	done
}
# Who talks through pipes reads each answer before asking further.
answers_at_once() {
	mkfifo in out
	"$SETTID" model <in >out &
	exec 8>in 9<out
	echo 'a = init fork' >&8
	read -r answer <&9
	is "$answer" '1: ok 2 nspid=3,2'
	echo "init clone3 set_tid=${answer#*ok }" | sed 's/ nspid.*//' >&8
	read -r answer <&9
	is "$answer" '2: error EEXIST index=0 level=1 pid=2 holder=process a'
	exec 8>&- 9<&-
	wait $!
}

# --------------------------------------------------------------------------------------------- checks --

checks_that_hold() {
	last_says 'a = init clone3 set_tid=42  ? ok 42
init clone3 set_tid=42          ? EEXIST holder=process a
init wait4 pid=-1               ? blocks
a exit_group status=3           ? ended exit3
init getpid                     ? 1' '5: ok 1'
	is "$status" 0
}
checks_that_fail() {
	says 'init getpid ? 2
init getpid ? 1 ok
init getpid ? ok 1' '1: ok 1
1: check failed: want 2
2: ok 1
2: check failed: want 1 ok
3: ok 1'
	is "$status" 1
}

# --------------------------------------------------------------------------------------------- trees --

world='a = init clone3 flags=NEWPID set_tid=1,42,31496
b = a clone3 flags=NEWPID
u = init fork
u unshare flags=NEWPID
x = u fork
y = u fork
a setsid
g = a fork
g setpgid pid=0 pgid=0
h = a fork
h setpgid pid=0 pgid=$g
g exit_group
a wait4 pid=$g
z = a clone3 exit_signal=USR1
z exit_group status=9
t = h clone3 flags=THREAD
h exit
outer kill pid=$y sig=STOP
d = init fork
d crash
init prctl option=SET_CHILD_SUBREAPER arg=1
s = init clone3 flags=THREAD'

tree_is_a_tree_file() {
	printf '%s\ntree\n' "$world" >script
	run "$SETTID" model --quiet script
	is "$status" 0
	echo "$out" >tree.json
	run "$SETTID" show -f json tree.json
	is "$status" 0
	is "$out" "$(cat tree.json)"
	holds() { grep -qF "$1" tree.json || { echo "no $1" && cat tree.json && return 1; }; }
	holds '"nspid": [31496, 42, 1], "ppid": 2'
	holds '"leader_dead": true'
	holds '"state": "stopped", "stop_signal": 19'
	holds '"exit_code": 9, "notify_signal": 10'
	holds '"exit_signal": 11'
	holds '"ghosts"'
	holds '"threads": [{"nspid": [2, 1], "name": "init"}'
	holds '"children_ns": "1/'
	holds '"subreaper": true'
	holds '"comm": "u"'
}
draw_is_show() {
	printf '%s\ntree\n' "$world" >script
	"$SETTID" model -q script >tree.json
	printf '%s\ndraw\n' "$world" >script
	is "$("$SETTID" model -q script)" "$("$SETTID" show tree.json)"
}
tree_can_be_planned() {
	printf 'a = init fork\na setsid\nb = a clone3 flags=NEWPID\nb setsid\nc = b fork\nc exit_group\ntree\n' >script
	"$SETTID" model -q -l 0 script >tree.json
	run "$SETTID" plan tree.json
	is "$status" 0
}
# An init in a group founded inside (R5.30) is one that no tree file can say.
stuck_init_is_no_tree() {
	last_says 'a = init clone3 flags=NEWPID
b = a fork
a setpgid pid=$b pgid=0
a setpgid pid=0 pgid=$b
a exit_group' '5: b ended gone sig9'
	echo "$out" | grep -qx '5: ended dying'
	echo tree >>script
	run "$SETTID" model -q script
	is "$status" 1
	like "$out" '6: no tree: '
}

# ---------------------------------------------------------------------------------------------- JSON --

json_lines() {
	says 'a = init clone3 set_tid=42
init clone3 set_tid=42
init wait4 pid=-1
a exit_group status=3
init getpid ? 2' '{"line":1,"answer":"ok","result":42,"nspid":[3,42]}
{"line":2,"answer":"error","errno":"EEXIST","index":0,"level":1,"pid":42,"holder":"process","task":"a"}
{"line":3,"answer":"blocks"}
{"line":4,"answer":"ended","state":"gone","status":"exit3"}
{"line":3,"event":"returned","answer":"ok","result":42,"status":"exit3"}
{"line":5,"answer":"ok","result":1}
{"line":5,"check":"failed","want":"2"}' --json
	is "$status" 1
}
json_is_one_object_a_line() {
	command -v python3 >/dev/null || return 0
	printf '%s\ntree\ndraw\nhelp\nhelp exec\n' "$world" >script
	"$SETTID" model -j script | python3 -c '
import json, sys
lines = [json.loads(line) for line in sys.stdin]
assert all(isinstance(line["line"], int) for line in lines)
assert any(len(line.get("tree", {}).get("processes", [])) > 5 for line in lines)'
}

# ------------------------------------------------------------------------------------------ a terminal --

on_a_terminal() { # SCRIPT-OF-PTY WANT
	printf '%b' "$1" >typed
	run env TERM=xterm NO_COLOR=1 HOME="$PWD" "$PTY" typed "$SETTID" model
	is "$status" "${3-0}"
	like "$out" "$2"
}
has_libedit() { "$SETTID" model --help | grep -q 'edited with libedit'; }

k=1
while [ "$k" -le "$(tours)" ]; do
	it "example $k of the manual's tour is answered as it says" tour_is_true "$k"
	k=$((k + 1))
done
it 'an error says by whom the number is held, by name' holders
it 'a stop is told, a blocked call returns when it goes on' stops
it 'handled and pending signals are told' signals
it 'an init that waits for its namespace to empty is dying, and its end is told' dying_init
it 'a line of somebody who cannot act is a dash with the reason' nobody
it 'a profile answers as that version' profiles
it 'init is as deep as --levels says, and the levels above it have actors' levels
it 'returns tells what a blocked call returned, once' returns_tells_once
it 'comments and blank lines count as lines only' comments
it 'a name means the newest of that name' newest_name
it 'an answer can be named and its fields used' answers_have_fields
it 'every operation of the table is performed' every_operation_is_performed
it 'help explains an operation with its constants' help_explains_one
it 'a script may come from standard input' reads_stdin
it 'each answer is written before the next line is read' answers_at_once
it 'checks that hold are silent' checks_that_hold
it 'a check that fails is told and is exit status 1' checks_that_fail
it 'a tree holds ghosts, zombies, threads, stopped ones, dead leaders and nested namespaces, and show reads it' \
	tree_is_a_tree_file
it 'draw draws what show draws of the tree' draw_is_show
it 'a tree can be planned' tree_can_be_planned
it 'an init that can never end is no tree, and that is said' stuck_init_is_no_tree
it '--json is one object for each answer, event and check' json_lines
it 'every line of --json is an object, trees and drawings included' json_is_one_object_a_line

it 'an unknown actor is refused with its column' refuses 'x getpid' 1 "no actor 'x'"
it 'an unknown operation is refused with its column' refuses 'init frok' 6 "no operation 'frok'"
it 'an unknown argument is refused with its column' refuses 'init kill pid=1 sgi=9' 17 "kill has no argument 'sgi'"
it 'an unknown constant is refused with its column' refuses 'init kill pid=1 sig=BILL' 21 \
	'sig: not a number, nor a constant of this argument'
it 'an unknown name in a value is refused with its column' refuses 'init kill pid=$b' 15 'pid: no such name or field'
it 'an argument given twice is refused' refuses 'init kill pid=1 pid=2' 17 'pid is there twice'
it 'a missing operation is refused' refuses 'b = init' 9 'an operation is missing: what does init do?'
it 'a number that does not fit is refused' refuses 'init clone3 set_tid=4294967338' 21 \
	'set_tid: a number of more than 32 bits'
it 'a word that begins no operation is refused' refuses 'init kill 5' 11 "'5' is not of the form key=value"
it 'init cannot be named anew' refuses 'init = init fork' 1 "'init': that name is taken for good"
it 'tree stands alone' refuses 'tree here' 6 'tree stands alone'
it 'a check without words is refused' refuses 'init fork ?' 12 'an answer is missing after ?'

if [ -x "$PTY" ]; then
	it 'on a terminal it asks and answers, and a wrong line does not end it' on_a_terminal \
		'expect 1> \nsend init frok\\n\nexpect 1:6: no operation\nexpect 2> \nsend init getpid\\n\nexpect 2: ok 1\nsend quit\\n\nend\n' '3> '
	if has_libedit; then
		# Before the editor has the terminal, Ctrl-D would be the terminal's own, and be lost; a completed word shows that it has.
		it 'Ctrl-D ends it' on_a_terminal 'expect 1> \nsend ini\\x09\nexpect t \nsend \\x15\\x04\nend\n' '1> '
		it 'Tab completes operations, arguments and constants' on_a_terminal \
			'expect 1> \nsend i\\x09clone3\\x20fl\\x09NEWP\\x09\\n\nexpect 1: ok\nsend quit\\n\nend\n' '1: ok 2 nspid=3,2,1'
		it 'the history has the line before' on_a_terminal \
			'expect 1> \nsend init fork\\n\nexpect 1: ok\nexpect 2> \nsend \\x10\\n\nexpect 2: ok 3\nsend quit\\n\nend\n' 'ok 3'
	else
		it 'Ctrl-D ends it' on_a_terminal 'expect 1> \nsend \\x04\nend\n' '1> '
		skip 'Tab completes operations, arguments and constants' 'built without libedit'
		skip 'the history has the line before' 'built without libedit'
	fi
fi
tap_end
