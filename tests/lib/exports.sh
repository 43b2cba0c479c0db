#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh HEADER LIBRARY NM PREFIX: what the library exports is what the header declares, no less and no more.
header=$1 library=$2 nm=$3 prefix=$4
api=$(echo "$prefix" | tr a-z A-Z)
declared=$(sed -n "/^${api}_API/,/;/p" "$header" | grep -o "${prefix}_[a-z0-9_]*(" | tr -d '(' | sort -u)
exported=$("$nm" -D --defined-only "$library" | awk '$2 ~ /^[TDBRVW]$/ { sub(/@.*/, "", $3); print $3 }' | sort -u)
versioned=$("$nm" -D --defined-only --with-symbol-versions "$library" | grep -c "@@${api}_0\.1")
# Version numbers and the linker's own are not data of ours.
writable=$("$nm" "$library" | awk '$2 ~ /^[bBdD]$/ && $3 !~ /^(_|completed|__)/ { print $3 }' | sort -u | tr '\n' ' ')
loud=$("$nm" -D --undefined-only "$library" | awk '{ sub(/@.*/, "", $NF); print $NF }' |
	grep -E '^(_?exit|_Exit|quick_exit|abort|.*printf|f?puts|putchar|perror|syslog|std(out|err)|malloc|calloc|realloc|signal|sigaction)$' |
	grep -vE '^v?snprintf$')
echo 1..5
verdict() { # number, sentence, command...
	n=$1 what=$2
	shift 2
	if "$@"; then echo "ok $n - $what"; else echo "not ok $n - $what"; fi
}
verdict 1 'the header declares functions' test "$(echo "$declared" | wc -l)" -gt 5
verdict 2 'the library exports exactly the declared functions' test "$declared" = "$exported"
verdict 3 "every exported symbol has the version ${api}_0.1" test "$versioned" = "$(echo "$declared" | wc -l)"
verdict 4 'the library calls nothing that prints, exits, allocates or sets a handler behind its back' test -z "$loud"
# The tables of words are constant once the loader has relocated them.
variables=''
[ "$prefix" = pidns ] || variables='running shared' # the SIGSYS handler's, and what one thread has
verdict 5 "its only variables are those: ${variables:-none}" \
	test "$(echo "$writable" | tr ' ' '\n' | grep -vE '(_names|_rows|_texts|^steps.*|spawn_flags|every_flag|features|names\.?[0-9]*)$' | tr '\n' ' ' | sed 's/^ *//; s/ *$//')" = "$variables"
[ -z "$loud" ] || printf '# loud: %s\n' "$(echo $loud)"
[ "$declared" = "$exported" ] || { printf '# declared: %s\n# exported: %s\n' "$(echo $declared)" "$(echo $exported)"; }
