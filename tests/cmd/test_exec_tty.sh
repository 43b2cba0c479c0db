#!/bin/sh
# SPDX-License-Identifier: MIT
# test_exec_tty.sh: `settid exec` at a terminal: Ctrl-C, Ctrl-Z, fg, bg, pipelines, a shell as init.
# shellcheck disable=SC2016
. "$(dirname "$0")/tap.sh"

"$SETTID" exec --new-pidns -- true 2>/dev/null || skip_all "needs the right to make PID namespaces (root)"
command -v bash >/dev/null || skip_all "needs bash, a shell with job control"

export PS1='ready> ' SETTID
unset HISTFILE PROMPT_COMMAND
mark=65432.$$

# at_terminal STATUS: runs an interactive bash and does what stdin says; pty's status must be STATUS.
at_terminal() {
	cat >script
	run "$PTY" script env -u ENV TERM=dumb bash --norc --noprofile --noediting -i
	is "$status" "$1"
}

# The tests below have the same shape for no, one and three new namespaces.
stop_continue_end() {
	at_terminal 0 <<-END
		expect ready>
		send "\$SETTID" exec $* -- sh -c 'echo up; exec sleep $mark'\n
		expect up
		pause 300
		send \x1a
		expect Stopped
		expect ready>
		send ps -o stat=,args= | grep -v grep | grep -F 'sleep $mark' | cut -c1 | sort -u; echo listed\n
		expect T
		expect listed
		send fg\n
		expect exec
		pause 300
		send \x03
		expect ready>
		send echo status=\$?\n
		expect status=130
		send exit 0\n
		end
	END
	! ps -eo args= | grep -v -e grep | grep -qF "sleep $mark"
}
it "Ctrl-Z stops settid and the command, fg continues both, Ctrl-C ends both" stop_continue_end
it "Ctrl-Z, fg and Ctrl-C work with an init that knows nothing of them" stop_continue_end --new-pidns
it "Ctrl-Z, fg and Ctrl-C work below in-between inits" stop_continue_end --new-pidns=3

handler_once() {
	at_terminal 0 <<-END
		expect ready>
		send "\$SETTID" exec $* -- sh -c 'trap "n=x\\\$n" INT; trap "echo seen=\\\$n; exit" TERM; echo up; while :; do sleep 0.05; done'\n
		expect up
		pause 300
		send \x03
		pause 300
		send \x1a
		expect Stopped
		send kill -TERM %1; fg\n
		expect seen=x
		expect ready>
		send exit 0\n
		end
	END
}
# A handler that ran twice would say seen=xx.
handler_once_exactly() {
	handler_once "$@"
	unlike "$out" seen=xx
}
it "Ctrl-C reaches a handler once" handler_once_exactly
it "Ctrl-C reaches an init's handler once" handler_once_exactly --new-pidns
it "Ctrl-C reaches the handler of an init below inits once" handler_once_exactly --new-pidns=2

ignores_stop() {
	at_terminal 0 <<-END
		expect ready>
		send "\$SETTID" exec $* -- sh -c 'trap "" TSTP; echo up; sleep 0.7; echo still here'\n
		expect up
		pause 200
		send \x1a
		expect still here
		expect ready>
		send exit 0\n
		end
	END
	unlike "$out" Stopped
}
it "a command that ignores Ctrl-Z keeps settid running" ignores_stop
it "an init that ignores Ctrl-Z keeps settid running" ignores_stop --new-pidns=2

background() {
	at_terminal 0 <<-END
		expect ready>
		send "\$SETTID" exec $* -- cat &\n
		expect ready>
		send sleep 0.3; jobs\n
		expect Stopped
		send fg\n
		expect exec
		pause 300
		send hello\n
		expect hello
		send \x04
		expect ready>
		send echo status=\$?\n
		expect status=0
		send exit 0\n
		end
	END
}
it "reading in the background stops the job, as without settid" background
it "reading in the background stops an init too" background --new-pidns=2

pipeline() {
	at_terminal 0 <<-END
		expect ready>
		send "\$SETTID" exec $* -- sh -c 'read a; echo one; read b; echo two' | cat\n
		send x\n
		expect one
		send \x1a
		expect Stopped
		send fg\n
		send y\n
		expect two
		expect ready>
		send exit 0\n
		end
	END
}
it "a pipeline is one job: it stops and continues as a whole" pipeline
it "a pipeline with an init in it is one job" pipeline --new-pidns=2

shell_as_init() {
	at_terminal 0 <<-END
		expect ready>
		send PS1='inner> ' "\$SETTID" exec $* --mount-proc -- bash --norc --noprofile --noediting -i\n
		expect inner>
		send echo pid=\$\$\n
		expect pid=1
		send sh -c 'echo up; exec sleep $mark'\n
		expect up
		pause 300
		send \x1a
		expect Stopped
		expect inner>
		send fg\n
		expect sleep
		pause 300
		send \x03
		expect inner>
		send jobs; echo none\n
		expect none
		send exit 3\n
		expect ready>
		send echo status=\$?\n
		expect status=3
		send cat\n
		send still ours\n
		expect still ours
		send \x04
		expect ready>
		send exit 0\n
		end
	END
	unlike "$out" 'cannot set terminal'
	unlike "$out" 'no job control'
}
it "an interactive shell has job control as init, and gives the terminal back" shell_as_init --new-pidns
it "an interactive shell has job control below in-between inits" shell_as_init --new-pidns=3

# A shell that is no init leaves its settid's group, and is stopped and continued from outside it.
shell_suspends() {
	at_terminal 0 <<-END
		expect ready>
		send PS1='inner> ' "\$SETTID" exec -- bash --norc --noprofile --noediting -i\n
		expect inner>
		send suspend\n
		expect Stopped
		expect ready>
		send fg\n
		send echo again=\$((3 + 4))\n
		expect again=7
		send sh -c 'echo up; exec sleep $mark'\n
		expect up
		pause 300
		send \x03
		expect inner>
		send exit 5\n
		expect ready>
		send echo status=\$?\n
		expect status=5
		send exit 0\n
		end
	END
}
it "a shell that suspends itself stops settid, and has the terminal again after fg" shell_suspends

# In a script without job control all are one group; Ctrl-C ends the script too.
script_interrupted() {
	cat >loop.sh <<-'END'
		for i in 1 2 3; do "$SETTID" exec --new-pidns -- sh -c 'echo round; exec sleep 20'; done
	END
	at_terminal 0 <<-END
		expect ready>
		send bash loop.sh\n
		expect round
		pause 300
		send \x03
		expect ready>
		send echo status=\$?\n
		expect status=130
		send exit 0\n
		end
	END
	is "$(echo "$out" | tr -d '\r' | grep -c round)" 1 rounds
}
it "Ctrl-C ends a script that runs settid, not only its current command" script_interrupted

hangup() {
	cat >script <<-END
		expect up
		hangup
	END
	run "$PTY" script "$SETTID" exec "$@" -- sh -c "echo up; exec sleep $mark"
	is "$status" 0
	wait_for sh -c "! ps -eo stat=,args= | grep -v -e grep -e ^Z | grep -qF 'sleep $mark'"
}
it "a terminal that is hung up ends the command" hangup
it "a terminal that is hung up ends an init" hangup --new-pidns=2

detached_from_terminal() {
	n=$(free_pid)
	cat >script <<-END
		expect $n
		end
	END
	run "$PTY" script "$SETTID" exec --detach --pid "$n" -- sleep "$mark"
	is "$status" 0
	sleep 0.2
	is "$(ps -o args= -p "$n")" "sleep $mark"
	kill -KILL "$n"
}
it "--detach survives the end of the terminal" detached_from_terminal

tap_end
