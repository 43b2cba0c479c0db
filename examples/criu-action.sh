#!/bin/sh
# SPDX-License-Identifier: MIT
#
# criu-action.sh: criu restore, with every number checked before and held until CRIU forks.
#
#	criu-action.sh restore DIR [CRIU OPTION...]
#
# asks `settid check` whether the numbers of the images in DIR are free, takes them with `settid reserve`, and runs
# `criu restore -D DIR` with itself as the action script.  CRIU knows nothing of reservations; its script runs as
# "pre-restore" just before it forks, and has the numbers freed then, with the kernel's count moved past them, so
# that another fork has to come round to them first.  If one is lost all the same, all are held again, and CRIU starts
# anew.  A tree with an init of its own needs no reservation: CRIU makes a new PID namespace for it, where all numbers
# are free.
#
# Put it beside any other use of CRIU as well: criu restore --action-script criu-action.sh, below
# `settid reserve --for DIR -- ...`, which sets SETTID_RESERVATION.
#
# $SETTID and $CRIU are the commands (settid, criu); $CRIU_TRIES how often a restore is tried (3).

settid=${SETTID:-settid}
criu=${CRIU:-criu}

# What CRIU calls: a stage of a restore, in CRTOOLS_SCRIPT_ACTION.
stage() {
	case $CRTOOLS_SCRIPT_ACTION in
	pre-restore)
		[ -n "${SETTID_RESERVATION-}" ] || exit 0
		"$settid" reserve --give "$SETTID_RESERVATION" >&2
		exit # a failure here ends the restore before anything is made
		;;
	esac
	exit 0 # all other stages, and those of a dump
}

# Below `settid reserve`: the numbers are held, and CRIU's script frees them.
held() {
	dir=$1
	shift
	tries=${CRIU_TRIES:-3}
	while :; do
		status=0
		"$criu" restore -D "$dir" --action-script "$script" "$@" || status=$?
		[ "$status" != 0 ] && [ "$tries" -gt 1 ] || exit "$status"
		tries=$((tries - 1))
		# whoever got a number in between is waited for; a restore that failed for another reason fails again
		"$settid" reserve --wait 10 --take "$SETTID_RESERVATION" >&2 || exit "$status"
	done
}

# Is the first process of the images in DIR number 1 of their namespace?
has_init() { # DIR
	"$settid" convert "$1" 2>/dev/null | grep -q '"nspid": \[1\], "ppid": 0,'
}

[ -z "${CRTOOLS_SCRIPT_ACTION-}" ] || stage

script=$(realpath "$0") || exit
case ${1-} in
restore)
	dir=${2:?which DIR?}
	shift 2
	into=current
	! has_init "$dir" || into=new
	"$settid" check --into "$into" "$dir" >&2 || {
		echo "criu-action.sh: not restored: see above" >&2
		exit 1
	}
	[ "$into" = current ] || exec "$criu" restore -D "$dir" "$@"
	exec "$settid" reserve --for "$dir" -- "$script" held "$dir" "$@"
	;;
held)
	shift
	held "$@"
	;;
*)
	echo "usage: criu-action.sh restore DIR [CRIU OPTION...]" >&2
	exit 125
	;;
esac
