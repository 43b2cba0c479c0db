# SPDX-License-Identifier: MIT
"""criu.py: the section `criu` of ./dev bench: CRIU restores a tree, settid restores the same from CRIU's images.

`settid restore --exec` makes a live tree of small programs (still.c), CRIU dumps it, and then both bring it back,
taking turns, into the same PID namespace: one that this file's second life (`criu.py SHAPE SIZE ROUNDS`) is init of.
Keeps:  CRIU's fork stage is what its log says, from the first "Forking task" to the last, at the lowest level of
        logging that has these lines; its whole restore is measured without any logging.
"""
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

import samples
from common import BUILD, SETTID, TIMEOUT, Restore, run, say
from shapes import numbers, tree

CRIU = f"{BUILD}/criu/criu"
STILL = f"{BUILD}/bench/still"
TREES = (("flat", 100, 5), ("flat", 1000, 3), ("jobs", 100, 5), ("jobs", 1000, 3))
FIRST = 1000  # the tree's numbers begin here; below and far above is room for whoever works on it
AWAY = 2000000


# ------------------------------------------------------------------------------------- inside the namespace


def write_source(path, shape, size):
    """The tree with a program in every living process; its threads are that program's business."""
    source = tree(shape, size, FIRST)
    for process in source["processes"]:
        if process["sid"] == 0:
            process.update(pgid=FIRST, sid=FIRST)
        if process["state"] == "live":
            tids = [str(thread["nspid"][0]) for thread in process.pop("threads", [])[1:]]
            process.update(argv=[STILL, *tids], cwd="/")
    with open(path, "w", encoding="utf-8") as out:
        json.dump(source, out)


def reap():
    try:
        while os.waitpid(-1, 0):
            pass
    except ChildProcessError:
        pass


def end_tree():
    """All that is left in this namespace is the tree; we are its init."""
    for pid in (int(name) for name in os.listdir("/proc") if name.isdigit()):
        if pid >= FIRST and pid < AWAY:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
    reap()


def criu(*args):
    return subprocess.run([CRIU, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True, timeout=TIMEOUT)


def programs_started():
    """All have closed their descriptors: that is the last thing a program does."""
    pids = [name for name in os.listdir("/proc") if name.isdigit() and FIRST <= int(name) < AWAY]
    for pid in pids:
        try:
            with open(f"/proc/{pid}/stat", encoding="utf-8") as stat:
                dead = stat.read().rsplit(")", 1)[1].split()[0] == "Z"
            if not dead and os.listdir(f"/proc/{pid}/fd"):
                return False
        except FileNotFoundError:
            return False
    return True


def dump(directory, shape, size):
    path = f"{directory}/tree.json"
    write_source(path, shape, size)
    with Restore(path, "--exec", "--into", "current"):
        while not programs_started():
            time.sleep(0.05)
        criu("dump", "-t", str(FIRST), "-D", directory, "-o", "dump.log", "-v1")
    reap()


def is_exact(directory):
    """Is the tree that stands the one in the images?"""
    subprocess.run([SETTID, "dump", "--no-commands", "-o", f"{directory}/after.json", str(FIRST)], check=True, timeout=TIMEOUT)
    command = [SETTID, "diff", directory, f"{directory}/after.json"]
    return subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=TIMEOUT).returncode == 0


def theirs(directory, level):
    start = time.monotonic()
    criu("restore", "-D", directory, "-o", "restore.log", level, "-d")
    return time.monotonic() - start


def fork_stage(directory):
    with open(f"{directory}/restore.log", encoding="utf-8", errors="replace") as log:
        at = [float(found[1]) for found in re.finditer(r"^\(\s*([0-9.]+)\).*Forking task with", log.read(), re.M)]
    return at[-1] - at[0]


def turn(directory, taken):
    with Restore(directory, "--into", "current") as ours:
        taken["settid_fork"].append(ours.result["fork_seconds"])
        taken["settid_whole"].append(ours.wall_s)
    reap()
    theirs(directory, "-v3")
    taken["criu_fork"].append(fork_stage(directory))
    end_tree()
    taken["criu_whole"].append(theirs(directory, "-v0"))
    taken["exact"].append(is_exact(directory))
    end_tree()


def inside(shape, size, rounds):
    os.setsid()  # an init in a group founded by one of its own namespace could never be killed
    with open("/proc/sys/kernel/ns_last_pid", "w", encoding="utf-8") as last:
        last.write(str(AWAY))
    taken = {name: [] for name in ("settid_fork", "settid_whole", "criu_fork", "criu_whole", "exact")}
    with tempfile.TemporaryDirectory() as directory:
        dump(directory, shape, size)
        for _ in range(rounds):
            turn(directory, taken)
    print(json.dumps(taken))


# ----------------------------------------------------------------------------------------------- the section


def unavailable():
    """Why CRIU cannot be measured here; None: it can."""
    if subprocess.run(["unshare", "--pid", "--fork", "--mount-proc", "true"], stderr=subprocess.DEVNULL, check=False).returncode:
        return "no right to make PID and mount namespaces"
    say("criu: fetching it")
    had = subprocess.run(["tools/criu.sh", f"{BUILD}/criu"], stdout=subprocess.PIPE, text=True, check=False)
    if had.returncode:
        return had.stdout.strip() or "it cannot be had"
    checked = subprocess.run([CRIU, "check"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    return checked.stdout.strip().split("\n")[-1] if checked.returncode else None


def measure(shape, size, rounds):
    command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__, shape, str(size), str(rounds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT)
    taken = json.loads(done.stdout.splitlines()[-1])
    taken["raw"] = [int(run("raw_tree", shape, size)) / 1e9 for _ in range(rounds)]
    return taken


def row(shape, size, taken):
    each = {name: samples.low(values) * 1e6 / numbers(shape, size) for name, values in taken.items() if name != "exact"}
    stage, _ = samples.ratio(taken["criu_fork"], taken["settid_fork"])
    whole, _ = samples.ratio(taken["criu_whole"], taken["settid_whole"])
    exact = f"{sum(taken['exact'])} of {len(taken['exact'])}"
    us = [each[name] for name in ("raw", "settid_fork", "criu_fork")]
    return [shape, f"{size:,}", *us, stage, each["settid_whole"], each["criu_whole"], whole, exact]


def section():
    version = "CRIU"
    rows, note = [], unavailable()
    if note:
        note = f"Left out: no CRIU to measure here ({note})."
    else:
        said = subprocess.run([CRIU, "--version"], stdout=subprocess.PIPE, text=True, check=True).stdout
        version = "CRIU " + re.search(r"Version: (\S+)", said)[1]
        note = (
            "µs per process or thread; a ratio is CRIU's time to settid's. `jobs` is the mixed tree without the orphan, which CRIU "
            "puts elsewhere. *Whole* is the command until the tree stands: settid's with plan, proof and verification, CRIU's with "
            "the memory of a static program of a few pages, which settid does not restore; *exact* says how many of CRIU's restored "
            "trees `settid diff` found no difference in."
        )
        for shape, size, rounds in TREES:
            say(f"criu: {shape} {size}")
            rows.append(row(shape, size, measure(shape, size, rounds)))
    head = ["tree", "processes", "raw loop", "fork stage: settid", version, "ratio", "whole: settid", version, "ratio", "exact"]
    return {"tables": [{"title": f"The same images restored by {version} and by settid", "note": note, "head": head, "rows": rows}], "bounds": []}


if __name__ == "__main__":
    inside(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
