# SPDX-License-Identifier: MIT
"""common.py: what every section of ./dev bench uses: running the measuring programs, a bound, a line of progress.

Keeps:  nothing that was started outlives its call: a program that takes too long is ended.
"""
import json
import os
import signal
import subprocess
import sys
import time

BUILD = os.path.abspath("build-bench")
SETTID = f"{BUILD}/src/settid/settid"
TIMEOUT = 300  # seconds for one program: ten times what it takes on a busy machine


def run(program, *args):
    command = [f"{BUILD}/bench/{program}", *map(str, args)]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True, timeout=TIMEOUT).stdout


def bound(name, value, at_most, spread=None, unit=""):
    return {"name": name, "value": value, "at_most": at_most, "spread": spread, "unit": unit, "met": value <= at_most}


def say(text):
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\033[K{text}")
        sys.stderr.flush()


class Restore:
    """A tree that stands while the `with` block runs; .result is what `restore --json` says, .wall_s how long the
    whole command took until it said so.  `cpus`: where it and its tree may run."""

    def __init__(self, path, *options, cpus=None):
        pin = (lambda: os.sched_setaffinity(0, cpus)) if cpus else None
        command = [SETTID, "restore", "--json", *options, path]
        start = time.monotonic()
        # pylint: disable-next=consider-using-with,subprocess-popen-preexec-fn # no threads here; __exit__ waits
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, preexec_fn=pin)
        text = ""
        for line in self.process.stdout:
            text += line
            if line.startswith("}"):
                break
        self.wall_s = time.monotonic() - start
        if not text:
            raise subprocess.CalledProcessError(self.process.wait(), command)
        self.result = json.loads(text)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.send_signal(signal.SIGTERM)
        self.process.stdout.close()
        self.process.wait(TIMEOUT)
