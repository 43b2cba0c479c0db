# SPDX-License-Identifier: MIT
"""prepare.py: the section `prepare` of ./dev bench: what comes before a restore: plan, proof, reservation, and asking
many machines.

Keeps:  reservations are made in a PID namespace of their own, whose init is this file's second life (`prepare.py ROUNDS`).
"""
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

import samples
from common import SETTID, TIMEOUT, Restore, bound, run, say
from shapes import numbers, tree_file

PLAN_TREES = (("mixed", 1000), ("mixed", 10000), ("mixed", 100000), ("binary", 10000), ("binary", 100000))
PLAN_ROUNDS = 7
RESERVED, RESERVE_ROUNDS, FIRST = 10000, 7, 1000000
INVENTORIES, INVENTORY_SIZE = 1000, 1000

# ------------------------------------------------------------------------------------------ plan and proof


def measure_plans(directory):
    """{(shape, size): {"read", "plan", "prove": [s...]}}"""
    say("prepare: plans")
    paths = [tree_file(directory, *tree) for tree in PLAN_TREES]
    measured = samples.parse(run("plan", PLAN_ROUNDS, *paths))
    steps = ("read", "plan", "prove")
    return {tree: {step: [ns / 1e9 for ns in measured[f"{k}-{step}"]] for step in steps} for k, tree in enumerate(PLAN_TREES)}


def plans(taken):
    """(table, bounds)"""
    rows, bounds = [], []
    for (shape, size), s in taken.items():
        ms = [samples.low(s[step]) * 1e3 for step in ("read", "plan", "prove")]
        rows.append([shape, f"{size:,}", *ms, *(1e3 * each / size for each in ms[1:])])
    for shape in ("mixed", "binary"):
        for step, size, limit in (("plan", 10000, 100), ("plan", 100000, 2000), ("prove", 10000, 50)):
            ms = samples.low(taken[shape, size][step]) * 1e3
            bounds.append(bound(f"{step} {size:,} processes ({shape})", ms, limit, unit="ms"))
    head = ["tree", "processes", "read the file, ms", "plan, ms", "proof, ms", "plan, µs each", "proof, µs each"]
    note = "Processor time."
    return {"title": "Planned, and proven on the model", "note": note, "head": head, "rows": rows}, bounds


# --------------------------------------------------------------------------------------------- reservations


class Account:
    """A memory cgroup, which knows to the byte what its processes cost the kernel.  .path is None where none can be made."""

    def __init__(self):
        self.path = self.usage = None
        with open("/proc/self/cgroup", encoding="utf-8") as groups:
            for line in groups:
                _, names, path = line.strip().split(":", 2)
                if names == "memory":
                    self.take(f"/sys/fs/cgroup/memory{path}", "memory.usage_in_bytes")
                elif names == "" and self.path is None:
                    self.take(f"/sys/fs/cgroup{path}", "memory.current")

    def take(self, parent, usage):
        path = f"{parent}/settid-bench-{os.getpid()}"
        try:
            os.mkdir(path)
        except OSError:
            return
        if os.path.exists(f"{path}/{usage}"):
            self.path, self.usage = path, f"{path}/{usage}"
        else:
            os.rmdir(path)

    def enter(self):
        if self.path:
            with open(f"{self.path}/cgroup.procs", "w", encoding="utf-8") as procs:
                procs.write("0")

    def bytes(self):
        if not self.path:
            return None
        with open(self.usage, encoding="utf-8") as usage:
            return int(usage.read())

    def remove(self):
        if self.path:
            os.rmdir(self.path)


def reserve_once(account):
    """Seconds from the command's start until it says that all are held, and bytes of memory meanwhile."""
    command = [SETTID, "reserve", "--json", "--socket", f"/tmp/settid-bench-{os.getpid()}", f"{FIRST}-{FIRST + RESERVED - 1}"]
    before, start = account.bytes(), time.monotonic()
    # pylint: disable-next=subprocess-popen-preexec-fn # no threads here
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=account.enter) as holder:
        text = ""
        for line in holder.stdout:
            text += line
            if line.startswith("}"):
                break
        took = time.monotonic() - start
        used = None if before is None else account.bytes() - before
        holder.send_signal(signal.SIGTERM)
        holder.wait(TIMEOUT)
    if json.loads(text)["held"] != RESERVED:
        sys.exit("bench: not all numbers were reserved")
    return took, used


def inside(rounds):
    os.setsid()  # an init in a group founded by one of its own namespace could never be killed
    account = Account()
    try:
        print(json.dumps([reserve_once(account) for _ in range(rounds)]))
    finally:
        account.remove()


def measure_reservations():
    """([s...], [bytes...], [s of a raw loop that makes as many processes...]); they take turns."""
    took, used, raw = [], [], []
    for k in range(RESERVE_ROUNDS):
        say(f"prepare: reservations, round {k + 1} of {RESERVE_ROUNDS}")
        command = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc", sys.executable, __file__, "1"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT)
        [[seconds, size]] = json.loads(done.stdout)
        took.append(seconds)
        used.append(size)
        raw.append(int(run("raw_tree", "flat", RESERVED)) / 1e9)
    return took, used, raw


def reservations(took, used, raw):
    """(table, bounds)"""
    ratio, spread = samples.ratio(took, raw)
    seconds = samples.low(took)
    bounds = [
        bound(f"reserve {RESERVED:,} numbers, the whole command", seconds, 1, unit="s"),
        bound(f"reserve {RESERVED:,} numbers / raw loop of as many processes", ratio, 1, spread),
    ]
    row, note = [f"{RESERVED:,}", seconds * 1e6 / RESERVED, samples.low(raw) * 1e6 / RESERVED, ratio], "The whole command."
    if None in used:
        row.append("–")
        note += " Memory is left out: no memory cgroup could be made here."
    else:
        kib = statistics.median(used) / 1024 / RESERVED
        row.append(kib)
        bounds.append(bound("reserve: memory per number", kib, 30, unit="KiB"))
        note += " Memory is what its cgroup is charged, the kernel's included."
    head = ["numbers", "µs each", "raw loop, µs each", "ratio", "KiB each"]
    return {"title": "Numbers reserved", "note": note, "head": head, "rows": [row]}, bounds


# ---------------------------------------------------------------------------------------------- inventories


def inventories(directory):
    """(table, bounds): as many machines, each with a thousand processes, asked whether they can take a tree."""
    say("prepare: inventories")
    place, wanted = f"{directory}/inventories", tree_file(directory, "mixed", 100)
    os.mkdir(place)
    with Restore(tree_file(directory, "mixed", INVENTORY_SIZE), "--no-verify"):
        text = subprocess.run([SETTID, "inventory", "--json"], stdout=subprocess.PIPE, check=True, timeout=TIMEOUT).stdout
    for k in range(INVENTORIES):
        with open(f"{place}/{k}.json", "wb") as out:
            out.write(text)
    took = []
    for _ in range(5):
        start = time.monotonic()
        subprocess.run([SETTID, "check", "--against", place, wanted], stdout=subprocess.DEVNULL, check=True, timeout=TIMEOUT)
        took.append(time.monotonic() - start)
    shutil.rmtree(place)
    held = len(json.loads(text)["numbers"])
    seconds = samples.low(took)
    head = ["inventories", "numbers in each", "KiB each", "s"]
    table = {"title": "Machines asked", "note": "", "head": head, "rows": [[f"{INVENTORIES:,}", f"{held:,}", len(text) / 1024, seconds]]}
    return table, [bound(f"check {INVENTORIES:,} inventories of {INVENTORY_SIZE:,} processes", seconds, 2, unit="s")]


def section():
    with tempfile.TemporaryDirectory() as directory:
        parts = [plans(measure_plans(directory)), reservations(*measure_reservations()), inventories(directory)]
    return {"tables": [table for table, _ in parts], "bounds": [each for _, bounds in parts for each in bounds]}


if __name__ == "__main__":
    inside(int(sys.argv[1]))
