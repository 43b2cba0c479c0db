#!/bin/sh
# SPDX-License-Identifier: MIT
#
# pictures.sh: the pictures in README and docs are what settid draws today.

. "$(dirname "$0")/../cmd/tap.sh"

# The parts that the script looks at, where they may be changed.
copy() {
	mkdir copy copy/tests
	cp -r "$SOURCE/tools" "$SOURCE/docs" "$SOURCE/README.md" copy
	cp -r "$SOURCE/tests/criu" "$SOURCE/tests/trees" copy/tests
}

pictures_are_current() {
	run python3 "$SOURCE/tools/pictures.py" --check "$BUILD/src/settid/settid"
	is "$out" ''
	is "$status" 0
	[ "$(ls "$SOURCE"/docs/pictures/*.svg | wc -l)" -ge 2 ]
	[ "$(grep -l '<!-- picture: settid ' "$SOURCE"/docs/*.md | wc -l)" -ge 1 ]
}
changed_tree_is_noticed() {
	copy
	sed -i 's/"supervisor"/"else"/' copy/docs/pictures/shapes.json
	run python3 copy/tools/pictures.py --check "$BUILD/src/settid/settid"
	is "$status" 1
	like "$out" 'docs/pictures/shapes.svg is not what settid draws'
	like "$out" 'docs/looking.md is not what settid draws'
}
they_are_drawn_anew() {
	copy
	sed -i 's/"supervisor"/"else"/' copy/docs/pictures/shapes.json
	run python3 copy/tools/pictures.py "$BUILD/src/settid/settid"
	is "$status" 0
	grep -q '>else<' copy/docs/pictures/shapes.svg
	grep -q 'else  *subreaper' copy/docs/looking.md
	run python3 copy/tools/pictures.py --check "$BUILD/src/settid/settid"
	is "$status" 0
}

it 'pictures are what settid draws' pictures_are_current
it 'a picture that is not is noticed' changed_tree_is_noticed
it 'pictures are drawn anew' they_are_drawn_anew
tap_end
