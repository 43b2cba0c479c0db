#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""coverage.py BUILD: how many branches of src/libpidns the tests took, and why the others cannot be.

BUILD was made with -Db_coverage=true and has run its tests.  A branch counts once, whichever build of the library took it.
Branches that were not taken stand in tests/libpidns/branches.txt, with the reason: a line that is not there fails, and so does
a reason whose branch has been taken.  Ends with 0 when more than 95 % were taken and all others are explained.

branches.txt:  FILE: the line of code, trimmed
                   the reason, indented
"""
import collections
import glob
import json
import os
import subprocess
import sys

ENOUGH = 95.0


def measured(build, root):
    """{(file, line): [times taken, for each branch]}, over all objects that have the file."""
    taken = collections.defaultdict(list)
    pattern = os.path.join(build, "src", "libpidns", "**", "*.gcda")
    for data in sorted(glob.glob(pattern, recursive=True)):
        text = subprocess.run(["gcov", "--json-format", "--branch-probabilities", "--stdout", os.path.abspath(data)],
                              check=True, capture_output=True, cwd=build).stdout
        for line in text.splitlines():
            for one in json.loads(line)["files"]:
                name = os.path.relpath(os.path.join(build, one["file"]), root)
                if not name.startswith("src/libpidns/"):
                    continue
                for row in one["lines"]:
                    add(taken[(name, row["line_number"])], [b["count"] for b in row["branches"]])
    return {at: counts for at, counts in taken.items() if counts}


def add(sums, counts):
    """The single-threaded build may have fewer branches in a line: those are counted from the front."""
    sums.extend([0] * (len(counts) - len(sums)))
    for i, count in enumerate(counts):
        sums[i] += count


def explained(path):
    reasons, at = {}, None
    for line in open(path, encoding="utf-8"):
        if line.strip() == "" or line.startswith("#"):
            continue
        if not line[0].isspace():
            name, code = line.rstrip("\n").split(": ", 1)
            at = ("src/libpidns/" + name, code)
            reasons[at] = ""
        else:
            reasons[at] += line.strip() + " "
    return reasons


def main():
    build = sys.argv[1]
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    reasons = explained(os.path.join(root, "tests/libpidns/branches.txt"))
    branches = measured(build, root)
    sources = {name: open(os.path.join(root, name), encoding="utf-8").read().split("\n")
               for name in {name for name, _ in branches}}
    total = sum(len(counts) for counts in branches.values())
    missing = [(name, line, counts) for (name, line), counts in sorted(branches.items()) if 0 in counts]
    untaken = sum(counts.count(0) for _, _, counts in missing)
    percent = 100.0 * (total - untaken) / total if total else 0.0
    unknown, known = [], set()
    for name, line, counts in missing:
        code = sources[name][line - 1].strip()
        if (name, code) in reasons:
            known.add((name, code))
        else:
            unknown.append(f"{name}:{line}: {counts.count(0)} of {len(counts)} not taken: {code}")
    stale = [f"{name}: {code}" for name, code in reasons if (name, code) not in known]
    for text in unknown:
        print(f"not explained: {text}")
    for text in stale:
        print(f"taken, or gone: {text}")
    print(f"{total - untaken} of {total} branches taken, {percent:.1f} %; {untaken - 0} not, in {len(missing)} lines, "
          f"{len(known)} of them explained")
    return 1 if unknown or stale or percent <= ENOUGH else 0


sys.exit(main())
