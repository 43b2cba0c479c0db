#!/bin/sh
# SPDX-License-Identifier: MIT
#
# check-includes.sh: do the #include lines of all source files point the way the architecture says?
#
#     settid -> run, tree, model -> libsettid, libpidns
#
# Owns:  the table below, one row per folder: which of our folders its files may include.
# Keeps: a folder of C files without a row is an error; so is an #include "..." that names no file of ours.
# Also:  the libraries never print and never exit; that is looked for here too, since it is the same pass.
# usage: tools/check-includes.sh [--self-test | DIR]

set -eu

# folder: folders it may include (itself is always one of them)
allowed() {
	case $1 in
	include) ;;
	src/libpidns) echo include ;;
	src/libsettid) echo include ;;
	src/model) echo include src/libpidns ;;
	src/tree) echo include src/libsettid src/libpidns ;;
	src/run) echo include src/libsettid src/libpidns ;;
	src/settid) echo include src/libsettid src/libpidns src/model src/tree src/run ;;
	tests | tests/*) echo include src/libsettid src/libpidns src/model src/tree src/run src/settid tests ;;
	bench | demo) echo include src/libsettid src/libpidns src/tree src/run ;;
	examples) echo include ;;
	*) return 1 ;;
	esac
}

# Folders in which nothing prints to stdout or stderr by name, exits or aborts.
is_library() {
	case $1 in
	src/libpidns | src/libsettid | src/model | src/tree | src/run) return 0 ;;
	*) return 1 ;;
	esac
}

folder_of() { # FILE: its row's name; tests are one folder
	case $1 in
	tests/*) echo tests ;;
	*) dirname "$1" ;;
	esac
}

# Where an include line leads: a file of ours, "-" for the system's, nothing when a quoted one is not found.
resolve() { # FILE SPELLED, SPELLED being <x> or "x"
	name=${2#?}
	name=${name%?}
	places='src include'
	# the helpers of that folder are on the include path of the others' programs
	case $1 in tests/*) places="$places tests/lib" ;; esac
	case $2 in \"*) places="$(dirname "$1") $places" ;; esac
	for place in $places; do
		# X.inc is made from X by the build, X.pb-c.h from X.proto
		if [ -e "$place/$name" ] || [ -e "$place/${name%.inc}" ] || [ -e "$place/${name%.pb-c.h}.proto" ]; then
			realpath --relative-to=. "$place/$name"
			return
		fi
	done
	case $2 in \<*) echo - ;; esac
}

check_file() { # FILE: prints what is wrong with it
	folder=$(folder_of "$1")
	if ! row=$(allowed "$folder"); then
		echo "$1: folder $folder has no row in tools/check-includes.sh"
		return
	fi
	sed -n 's/^[[:space:]]*#[[:space:]]*include[[:space:]]*\(["<][^">]*[">]\).*/\1/p' "$1" | while read -r spelled; do
		target=$(resolve "$1" "$spelled")
		case $target in
		-) continue ;;
		'') echo "$1: #include $spelled is no file of ours" ;;
		*)
			to=$(folder_of "$target")
			case " $folder $row " in
			*" $to "*) ;;
			*) echo "$1: #include $spelled: $folder may not include $to (only: $row)" ;;
			esac
			;;
		esac
	done
	if is_library "$folder"; then
		grep -nE '(^|[^_[:alnum:]"])(v?printf|puts|putchar|perror|exit|abort|v?errx?|v?warnx?) ?\(' "$1" |
			grep -vE '^[0-9]+:[[:space:]]*(/?\*|//)' | sed "s|^|$1:|; s|\$|  <- a library neither prints nor exits|" || true
	fi
}

check_all() {
	find include src tests bench demo examples -name '*.[ch]' 2>/dev/null | sort | while read -r file; do
		check_file "$file"
	done
}

check() {
	wrong=$(check_all)
	[ -z "$wrong" ] || {
		printf '%s\n' "$wrong"
		return 1
	}
}

# A check that cannot fail is worth nothing: break each rule on purpose, once.
self_test() {
	dir=$(mktemp -d)
	trap 'rm -rf "$dir"' EXIT
	cd "$dir"
	mkdir -p include src/libsettid src/tree src/settid src/odd
	echo '#include <stdio.h>' >include/settid.h
	echo '#include <settid.h>' >src/libsettid/sys.h
	echo '#include "libsettid/sys.h"' >src/tree/tree.h
	echo '#include "tree/tree.h"' >src/settid/main.c
	check || {
		echo 'a right tree was refused'
		return 1
	}
	expect src/libsettid/a.c '#include "tree/tree.h"' 'may not include src/tree'
	expect src/tree/b.c '  # include "../settid/main.c"' 'may not include src/settid'
	expect include/c.h '#include "../src/libsettid/sys.h"' 'may not include src/libsettid'
	expect src/tree/d.c '#include "nowhere.h"' 'no file of ours'
	expect src/odd/e.c '#include <stdio.h>' 'has no row'
	expect src/tree/f.c 'void f(void) { exit(1); }' 'neither prints nor exits'
}

expect() { # FILE LINE MESSAGE
	echo "$2" >"$1"
	if check >out; then
		echo "not noticed: $2 in $1"
		return 1
	fi
	grep -q "$3" out || {
		echo "noticed, but not as '$3':"
		cat out
		return 1
	}
	rm "$1"
}

case ${1:-} in
--self-test) self_test ;;
'')
	cd "$(dirname "$0")/.."
	check
	;;
*)
	cd "$1"
	check
	;;
esac
