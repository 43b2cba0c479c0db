#!/bin/sh
# SPDX-License-Identifier: MIT
#
# install.sh: what `./dev install` puts into DESTDIR is enough to compile and run a program, in C and in C++, against the
# shared and the static library, found through pkg-config.

. "$(dirname "$0")/../cmd/tap.sh"

stage=$tap_dir/stage
if ! DESTDIR=$stage meson install -C "$BUILD" --no-rebuild >"$tap_dir/install.log" 2>&1; then
	sed 's/^/# /' "$tap_dir/install.log"
	echo 'Bail out! meson install failed'
	exit 1
fi
pc_dir=$(dirname "$(find "$stage" -name settid.pc)")
lib_dir=$(dirname "$pc_dir")
export PKG_CONFIG_PATH="$pc_dir" PKG_CONFIG_SYSROOT_DIR="$stage" LD_LIBRARY_PATH="$lib_dir"

program='
#include <settid.h>
#include <stdio.h>
int main(void)
{
	struct settid_error err;
	struct settid_child child;
	child.pidfd = -1;
	pid_t pid = settid_fork(NULL, &child, &err);
	if (pid == 0)
		_exit(7);
	siginfo_t info;
	if (pid < 0 || waitid(P_PID, (id_t)pid, &info, WEXITED) != 0 || info.si_status != 7)
		return 1;
	puts(settid_version());
	return 0;
}'

compile() { # COMPILER LANGUAGE STANDARD LIBS...
	compiler=$1 language=$2 standard=$3
	shift 3
	printf '#include <sys/wait.h>\n#include <unistd.h>\n%s\n' "$program" >program
	# shellcheck disable=SC2046 # words
	$compiler -x "$language" -std="$standard" -D_GNU_SOURCE -Wall -Wextra -Wpedantic -Werror \
		$(pkg-config --cflags settid) program -x none -o user "$@"
	run ./user
	is "$status" 0
	is "$out" "$(pkg-config --modversion settid)"
}

with_shared() {
	# shellcheck disable=SC2046
	compile "$1" "$2" "$3" $(pkg-config --libs settid)
}

with_static() {
	# shellcheck disable=SC2046
	compile "$1" "$2" "$3" "$lib_dir/libsettid.a" $(pkg-config --static --libs-only-other settid) -pthread
	! ldd user | grep -q libsettid
}

pidns_program='
#include <pidns.h>
#include <stdio.h>
int main(void)
{
	struct pidns_env env;
	struct pidns_world *w;
	bool known;
	env.size = 0;
	puts(pidns_errname(pidns_world_new(&env, NULL, &w)));
	return pidns_profile("6.18", &known) == 0 || !known;
}'

pidns_compiles() { # LIBRARY...
	echo "$pidns_program" >program
	# shellcheck disable=SC2046 # words
	cc -x c -std=c11 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags pidns) program -x none -o user "$@"
	run ./user
	is "$status" 0
	is "$out" EINVAL
}

pidns_with_shared() {
	# shellcheck disable=SC2046
	pidns_compiles $(pkg-config --libs pidns)
	readelf -d user | grep 'NEEDED.*libpidns\.so\.[0-9]'
}

pidns_with_static() {
	pidns_compiles "$lib_dir/libpidns.a"
	! ldd user | grep -q libpidns
}

soname_is_versioned() {
	readelf -d "$lib_dir"/libsettid.so | grep 'SONAME.*libsettid\.so\.[0-9]'
}

only_declared_functions_are_exported() {
	nm -D --defined-only "$lib_dir"/libsettid.so | sed -n 's/.* T \([a-z0-9_]*\).*/\1/p' | sort >exported
	grep -oE '^SETTID_API [^;(]*\bsettid_[a-z0-9_]+ ?\(' "$SOURCE/include/settid.h" |
		grep -oE 'settid_[a-z0-9_]+' | sort >declared
	diff declared exported
}

symbols_carry_a_version() {
	nm -D --defined-only "$lib_dir"/libsettid.so >symbols
	[ "$(grep -c ' T settid_.*@@' symbols)" -gt 5 ]
}

command_runs_from_the_stage() {
	run "$(find "$stage" -path '*/bin/settid')" --version
	is "$status" 0
	like "$out" "settid $(pkg-config --modversion settid)*"
}

everything_is_there() {
	for what in bin/settid include/settid.h include/pidns.h libpidns.so libpidns.a pidns.pc man/man1/settid.1 settid/tree.schema.json completions/settid site-functions/_settid \
		settid.fish; do
		[ -n "$(find "$stage" -path "*/$what*")" ] || {
			echo "$what is not installed"
			return 1
		}
	done
	for page in "$SOURCE"/man/*.[1-9]; do
		[ -n "$(find "$stage" -name "$(basename "$page")*")" ] || {
			echo "$page is not installed"
			return 1
		}
	done
}

every_function_is_found_by_man() {
	grep -oE '^SETTID_API [^;(]*\bsettid_[a-z0-9_]+ ?\(' "$SOURCE/include/settid.h" |
		grep -oE 'settid_[a-z0-9_]+' >declared
	[ "$(wc -l <declared)" -gt 5 ]
	while read -r name; do
		page=$(find "$stage" -path "*/man3/$name.3*")
		[ -n "$page" ] && [ -s "$page" ] || {
			echo "man 3 $name would find nothing"
			return 1
		}
	done <declared
}

it 'a C program compiles and runs against the shared library' with_shared cc c c11
it 'a C program compiles and runs against the static library' with_static cc c c11
if command -v c++ >/dev/null; then
	it 'a C++ program compiles and runs against the shared library' with_shared c++ c++ c++11
	it 'a C++ program compiles and runs against the static library' with_static c++ c++ c++11
else
	skip 'a C++ program compiles and runs' 'no c++ here'
fi
it 'a program compiles and runs against the shared libpidns' pidns_with_shared
it 'a program compiles and runs against the static libpidns' pidns_with_static
it 'the shared library has a SONAME with its version' soname_is_versioned
it 'exactly the declared functions are exported' only_declared_functions_are_exported
it 'exported symbols carry a version' symbols_carry_a_version
it 'the installed command runs' command_runs_from_the_stage
bad_places_are_refused() {
	for place in PREFIX=rel DESTDIR=rel; do
		run env SETTID_NO_INSTALL=1 "$place" "$SOURCE/dev" install
		is "$status" 1
		like "$err" 'has to be an absolute path'
	done
	if [ "$(id -u)" != 0 ]; then
		run env SETTID_NO_INSTALL=1 PREFIX=/proc/1 "$SOURCE/dev" install
		is "$status" 1
		like "$err" 'not yours to write'
	fi
}
it 'a place where nothing can be installed is refused before anything is built' bad_places_are_refused
it 'headers, command, all man pages and completions are installed' everything_is_there
it 'every function has an installed page under its own name' every_function_is_found_by_man
tap_end
