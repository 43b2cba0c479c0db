#!/bin/sh
# SPDX-License-Identifier: MIT
#
# names.sh: the documents about libpidns name functions and constants that pidns.h has.

. "$(dirname "$0")/../cmd/tap.sh"

names_exist() { # FILE
	sed 's/^| [^|]*|/|/' "$1" | # not the kernel's names, on the left
		grep -oE '\b(pidns|PIDNS)_[A-Za-z0-9_]*[A-Za-z0-9]' | sort -u >named
	[ "$(wc -l <named)" -gt 5 ]
	missing=''
	while read -r name; do
		case $name in PIDNS_SINGLE_THREADED) continue ;; esac
		grep -qE "\\b$name\\b" "$SOURCE/include/pidns.h" || missing="$missing $name"
	done <named
	is "$missing" ''
}

for file in docs/kernel-map.md docs/libpidns.md man/libpidns.3; do
	it "every name in $file is in pidns.h" names_exist "$SOURCE/$file"
done

a_wrong_name_is_noticed() {
	echo 'pidns_find pidns_next pidns_who pidns_kill pidns_exit pidns_exec pidns_nowhere' >doc
	! (names_exist doc)
}
it 'a name that is not there would be noticed' a_wrong_name_is_noticed
tap_end
