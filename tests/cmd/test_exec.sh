#!/bin/sh
# SPDX-License-Identifier: MIT
# test_exec.sh: `settid exec`: numbers at all levels, exit statuses, errors, records, PID files, wrong usage.
. "$(dirname "$0")/tap.sh"

[ "$("$SETTID" exec --new-pidns --set-tid 1 -- sh -c 'echo $$' 2>/dev/null)" = 1 ] ||
	skip_all "needs the right to make PID namespaces (root)"

# ------------------------------------------------------------------------------------------- numbers

the_example() {
	n=$(free_pid)
	run "$SETTID" exec --set-tid "1,42,$n" --new-pidns=2 -- sh -c 'echo $$; exec grep NSpid /proc/self/status'
	is "$status" 0
	is "$out" "1
NSpid:	$n	42	1"
}
it "1, 42 and a number of the machine are what the shell and the machine's procfs see" the_example

pid_is_here() {
	n=$(free_pid)
	run "$SETTID" exec --pid "$n" -- sh -c 'echo $$'
	is "$status" 0
	is "$out" "$n"
}
it "--pid is the number in the caller's own namespace" pid_is_here

pid_with_namespaces() {
	n=$(free_pid)
	run "$SETTID" exec --pid "$n" --new-pidns=3 -- grep NSpid /proc/self/status
	is "$out" "NSpid:	$n	2	2	1"
}
it "--pid with new namespaces is the outermost number, 2 those between, 1 the innermost" pid_with_namespaces

partial_list() {
	run "$SETTID" exec --set-tid 1,77 --new-pidns=3 -- grep NSpid /proc/self/status
	is "$status" 0
	like "$out" 'NSpid:	*	*	77	1'
}
it "levels that are left out get a free number" partial_list

# Every number below 40 of the middle namespace can be asked for, so no init of settid's sits on one of them.
between_keeps_clear() {
	for n in 2 3 4; do
		run "$SETTID" exec --set-tid "1,$n,$n" --new-pidns=3 -- grep NSpid /proc/self/status
		is "$status" 0
		like "$out" "	$n	$n	1"
	done
}
it "the in-between inits keep clear of the wanted numbers" between_keeps_clear

between_of_caller() {
	# settid gets the next number, and the one after that is where an in-between init would be born.
	run "$SETTID" exec --new-pidns --mount-proc -- sh -c '
		for _ in 1 2 3 4 5; do
			read -r last </proc/sys/kernel/ns_last_pid
			"$0" exec --set-tid "1,2,$((last + 2))" --new-pidns=2 -- sh -c "exit 3" || echo $?
		done' "$SETTID"
	is "$out" "3
3
3
3
3"
}
it "numbers just where the caller's namespace counts are not taken by settid itself" between_of_caller

in_depth() {
	run "$SETTID" exec --new-pidns=20 -- sh -c 'grep NSpid /proc/self/status | wc -w'
	is "$status" 0
	is "$out" 22 # the word, 20 new ones and ours
}
# From deeper than 12 the nesting limit would answer instead.
if [ "$(grep NSpid /proc/self/status | wc -w)" -lt 10 ]; then
	it "20 namespaces, one in the other" in_depth
else
	skip "20 namespaces, one in the other" "this is deep below already"
fi

too_deep() {
	run "$SETTID" exec --new-pidns=32 -- "$SETTID" exec --new-pidns=32 -- true
	is "$status" 125
	like "$err" 'settid exec: '
}
it "more nesting than the kernel has is settid's own failure" too_deep

# ------------------------------------------------------------------------------------------ statuses

status_is() {
	want=$1
	shift
	run "$SETTID" exec "$@"
	is "$status" "$want"
}
not_found() {
	status_is 127 no-such-command-anywhere
	like "$err" "cannot run 'no-such-command-anywhere': No such file"
}
it "a command that does not exist is 127" not_found
not_found_inside() { status_is 127 --new-pidns=2 no-such-command-anywhere; }
it "a command that does not exist is 127 in new namespaces too" not_found_inside
cannot_run() {
	echo text >file
	status_is 126 ./file
	status_is 126 /
}
it "a command that cannot be run is 126" cannot_run
no_interpreter() {
	printf '#!/no/such/interpreter\n' >file
	chmod 755 file
	status_is 127 ./file
}
it "a script whose interpreter does not exist is 127, as env has it" no_interpreter
script_without_line() {
	echo 'exit 6' >file
	chmod 755 file
	status_is 6 ./file
}
it "a script without #! line is run by the shell, as env does" script_without_line
own_status() {
	status_is 0 true
	status_is 7 -- sh -c 'exit 7'
	status_is 255 --new-pidns -- sh -c 'exit 255'
	status_is 41 --new-pidns=3 -- sh -c 'exit 41'
}
it "else it is the command's own status, through all namespaces" own_status
own_signal() {
	status_is 143 -- sh -c 'kill -TERM $$'
	status_is 137 -- sh -c 'kill -KILL $$'
}
it "a command killed by a signal is 128 and the signal to a shell" own_signal
dies_likewise() {
	run timeout --preserve-status 10 env -u NOTHING sh -c '"$1" exec -- sh -c "kill -USR1 \$\$"; kill -l $?' - "$SETTID"
	is "$out" USR1
}
it "settid ends by the signal that ended the command" dies_likewise
killed_below() {
	"$SETTID" exec --new-pidns=2 --json=9 -- sleep 60 9>record &
	wait_for test -s record
	pid=$(sed -n 's/.*"pid":\([0-9]*\).*/\1/p' record)
	kill -KILL "$pid"
	s=0
	wait $! || s=$?
	is "$s" 137
	like "$(cat record)" '"exit_signal":9'
}
it "a command killed below an in-between init is reported with its signal" killed_below

# -------------------------------------------------------------------------------------------- errors

names_holder() {
	sleep 30 &
	becomes $! sleep
	run "$SETTID" exec --pid $! -- true
	kill $!
	is "$status" 125
	like "$err" "set_tid?0? = $! is held by a live process, $! (sleep)"
}
it "a taken number is refused with its holder" names_holder
names_holder_outside() {
	sleep 30 &
	becomes $! sleep
	run "$SETTID" exec --set-tid "1,9,$!" --new-pidns=2 -- true
	kill $!
	is "$status" 125
	like "$err" "set_tid?2? = $! is held by a live process, $! (sleep)"
}
it "a number taken at the caller's level is refused with its holder from inside a new namespace" names_holder_outside
names_zombie() {
	# A shell becomes sleep and never waits for its child.
	run "$SETTID" exec --new-pidns --mount-proc -- \
		sh -c '(sleep 0.2 & echo $! >z; exec sleep 30) &
			until grep -q "^State:.*Z" "/proc/$(cat z)/status"; do sleep 0.1; done 2>/dev/null
			"$0" exec --pid "$(cat z)" true' "$SETTID"
	is "$status" 125
	like "$err" "set_tid?0? = $(cat z) is held by a zombie, child of 2 (sleep)"
}
it "a number held by a zombie is refused with the zombie's parent" names_zombie
above_pid_max() {
	run "$SETTID" exec --pid 2147483647 -- true
	is "$status" 125
	like "$err" 'set_tid?0? = 2147483647'
	like "$err" pid_max
}
it "a number above pid_max is refused by name" above_pid_max
too_many() {
	run "$SETTID" exec --new-pidns=2 --set-tid "$(seq -s, 1 1 32 | sed 's/2,3,/2,9,/')" -- true
	is "$status" 125
	like "$err" 'set_tid has 32 numbers'
}
it "more numbers than levels are refused" too_many
json_error() {
	run "$SETTID" exec --json --pid $$ -- true
	is "$status" 125
	like "$err" '{"event":"failed","exit_status":125,"error":{"errno":"EEXIST","reason":"taken","level":0'
	like "$err" "\"number\":$$"
	run "$SETTID" exec --json no-such-command-anywhere
	is "$status" 127
	like "$err" '"exit_status":127'
	like "$err" '"errno":"ENOENT"'
}
it "--json tells a failure as a record, and nothing else" json_error

# ------------------------------------------------------------------------------------------- records

json_records() {
	n=$(free_pid)
	run "$SETTID" exec --json --set-tid "1,42,$n" --new-pidns=2 -- sh -c 'echo mine; exit 5'
	is "$status" 5
	is "$out" mine
	is "$err" "{\"event\":\"started\",\"pid\":$n,\"nspid\":[$n,42,1],\"method\":\"clone3\",\"retries\":0}
{\"event\":\"ended\",\"exit_code\":5}"
}
it "--json records start and end on stderr, and leaves stdout to the command" json_records
json_descriptor() {
	run "$SETTID" exec --json=7 -- sh -c 'echo free >&7' 7>record
	like "$(cat record)" '{"event":"ended"'
	unlike "$(cat record)" free
	unlike "$status" 0
}
it "the descriptor of --json=FD is not the command's" json_descriptor
pidfile() {
	n=$(free_pid)
	run "$SETTID" exec --pidfile f --set-tid "1,2,$n" --new-pidns=2 -- cat f
	is "$out" "$n"
	[ ! -e f ]
	is "$(ls -A)" ""
}
it "the PID file stands, with the caller's number, before the command runs, and goes with it" pidfile
pidfile_replaced() {
	run "$SETTID" exec --pidfile f -- sh -c 'echo other >g; mv g f'
	is "$status" 0
	is "$(cat f)" other
}
it "a PID file that is somebody else's by then stays" pidfile_replaced
pidfile_fails() {
	run "$SETTID" exec --pidfile no/such/dir/f -- touch ran
	is "$status" 125
	like "$err" "cannot write the PID file 'no/such/dir/f': No such file"
	[ ! -e ran ]
	mkdir d
	run "$SETTID" exec --pidfile d --new-pidns=2 -- touch ran
	is "$status" 125
	[ ! -e ran ]
	is "$(ls -A)" d
}
it "when the PID file cannot be written the command does not run" pidfile_fails
pidfile_not_found() {
	run "$SETTID" exec --pidfile f no-such-command-anywhere
	is "$status" 127
	is "$(ls -A)" ""
}
it "a command that cannot be run leaves no PID file" pidfile_not_found
environment() {
	run env -i A=b "$SETTID" exec --new-pidns=2 /usr/bin/env
	is "$out" A=b
	mkdir d
	cd d
	run "$SETTID" exec --new-pidns=2 pwd
	is "$out" "$(pwd)"
	run "$SETTID" exec --new-pidns=2 -- sh -c 'ls -l /proc/self/fd | grep -c ">"'
	is "$out" "$(sh -c 'ls -l /proc/self/fd | grep -c ">"' </dev/null)" descriptors
}
it "the command inherits environment and directory, and no descriptor of settid's" environment
signals_as_found() {
	masks='grep -E "SigBlk|SigIgn" /proc/self/status'
	trap '' USR1 CHLD
	run sh -c "$masks"
	want=$out
	run "$SETTID" exec --new-pidns=2 -- sh -c "$masks"
	is "$out" "$want"
	run "$SETTID" exec -- sh -c "$masks"
	is "$out" "$want"
}
it "mask and ignored signals reach the command as they were" signals_as_found

# --------------------------------------------------------------------------------------------- usage

usage() {
	want=$1
	shift
	run "$SETTID" exec "$@"
	is "$status" 125
	like "$err" "$want"
	is "$out" ""
}
each_usage() {
	usage 'no command given'
	usage 'no command given' --pid 5 --
	usage '--pid and --set-tid exclude each other' --pid 5 --set-tid 5 -- touch ran
	usage '--wait and --detach exclude each other' --wait --detach -- touch ran
	usage "'x' is not a PID" --pid x -- touch ran
	usage "'5x' is not a PID" --pid 5x -- touch ran
	usage '0 cannot be a PID' --pid 0 -- touch ran
	usage "'-5' is not a PID" --pid=-5 -- touch ran
	usage "'' is not a PID" --pid= -- touch ran
	usage 'cannot be a PID' --pid 99999999999 -- touch ran
	usage 'list of PIDs' --set-tid 1,,2 -- touch ran
	usage 'list of PIDs' --set-tid 1, -- touch ran
	usage 'list of PIDs' --set-tid '' -- touch ran
	usage 'cannot be a PID' --set-tid 1,0 -- touch ran
	usage 'more than 32 numbers' --set-tid "$(seq -s, 1 33)" -- touch ran
	usage '--new-pidns: 0 is not within' --new-pidns=0 -- touch ran
	usage '--new-pidns: 33 is not within' --new-pidns=33 -- touch ran
	usage "--new-pidns: 'two' is not a number" --new-pidns=two -- touch ran
	usage 'can only be 1' --new-pidns --set-tid 5 -- touch ran
	usage 'number 2 is 1' --new-pidns=2 --set-tid 1,1 -- touch ran
	usage 'none of auto, clone3 and ns_last_pid' --method fast -- touch ran
	usage 'name is empty' --pidfile '' -- touch ran
	usage 'descriptor 77 is not open' --json=77 -- touch ran
	usage "'x' is not a number" --json=x -- touch ran
	usage 'settid exec' --no-such-option -- touch ran
	usage 'settid exec' --pid
	[ ! -e ran ]
}
it "wrong usage is 125, says what is wrong, and runs nothing" each_usage
help() {
	run "$SETTID" exec --help
	is "$status" 0
	like "$out" 'Usage: settid exec'
	for option in --pid --set-tid --new-pidns --mount-proc --user --method --pidfile --wait --detach --json; do
		like "$out" "$option"
	done
}
it "--help names every option" help
options_end() {
	run "$SETTID" exec --new-pidns echo --pid -n
	is "$out" "--pid -n"
}
it "options after the command are the command's" options_end

tap_end
