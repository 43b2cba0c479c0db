#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""trace.py TREE TRACE: is that trace one of a restore of that tree file?  Prints what is wrong, and ends with 1.

Every process and thread has its track and one birth, with an arrow from who made it; every slice is within the time that it is
said to have taken; no track does two things at once; the sums are those of the slices.
"""
import collections
import json
import sys

RESTORER, GUARD = 4194304, 4194305
tree, trace = (json.load(open(path, encoding="utf-8")) for path in sys.argv[1:])
events = trace["traceEvents"]
wrong = []


def of(kind, **match):
    return [e for e in events if e["ph"] == kind and all(e.get(k) == v for k, v in match.items())]


def demand(holds, words):
    if not holds:
        wrong.append(words)


def tracks(t):
    for p in t["processes"]:
        pid = p["nspid"][0]
        for thread in p.get("threads", [{"nspid": p["nspid"]}]):
            yield pid, thread["nspid"][0]


for pid, tid in tracks(tree):
    demand(len(of("M", name="thread_name", pid=pid, tid=tid)) == 1, f"thread {tid} of {pid} has no track")
    births = of("X", name="being born", pid=pid, tid=tid)
    demand(len(births) == 1, f"thread {tid} of {pid} is born {len(births)} times")
    arrows = of("f", pid=pid, tid=tid)
    demand(len(arrows) == 1, f"{len(arrows)} arrows lead to thread {tid} of {pid}")
    for arrow in arrows:
        starts = of("s", id=arrow["id"])
        demand(len(starts) == 1 and starts[0]["ts"] <= arrow["ts"], f"the arrow to {tid} of {pid} comes from nowhere")
        demand(not births or starts[0]["tid"] == births[0]["args"]["maker"], f"{tid} of {pid} has two makers")

for p in tree["processes"]:
    named = of("M", name="process_name", pid=p["nspid"][0])
    demand(len(named) == 1, f"process {p['nspid'][0]} is named {len(named)} times")
    if named and "comm" in p:
        shown = p["comm"].replace("\\", "\\\\")  # so that "\x1b" always was that byte
        demand(named[0]["args"]["name"].startswith(shown), f"process {p['nspid'][0]} is called {named[0]['args']['name']}")

phases = [e["name"] for e in of("X", cat="phase")]
demand(phases == ["read", "plan", "prove", "prepare", "build", "verify"], f"phases are {phases}")
demand(all(e["pid"] == RESTORER for e in of("X", cat="phase")), "phases are somebody else's")
demand(len(of("M", name="process_name", pid=GUARD)) == 1, "no guard")

by_track = collections.defaultdict(list)
for e in of("X"):
    demand(e["ts"] >= 0 and e["dur"] >= 0, f"{e['name']} takes {e['dur']} from {e['ts']}")
    by_track[e["pid"], e["tid"]].append((e["ts"], e["ts"] + e["dur"], e["name"]))
for track, slices in by_track.items():
    slices.sort()
    for (_, end, one), (begin, _, other) in zip(slices, slices[1:]):
        demand(begin >= end - 0.002, f"{track} does '{one}' and '{other}' at once")

end = max(e["ts"] + e["dur"] for e in of("X"))
demand(all(e["ts"] <= end + 1e6 for e in events if "ts" in e), "something is after the end")
other = trace["otherData"]
births = of("X", cat="birth")
calls = [e for e in births if e["name"] != "being born"]
demand(other["births"] == len(calls), f"{other['births']} births, {len(calls)} slices")
demand(abs(other["births_us"] - sum(e["dur"] for e in calls)) < 1, "births do not add up")
waits = of("X", cat="wait")
demand(other["waits"] == len(waits) and abs(other["waits_us"] - sum(e["dur"] for e in waits)) < 1, "waits do not add up")
counts = of("C")
demand(counts and max(e["args"]["standing"] for e in counts) >= len(list(tracks(tree))), "not all stood")

print("\n".join(wrong))
sys.exit(1 if wrong else 0)
