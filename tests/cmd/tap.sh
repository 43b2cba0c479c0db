# SPDX-License-Identifier: MIT
# shellcheck shell=sh
#
# tap.sh: the harness of all command tests written in sh.  A test file sources it, defines one function per
# behaviour, and hands each to `it`:
#
#	. "$(dirname "$0")/tap.sh"
#	version_is_printed() { run "$SETTID" --version; is "$status" 0; like "$out" 'settid [0-9]*'; }
#	it "the version is printed" version_is_printed
#	tap_end
#
# Keeps:   (T1) a test function runs in a subshell under `set -e`, in an empty directory of its own: the first check that
#              does not hold ends it and fails it, and no variable or directory leaks into the next one;
#          (T2) what it prints becomes TAP diagnostics, shown only when it fails;
#          (T3) the plan comes last, so a file that dies half-way is a failure to whoever reads it.
# Needs:   $SETTID, the command under test (absolute).  Optional: $TAP_TIMEOUT, seconds for each `run` (60).

tap_count=0
tap_bad=0
tap_dir=$(mktemp -d "${TMPDIR:-/tmp}/settid-test.XXXXXX") || exit 1
trap 'cd /; rm -rf "$tap_dir"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$tap_dir"
: "${TAP_TIMEOUT:=60}"

# it SENTENCE FUNCTION [ARG...]: one test.
it() {
	tap_name=$1
	shift
	tap_count=$((tap_count + 1))
	mkdir "$tap_dir/$tap_count" || exit 1
	(
		cd "$tap_dir/$tap_count" || exit 1
		set -e
		"$@"
	) >"$tap_dir/log" 2>&1 </dev/null
	if [ $? -eq 0 ]; then
		echo "ok $tap_count - $tap_name"
	else
		tap_bad=$((tap_bad + 1))
		echo "not ok $tap_count - $tap_name"
		sed 's/^/# /' "$tap_dir/log"
	fi
	rm -rf "${tap_dir:?}/$tap_count"
}

# skip SENTENCE REASON: a test that cannot run here, said aloud and left out of the plan (house rule for skips).
skip() {
	echo "# SKIP $1: $2"
}

# skip_all REASON: nothing of this file can run here.
skip_all() {
	echo "1..0 # SKIP $1"
	exit 0
}

# A tree file on standard output.
tree_of() { # NUMBER...: a process each, below the first
	echo '{"settid": 1, "processes": ['
	root=$1 comma=
	for number in "$@"; do
		[ "$number" = "$root" ] && parent=0 || parent=$root
		echo "$comma {\"nspid\": [$number], \"ppid\": $parent, \"pgid\": 0, \"sid\": 0, \"state\": \"live\"}"
		comma=,
	done
	echo ']}'
}

tap_end() {
	echo "1..$tap_count"
	[ "$tap_bad" -eq 0 ]
	exit
}

# run COMMAND...: its output in $out and $err, its exit status in $status.  Never fails itself; ended after
# $TAP_TIMEOUT seconds (124).
run() {
	status=0
	timeout -k 2 "$TAP_TIMEOUT" "$@" >"$tap_dir/out" 2>"$tap_dir/err" || status=$?
	out=$(cat "$tap_dir/out")
	err=$(cat "$tap_dir/err")
}

# What the last `run` left behind, for a failing check.
tap_last() {
	echo "  status: ${status-}"
	echo "  stdout: ${out-}"
	echo "  stderr: ${err-}"
}

# is GOT WANT [WHAT]
is() {
	[ "$1" = "$2" ] && return 0
	echo "${3-value} is '$1', want '$2'"
	tap_last
	return 1
}

# like GOT PATTERN [WHAT]: PATTERN as in `case`, matching anywhere.
like() {
	# shellcheck disable=SC2254
	case $1 in
	*$2*) return 0 ;;
	esac
	echo "${3-text} is '$1', want something like '$2'"
	tap_last
	return 1
}

unlike() {
	# shellcheck disable=SC2254
	case $1 in
	*$2*) ;;
	*) return 0 ;;
	esac
	echo "${3-text} is '$1', want nothing like '$2'"
	tap_last
	return 1
}

# wait_for COMMAND...: until it succeeds, at most about 30 seconds, longer where all is slow.
wait_for() {
	tap_tries=0
	until "$@" >/dev/null 2>&1; do
		tap_tries=$((tap_tries + 1))
		if [ "$tap_tries" -gt 600 ]; then
			echo "waited in vain for: $*"
			return 1
		fi
		sleep 0.05
	done
}

# becomes PID NAME: waits until a process just started has come to its program.
becomes() {
	wait_for grep -qx "$2" "/proc/$1/comm"
}

# gone PID: no such process, or a zombie that waits for its parent.
gone() {
	[ ! -e "/proc/$1/stat" ] || grep -q '^State:[[:space:]]*[ZX]' "/proc/$1/status" 2>/dev/null ||
		[ ! -e "/proc/$1/stat" ]
}

# free_pid: a number of this namespace that nobody has now, nor the two behind it, well away from where the kernel counts and from
# what other tests choose at the same time.
free_pid() {
	tap_max=$(cat /proc/sys/kernel/pid_max)
	tap_last=$(cat /proc/sys/kernel/ns_last_pid 2>/dev/null || echo $$)
	tap_dice=$(od -An -N2 -tu2 /dev/urandom)
	tap_pid=$(((tap_last + tap_max / 2 + tap_dice % 8192) % (tap_max - 1000) + 500))
	while is_taken "$tap_pid" || is_taken $((tap_pid + 1)) || is_taken $((tap_pid + 2)); do
		tap_pid=$((tap_pid + 7))
	done
	echo "$tap_pid"
}

is_taken() {
	kill -0 "$1" 2>/dev/null || [ -e "/proc/$1" ] || kill -0 "-$1" 2>/dev/null
}
