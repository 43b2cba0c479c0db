# SPDX-License-Identifier: MIT
# shellcheck shell=sh
# embed_flags.sh: how an embedder compiles dist/pidns.c, and what the result may ask for.  Sourced.

# shellcheck disable=SC2034 # used by who sources this
embed_flags='-std=c11 -ffreestanding -O2 -Wall -Wextra -Wpedantic -Werror'

# asks_for NM OBJECT...: names outside, but for the four functions that compilers call even in freestanding mode
asks_for() {
	nm=$1
	shift
	"$nm" -u "$@" | awk '$1 == "U" { print $2 }' | grep -vxE 'memcpy|memmove|memset|memcmp' | sort -u
}
