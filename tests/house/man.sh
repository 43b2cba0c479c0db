#!/bin/sh
# SPDX-License-Identifier: MIT
#
# man.sh: the manual is whole (every public function, field and constant is in a page), its examples compile and work, and
# mandoc finds nothing to warn of.  man_commands.sh asks the same of the commands.

. "$(dirname "$0")/../cmd/tap.sh"
cd "$SOURCE" || exit 1

public_functions() { grep -oE '^SETTID_API [^;(]*\bsettid_[a-z0-9_]+ ?\(' "$SOURCE/include/settid.h" | grep -oE 'settid_[a-z0-9_]+'; }

every_function_has_a_page() {
	[ "$(public_functions | wc -l)" -gt 5 ]
	for name in $(public_functions); do
		grep -qE "^\.Nm $name( ,)?$" "$SOURCE"/man/*.3 || {
			echo "no page names $name"
			return 1
		}
		[ -e "$SOURCE/man/$name.3" ] || grep -q "'$name'" "$SOURCE/man/meson.build" || {
			echo "man 3 $name would find nothing: neither a page nor a link has that name"
			return 1
		}
		# A line of the header's declaration that the page does not have would be another function's.
		grep -q "^\.F[no] $name\>" "$SOURCE"/man/*.3 || {
			echo "no page shows the synopsis of $name"
			return 1
		}
	done
}

# Fields and constants too: what is not described has to be looked for in the header.
every_field_is_described() {
	sed -n '/^struct settid_[a-z_]* {/,/^};/p; /^enum.*{/,/^};/p' "$SOURCE/include/settid.h" |
		sed 's,/\*.*,,; s/=.*//' |
		sed -n 's/^\t\(.*[ *(]\)\{0,1\}\([A-Za-z_][A-Za-z_0-9]*\)\(\[.*\)\{0,1\}[;,]* *$/\2/p' | sort -u >names
	[ "$(wc -l <names)" -gt 80 ]
	cat "$SOURCE"/man/*.3 >pages
	missing=''
	while read -r name; do
		short=${name#SETTID_REASON_}
		case $name in SETTID_*_COUNT) continue ;; esac
		grep -qE "(^|[^A-Za-z_0-9])($name|_${short##*_}|$short)([^A-Za-z_0-9]|$)" pages || missing="$missing $name"
	done <names
	is "$missing" ''
}

it 'every public function has a man page' every_function_has_a_page
it 'every public field and constant is in a man page' every_field_is_described
for page in man/*.[1-9]; do
	if command -v mandoc >/dev/null; then
		it "mandoc has nothing to warn of in $page" mandoc -T lint -W warning "$SOURCE/$page"
	else
		skip "mandoc has nothing to warn of in $page" 'no mandoc here'
	fi
done

# The program in a page's EXAMPLES, as a reader would copy it.
example() { # PAGE
	mandoc -T utf8 -O width=300 "$SOURCE/$1" | col -b -x | sed -n '/^EXAMPLES/,/^[A-Z]/p' |
		awk 'sub(/^           /, "") || !NF { if (/^#/) on = 1; if (on) print; if (/main\(/) main = 1; if (main && /^}/) exit }'
}

example_works() { # PAGE
	example "$1" >example.c
	grep -q 'int main' example.c
	cc -std=c11 -Wall -Wextra -Werror -I"$SOURCE/include" example.c \
		"$BUILD/src/libsettid/libsettid.a" "$BUILD/src/libpidns/libpidns.a" -pthread -o example
	[ "$can_run" = yes ] || return 0
	# shellcheck disable=SC2086 # words
	run "$BUILD/src/settid/settid" exec $user --new-pidns --mount-proc -- ./example
	is "$status" 0
	[ -n "$out" ]
}

user='' can_run=no
[ "$(id -u)" = 0 ] || user=--user
# shellcheck disable=SC2086
"$BUILD/src/settid/settid" exec $user --new-pidns --mount-proc -- true 2>/dev/null && can_run=yes
[ "$can_run" = yes ] || echo '# SKIP running the examples of man pages: no PID namespace can be made here'
for page in man/*.3; do
	if command -v mandoc >/dev/null && command -v col >/dev/null; then
		it "the example in $page compiles and works" example_works "$page"
	else
		skip "the example in $page compiles and works" 'no mandoc or col here'
	fi
done
tap_end
