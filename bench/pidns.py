# SPDX-License-Identifier: MIT
"""pidns.py: the section `pidns` of ./dev bench: libpidns beside a radix tree, uthash, Judy, CRoaring and a bare bitmap.

A busy machine only ever makes an operation slower, so a figure is the least of its samples: programs of a few seconds take turns,
and inside them all structures do, a millisecond each.  What the machine cannot say in nanoseconds it says as a ratio to the bare
bitmap, whose samples are of the same moments.
"""
SIZES = (10, 100, 1000, 10000, 100000, 1000000, 4000000)
MOST = SIZES[-1]
DEPTHS = (1, 2, 4, 8, 16, 33)
SUBJECTS = (  # name in the programs' lines, heading
    ("libpidns", "libpidns"),
    ("libpidns-single", "single-threaded"),
    ("bare", "bare bitmap"),
    ("radix-tree", "radix tree"),
    ("uthash", "uthash"),
    ("judy", "Judy"),
    ("croaring", "CRoaring"),
)
FIGURES = (
    ("pair", "allocate and free one"),
    ("wished", "allocate a wished number and free it"),
    ("hot", "find, hot"),
    ("random", "find, random"),
    ("get", "find with a reference, hot"),
    ("last-free", "allocate when one is free"),
    ("fill", "fill, each"),
    ("next", "next at or above, dense"),
    ("bytes", "bytes for each, objects included"),
)
DEPTH_FIGURES = ("pair", "wished", "hot", "get", "last-free", "fill", "next", "life")
THREAD_FIGURES = (
    ("look-up", "look-ups"),
    ("load", "plain loads from such a table"),
    ("one", "allocate and free, one namespace"),
    ("two", "allocate and free, two namespaces"),
    ("bitmaps", "a bare bitmap each"),
)


def least(lines, into):
    """Lines "KEY VALUE": the least value of each key."""
    for line in lines.splitlines():
        key, value = line.split()
        into[key] = min(into.get(key, float("inf")), float(value))


def measure_sizes(run, say):
    """{live: {"subject/figure": least}}"""
    found = {live: {} for live in SIZES}
    for turn in range(3):
        for live in SIZES:
            say(f"pidns: {live:,} numbers, turn {turn + 1} of 3")
            least(run("pidns_numbers", live, 2, 8), found[live])
            least(run("pidns_numbers_single", live, 2, 8), found[live])
    return found


def measure_depths(run, say):
    found = {}
    for turn in range(4):
        say(f"pidns: levels, turn {turn + 1} of 4")
        least(run("pidns_levels", 8), found)
        least(run("pidns_levels_single", 8), found)
    return found


def measure_threads(run, say):
    """{"figure-threads": [operations per microsecond, ...]}"""
    say("pidns: threads")
    found = {}
    for line in run("pidns_threads", 40).splitlines():
        key, value = line.split()
        found.setdefault(key, []).append(float(value))
    return found


def usual(values):
    """The upper quartile: of operations per microsecond, what is not disturbed."""
    return sorted(values)[3 * len(values) // 4] if values else 0.0


def scaling(threads, name):
    one, two = usual(threads.get(f"{name}-1")), usual(threads.get(f"{name}-2"))
    return two / one if one else 0.0


def sizes_table(at_most):
    rows = []
    for figure, label in FIGURES:
        values = [at_most.get(f"{subject}/{figure}") for subject, _ in SUBJECTS]
        rows.append([label] + ["–" if value is None else value for value in values])
    head = [""] + [heading for _, heading in SUBJECTS]
    note = (
        "A dash: it cannot, or only by trying one number after the other. CRoaring keeps sets and no pointers; the radix tree, Judy and "
        "the bare bitmap point to one object that is there already; what libpidns allocates and frees has a reference count, four lists, a "
        "number and its namespace."
    )
    return {"title": "4 million numbers held: ns for an operation", "note": note, "head": head, "rows": rows}


def depths_table(depths):
    labels = dict(FIGURES, life="clone3, exit, wait4 (task model)")
    rows = []
    for figure in DEPTH_FIGURES:
        for subject, heading in SUBJECTS[:2]:
            values = [depths.get(f"{subject}/{figure}-{depth}", "–") for depth in DEPTHS]
            rows.append([f"{labels[figure]}: {heading}"] + values)
    head = ["numbers of an identity"] + [str(depth) for depth in DEPTHS]
    return {"title": "By levels: ns for an operation, 10,000 numbers held", "note": "", "head": head, "rows": rows}


def threads_table(threads):
    rows = []
    for name, label in THREAD_FIGURES:
        one, two = (usual(threads.get(f"{name}-{k}")) for k in (1, 2))
        rows.append([label, one, two, scaling(threads, name)])
    note = "Only moments in which both threads had a processor to themselves count."
    return {"title": "Two threads: operations per µs", "note": note, "head": ["", "one thread", "two", "ratio"], "rows": rows}


def targets(bound, at_most, depths, threads):
    def ns(figure, subject="libpidns"):
        return at_most[f"{subject}/{figure}"]

    rows = [
        ("allocate + free one", ns("pair"), 25, "ns"),
        ("allocate + free one, single-threaded", ns("pair", "libpidns-single"), 12, "ns"),
        ("allocate a wished number + free", ns("wished"), 30, "ns"),
        ("find, hot", ns("hot"), 2, "ns"),
        ("find, random over 4 M / bare two-level table", ns("random") / ns("random", "bare"), 1.15, ""),
        ("find with a reference, hot", ns("get"), 8, "ns"),
        ("allocate when one of 4 M is free", ns("last-free"), 60, "ns"),
        ("fill 4 M", ns("fill") * MOST / 1e9, 0.1, "s"),
        ("next at or above, dense", ns("next"), 3, "ns"),
        ("allocate + free, 32 levels below the first", depths["libpidns/pair-33"], 400, "ns"),
        ("memory of an empty namespace", depths["libpidns/empty-0"], 512, "bytes"),
        ("memory of a namespace with 10 numbers, identities aside", depths["libpidns/ten-0"], 1024, "bytes"),
        ("memory for each of 4 M numbers, identities aside", ns("bytes") - 56, 10, "bytes"),
        ("model: clone3 + exit + reap", depths["libpidns/life-1"], 150, "ns"),
    ]
    bounds = [bound(f"libpidns: {name}", value, limit, unit=unit) for name, value, limit, unit in rows]
    least_rows = [
        ("look-ups on two threads / plain loads' scaling", scaling(threads, "look-up") / (scaling(threads, "load") or 1), 0.95),
        ("allocation on two threads, one namespace / one thread", scaling(threads, "one"), 0.8),
        ("allocation on two threads, two namespaces / bitmaps' scaling", scaling(threads, "two") / (scaling(threads, "bitmaps") or 1), 0.95),
    ]
    for name, value, limit in least_rows:
        row = bound(f"libpidns: {name}", value, limit)
        bounds.append({**row, "at_least": limit, "met": value >= limit})
    return bounds


def curves(sizes, depths):
    """{figure: {subject: [[x, ns], ...]}} for both plots."""
    by_size, by_depth = {}, {}
    for figure, _ in FIGURES:
        lines = {}
        for subject, _ in SUBJECTS:
            points = [[live, sizes[live][f"{subject}/{figure}"]] for live in SIZES if f"{subject}/{figure}" in sizes[live]]
            if points:
                lines[subject] = points
        by_size[figure] = lines
    by_size["crowd"] = {
        subject: [[n, depths[f"{subject}/crowd-{n}"]] for n in SIZES if f"{subject}/crowd-{n}" in depths] for subject, _ in SUBJECTS[:2]
    }
    for figure in DEPTH_FIGURES:
        by_depth[figure] = {
            subject: [[n, depths[f"{subject}/{figure}-{n}"]] for n in DEPTHS if f"{subject}/{figure}-{n}" in depths]
            for subject, _ in SUBJECTS[:2]
        }
    return {"numbers": by_size, "levels": by_depth}


def section(run, bound, say):
    depths, threads = measure_depths(run, say), measure_threads(run, say)
    sizes = measure_sizes(run, say)
    return {
        "tables": [sizes_table(sizes[MOST]), depths_table(depths), threads_table(threads)],
        "bounds": targets(bound, sizes[MOST], depths, threads),
        "curves": curves(sizes, depths),
    }
