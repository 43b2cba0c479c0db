#!/bin/sh
# SPDX-License-Identifier: MIT
#
# includes.sh: the include direction holds, the check for it notices each kind of violation, headers stand alone.

. "$(dirname "$0")/../cmd/tap.sh"

it 'includes point from the command to the libraries, never back' "$SOURCE/tools/check-includes.sh"
it 'the include check notices each kind of wrong include' "$SOURCE/tools/check-includes.sh" --self-test
if command -v c++ >/dev/null; then
	it 'each public header compiles alone, as C and as C++' "$SOURCE/tools/check-headers.sh"
else
	skip 'each public header compiles alone, as C and as C++' 'no c++ here'
fi
tap_end
