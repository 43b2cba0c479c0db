# SPDX-License-Identifier: MIT
"""window.py: for how long the numbers of a reservation are anybody's while a restore takes them over, and how many it loses,
beside busy forkers.

    python3 bench/window.py BUILD [ROUNDS [FORKERS]]        as root; BUILD is a build directory

In a PID namespace of its own, whose count is put right below the tree's numbers before each restore, FORKERS processes fork
and reap without a pause.  Each round reserves what a tree wants, restores it with that reservation, and takes it down; then the
same without a reservation.  Prints a row for each size of tree.
"""
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time

SIZES = (10, 100, 1000)
FIRST = 20000
PID_MAX = 32768  # small: a forker comes round soon


def write_tree(path, size):
    def process(k):
        parent = FIRST if k else 0
        return {"nspid": [FIRST + k], "ppid": parent, "pgid": FIRST, "sid": FIRST, "state": "live"}

    with open(path, "w", encoding="utf-8") as file:
        json.dump({"settid": 1, "processes": [process(k) for k in range(size)]}, file)


def last_pid(number=None):
    with open("/proc/sys/kernel/ns_last_pid", "r+" if number else "r", encoding="utf-8") as file:
        if number:
            file.write(str(number))
        return number or int(file.read())


def first_json(command):
    """What a command that holds says, and the command; None when it failed."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    text = ""
    for line in process.stdout:
        text += line
        if line.startswith("}"):
            return json.loads(text), process
    process.wait()
    return None, process


def end(process):
    if process.poll() is None:
        process.terminate()
    process.wait()
    process.stdout.close()


def with_reservation(settid, tree):
    held, holder = first_json([settid, "reserve", "--json", "--wait", "30", "--socket", "held.sock", "--for", tree])
    last_pid(FIRST - 20)
    said, restorer = first_json([settid, "restore", "--into", "current", "--reservation", "held.sock", "--no-verify", "--json", tree])
    end(restorer)
    end(holder)
    return said["reservation"] if held and said else None


def without(settid, tree):
    last_pid(FIRST - 20)
    said, restorer = first_json([settid, "restore", "--into", "current", "--no-verify", "--json", tree])
    end(restorer)
    return said is not None


def inside(build, rounds, forkers):
    settid = os.path.join(build, "src", "settid", "settid")
    with open("/proc/sys/kernel/pid_max", "w", encoding="utf-8") as file:
        file.write(str(PID_MAX))
    busy = [subprocess.Popen([os.path.join(build, "bench", "forker")], stdout=subprocess.PIPE) for _ in range(forkers)]
    start = time.monotonic()
    print("| processes | window, median | longest | lost a number, and won it back | failed | failed without a reservation |")
    print("| ---: | ---: | ---: | ---: | ---: | ---: |")
    for size in SIZES:
        write_tree("tree", size)
        taken = [with_reservation(settid, "tree") for _ in range(rounds)]
        windows = sorted(t["window_seconds"] * 1e3 for t in taken if t)
        lost = sum(t["lost"] for t in taken if t)
        failed = sum(t is None for t in taken)
        bare = sum(not without(settid, "tree") for _ in range(rounds))
        print(f"| {size:,} | {statistics.median(windows):.1f} ms | {windows[-1]:.1f} ms | {lost} of {rounds} | {failed} | {bare} |", flush=True)
    seconds = time.monotonic() - start
    for process in busy:
        process.terminate()
    forks = sum(int(process.communicate()[0]) for process in busy)
    print(f"{forkers} forkers, {forks / seconds:,.0f} forks a second")


def main():
    build, rounds, forkers = os.path.abspath(sys.argv[1]), *(int(a) for a in (sys.argv[2:] + ["200", "2"][len(sys.argv) - 2 :])[:2])
    if os.environ.get("SETTID_WINDOW_INSIDE"):
        inside(build, rounds, forkers)
        return
    with tempfile.TemporaryDirectory() as directory:
        command = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", "setsid", "-w", sys.executable, os.path.abspath(__file__)]
        environment = dict(os.environ, SETTID_WINDOW_INSIDE="1")
        subprocess.run(command + [build, str(rounds), str(forkers)], cwd=directory, env=environment, check=True)


main()
