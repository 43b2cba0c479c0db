#!/bin/sh
# SPDX-License-Identifier: MIT
#
# fleet.sh: the scripts of docs/fleet.md do what the page says, with stand-ins for ssh and Slurm's commands.
# Blocks are found by a word in them, and their absolute paths are moved into the test's own directory.
# Needs $SOURCE, $BUILD.

# In a PID namespace of its own: the trees' numbers are free there.
if [ -z "${ALONE-}" ] && unshare --pid --fork --mount-proc true 2>/dev/null; then
	ALONE=yes exec unshare --pid --fork --kill-child --mount-proc sh "$0"
fi

. "$(dirname "$0")/../cmd/tap.sh"

[ -n "${ALONE-}" ] || skip_all "no right to make PID and mount namespaces here"

# block WORD: the only block of the page with it, as a script.
block() {
	awk -v word="$1" '
		/^```/ { if (inside && index(text, word)) printf "%s", text; inside = !inside; text = ""; next }
		inside { text = text $0 "\n" }' "$SOURCE/docs/fleet.md" |
		sed "s,/inventories,$PWD/inventories,g; s,/run/,$PWD/run/,g; s,/trees/,$PWD/,g" >script
	grep -q . script
}
stand_in() { # NAME: a command that is not here, its text on standard input
	cat >"bin/$1"
	chmod 755 "bin/$1"
}
# What every block finds: settid, a tree, and two machines' inventories, the second with one of the numbers taken.
scene() {
	mkdir bin run inventories
	ln -s "$BUILD/src/settid/settid" bin/settid
	PATH=$PWD/bin:$PATH
	cat >tree.json <<-TREE
	{"settid": 1, "processes": [
	  {"nspid": [2000], "ppid": 0, "pgid": 2000, "sid": 2000, "state": "live"},
	  {"nspid": [2001], "ppid": 2000, "pgid": 2000, "sid": 2000, "state": "live"}]}
	TREE
	settid inventory --json >inventories/node1.json
	settid exec --pid 2001 -- sh -c 'settid inventory --json >inventories/node2.json'
}

from_one_place() {
	scene
	echo 'shift; exec "$@"' | stand_in ssh
	cp tree.json job.json
	rm inventories/*
	export HOSTS='node1 node2'
	block 'for host in'
	sh ./script >answer
	[ "$(ls inventories)" = "node1.json
node2.json" ]
	like "$(cat answer)" "2 of 2 machines can take it."
}
scheduler_extender() {
	scene
	export POD_ANNOTATION_TREE=tree.json
	block nodenames
	sh ./script >answer
	is "$(jq -r '.nodenames[]' answer)" node1
	like "$(jq -r '.failedNodes.node2' answer)" "2001, for process 2001 (line 3), is the process 2001 (sh)"
}
slurm() {
	scene
	stand_in scontrol <<-SH
	#!/bin/sh
	echo "JobId=\$3 JobName=job"
	echo "   Comment=settid:$PWD/tree.json"
	SH
	SLURM_JOB_ID=7
	export SLURM_JOB_ID
	block '# prolog'
	cp script prolog
	block '# epilog'
	cp script epilog
	sh ./prolog >/dev/null
	run settid reserve --status run/settid-7.sock
	is "$out" "2 of 2 numbers are held"
	run settid exec --pid 2001 -- true
	is "$status" 125
	run sh ./prolog
	is "$status" 1
	like "$out" "2001, for process 2001 (line 3), is reserved by settid"
	sh ./epilog
	settid exec --pid 2001 -- true
	sh ./epilog
}
slurm_submits() {
	scene
	printf '#!/bin/sh\nprintf "%%s\\n" "$@"\n' | stand_in sbatch
	block sbatch\ --exclude
	sh ./script >answer
	is "$(cat answer)" "--exclude=node2
--comment=settid:$PWD/tree.json
job.sh"
}

it "one place asks all machines" from_one_place
it "a prolog holds a tree's numbers, and an epilog frees them" slurm
if command -v jq >/dev/null; then
	it "a scheduler extender learns which nodes can take a tree, and why the others cannot" scheduler_extender
	it "a job is kept from nodes that cannot take its tree" slurm_submits
else
	skip "what the scripts do with jq" "there is no jq here"
fi
tap_end
