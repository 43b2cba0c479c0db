#!/bin/bash
# SPDX-License-Identifier: MIT
#
# job.sh: what a person at a shell does: a pipeline, a stopped job, a program.  `./dev demo` dumps and restores it.
#
# Keeps: job control is on, so each job is a process group of its own, in the session that this shell leads.
# usage: job.sh WORKERS READY-FILE ROOT-FILE    (the last gets this shell's PID)

set -m
exec </dev/null >/dev/null 2>&1

echo $$ >"$3"
sleep 1000 | cat | wc -l &

sleep 2000 &
sleep 0.2 # until it is sleep, not a shell about to be
kill -STOP %%

"$1" "$2" &
wait
