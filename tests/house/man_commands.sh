#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man_commands.sh: every command of settid has a man page.

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

it 'every command has a man page' every_command_has_a_page
tap_end
