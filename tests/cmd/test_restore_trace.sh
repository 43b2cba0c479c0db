#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_restore_trace.sh: `settid restore --trace`: who made whom when.

. "$(dirname "$0")/tap.sh"
here=$(cd "$(dirname "$0")" && pwd)

unshare --pid --fork true 2>/dev/null || skip_all "no right to make a PID namespace here"
command -v python3 >/dev/null || skip_all "no python3 here"

# traced FILE ARG...: restores it, and ends it once it stands; its status in $status.
traced() {
	"$SETTID" restore --trace trace.json "$@" >said 2>complaint &
	restorer=$!
	wait_for settled
	kill -TERM "$restorer" 2>/dev/null || true
	status=0
	wait "$restorer" || status=$?
}
settled() {
	grep -q . said || ! kill -0 "$restorer" 2>/dev/null
}
checked() { # TREE
	run python3 "$here/trace.py" "$1" trace.json
	is "$out$err" ''
	is "$status" 0
}

trace_tells_the_restore() { # FILE
	traced "$1"
	is "$status" 0
	checked "$1"
}
images_can_be_traced() {
	traced "$IMAGES/tree-40"
	is "$status" 0
	"$SETTID" convert "$IMAGES/tree-40" -o tree.json
	checked tree.json
}
shapes_can_be_traced() {
	traced "$SHAPES"
	is "$status" 0
	checked "$SHAPES"
	grep -q '"name": "ghost (dead leader) \[9\]"' trace.json
}
hostile_names_are_harmless() {
	printf '{"settid": 1, "processes": [{"nspid": [5], "ppid": 0, "pgid": 5, "sid": 5, "state": "live", "comm": {"hex": "22 5c 1b 0a"}}]}' |
		tr -d ' ' | sed 's/"settid":1/"settid": 1/' >tree.json
	traced tree.json
	is "$status" 0
	python3 -c 'import json; json.load(open("trace.json"))'
	grep -qF '"\"\\\\\\x1b\\n"' trace.json
}
failed_restore_is_traced_too() {
	pid=$(free_pid)
	sleep 60 &
	taken=$!
	printf '{"settid": 1, "processes": [{"nspid": [%d], "ppid": 0, "pgid": %d, "sid": %d, "state": "live"}, {"nspid": [%d], "ppid": %d, "pgid": %d, "sid": %d, "state": "live"}]}' \
		"$pid" "$pid" "$pid" "$taken" "$pid" "$pid" "$pid" >tree.json
	traced tree.json --into current
	kill "$taken"
	is "$status" 1
	like "$(cat complaint)" "$taken"
	python3 -c '
import json, sys
trace = json.load(open("trace.json"))
made = [e for e in trace["traceEvents"] if e["ph"] == "X" and e["name"] == f"make process {sys.argv[1]}"]
sys.exit(len(made) != 1)' "$taken"
}
unwritable_trace_is_told_first() {
	run "$SETTID" restore --trace no/such/folder "$TREES/single.json"
	is "$status" 1
	is "$out" ''
	like "$err" 'cannot write the trace no/such/folder: No such file'
}
full_disk_leaves_nothing() {
	run "$SETTID" restore --trace /dev/full "$TREES/single.json"
	is "$status" 1
	is "$out" ''
	like "$err" 'cannot write the trace /dev/full: No space left on device'
}
wrong_trace_is_noticed() { # SED-SCRIPT
	traced "$TREES/threads.json"
	checked "$TREES/threads.json"
	sed -i "$1" trace.json
	run python3 "$here/trace.py" "$TREES/threads.json" trace.json
	is "$status" 1
}

for name in nested threads zombies groups sessions stopped handed-down; do
	it "the trace of $name has every birth and every step" trace_tells_the_restore "$TREES/$name.json"
done
it 'the images of a dump can be traced' images_can_be_traced
it 'all shapes can be traced, ghosts too' shapes_can_be_traced
it 'a name with quotes and escapes is a string' hostile_names_are_harmless
it 'a restore that fails is traced as far as it came' failed_restore_is_traced_too
it 'a trace that cannot be written is told before anything is made' unwritable_trace_is_told_first
it 'a full disk is an error, and nothing is left' full_disk_leaves_nothing
it 'a birth that is missing would be noticed' wrong_trace_is_noticed '/"tid": 5998, "name": "being born"/d'
it 'a sum that is wrong would be noticed' wrong_trace_is_noticed 's/"waits_us": /&1/'
tap_end
