#!/bin/sh
# SPDX-License-Identifier: MIT
#
# readme.sh: what the README tells its readers to type works as it stands there, and its links lead somewhere.

. "$(dirname "$0")/../cmd/tap.sh"
readme=$SOURCE/README.md
PATH=$BUILD/src/settid:$PATH
export PATH

# The fenced blocks of one language, joined.
blocks() { # LANGUAGE
	awk -v fence="\`\`\`$1" '$0 == "```" { inside = 0 } inside { print } $0 == fence { inside = 1 }' "$readme"
}

tour_runs() {
	blocks sh >tour
	[ "$(grep -c settid tour)" -gt 8 ]
	# in a namespace of its own, where the numbers are free for certain
	run settid exec --new-pidns --mount-proc -- bash -e -u -o pipefail tour
	is "$status" 0
	like "$out" '31496'
	like "$out" 'Best method: clone3'
	like "$out" 'sleep 1000'
	like "$out" 'verified, every number as in the file'
	like "$(cat tree.svg)" '<svg'
}

c_compiles() {
	{
		printf '#include <stdio.h>\n#include <sys/types.h>\n'
		echo 'void f(void); void f(void) {'
		blocks c | grep -v '^#include'
		echo '(void)child; }'
	} >body.c
	sed '1i #include <settid.h>' body.c >program.c
	${CC:-cc} -std=c11 -D_GNU_SOURCE -Wall -Wextra -Werror -I"$SOURCE/include" -c program.c
}

links_lead_somewhere() {
	for page in README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md docs/README.md docs/architecture.md docs/tree-file.md \
		docs/looking.md docs/criu-images.md; do
		grep -oE '\]\([^)#]+' "$SOURCE/$page" | sed 's/..//' | while read -r target; do
			case $target in
			http*) continue ;;
			esac
			[ -e "$SOURCE/$(dirname "$page")/$target" ] || {
				echo "$page: there is no $target"
				exit 1
			}
		done
	done
}

demo_is_the_demo() {
	for part in 'One process' 'A live tree' 'A number that is taken' 'The race'; do
		grep -q "[1-4]. $part" "$readme"
		grep -q "part '[1-4]. $part" "$SOURCE/demo/demo.sh"
	done
}

if settid exec --new-pidns --mount-proc -- true 2>/dev/null; then
	it "the README's tour runs as it stands there" tour_runs
else
	skip "the README's tour runs as it stands there" 'needs root'
fi
it "the README's C compiles" c_compiles
it 'links in the documents lead somewhere' links_lead_somewhere
it "the README's transcript has the demo's parts" demo_is_the_demo
tap_end
