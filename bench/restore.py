# SPDX-License-Identifier: MIT
"""restore.py: the section `restore` of ./dev bench: whole trees, beside a raw loop that makes the same processes.

Both take turns.  Every restore of a `mixed` tree is a whole one, proof and verification included; of the others only
the fork stage counts, and they go without.
"""
import os
import subprocess
import tempfile

import samples
from common import BUILD, SETTID, TIMEOUT, Restore, bound, run, say
from shapes import numbers, tree_file

SIZES = (10, 100, 1000, 10000)
MIXED_SIZES = SIZES[1:]
TREES = [("flat", n) for n in SIZES] + [("binary", n) for n in SIZES] + [("chain", 200)]
TREES += [("dead", n) for n in SIZES[1:]]
REPEATS = {10: 6, 100: 8, 200: 3, 1000: 2, 10000: 1}
ROUNDS = 9
CORE_SHAPES = ("wide", "mixed", "flat")
CORE_SIZE = 10000
CORE_ROUNDS = 7


def warm_up():
    """Memory that a virtual machine touches for the first time costs its host's page faults."""
    run("raw_tree", "flat", SIZES[-1])


def in_turns(rounds, trees, word, ours, raw):
    """Calls both for every tree, round after round, as often as is worth it in one."""
    for k in range(rounds):
        for shape, size in trees:
            say(f"restore: {word}round {k + 1} of {rounds}, {shape} {size}")
            for turn in range(REPEATS[size]):
                for way in (ours, raw) if (k + turn) % 2 else (raw, ours):
                    way(shape, size)


def raw_ns(shape, size):
    return int(run("raw_tree", shape, size)) / numbers(shape, size)


def fork_ns(path, shape, size, *options, cpus=None):
    with Restore(path, *options, cpus=cpus) as tree:
        return tree.result["fork_seconds"] * 1e9 / numbers(shape, size)


# -------------------------------------------------------------------------------------------- the fork stage


def measure_trees(directory):
    """{(shape, size): ([restore ns per process...], [raw ns per process...])}."""
    taken = {tree: ([], []) for tree in TREES}
    paths = {tree: tree_file(directory, *tree) for tree in TREES}
    in_turns(
        ROUNDS, TREES, "",
        lambda shape, size: taken[shape, size][0].append(fork_ns(paths[shape, size], shape, size, "--no-verify")),
        lambda shape, size: taken[shape, size][1].append(raw_ns(shape, size)),
    )
    return taken


def tree_bounds(taken):
    bounds = []
    for shape, size in TREES:
        value, spread = samples.ratio(*taken[shape, size])
        label = f"{shape} tree of {size:,}" if shape != "dead" else f"{size:,} zombies with memory of their own"
        bounds.append(bound(f"restore: {label} / raw loop", value, 1.15 if shape == "dead" else 0.6, spread))
    for shape in ("flat", "binary"):
        bounds.append(growth_bound(shape, taken[shape, 10000], taken[shape, 100], 100))
    return bounds


def growth_bound(shape, large, small, of):
    value, spread = samples.growth(large[0], small[0])
    raw, _ = samples.growth(large[1], small[1])
    return bound(f"restore: a process of 10,000 / of {of:,} ({shape}; raw loop: {raw:.2f})", value, 1.3, spread)


def tree_table(taken):
    head = ["tree", "processes", "restore, µs each", "raw loop, µs each", "ratio", "spread"]
    note = "`dead` is flat, and all but the root are zombies killed by SIGQUIT, which have memory of their own."
    rows = []
    for shape, size in TREES:
        ours, raw = taken[shape, size]
        rows.append([shape, f"{size:,}", samples.low(ours) / 1e3, samples.low(raw) / 1e3, *samples.ratio(ours, raw)])
    return {"title": "The fork stage, from the first birth until the tree stands", "note": note, "head": head, "rows": rows}


def curves_of(taken):
    curves = {}
    for shape, size in TREES:
        for name, values in zip(("settid restore", "raw loop"), taken[shape, size]):
            curves.setdefault(f"{name}, {shape}", []).append([size, samples.low(values) / 1e3])
    return curves


# ------------------------------------------------------------------------------ sessions, groups, zombies, threads


def measure_mixed(directory):
    """{size: {"fork", "verify", "prove", "all", "raw": [ns per process or thread...]}}."""
    taken = {size: {name: [] for name in ("fork", "verify", "prove", "all", "raw")} for size in MIXED_SIZES}
    paths = {size: tree_file(directory, "mixed", size) for size in MIXED_SIZES}

    def ours(shape, size):
        with Restore(paths[size]) as tree:
            each = {name: tree.result[f"{name}_seconds"] * 1e9 / numbers(shape, size) for name in ("fork", "verify", "prove")}
        for name, ns in {**each, "all": sum(each.values())}.items():
            taken[size][name].append(ns)

    in_turns(ROUNDS, [("mixed", size) for size in MIXED_SIZES], "mixed, ", ours,
             lambda shape, size: taken[size]["raw"].append(raw_ns(shape, size)))
    return taken


def mixed_bounds(taken):
    bounds = []
    for size, ns in taken.items():
        bounds.append(bound(f"restore: mixed tree of {size:,} / raw loop", *around(samples.ratio(ns["fork"], ns["raw"]), 1.4)))
    for size, ns in taken.items():
        label = f"restore: mixed tree of {size:,}, proven and verified / raw loop"
        bounds.append(bound(label, *around(samples.ratio(ns["all"], ns["raw"]), 1.8)))
    for of in (100, 1000):
        bounds.append(growth_bound("mixed", *((taken[size]["fork"], taken[size]["raw"]) for size in (10000, of)), of))
    value, spread = samples.growth(taken[10000]["all"], taken[100]["all"])
    bounds.append(bound("restore: a process of 10,000 / of 100 (mixed, proven and verified)", value, 1.3, spread))
    return bounds


def around(ratio, at_most):
    return ratio[0], at_most, ratio[1]


def mixed_table(taken):
    head = ["processes", "fork stage", "proof", "verification", "all", "raw loop", "fork stage / raw", "all / raw"]
    rows = []
    for size, ns in taken.items():
        us = [samples.low(ns[name]) / 1e3 for name in ("fork", "prove", "verify", "all", "raw")]
        rows.append([f"{size:,}", *us, samples.ratio(ns["fork"], ns["raw"])[0], samples.ratio(ns["all"], ns["raw"])[0]])
    note = "Of every twelve numbers ten are processes, three of them zombies, and two are further threads: µs per number."
    return {"title": "Sessions, groups, zombies and threads", "note": note, "head": head, "rows": rows}


# ------------------------------------------------------------------------------------------------- two cores


def two_cores():
    cpus = sorted(os.sched_getaffinity(0))
    return cpus[:2] if len(cpus) > 1 else None


def measure_cores(directory):
    """{shape: ([ns on two cores...], [ns on one...])}."""
    cpus, taken = two_cores(), {shape: ([], []) for shape in CORE_SHAPES}
    paths = {shape: tree_file(directory, shape, CORE_SIZE) for shape in CORE_SHAPES}
    for k in range(CORE_ROUNDS):
        for shape in CORE_SHAPES:
            say(f"restore: cores, round {k + 1} of {CORE_ROUNDS}, {shape}")
            for cores in (2, 1) if k % 2 else (1, 2):
                one = {cpus[k % 2]}
                ns = fork_ns(paths[shape], shape, CORE_SIZE, "--no-verify", cpus=set(cpus) if cores == 2 else one)
                taken[shape][2 - cores].append(ns)
    return taken


def cores(directory):
    """(tables, bounds)"""
    if not two_cores():
        return [{"title": "Two cores beside one", "note": "Left out: this machine has one.", "head": ["tree"], "rows": []}], []
    taken = measure_cores(directory)
    rows = [[shape, samples.low(two) / 1e3, samples.low(one) / 1e3, *samples.ratio(two, one)] for shape, (two, one) in taken.items()]
    label = f"restore: wide tree of {CORE_SIZE:,}, on two cores / on one"
    bounds = [bound(label, *around(samples.ratio(*taken["wide"]), 0.8))]
    head = ["tree", "two, µs each", "one, µs each", "ratio", "spread"]
    note = "`wide` has a hundred children of the root with a hundred children each; in a flat tree one process makes all others."
    return [{"title": "Two cores beside one: the fork stage of 10,000", "note": note, "head": head, "rows": rows}], bounds


# --------------------------------------------------------------------------------------------------- counted


def proc_kib(pid, field):
    with open(f"/proc/{pid}/status", encoding="utf-8") as status:
        return next(int(line.split()[1]) for line in status if line.startswith(field + ":"))


def memory_mib(restorer):
    """The restorer's peak, and what the guard and all placeholders share."""
    with open(f"/proc/{restorer}/task/{restorer}/children", encoding="utf-8") as children:
        guard = children.read().split()[0]
    return (proc_kib(restorer, "VmHWM") + proc_kib(guard, "VmHWM")) / 1024


def count_calls(path, *options):
    command = [f"{BUILD}/bench/count_calls", SETTID, "restore", "--json", *options, path]
    done = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT)
    return {name: int(calls) for name, calls in (line.split() for line in done.stderr.splitlines())}


def counted_bounds(directory):
    bounds = []
    for shape, size in (("flat", 10000), ("binary", 1000), ("chain", 200)):
        say(f"restore: system calls, {shape} {size}")
        calls = count_calls(tree_file(directory, shape, size), "--no-verify")
        bounds.append(bound(f"restore: system calls per process ({shape}, {size:,})", calls["stage"] / size, 4))
    with Restore(tree_file(directory, "binary", 10000), "--no-verify") as tree:
        mib = memory_mib(tree.process.pid)
    bounds.append(bound("restore: memory for 10,000 processes", mib, 64, unit="MiB"))
    return bounds


def section():
    with tempfile.TemporaryDirectory() as directory:
        warm_up()
        taken, mixed = measure_trees(directory), measure_mixed(directory)
        cores_tables, cores_bounds = cores(directory)
        counted = counted_bounds(directory)
    return {
        "tables": [tree_table(taken), mixed_table(mixed), *cores_tables],
        "bounds": tree_bounds(taken) + mixed_bounds(mixed) + cores_bounds + counted,
        "curves": curves_of(taken),
    }
