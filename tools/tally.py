#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""tally.py: count real test cases in Meson's testlog.json files.

usage: tools/tally.py [--failed-check NAME]... LOG...

A case is one TAP line ("ok", "not ok"), or a whole program where it does not speak TAP.  A skip is a line
"# SKIP name: reason", a TAP point with a SKIP directive, or a program that says "1..0 # SKIP reason".
What a plan promised and did not deliver has failed, and so has a program that Meson calls failed though all its
lines say ok (it crashed, leaked, or took too long).  With several logs (plain, sanitizers) a case is counted
once: failed if it failed anywhere, skipped if it ran nowhere.

Prints the failures, the skips with their reasons and, as its last line, `N passed, N failed, N skipped`.
Exit status 1 when anything failed or nothing ran.
"""
import json
import re
import sys

POINT = re.compile(r"^(not )?ok\b\s*(\d+)?\s*(?:- )?(.*?)\s*(?:#\s*(SKIP|TODO)\b:?\s*(.*))?$", re.I)
PLAN = re.compile(r"^1\.\.(\d+)(?:\s*#\s*SKIP\b:?\s*(.*))?")
SKIP = re.compile(r"^#\s*SKIP\s+([^:]+):\s*(.*)$", re.I)
BAD = {"FAIL", "ERROR", "TIMEOUT", "INTERRUPT", "UNEXPECTEDPASS"}


def cases_of(run):
    """Yield (case, verdict, reason) of one test program's run; verdict is pass, fail or skip."""
    result = run["result"]
    plan, points, failed = None, 0, 0
    says_tap = False
    for line in (run.get("stdout") or "").splitlines():
        if m := PLAN.match(line):
            says_tap, plan = True, int(m[1])
            if plan == 0:
                yield "", "skip", m[2] or "no reason given"
        elif m := SKIP.match(line):
            says_tap = True
            yield m[1].strip(), "skip", m[2]
        elif m := POINT.match(line):
            says_tap = True
            points += 1
            name = m[3] or f"#{m[2] or points}"
            if m[4]:
                yield name, "skip", m[5] or m[4]
            elif m[1]:
                failed += 1
                yield name, "fail", ""
            else:
                yield name, "pass", ""
    if not says_tap:
        verdict = "skip" if result == "SKIP" else "fail" if result in BAD else "pass"
        yield "", verdict, "exit status 77" if verdict == "skip" else result.lower()
        return
    for missing in range(points + 1, (plan or 0) + 1):
        failed += 1
        yield f"#{missing}", "fail", f"never reported ({result.lower()})"
    if result in BAD and not failed:
        yield "", "fail", f"the program: {result.lower()}, status {run.get('returncode')}"


def main(argv):
    checks, logs = [], []
    args = iter(argv)
    for arg in args:
        if arg == "--failed-check":
            checks.append(next(args))
        else:
            logs.append(arg)
    seen = {}
    for log in logs:
        try:
            with open(log, encoding="utf-8", errors="replace") as f:
                runs = [json.loads(line) for line in f]
        except (OSError, ValueError) as e:
            checks.append(f"{log}: {e}")
            continue
        for run in runs:
            test = run["name"].split(" / ")[-1]
            counted = {}
            for case, verdict, reason in cases_of(run):
                # two cases of one program may share a name: each counts
                nth = counted[case] = counted.get(case, 0) + 1
                old = seen.get((test, case, nth), ("skip", ""))
                if verdict == "fail" or old[0] == "skip":
                    seen[(test, case, nth)] = (verdict, reason)

    tally = {"pass": 0, "fail": len(checks), "skip": 0}
    listed = {"fail": [f"check: {c}" for c in checks], "skip": []}
    for (test, case, _), (verdict, reason) in seen.items():
        tally[verdict] += 1
        if verdict != "pass":
            listed[verdict].append(f"{test}{': ' if case else ''}{case}{f' ({reason})' if reason else ''}")
    for word, title in (("skip", "Skipped"), ("fail", "Failed")):
        if listed[word]:
            print(f"{title}:", *sorted(listed[word]), sep="\n  ")
    print(f"{tally['pass']} passed, {tally['fail']} failed, {tally['skip']} skipped")
    return 1 if tally["fail"] or not sum(tally.values()) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
