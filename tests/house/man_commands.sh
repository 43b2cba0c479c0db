#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man_commands.sh: every command of settid has a man page, and the page has every option that --help has.

. "$(dirname "$0")/../cmd/tap.sh"

commands() { "$BUILD/src/settid/settid" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'; }

every_command_has_a_page() {
	[ "$(commands | wc -l)" -gt 3 ]
	for name in $(commands); do
		[ "$name" = help ] || [ -e "$SOURCE/man/settid-$name.1" ] || {
			echo "no man/settid-$name.1"
			return 1
		}
	done
}

# .Fl -name in the page's source; "--method" in a sentence of probe's help is another command's.
every_option_is_in_the_page() {
	for name in $(commands); do
		[ "$name" != help ] || continue
		options=$("$BUILD/src/settid/settid" "$name" --help | sed -n 's/^  *\(-[a-zA-Z], \)*--\([a-z-]*\).*/\2/p')
		[ -n "$options" ]
		for option in $options; do
			grep -q -e "Fl -$option\( \|\$\)" "$SOURCE/man/settid-$name.1" || {
				echo "settid-$name.1 does not have --$option"
				return 1
			}
		done
	done
}
# Ql goes on to the end of its line: a second one would be quoted inside the first.
quotes_are_not_nested() {
	! grep -nE '^[^"]*\bQl .*\bQl ' "$SOURCE"/man/*.[13]
}

it 'every command has a man page' every_command_has_a_page
it 'every option that --help has is in the page' every_option_is_in_the_page
it 'no quotes are nested by mistake' quotes_are_not_nested
tap_end
