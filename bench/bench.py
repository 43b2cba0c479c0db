#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py: ./dev bench: measures, compares each figure with its bound, prints tables.

usage: ./dev bench [spawn|fork|threads|restore|criu|prepare|dump|pidns]... [--json] [--write]

  --json    the results as JSON instead of tables
  --write   also into docs/performance.json, and from there into the tables of docs/performance.md and its plots

A section is a function that returns {"tables": [...], "bounds": [...], "curves": {...}}; report.py prints them,
plot.py draws the curves.  Measuring itself is done by the C programs next to this file.
"""
import argparse
import json
import os
import subprocess
import sys
import tempfile
import time

import criu
import pidns
import prepare
import report
import restore
import samples
from common import BUILD, SETTID, TIMEOUT, bound, run, say
from restore import count_calls
from shapes import tree_file

# ---------------------------------------------------------------------------------------------- spawn, fork


def compare(title, measured, rows, note=""):
    """A table of ways: (name, label, the name of the way that it is compared with)."""
    table = {"title": title, "note": note, "head": ["", "µs", "ratio", "spread"], "rows": []}
    for name, label, base in rows:
        value, spread = samples.ratio(measured[name], measured[base])
        table["rows"].append([label, samples.low(measured[name]) / 1e3, value, spread])
    return table


SPAWN_ROWS = (
    ("clone3", "clone3(VM|VFORK) + execve by hand", "clone3"),
    ("clone3_pidfd", "the same with a pidfd", "clone3"),
    ("settid_spawn", "settid_spawn", "clone3"),
    ("settid_spawn_set", "settid_spawn, number chosen", "clone3"),
    ("posix_spawn", "posix_spawn", "clone3"),
    ("fork_exec", "fork + execve", "clone3"),
)


def spawn():
    say("spawn: /bin/true from 1 GiB")
    true = samples.parse(run("spawn", "/bin/true", 1500))
    say("spawn: an empty static program from 1 GiB")
    empty = samples.parse(run("spawn", f"{BUILD}/bench/nothing", 3000))
    tables = [
        compare("Start /bin/true and wait for it, from 1 GiB resident", true, SPAWN_ROWS),
        compare("The same with a static program that only calls exit", empty, SPAWN_ROWS),
    ]
    value, spread = samples.ratio(true["settid_spawn"], true["clone3"])
    fair, fair_spread = samples.ratio(empty["settid_spawn"], empty["clone3_pidfd"])
    strict, strict_spread = samples.ratio(empty["settid_spawn"], empty["clone3"])
    return {
        "tables": tables,
        "bounds": [
            bound("settid_spawn of /bin/true / by hand", value, 1.05, spread),
            bound("settid_spawn of an empty program / by hand with a pidfd", fair, 1.05, fair_spread),
            bound("settid_spawn of an empty program / by hand without one", strict, 1.05, strict_spread),
        ],
    }


FORK_ROWS = (
    ("clone3", "clone3 with set_tid", "clone3"),
    ("settid_fork", "settid_fork", "clone3"),
    ("ns_last_pid", "settid_fork by ns_last_pid", "clone3"),
    ("fork", "fork (any number)", "clone3"),
)
RACE_ROWS = (
    ("ns_last_pid_once", "ns_last_pid by hand: write, fork, compare"),
    ("ns_last_pid", "settid_fork by ns_last_pid (up to 64 attempts)"),
    ("set_tid", "settid_fork by set_tid"),
)


def fork():
    say("fork")
    measured = samples.parse(run("fork", 5000))
    say("fork: the race")
    race = {name: rest for name, *rest in (line.split() for line in run("race", 1000).splitlines())}
    misses = {"title": "Beside a busy forker: numbers missed", "note": "", "head": ["", "missed", "of", "attempts"], "rows": []}
    for name, label in RACE_ROWS:
        tries, missed, more = map(int, race[name])
        misses["rows"].append([label, f"{missed}", f"{tries}", f"{(tries + more) / tries:.2f}"])
    value, spread = samples.ratio(measured["settid_fork"], measured["clone3"])
    return {
        "tables": [compare("Fork with a chosen number, exit, wait", measured, FORK_ROWS), misses],
        "bounds": [bound("settid_fork / clone3 with set_tid", value, 1.02, spread)],
    }


THREAD_ROWS = (
    ("pthread_create", "pthread_create (any number)", "pthread_create"),
    ("settid_thread_create", "settid_thread_create", "pthread_create"),
    ("ns_last_pid", "settid_thread_create by ns_last_pid", "pthread_create"),
    ("refused", "settid_thread_create, number taken", "pthread_create"),
)


def threads():
    say("threads")
    measured = samples.parse(run("thread", 8000))
    return {"tables": [compare("Create a thread with a chosen TID, join it", measured, THREAD_ROWS)], "bounds": []}


# ----------------------------------------------------------------------------------------------------- dump

DUMP_ROWS = (("bare", "bare loop over the same files", "bare"), ("pass", "one pass of dump", "bare"), ("verify", "verification: read, compare", "bare"))
DUMP_SIZE = 10000


def dump_of(directory, where, title, first):
    say(f"dump: {where}")
    measured = samples.parse(run("dump", SETTID, tree_file(directory, "flat", DUMP_SIZE, first), 12, where))
    measured = {name: [ns / DUMP_SIZE for ns in values] for name, values in measured.items()}
    bounds = []
    for name, label in (("pass", "one pass of dump"), ("verify", "verification")):
        value, spread = samples.ratio(measured[name], measured["bare"])
        bounds.append(bound(f"{label}, {title} / bare loop", value, 1.3, spread))
    return compare(f"Reading 10,000 processes, per process: {title}", measured, DUMP_ROWS), bounds


def files_per_process(directory, size=1000):
    say("dump: files")
    path = tree_file(directory, "flat", size)
    with_it, without = count_calls(path), count_calls(path, "--no-verify")
    opened = with_it["openat"] - without["openat"] - size  # one is the process's directory, O_PATH
    return opened / size, (with_it["readlinkat"] - without["readlinkat"]) / size


def dump():
    with tempfile.TemporaryDirectory() as directory:
        nested, nested_bounds = dump_of(directory, "new", "a nested namespace", 1)
        own, own_bounds = dump_of(directory, "current", "the reader's namespace", 1000)
        files, links = files_per_process(directory)
    nested["note"] = f"Counted: {files:.2f} files and {links:.2f} links per process (stat, status; pid_for_children)."
    own["note"] = "stat and children, and the link."
    return {"tables": [nested, own], "bounds": nested_bounds + own_bounds}


# ---------------------------------------------------------------------------------------------------- pidns


def numbers():
    return pidns.section(run, bound, say)


# ----------------------------------------------------------------------------------------------------- main

SECTIONS = {
    "spawn": spawn,
    "fork": fork,
    "threads": threads,
    "restore": restore.section,
    "criu": criu.section,
    "prepare": prepare.section,
    "dump": dump,
    "pidns": numbers,
}


def machine():
    system = os.uname()
    version = ".".join(system.release.split(".")[:2])
    with open("/proc/meminfo", encoding="utf-8") as info:
        gib = int(info.readline().split()[1]) / 1048576
    return {"cores": os.cpu_count(), "kernel": f"{system.sysname} {version}", "arch": system.machine, "gib": round(gib)}


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure settid side by side with raw loops.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help=f"{', '.join(SECTIONS)} (all of them)")
    parser.add_argument("--json", action="store_true", help="print the results as JSON")
    parser.add_argument("--write", action="store_true", help="renew docs/performance.md and its plots")
    args = parser.parse_args()
    for name in args.sections:
        if name not in SECTIONS:
            parser.error(f"there is no section '{name}': {', '.join(SECTIONS)}")
    return args


def main():
    args = arguments()
    start = time.monotonic()
    results = {"machine": machine(), "sections": {}}
    for name in args.sections or SECTIONS:
        results["sections"][name] = SECTIONS[name]()
    say("")
    results["seconds"] = round(time.monotonic() - start)
    if args.json:
        print(json.dumps(results, indent=1, ensure_ascii=False))
    else:
        report.print_text(results)
    if args.write:
        report.write(results)


if __name__ == "__main__":
    try:
        main()
    except subprocess.CalledProcessError as failed:
        sys.exit(f"bench: {' '.join(failed.cmd)} failed")
    except subprocess.TimeoutExpired as late:
        sys.exit(f"bench: {' '.join(late.cmd)} did not end in {TIMEOUT} s")
    except KeyboardInterrupt:
        sys.exit(130)
