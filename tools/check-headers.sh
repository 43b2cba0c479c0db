#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-headers.sh: each public header compiles alone, twice over, as strict C11 with POSIX and as C++, without one warning.
#
# Owns:  nothing; compiles from standard input and writes no file.
# Keeps: a public header includes system headers only, so it can be copied anywhere.

set -eu
cd "$(dirname "$0")/.."

status=0
for header in include/*.h; do
	name=$(basename "$header")
	if grep -n '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' "$header"; then
		echo "$header: a public header includes system headers only"
		status=1
	fi
	# twice: the guard has to hold
	text=$(printf '#include <%s>\n#include <%s>\nint main(void) { return 0; }\n' "$name" "$name")
	for compile in "${CC:-cc} -x c -std=c11 -D_POSIX_C_SOURCE=200809L" "${CXX:-c++} -x c++ -std=c++11"; do
		# shellcheck disable=SC2086 # words
		if ! echo "$text" | $compile -Wall -Wextra -Wpedantic -Werror -fsyntax-only -Iinclude -; then
			echo "$header: does not compile alone with: $compile"
			status=1
		fi
	done
done
exit $status
