#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_plan.sh: `settid plan` as a user meets it: text, JSON, dot, and what is wrong with a file or a command line.
# Needs $SETTID, the command, and $TREES, the folder of tree files that can all be built.

. "$(dirname "$0")/tap.sh"

two() {
	cat <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [10], "ppid": 0, "pgid": 10, "sid": 0, "state": "live", "comm": {"hex": "1b5b33316d"}},
	  {"nspid": [11, 1], "ppid": 10, "pgid": 10, "sid": 0, "state": "zombie", "exit_code": 3, "comm": {"hex": "66c3"}}]}
	TREE
}

text() {
	two >tree
	run "$SETTID" plan tree
	is "$status" 0
	is "$err" ""
	is "$out" 'the guard
    take the name "settid-guard"
    make the helper init
    report that it stands
    watch the restorer
the helper init, set_tid {1}, in a new PID namespace
    take the name "settid-init"
    make process 10
    report that it stands
    reap orphans until process 10 ends
process 10, set_tid {10}
    take the name "\x1b[31m"
    found a process group
    make process 11
    see process 11 dead
    report that it stands
    hold
process 11, set_tid {1, 11}, in a new PID namespace
    take the name "f\xc3"
    report that it stands
    exit with 3
4 actors, 17 steps'
}
it "a plan reads as sentences, and no name gets to the terminal as it is" text

standard_input() {
	two >tree
	run "$SETTID" plan tree
	file=$out
	two | "$SETTID" plan - >again
	is "$(cat again)" "$file"
}
it "standard input has the same plan" standard_input

json() {
	two >tree
	run "$SETTID" plan --json tree
	is "$status" 0
	like "$out" '"op": "name", "name": {"hex": "66c3"}'
	like "$out" '"op": "exit", "code": 3'
	first=$out
	run "$SETTID" plan -f json tree
	is "$out" "$first"
	unlike "$out" '"proven"'
	run "$SETTID" plan --json --prove tree
	is "$status" 0
	like "$out" '"proven": {"ns": '
	out=$first
	command -v python3 >/dev/null || return 0
	printf '%s\n' "$out" | python3 -c '
import json, sys
p = json.load(sys.stdin)
a = p["actors"][p["root"]]
assert a["set_tid"] == [10] and a["kind"] == "process", a
assert [s["actor"] for s in a["steps"] if s["op"] == "child"] == [3]'
}
it "--json is JSON, and so is --format json" json

graph() {
	for file in "$TREES"/*.json; do
		run "$SETTID" plan -f dot "$file"
		is "$status" 0
		printf '%s\n' "$out" | dot -Tsvg >/dev/null
	done
}
if command -v dot >/dev/null; then
	it "-f dot is a graph" graph
else
	skip "-f dot is a graph" "no dot(1) here"
fi

not_new() {
	run "$SETTID" plan --into current "$TREES/groups.json"
	is "$status" 0
	unlike "$out" "helper init"
	run "$SETTID" plan --into 42 "$TREES/groups.json"
	unlike "$out" "helper init"
	run "$SETTID" plan --into current "$TREES/init.json"
	is "$status" 1
	like "$err" "use --into new"
}
it "--into an existing namespace needs no init, and takes none" not_new

programs() {
	echo '{"settid": 1, "processes": [{"nspid": [10], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh"]}]}' >tree
	run "$SETTID" plan --exec tree
	like "$out" "start its program"
	like "$out" "reap orphans until process 10 ends"
	run "$SETTID" plan tree
	unlike "$out" "start its program"
	unlike "$out" "execve makes SIGCHLD"
	run "$SETTID" plan --exec - <<-'END'
		{"settid": 1, "processes": [
		{"nspid": [10], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": ["sh"]},
		{"nspid": [11], "ppid": 10, "pgid": 0, "sid": 0, "state": "live", "notify_signal": 10, "argv": ["sh"]}]}
	END
	like "$out" "note: execve makes SIGCHLD the exit signal of whoever starts a program, and 1 of them had another"
}
it "--exec starts programs in the end" programs

nul() {
	echo '{"settid": 1, "processes": [{"nspid": [10], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "argv": [{"hex": "7300"}]}]}' >tree
	run "$SETTID" plan tree
	is "$status" 0
	run "$SETTID" plan --exec tree
	is "$status" 1
	is "$err" "settid plan: process 10 cannot be built: argv[0] holds a NUL byte, and no program can be given one"
}
it "an argument with a NUL is refused where it would be given" nul

full() {
	[ -e /dev/full ] || return 0
	status=0
	"$SETTID" plan "$TREES/groups.json" >/dev/full 2>complaint || status=$?
	is "$status" 1
	like "$(cat complaint)" "cannot write"
}
it "what cannot be written is an error" full

no_file() {
	run "$SETTID" plan no-such-file
	is "$status" 1
	is "$err" "settid plan: cannot open no-such-file: No such file or directory"
}
it "a file that is not there is an error" no_file

no_tree() {
	echo '{"settid": 1, "processes": [{"nspid": [0]}]}' >tree
	run "$SETTID" plan tree
	is "$status" 1
	like "$err" "tree:1: processes[[]0]: field 'ppid'"
}
it "a file that is no tree is an error with its place" no_tree

wrong_usage() {
	run "$SETTID" plan "$@"
	is "$status" 125
	is "$out" ""
}
it "no file is wrong usage" wrong_usage
it "two files are wrong usage" wrong_usage a b
it "an unknown format is wrong usage" wrong_usage -f svg a
it "--into nowhere is wrong usage" wrong_usage --into nowhere a
it "an unknown option is wrong usage" wrong_usage --hold a

tap_end
