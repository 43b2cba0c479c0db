# SPDX-License-Identifier: MIT
"""shapes.py: the measured trees as tree files: what shape.h says, with sessions, groups and names beside it.

Keeps:  numbers, parents, threads and endings are those of shape.h: the raw loop makes the same processes and threads.
"""
import json
import signal

MIXED_PROCESSES, MIXED_NUMBERS = 10, 12

# A block of the mixed tree: parent, group, session, all by place in the block (None: the root), and what else there is.
# A session with two jobs; a zombie that leads one of them, and one with memory of its own (its death may dump core);
# a process of three threads; 10 is an orphan: the root's child, in a session that the root never was in.
MIXED_BLOCK = {
    0: (None, 0, 0, {}),
    1: (0, 1, 0, {}),
    2: (0, 1, 0, {}),
    3: (1, 1, 0, {"threads": 2}),
    6: (0, 1, 0, {"exit_code": 3}),
    7: (0, 0, 0, {"exit_signal": int(signal.SIGABRT), "core_dumped": False}),
    8: (2, 8, 0, {"exit_code": 0}),
    9: (2, 8, 0, {}),
    10: (None, 0, 0, {}),
    11: (10, 0, 0, {}),
}


MIXED = ("mixed", "jobs")  # the second without the orphan: it is its session leader's child


def mixed(shape, size):
    """(number, parent, pgid, sid, more) of all but the root."""
    block = MIXED_BLOCK if shape == "mixed" else {**MIXED_BLOCK, 10: (0, *MIXED_BLOCK[10][1:])}
    for first in range(2, size // MIXED_PROCESSES * MIXED_NUMBERS + 2, MIXED_NUMBERS):
        for place, (parent, pgid, sid, more) in block.items():
            yield first + place, 1 if parent is None else first + parent, first + pgid, first + sid, more


def wide_each(size):
    each = 1
    while each * (each + 1) + 1 < size:
        each += 1
    return each


def parent_of(shape, size):
    """A function from number to parent."""
    if shape == "wide":
        each = wide_each(size)
        return lambda number: (number - 2) // each + 1
    return {"chain": lambda number: number - 1, "binary": lambda number: number // 2}.get(shape, lambda number: 1)


def plain(shape, size):
    parent = parent_of(shape, size)
    dead = {"exit_signal": int(signal.SIGQUIT), "core_dumped": False} if shape == "dead" else {}
    for number in range(2, size + 1):
        yield number, parent(number), 0, 0, dead


def numbers(shape, size):
    """How many processes and threads there are."""
    return size // MIXED_PROCESSES * MIXED_NUMBERS + 1 if shape in MIXED else size


def process(number, parent, pgid, sid, more, first):
    def up(n):
        return n and n + first - 1

    out = {"nspid": [up(number)], "ppid": up(parent), "pgid": up(pgid), "sid": up(sid)}
    out.update({"state": "zombie" if {"exit_code", "exit_signal"} & more.keys() else "live", "comm": "placeholder"})
    out.update(more)
    if "threads" in more:
        tids = range(up(number), up(number) + more["threads"] + 1)
        out["threads"] = [{"nspid": [tid], "name": "placeholder"} for tid in tids]
    return out


def tree(shape, size, first=1):
    """`first` moves all numbers up."""
    rest = mixed(shape, size) if shape in MIXED else plain(shape, size)
    processes = [process(1, 0, 0, 0, {}, first)] + [process(*row, first) for row in rest]
    return {"settid": 1, "processes": processes}


def tree_file(directory, shape, size, first=1):
    path = f"{directory}/{shape}-{size}-{first}.json"
    with open(path, "w", encoding="utf-8") as out:
        json.dump(tree(shape, size, first), out)
    return path
