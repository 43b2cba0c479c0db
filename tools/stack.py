#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""stack.py LIMIT FILE.ci...: how much stack the public functions of a library need at most, callbacks excluded.

FILE.ci is what gcc writes with -fcallgraph-info=su,da: frames, calls, and objects of a size unknown.
Public is what begins with `pidns_` and has no second underscore.  A call through a pointer may reach any function whose
address is taken in these files (a static one that nobody calls by name); what else is behind a pointer is the embedder's,
and is not counted.

Prints the deepest paths.  Exit status 1: a cycle of calls (recursion), a frame of unknown size, or a public function
that needs LIMIT bytes or more.
"""

import re
import sys

NODE = re.compile(r'^node: \{ title: "([^"]+)" label: "([^"]*)"')
EDGE = re.compile(r'^edge: \{ sourcename: "([^"]+)" targetname: "([^"]+)"')
FRAME = re.compile(r"\\n(\d+) bytes \(([a-z,]+)\)")
INDIRECT = "__indirect_call"
PUBLIC = re.compile(r"^pidns_[a-z0-9]")


def read(paths):
    frame, calls, unknown = {}, {INDIRECT: set()}, []
    for path in paths:
        for line in open(path, encoding="utf-8"):
            node, edge = NODE.match(line), EDGE.match(line)
            if node and (size := FRAME.search(node[2])):
                frame[node[1]] = int(size[1])
                calls.setdefault(node[1], set())
                if size[2] not in ("static", "dynamic,bounded"):
                    unknown.append(node[1])
            elif edge:
                calls.setdefault(edge[1], set()).add(edge[2])
    named = set().union(*calls.values())
    calls[INDIRECT] |= {f for f in frame if f not in named and ":" in f}  # "file:name" is a static one
    return frame, calls, unknown


def deepest_paths(frame, calls):
    """{function: (bytes, path)}; a cycle ends the search and is what is returned second."""
    done, stack = {}, []

    def visit(f):
        if f in done:
            return None
        if f in stack:
            return stack[stack.index(f):] + [f]
        stack.append(f)
        for callee in calls.get(f, ()):
            cycle = visit(callee)
            if cycle:
                return cycle
        stack.pop()
        best = max((done[c] for c in calls.get(f, ())), default=(0, []))
        done[f] = (best[0] + frame.get(f, 0), [f] + best[1])
        return None

    for f in sorted(frame):
        cycle = visit(f)
        if cycle:
            return done, cycle
    return done, None


def main():
    if len(sys.argv) < 3 or not sys.argv[1].isdigit():
        sys.exit(__doc__)
    limit = int(sys.argv[1])
    frame, calls, unknown = read(sys.argv[2:])
    done, cycle = deepest_paths(frame, calls)
    if cycle:
        sys.exit("recursion: " + " -> ".join(cycle))
    if unknown:
        sys.exit("frames of unknown size: " + ", ".join(unknown))
    public = sorted(((done[f], f) for f in frame if PUBLIC.match(f)), reverse=True)
    if not public:
        sys.exit("no public function found")
    for (size, path), _ in public[:8]:
        print(f"{size:5d}  " + " > ".join(f"{f.split(':')[-1]} {frame.get(f, 0)}" for f in path))
    print(f"{len(public)} public functions, {len(frame)} in all, no recursion; at most {public[0][0][0]} bytes of stack")
    if public[0][0][0] >= limit:
        sys.exit(f"{sum(size >= limit for (size, _), _ in public)} public functions need {limit} bytes or more")


if __name__ == "__main__":
    main()
