# SPDX-License-Identifier: MIT
"""report.py: results as tables, on the terminal, in docs/performance.md and in the README.

Keeps:  docs/performance.json has the last written result of every section, so that one section can be measured
        anew; in docs/performance.md only what stands between a pair of `<!-- bench:NAME -->` and
        `<!-- bench:end -->` is replaced, the prose is people's.
"""
import json
import os
import re

import plot
import plot_pidns

JSON = "docs/performance.json"
PAGE = "docs/performance.md"
PLOT = "docs/performance.svg"
NUMBERS_PLOT = "docs/performance-numbers.svg"
LEVELS_PLOT = "docs/performance-levels.svg"
README = "README.md"


def cell(value):
    if isinstance(value, list):  # a spread
        return f"{value[0]:.2f} – {value[1]:.2f}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}" if value >= 20 else f"{value:.2f}"
    return str(value)


def verdict(bound):
    """A row: what, measured, allowed, spread, met or not."""
    unit = f" {bound['unit']}" if bound["unit"] else ""
    value = f"{bound['value']:.3f}" if bound["at_most"] < 1.1 else f"{bound['value']:.2f}"
    spread = cell(bound["spread"]) if bound["spread"] else ""
    limit = f"≥ {bound['at_least']:g}" if "at_least" in bound else f"{bound['at_most']:g}"
    return [bound["name"], value + unit, limit + unit, spread, "yes" if bound["met"] else "NO"]


VERDICT_HEAD = ["", "measured", "at most", "spread", "met"]

# ------------------------------------------------------------------------------------------------- terminal


def text_table(head, rows):
    cells = [head] + [[cell(value) for value in row] for row in rows]
    widths = [max(len(row[k]) for row in cells) for k in range(len(head))]
    for row in cells:
        line = [row[k].ljust(widths[k]) if k == 0 else row[k].rjust(widths[k]) for k in range(len(row))]
        print("  " + "   ".join(line).rstrip())


def machine_words(machine):
    return f"{machine['cores']} cores, {machine['gib']} GiB, {machine['arch']}, {machine['kernel']}"


def print_text(results):
    print(f"Measured on {machine_words(results['machine'])}, in {results['seconds']} s.\n")
    bounds = []
    for section in results["sections"].values():
        for table in section["tables"]:
            print(table["title"])
            text_table(table["head"], table["rows"])
            if table["note"]:
                print(f"  {table['note']}")
            print()
        bounds += section["bounds"]
    print("Bounds")
    text_table(VERDICT_HEAD, [verdict(bound) for bound in bounds])
    met = sum(bound["met"] for bound in bounds)
    print(f"\n{met} of {len(bounds)} bounds met")


# ------------------------------------------------------------------------------------------------- the page


def markdown_table(head, rows):
    lines = ["| " + " | ".join(head) + " |", "| --- |" + " ---: |" * (len(head) - 1)]
    lines += ["| " + " | ".join(cell(value) for value in row) + " |" for row in rows]
    return "\n".join(lines)


def section_text(section):
    parts = []
    for table in section["tables"]:
        parts.append(f"**{table['title']}**\n\n{markdown_table(table['head'], table['rows'])}")
        if table["note"]:
            parts.append(table["note"])
    return "\n\n".join(parts)


def row_of(sections, section, label):
    """The first table row of a section that begins with this label."""
    for table in sections[section]["tables"]:
        for row in table["rows"]:
            if row[0] == label:
                return row
    raise KeyError(label)


def criu_of(sections):
    """(version, its row of 1,000 processes with jobs), or None: CRIU could not be had."""
    for table in sections.get("criu", {"tables": []})["tables"]:
        for row in table["rows"]:
            if row[:2] == ["jobs", "1,000"]:
                return table["head"][4], row
    return None


def mixed_in_short(sections):
    rows = [row for table in sections["restore"]["tables"] for row in table["rows"] if row[0] == "10,000"]
    words = "restore 10,000 with sessions, groups, zombies and threads"
    return [
        [f"{words}{label}, each", f"{cell(row[at])} µs", f"{cell(row[ratio])} × raw fork loop"]
        for row in rows
        for label, at, ratio in (("", 1, 6), (", proven and verified", 4, 7))
    ]


def criu_in_short(sections):
    found = criu_of(sections)
    if not found:
        return []
    version, row = found
    return [[f"{version}, 1,000 with sessions, groups, zombies and threads: its fork stage, each", f"{cell(row[4])} µs", f"{cell(row[5])} × settid's"]]


def in_short(sections):
    rows = []
    for label in ("settid_spawn", "posix_spawn", "fork + execve"):
        row = row_of(sections, "spawn", label)
        rows.append([f"start a program from a process of 1 GiB: `{label}`", f"{cell(row[1])} µs", f"{cell(row[2])} × clone3 by hand"])
    row = row_of(sections, "fork", "settid_fork")
    rows.append(["fork with a chosen PID: `settid_fork`", f"{cell(row[1])} µs", f"{cell(row[2])} × raw clone3"])
    for label, name in (("settid_fork by set_tid", "set_tid"), ("ns_last_pid by hand: write, fork, compare", "ns_last_pid by hand")):
        row = row_of(sections, "fork", label)
        rows.append([f"beside a busy forker, {name} misses", f"{row[1]} of {row[2]}", ""])
    for row in sections["restore"]["tables"][0]["rows"]:
        if row[1] == "10,000" and row[0] in ("flat", "binary"):
            rows.append([f"restore 10,000 processes ({row[0]} tree), each", f"{cell(row[2])} µs", f"{cell(row[4])} × raw fork loop"])
    rows += mixed_in_short(sections)
    rows += criu_in_short(sections)
    row = row_of(sections, "dump", "one pass of dump")
    rows.append(["read 10,000 processes back from /proc, each", f"{cell(row[1])} µs", f"{cell(row[2])} × bare loop"])
    if "pidns" in sections:
        row = row_of(sections, "pidns", "allocate and free one")
        rows.append(["libpidns: allocate and free a PID, 4 million held", f"{cell(row[1])} ns", f"{row[1] / row[4]:.2f} × radix tree"])
        row = row_of(sections, "pidns", "find, random")
        rows.append(["libpidns: find a PID among 4 million", f"{cell(row[1])} ns", f"{row[1] / row[3]:.2f} × bare two-level table"])
    return markdown_table(["", "measured", "compared"], rows)


def criu_compared(sections):
    found = criu_of(sections)
    if not found:
        return []
    version, row = found
    words = "rebuild 1,000 with sessions, groups, zombies and threads from CRIU's images, each"
    return [[words, f"{row[3]:,.0f} µs", f"{row[2]:,.0f} µs: the same loop, without sessions and groups", f"{row[4]:,.0f} µs: {version}, its fork stage"]]


def compared(sections):
    """The README's table: what a stranger would do instead stands beside it."""

    def us(section, label):
        value = row_of(sections, section, label)[1]
        return f"{value:,.0f} µs"

    missed, of = row_of(sections, "fork", "settid_fork by set_tid")[1:3]
    by_hand = row_of(sections, "fork", "ns_last_pid by hand: write, fork, compare")[1]
    flat = next(row for row in sections["restore"]["tables"][0]["rows"] if row[:2] == ["flat", "10,000"])
    rows = [
        ["start a program from a process of 1 GiB", us("spawn", "settid_spawn"),
         us("spawn", "clone3(VM|VFORK) + execve by hand") + ": `clone3(CLONE_VM\\|CLONE_VFORK)`",
         f"{us('spawn', 'posix_spawn')}: `posix_spawn`; {us('spawn', 'fork + execve')}: fork and exec"],
        ["fork with a chosen number", us("fork", "settid_fork"), us("fork", "clone3 with set_tid") + ": `clone3`, `set_tid`",
         us("fork", "settid_fork by ns_last_pid") + ": `ns_last_pid`"],
        [f"{of} numbers beside a busy forker", f"{missed} refused, 0 wrong", "",
         f"{by_hand} wrong: `ns_last_pid` by hand"],
        ["rebuild 10,000 processes, each", f"{flat[2]:,.0f} µs", f"{flat[3]:,.0f} µs: a loop of forks with `set_tid`", ""],
        *criu_compared(sections),
        ["read 10,000 processes, each", us("dump", "one pass of dump"),
         us("dump", "bare loop over the same files") + ": the same files, opened and read", ""],
    ]
    if "pidns" in sections:
        pair = row_of(sections, "pidns", "allocate and free one")
        rows.append(
            ["libpidns: allocate and free a PID, 4 million held", f"{pair[1]:.0f} ns", f"{pair[3]:.0f} ns: a bitmap and a table, no objects, no threads",
             "; ".join(f"{k:.0f} ns: {name}" for k, name in zip((pair[4], pair[6], pair[5]), ("a radix tree", "Judy", "uthash")) if k != "–")]
        )
    return markdown_table(["", "settid", "by hand, as bare as can be", "others"], rows)


def render_readme(page, stored):
    return replace(page, "compared", compared(stored["sections"]))


def replace(page, name, text):
    mark = re.compile(rf"(<!-- bench:{name} -->\n).*?(<!-- bench:end -->)", re.S)
    if not mark.search(page):
        raise SystemExit(f"bench: the page has no place for {name}")
    return mark.sub(lambda m: f"{m[1]}\n{text}\n\n{m[2]}", page)


def render(page, stored):
    """The page with every table renewed from what is stored."""
    sections = stored["sections"]
    bounds = [verdict(bound) for section in sections.values() for bound in section["bounds"]]
    page = replace(page, "machine", f"Measured on {machine_words(stored['machine'])}.")
    page = replace(page, "short", in_short(sections))
    page = replace(page, "bounds", markdown_table(VERDICT_HEAD, bounds))
    for name, section in sections.items():
        page = replace(page, name, section_text(section))
    return page


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def draw_all(sections):
    """{path: text} of the plots that there are figures for."""
    drawn = {}
    if "restore" in sections and "spawn" in sections:
        drawn[PLOT] = plot.draw(sections["restore"]["curves"], sections["spawn"]["tables"][0])
    if "pidns" in sections:
        drawn[NUMBERS_PLOT] = plot_pidns.draw_numbers(sections["pidns"]["curves"])
        drawn[LEVELS_PLOT] = plot_pidns.draw_levels(sections["pidns"]["curves"])
    return drawn


def write(results):
    sections = json.loads(read(JSON))["sections"] if os.path.exists(JSON) else {}
    sections.update(results["sections"])
    stored = {"machine": results["machine"], "sections": sections}
    texts = {
        JSON: json.dumps(stored, indent=1, ensure_ascii=False) + "\n",
        PAGE: render(read(PAGE), stored),
        README: render_readme(read(README), stored),
        **draw_all(sections),
    }
    for path, text in texts.items():
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
