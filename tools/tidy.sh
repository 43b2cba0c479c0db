#!/bin/sh
# SPDX-License-Identifier: MIT
#
# tidy.sh: clang-tidy on one source file, unless it passed since the file, or a header that it includes, last changed.
#
# Owns:  BUILD/tidy/, an empty file for each source that passed.
# Keeps: whatever ninja compiles anew is looked at anew: an object that is newer than the mark says that something
#        the source depends on has changed.  So BUILD has to be up to date.
# usage: tools/tidy.sh BUILD SOURCE

set -eu
build=$1
source=$2
mark=$build/tidy/$source

is_proven() {
	[ -e "$mark" ] && [ -z "$(find .clang-tidy tools/tidy.sh "$source" -newer "$mark")" ] &&
		objects=$(find "$build/$(dirname "$source")" -name "$(basename "$source").o") && [ -n "$objects" ] &&
		[ -z "$(printf '%s\n' "$objects" | xargs -I OBJECT find OBJECT -newer "$mark")" ]
}

is_proven && exit 0
mkdir -p "$(dirname "$mark")"
touch "$mark.begun" # what changes meanwhile is newer
if clang-tidy --quiet -p "$build" "$source" 2>/dev/null; then
	mv "$mark.begun" "$mark"
else
	rm -f "$mark.begun" "$mark"
	exit 1
fi
