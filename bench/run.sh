#!/bin/sh
# SPDX-License-Identifier: MIT
#
# run.sh: what `./dev bench` is: builds the measuring programs (release) and runs bench.py with all arguments.
#
# Keeps:   as a plain user everything runs in a user namespace, where the same rights are to be had.

set -eu
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

log=build-bench/build.log
mkdir -p build-bench
if [ ! -e build-bench/build.ninja ]; then
	meson setup build-bench -Dbench=true -Dtests=false --buildtype release >$log 2>&1 </dev/null ||
		{ cat $log >&2 && exit 1; }
fi
ninja -C build-bench >$log 2>&1 </dev/null || { cat $log >&2 && exit 1; }

own_namespace=''
if [ "$(id -u)" != 0 ]; then
	own_namespace='unshare --user --map-root-user'
	$own_namespace true || {
		echo 'bench: chosen PIDs need root, or user namespaces' >&2
		exit 1
	}
fi
# shellcheck disable=SC2086 # words
exec $own_namespace python3 bench/bench.py "$@"
