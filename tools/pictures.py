#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""pictures.py [--check] SETTID: the pictures of trees in README and docs, drawn from trees that are committed.

Owns:   docs/pictures/*.svg, one for each docs/pictures/NAME.json and for each dump of tests/criu/ that FROM_DUMPS names;
        and in the pages below, each block that follows a line <!-- picture: settid ARGUMENTS -->.
Keeps:  (P1) nothing of them is edited by hand: with --check a picture that is not what SETTID draws is named, and the status
             is 1 (tests/house/pictures.sh asks);
        (P2) commands of blocks only read: show, diff, convert, plan.
"""
import pathlib
import re
import shlex
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PICTURES = ROOT / "docs" / "pictures"
FROM_DUMPS = ("zombie-leaders",)
BLOCK = re.compile(r"(<!-- picture: settid ([^\n]*) -->\n```[a-z]*\n)(.*?)(```\n)", re.S)
READ_ONLY = ("show", "diff", "convert", "plan")


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def run(settid, arguments):
    result = subprocess.run([settid, *arguments], cwd=ROOT, capture_output=True, check=False,
                            env={"LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"})
    if result.stderr:
        sys.exit(f"settid {shlex.join(arguments)}: {result.stderr.decode()}")
    return result.stdout.decode()


def drawings(settid):
    """What should be in which file."""
    sources = [(p, p.with_suffix(".svg")) for p in sorted(PICTURES.glob("*.json"))]
    sources += [(ROOT / "tests" / "criu" / name, PICTURES / f"{name}.svg") for name in FROM_DUMPS]
    for source, target in sources:
        yield target, run(settid, ["show", str(source.relative_to(ROOT)), "--format", "svg"])
    for page in pages():
        text = page.read_text()
        yield page, BLOCK.sub(lambda m: m[1] + block(settid, m[2]) + m[4], text)


def block(settid, command):
    arguments = shlex.split(command)
    if arguments[0] not in READ_ONLY:
        sys.exit(f"picture: settid {command}: only {', '.join(READ_ONLY)} draw pictures")
    return f"$ settid {command}\n" + run(settid, arguments)


def main():
    check = sys.argv[1:2] == ["--check"]
    settid = str(pathlib.Path(sys.argv[-1]).resolve())
    stale = 0
    for target, text in drawings(settid):
        if target.exists() and target.read_text() == text:
            continue
        stale += 1
        name = target.relative_to(ROOT)
        if check:
            print(f"{name} is not what settid draws: run tools/pictures.py build/src/settid/settid")
        else:
            target.write_text(text)
            print(name)
    return 1 if check and stale else 0


sys.exit(main())
