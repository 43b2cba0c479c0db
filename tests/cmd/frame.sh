#!/bin/sh
# SPDX-License-Identifier: MIT
# What all commands share: help, wrong usage, numbers taken strictly, output that could not be written.

. "$(dirname "$0")/tap.sh"

commands() { "$SETTID" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'; }

version_is_printed() {
	run "$SETTID" --version
	is "$status" 0
	like "$out" 'settid [0-9]*.[0-9]*'
	is "$err" ''
}
no_command_is_wrong_usage() {
	run "$SETTID"
	is "$status" 125
	is "$out" ''
	like "$err" 'Usage: settid'
}
unknown_command_is_wrong_usage() {
	run "$SETTID" frobnicate
	is "$status" 125
	like "$err" "there is no command 'frobnicate'"
	unlike "$err" 'did you mean'
}
slips_are_guessed() { # WORD COMMAND
	run "$SETTID" "$1"
	is "$status" 125
	like "$err" "did you mean '$2'?"
}
unknown_option_is_wrong_usage() {
	run "$SETTID" --frobnicate
	is "$status" 125
	like "$err" "unknown option '--frobnicate'"
}
help_is_the_commands_help() {
	[ "$(commands | wc -l)" -ge 4 ]
	for command in $(commands); do
		[ "$command" != help ] || continue
		run "$SETTID" help "$command"
		is "$status" 0 "status of help $command"
		like "$out" "Usage: settid $command"
		helped=$out
		run "$SETTID" "$command" --help
		is "$status" 0
		is "$out" "$helped"
		is "$err" ''
	done
}
help_on_nothing_known_is_wrong_usage() {
	run "$SETTID" help shwo
	is "$status" 125
	like "$err" "did you mean 'show'?"
}
every_commands_wrong_option_is_125() {
	[ "$(commands | wc -l)" -ge 4 ]
	for command in $(commands); do
		[ "$command" != help ] || continue
		run "$SETTID" "$command" --no-such-option
		is "$status" 125 "status of $command"
		like "$err" "settid $command: "
		like "$err" "Try 'settid $command --help'"
		is "$out" ''
	done
}
lost_output_is_an_error() {
	status=0
	"$SETTID" --help >/dev/full 2>err || status=$?
	is "$status" 1
	like "$(cat err)" 'cannot write the output: No space left on device'
}
bad_number() { # TEXT
	run "$SETTID" exec --pid "$1" -- true
	is "$status" 125
	like "$err" 'settid exec: --pid: '
}
bad_list() { # TEXT
	run "$SETTID" exec --set-tid "$1" -- true
	is "$status" 125
	like "$err" 'settid exec: --set-tid: '
}
arguments_cannot_write_to_the_terminal() {
	run "$SETTID" "$(printf 'a\033[31mb')"
	is "$status" 125
	like "$err" 'a\\x1b\[31mb'
	unlike "$err" "$(printf '\033')"
}

it 'the version is printed' version_is_printed
it 'no command at all is wrong usage' no_command_is_wrong_usage
it 'an unknown command is wrong usage' unknown_command_is_wrong_usage
it 'a swapped letter is guessed' slips_are_guessed hsow show
it 'a missing letter is guessed' slips_are_guessed resore restore
it 'the beginning of a command is guessed' slips_are_guessed pro probe
it 'an unknown option is wrong usage' unknown_option_is_wrong_usage
it 'help COMMAND is what COMMAND --help prints' help_is_the_commands_help
it 'help on an unknown command is wrong usage' help_on_nothing_known_is_wrong_usage
it 'an unknown option of any command ends with 125 and says where help is' every_commands_wrong_option_is_125
it 'output that could not be written is an error' lost_output_is_an_error
for text in '' 0 -1 +5 5x ' 5' '5 ' 0x10 2147483648 99999999999999999999999; do
	it "'$text' is not taken for a PID" bad_number "$text"
done
for text in '' ',' '1,' ',1' '1,,2' '1, 2' 1,x 1,0 1,2147483648 \
	1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34; do
	it "'$text' is not taken for a list of PIDs" bad_list "$text"
done
it 'control characters of an argument do not reach the terminal' arguments_cannot_write_to_the_terminal
tap_end
