#!/bin/sh
# SPDX-License-Identifier: MIT
#
# test_inventory.sh: `settid inventory`, and `settid check --against` what it wrote: the answers of many machines.
# Needs $SETTID, $TREES.  SETTID_INVENTORIES is how many machines are asked at once (1,000 if it is not set).
# shellcheck disable=SC2016

# In a PID namespace of its own: what is taken there is known.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"

echo 20000 >/proc/sys/kernel/ns_last_pid # this test's own processes are not to have the trees' numbers

held_tree() {
	cat <<-'TREE'
	{"settid": 1, "processes": [
	  {"nspid": [1900], "ppid": 0, "pgid": 0, "sid": 0, "state": "live", "comm": "careless"},
	  {"nspid": [2000], "ppid": 1900, "pgid": 0, "sid": 0, "state": "zombie"},
	  {"nspid": [1901], "ppid": 1900, "pgid": 1901, "sid": 0, "state": "live", "comm": "mem\"ber",
	   "threads": [{"nspid": [1901]}, {"nspid": [2002]}]},
	  {"nspid": [2003], "ppid": 1900, "pgid": 0, "sid": 0, "state": "live", "leader_dead": true, "comm": "hollow",
	   "threads": [{"nspid": [2003]}, {"nspid": [1903]}]}]}
	TREE
}

lists() {
	held_tree >held
	"$SETTID" restore --into current --pidfile root held >/dev/null &
	holder=$!
	wait_for test -s root
	run "$SETTID" inventory --json
	is "$status" 0
	like "$out" '[[]1900, "process", 1900, "careless"[]]'
	like "$out" '[[]2000, "zombie", 1900, "careless"[]]'
	like "$out" '[[]2002, "thread", 1901, "mem\\"ber"[]]'
	like "$out" '[[]2003, "dead-leader", 2003, "hollow"[]]'
	like "$out" '[[]1, "process", 1, "sh"[]]'
	is "$(printf '%s\n' "$out" | grep -c '"settid"')" 1 "how many settids" # the restorer, but not itself
	printf '%s\n' "$out" >here.json
	kill $holder
	wait
	tree_of 2000 2001 2002 2003 >tree
	run "$SETTID" check --into current --against here.json tree
	is "$status" 1
	like "$out" "2000, for process 2000 (line 2), is a zombie, child of 1900 (careless): reap it"
	like "$out" "(and 2 more)"
	run "$SETTID" check --into current --against here.json --json tree
	is "$status" 1
	like "$out" '"kind": "thread"'
	tree_of 2001 2004 >tree
	run "$SETTID" check --into current --against here.json tree
	is "$status" 0
	like "$out" "1 of 1 machines can take it."
}
summary() {
	run "$SETTID" inventory
	is "$status" 0
	like "$out" "processes "
	like "$out" "numbers left"
}
same_as_here() {
	for file in "$TREES"/*.json; do
		for into in new current; do
			run "$SETTID" check --into $into "$file"
			here=$status
			"$SETTID" inventory --json >here.json
			run "$SETTID" check --into $into --against here.json "$file"
			is "$status" "$here" "status for $file, --into $into"
		done
	done
}
it "an inventory lists what is taken, and check knows it again" lists
it "without --json it is a summary" summary
it "check answers by this machine's inventory as it does here" same_as_here

# Machine n of many holds number n and a few hundred others.
many() {
	count=${SETTID_INVENTORIES:-1000}
	"$SETTID" inventory --json | sed '/"numbers"/,$d' >begin
	mkdir machines
	awk -v count="$count" 'BEGIN {
		while ((getline line <"begin") > 0)
			head = head line "\n"
		for (m = 1; m <= count; m++) {
			file = "machines/" m ".json"
			text = head
			sub(/"host": "[^"]*"/, "\"host\": \"node" m "\"", text)
			printf "%s  \"numbers\": [\n", text >file
			for (n = 1; n <= 300; n++)
				printf "    [%d, \"process\", %d, \"sh\"],\n", n, n >file
			printf "    [%d, \"process\", %d, \"squatter\"]\n  ]\n}\n", 2000 + m, 2000 + m >file
			close(file)
		}
	}'
	tree_of 2001 2002 2003 2010 >tree
	run "$SETTID" check --into current --against machines tree
	is "$status" 0
	like "$out" "node4 *yes"
	like "$out" "node10 *no *2010, for process 2010 (line 5), is the process 2010 (squatter): end 2010 (squatter)"
	like "$out" "$((count - 4)) of $count machines can take it."
	run "$SETTID" check --json --into current --against machines/1.json --against machines/2.json tree
	is "$status" 1
	like "$out" '"host": "node2"'
}
it "a thousand machines answer in one table" many

broken() {
	tree_of 2001 >tree
	"$SETTID" inventory --json >good.json
	for edit in 's/"settid_inventory": 1/"settid_inventory": 2/' 's/"set_tid": [a-z]*/"set_tid": 7/' 's/"process", 1,/"emperor", 1,/' \
		's/"pid_max": [0-9]*/"pid_max": "many"/' 's/\[1, /[0, /' '/"host"/d' '$d' 's/"time": /"time": -/'; do
		sed "$edit" good.json >bad.json
		run "$SETTID" check --against bad.json tree
		is "$status" 2 "status after $edit"
		like "$out" "bad.json"
	done
	run "$SETTID" check --against bad.json --against good.json tree
	is "$status" 0
	like "$out" "1 of 2 machines can take it."
	run "$SETTID" check --against no-such tree
	is "$status" 2
	mkdir empty
	run "$SETTID" check --against empty tree
	is "$status" 2
	like "$err" "there is no inventory"
}
it "an inventory that makes no sense leaves its machine in doubt, and no other" broken

wrong_usage() {
	run "$SETTID" inventory "$@"
	is "$status" 125
	is "$out" ""
}
it "an operand is wrong usage" wrong_usage x
it "an unknown option is wrong usage" wrong_usage --all

tap_end
