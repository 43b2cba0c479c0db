#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man.sh: the manual is whole (a page for every public function and every command) and mandoc finds nothing to warn of.

. "$(dirname "$0")/../cmd/tap.sh"
cd "$SOURCE" || exit 1

public_functions() { grep -oE '^SETTID_API [^;(]*\bsettid_[a-z0-9_]+ ?\(' "$SOURCE/include/settid.h" | grep -oE 'settid_[a-z0-9_]+'; }
commands() { "$BUILD/src/settid/settid" --help | sed -n 's/^  \([a-z]\{1,\}\)  .*/\1/p'; }

every_function_has_a_page() {
	[ "$(public_functions | wc -l)" -gt 5 ]
	for name in $(public_functions); do
		found=$(grep -lE "^\.Nm $name( ,)?$" "$SOURCE"/man/*.3) || {
			echo "no page names $name"
			return 1
		}
		[ -e "$SOURCE/man/$name.3" ] || echo "$name: in $found"
	done
}

every_command_has_a_page() {
	[ "$(commands | wc -l)" -gt 3 ]
	for name in $(commands); do
		[ "$name" = help ] || [ -e "$SOURCE/man/settid-$name.1" ] || {
			echo "no man/settid-$name.1"
			return 1
		}
	done
}

it 'every public function has a man page' every_function_has_a_page
it 'every command has a man page' every_command_has_a_page
for page in man/*.[1-9]; do
	if command -v mandoc >/dev/null; then
		it "mandoc has nothing to warn of in $page" mandoc -T lint -W warning "$SOURCE/$page"
	else
		skip "mandoc has nothing to warn of in $page" 'no mandoc here'
	fi
done
tap_end
