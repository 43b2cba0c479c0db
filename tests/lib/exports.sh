#!/bin/sh
# SPDX-License-Identifier: MIT
# exports.sh HEADER LIBRARY NM: what the library exports is what the header declares, no less and no more.
header=$1 library=$2 nm=${3:-nm}
declared=$(sed -n '/^SETTID_API/,/;/p' "$header" | grep -o 'settid_[a-z0-9_]*(' | tr -d '(' | sort -u)
exported=$("$nm" -D --defined-only "$library" | awk '$2 ~ /^[TDBRVW]$/ { sub(/@.*/, "", $3); print $3 }' | sort -u)
versioned=$("$nm" -D --defined-only --with-symbol-versions "$library" | grep -c '@@SETTID_0\.1')
echo 1..3
verdict() { # number, sentence, command...
	n=$1 what=$2
	shift 2
	if "$@"; then echo "ok $n - $what"; else echo "not ok $n - $what"; fi
}
verdict 1 'the header declares functions' test "$(echo "$declared" | wc -l)" -gt 5
verdict 2 'the library exports exactly the declared functions' test "$declared" = "$exported"
verdict 3 'every exported symbol has the version SETTID_0.1' test "$versioned" = "$(echo "$declared" | wc -l)"
[ "$declared" = "$exported" ] || { printf '# declared: %s\n# exported: %s\n' "$(echo $declared)" "$(echo $exported)"; }
