#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh HEADER LIBRARY NM: what the library exports is what the header declares, no less and no more.
header=$1 library=$2 nm=${3:-nm}
declared=$(sed -n '/^SETTID_API/,/;/p' "$header" | grep -o 'settid_[a-z0-9_]*(' | tr -d '(' | sort -u)
exported=$("$nm" -D --defined-only "$library" | awk '$2 ~ /^[TDBRVW]$/ { sub(/@.*/, "", $3); print $3 }' | sort -u)
versioned=$("$nm" -D --defined-only --with-symbol-versions "$library" | grep -c '@@SETTID_0\.1')
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
verdict 3 'every exported symbol has the version SETTID_0.1' test "$versioned" = "$(echo "$declared" | wc -l)"
verdict 4 'the library calls nothing that prints, exits, allocates or sets a handler behind its back' test -z "$loud"
# The tables of words are constant once the loader has relocated them.
verdict 5 'its only variables are the SIGSYS handler and what one thread has' \
	test "$(echo "$writable" | tr ' ' '\n' | grep -vE '(_names|_rows|_texts|^steps.*|spawn_flags|every_flag)$' | tr '\n' ' ' | sed 's/^ *//; s/ *$//')" = 'running shared'
[ -z "$loud" ] || printf '# loud: %s\n' "$(echo $loud)"
[ "$declared" = "$exported" ] || { printf '# declared: %s\n# exported: %s\n' "$(echo $declared)" "$(echo $exported)"; }
