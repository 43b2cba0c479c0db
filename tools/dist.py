#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""dist.py OUT-DIR: libpidns as one file each: OUT-DIR/pidns.c and OUT-DIR/pidns.h.

Owns:  nothing in the source tree; writes the two files.
Keeps: the same sources give the same bytes, on any machine: no dates, no paths, files in the order of their names;
       pidns.c includes freestanding headers and "pidns.h" only, whatever the sources include.
A new version's number comes from meson.build, the licence from LICENSE.
"""

import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SOURCES = ROOT / "src" / "libpidns"
HEADERS = ["atomic.h", "bits.h", "internal.h", "table.h"]  # in the order in which they need each other
FREESTANDING = {"limits.h", "stdatomic.h", "stdbool.h", "stddef.h", "stdint.h"}
INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"].*$')

ABOUT = """\
/*
 * {name}: libpidns {version}, the PID subsystem of Linux as a library that needs no operating system: {what}
 *
 * Generated from the sources of settid by `./dev dist`: change those, not this.
 *
 *   cc -std=c11 -O2 -ffreestanding -c pidns.c       with pidns.h beside it; no other file, no libc
 *   -DPIDNS_SINGLE_THREADED                         leaves out locks and atomics, for one thread
 *
{licence}
 */
"""


def fail(text):
    sys.exit("dist.py: " + text)


def version():
    found = re.search(r"^\s*version:\s*'([^']+)'", (ROOT / "meson.build").read_text(), re.M)
    return found.group(1) if found else fail("no version in meson.build")


def about(name, what):
    lines = (ROOT / "LICENSE").read_text().strip().splitlines()
    licence = "\n".join((" * " + line).rstrip() for line in lines)
    return ABOUT.format(name=name, version=version(), what=what, licence=licence)


def body(path, included):
    """The file without its licence line, guard, and includes of its own kind; system headers go into `included`."""
    lines = path.read_text().splitlines()
    if not lines or "SPDX-License-Identifier: MIT" not in lines[0]:
        fail(f"{path.name} does not begin with its licence")
    lines = lines[1:]
    out = []
    depth = 0
    guard = path.name.upper().replace(".", "_")
    for line in lines:
        if path.suffix == ".h" and re.match(rf"#\s*(ifndef|define)\s+PIDNS_{guard}$", line):
            continue
        match = INCLUDE.match(line)
        if match and match.group(1) == '"':
            continue
        if match and match.group(2) == "pidns.h":
            continue
        if match and match.group(2) not in FREESTANDING:
            fail(f"{path.name} includes <{match.group(2)}>, which is not freestanding")
        if match and depth == 0:
            included.add(match.group(2))
            continue
        if re.match(r"#\s*if", line):
            depth += 1
        if re.match(r"#\s*endif", line):
            depth -= 1
            if depth < 0:  # the guard's
                depth = 0
                continue
        out.append(line)
    if depth:
        fail(f"{path.name}: an #if is not closed")
    return re.sub(r"\n{3,}", "\n\n", "\n".join(out)).strip() + "\n"


def static_names(path):
    return set(re.findall(r"^static [^=;(]*?\b([a-z_0-9]+)\(", path.read_text(), re.M))


def check_names(paths):
    owner = {}
    for path in paths:
        for name in static_names(path):
            if name in owner:
                fail(f"{name}() is static in both {owner[name]} and {path.name}: one file cannot hold both")
            owner[name] = path.name


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    out = pathlib.Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    headers = [SOURCES / name for name in HEADERS]
    sources = sorted(SOURCES.glob("*.c"))
    if sorted(headers) != sorted(SOURCES.glob("*.h")):
        fail("the headers of src/libpidns are not those that are listed here")
    check_names(sources)
    included = set()
    parts = [(path.name, body(path, included)) for path in headers + sources]
    text = [about("pidns.c", "the library.")]
    text.append('#include "pidns.h"\n')
    text.append("".join(f"#include <{name}>\n" for name in sorted(included)))
    for name, part in parts:
        text.append(f"/* {' ' + name + ' ':=^112} */\n")
        text.append(part)
    (out / "pidns.c").write_text("\n".join(text))
    header = (ROOT / "include" / "pidns.h").read_text().split("\n", 1)[1]
    (out / "pidns.h").write_text(about("pidns.h", "its header, and its manual.") + header)


if __name__ == "__main__":
    main()
