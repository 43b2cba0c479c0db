#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""bench.py: ./dev bench: measures, compares each figure with its bound, prints tables.

usage: ./dev bench [spawn|fork|threads|restore|dump|pidns]... [--json] [--write]

  --json    the results as JSON instead of tables
  --write   also into docs/performance.json, and from there into the tables of docs/performance.md and its plots

A section is a function that returns {"tables": [...], "bounds": [...], "curves": {...}}; report.py prints them,
plot.py draws the curves.  Measuring itself is done by the C programs next to this file.
"""
import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import pidns
import report
import samples

BUILD = os.path.abspath("build-bench")
SETTID = f"{BUILD}/src/settid/settid"
SIZES = (10, 100, 1000, 10000)
TIMEOUT = 300  # seconds for one program: ten times what it takes on a busy machine


def run(program, *args):
    command = [f"{BUILD}/bench/{program}", *map(str, args)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT).stdout


def bound(name, value, at_most, spread=None, unit=""):
    return {"name": name, "value": value, "at_most": at_most, "spread": spread, "unit": unit, "met": value <= at_most}


def say(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


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


# -------------------------------------------------------------------------------------------------- restore


def parent_of(shape, number):
    return {"chain": number - 1, "binary": number // 2}.get(shape, 1 if number > 1 else 0)


def tree_file(directory, shape, size, first=1):
    """As shape.h has it; `first` moves all numbers up."""
    processes = []
    for number in range(1, size + 1):
        parent = parent_of(shape, number)
        process = {"nspid": [number + first - 1], "ppid": parent and parent + first - 1, "pgid": 0, "sid": 0}
        process.update({"state": "live", "comm": "placeholder"})
        if shape == "dead" and number > 1:
            process.update({"state": "zombie", "exit_signal": int(signal.SIGQUIT), "core_dumped": False})
        processes.append(process)
    path = f"{directory}/{shape}-{size}-{first}.json"
    with open(path, "w", encoding="utf-8") as out:
        json.dump({"settid": 1, "processes": processes}, out)
    return path


def proc_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def restore_once(path, look=None):
    """The fork stage's seconds; look(restorer's pid) is called while the tree stands."""
    restorer = subprocess.Popen([SETTID, "restore", "--json", "--no-verify", path], stdout=subprocess.PIPE, text=True)
    text = ""
    for line in restorer.stdout:
        text += line
        if line.startswith("}"):
            break
    seen = look(restorer.pid) if look else None
    restorer.send_signal(signal.SIGTERM)
    restorer.wait()
    return seen if look else json.loads(text)["fork_seconds"]


def memory_mib(restorer):
    """The restorer's peak, and what the guard and all placeholders share."""
    with open(f"/proc/{restorer}/task/{restorer}/children", encoding="utf-8") as children:
        guard = children.read().split()[0]
    return (proc_kib(restorer, "VmHWM") + proc_kib(guard, "VmHWM")) / 1024


def count_calls(path, *options):
    command = [f"{BUILD}/bench/count_calls", SETTID, "restore", "--json", *options, path]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT)
    return {name: int(calls) for name, calls in (line.split() for line in done.stderr.splitlines())}


TREES = [("flat", n) for n in SIZES] + [("binary", n) for n in SIZES] + [("chain", 200)]
TREES += [("dead", n) for n in SIZES[1:]]
REPEATS = {10: 6, 100: 8, 200: 3, 1000: 2, 10000: 1}
ROUNDS = 9


def measure_trees(directory):
    """{(shape, size): ([restore ns per process...], [raw ns per process...])}; the two take turns."""
    taken = {tree: ([], []) for tree in TREES}
    paths = {tree: tree_file(directory, *tree) for tree in TREES}
    # unmeasured: memory that a virtual machine touches for the first time costs its host's page faults
    run("raw_tree", "flat", SIZES[-1])
    for k in range(ROUNDS):
        for shape, size in TREES:
            say(f"restore: round {k + 1} of {ROUNDS}, {shape} {size}")
            ours, raw = taken[shape, size]
            for turn in range(REPEATS[size]):
                for way in (0, 1) if (k + turn) % 2 else (1, 0):
                    if way:
                        raw.append(int(run("raw_tree", shape, size)) / size)
                    else:
                        ours.append(restore_once(paths[shape, size]) * 1e9 / size)
    return taken


def restore_bounds(taken, directory):
    bounds = []
    for shape, size in TREES:
        value, spread = samples.ratio(*taken[shape, size])
        label = f"{shape} tree of {size:,}" if shape != "dead" else f"{size:,} zombies with memory of their own"
        bounds.append(bound(f"restore: {label} / raw loop", value, 1.15 if shape == "dead" else 0.6, spread))
    for shape in ("flat", "binary"):
        value, spread = samples.growth(taken[shape, 10000][0], taken[shape, 100][0])
        raw, _ = samples.growth(taken[shape, 10000][1], taken[shape, 100][1])
        label = f"restore: a process of 10,000 / of 100 ({shape}; raw loop: {raw:.2f})"
        bounds.append(bound(label, value, 1.3, spread))
    for shape, size in (("flat", 10000), ("binary", 1000), ("chain", 200)):
        say(f"restore: system calls, {shape} {size}")
        calls = count_calls(tree_file(directory, shape, size), "--no-verify")
        bounds.append(bound(f"restore: system calls per process ({shape}, {size:,})", calls["stage"] / size, 4))
    mib = restore_once(tree_file(directory, "binary", 10000), memory_mib)
    bounds.append(bound("restore: memory for 10,000 processes", mib, 64, unit="MiB"))
    return bounds


def restore():
    rows, curves = [], {}
    with tempfile.TemporaryDirectory() as directory:
        taken = measure_trees(directory)
        bounds = restore_bounds(taken, directory)
    for shape, size in TREES:
        ours, raw = taken[shape, size]
        value, spread = samples.ratio(ours, raw)
        rows.append([shape, f"{size:,}", samples.low(ours) / 1e3, samples.low(raw) / 1e3, value, spread])
        for name, values in (("settid restore", ours), ("raw loop", raw)):
            curves.setdefault(f"{name}, {shape}", []).append([size, samples.low(values) / 1e3])
    head = ["tree", "processes", "restore, µs each", "raw loop, µs each", "ratio", "spread"]
    note = "`dead` is flat, and all but the root are zombies killed by SIGQUIT, which have memory of their own."
    table = {"title": "The fork stage, from the first birth until the tree stands", "note": note, "head": head, "rows": rows}
    return {"tables": [table], "bounds": bounds, "curves": curves}


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

SECTIONS = {"spawn": spawn, "fork": fork, "threads": threads, "restore": restore, "dump": dump, "pidns": numbers}


def machine():
    system = os.uname()
    version = ".".join(system.release.split(".")[:2])
    with open("/proc/meminfo", encoding="utf-8") as info:
        gib = int(info.readline().split()[1]) / 1048576
    return {"cores": os.cpu_count(), "kernel": f"{system.sysname} {version}", "arch": system.machine, "gib": round(gib)}


def arguments():
    parser = argparse.ArgumentParser(prog="./dev bench", description="Measure settid side by side with raw loops.")
    parser.add_argument("sections", nargs="*", metavar="SECTION", help="spawn, fork, threads, restore, dump, pidns (all of them)")
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
