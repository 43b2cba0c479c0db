#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""mutate.py [NAME...]: are mistakes in src/libpidns noticed?  Makes one after the other, in a copy, and runs the tests.

Each is one piece of code replaced by another, as a tired engineer might have written it.  The piece must be there exactly
once: one that a change of the code has taken away is to be made anew.  Prints which test noticed each, and ends with 0 when
all were noticed.  With names, only those.  Takes some minutes.
"""
import os
import shutil
import subprocess
import sys
import tempfile

# name, file below src/libpidns, the code, the mistake
MISTAKES = [
    ("wrap-too-late", "number.c", "if (nr >= pid_max)\n\t\tnr = pidns__table_next_free(ns, start);",
     "if (nr > pid_max)\n\t\tnr = pidns__table_next_free(ns, start);"),
    ("wrap-to-one", "number.c", "ns->cursor > PIDNS_RESERVED ? PIDNS_RESERVED : 1;", "1;"),
    ("reserved-at-300", "number.c", "ns->cursor > PIDNS_RESERVED ?", "ns->cursor >= PIDNS_RESERVED ?"),
    ("last-number-never", "number.c", "return nr < pid_max ? (int32_t)nr : 0;",
     "return nr + 1 < pid_max ? (int32_t)nr : 0;"),
    ("pid-max-is-a-number", "number.c", "if (want < 1 || want >= pid_max)\n\t\treturn -PIDNS_EINVAL;",
     "if (want < 1 || want > pid_max)\n\t\treturn -PIDNS_EINVAL;"),
    ("taken-before-rights", "number.c",
     "if (wish->may && !wish->may(wish->ctx, at))\n\t\treturn -PIDNS_EPERM;\n"
     "\treturn pidns__table_is_taken(at, (uint32_t)want) ? -PIDNS_EEXIST : 0;",
     "if (pidns__table_is_taken(at, (uint32_t)want))\n\t\treturn -PIDNS_EEXIST;\n"
     "\treturn wish->may && !wish->may(wish->ctx, at) ? -PIDNS_EPERM : 0;"),
    ("no-init-needed", "number.c", "if (want != 1 && !at->had_init)\n\t\treturn -PIDNS_EINVAL;\n", ""),
    ("wish-moves-cursor", "number.c", "if (!wished)\n\t\tat->cursor = (uint32_t)nr + 1;", "at->cursor = (uint32_t)nr + 1;"),
    ("cursor-rolled-back", "number.c", "if (cursors && before != WISHED", "if (before != WISHED"),
    ("cursor-of-a-refused-birth", "number.c", "ns->cursor = 0; /* R1.44", "; /* R1.44"),
    ("roll-back-forgets-one", "number.c", "give_back(ns, at, id, memory_short);",
     "give_back(ns, at && at != ns ? id->at[at->level + 1].ns : at, id, memory_short);"),
    ("closed-is-asked-first", "number.c", "\tr = id ? grant(ns, wish, id, err) : pidns__fail_plain(err, -PIDNS_ENOMEM);",
     "\tr = ns->closed ? -PIDNS_ENOMEM : id ? grant(ns, wish, id, err) : pidns__fail_plain(err, -PIDNS_ENOMEM);"),
    ("full-is-no-memory", "number.c", "r = nr ? 0 : -PIDNS_EAGAIN;", "r = nr ? 0 : -PIDNS_ENOMEM;"),
    ("last-pid-up-to-pid-max", "ns.c", "value > pidns_ns_pid_max(ns)", "value >= pidns_ns_pid_max(ns)"),
    ("last-pid-is-the-next", "ns.c", "last = (int32_t)ns->cursor - 1;", "last = (int32_t)ns->cursor;"),
    ("pid-max-from-300", "ns.c", "> 301 ? 8 * ns->world->cpus : 301;", "> 300 ? 8 * ns->world->cpus : 300;"),
    ("freed-by-the-group-too-early", "attach.c", "if (id->u.first[kind])\n\t\t\treturn;",
     "if (kind != PIDNS_PGID && id->u.first[kind])\n\t\t\treturn;"),
    ("oldest-member-first", "attach.c", "\tlink->next = *first;\n\tif (*first)\n\t\t(*first)->prev = link;\n\t*first = link;",
     "\tlink->next = NULL;\n\tfor (; *first; first = &(*first)->next)\n\t\tlink->prev = *first;\n\t*first = link;"),
    ("dead-leader-is-a-process", "error.c", "return t->left ? PIDNS_HOLDER_DEAD_LEADER : PIDNS_HOLDER_PROCESS;",
     "return PIDNS_HOLDER_PROCESS;"),
    ("thread-with-pending-namespace", "clone.c",
     "if (thread && self->children_ns != pidns__ns(self))\n\t\treturn -PIDNS_EINVAL;\n", ""),
    ("sibling-of-an-init", "clone.c",
     "if ((a->flags & PIDNS_CLONE_PARENT) && self->process->unkillable)\n\t\treturn -PIDNS_EINVAL;\n", ""),
    ("orphan-of-a-thread-goes-up", "exit.c", "struct pidns_task *to = pidns__live_thread(t->process);\n\n\tif (!to)",
     "struct pidns_task *to = NULL;\n\n\tif (!to)"),
    ("subreaper-of-another-level", "exit.c", "for (; at && at->pid.id->level == t->pid.id->level;",
     "for (; at;"),
    ("exit-signal-survives-the-parent", "exit.c", "\t\tc->exit_signal = PIDNS_SIGCHLD;\n", ""),
    ("last-thread-counts", "exit.c", "if (leader->left && p->threads_len == 1)", "if (leader->left)"),
    ("init-reaps-nobody", "init.c", "\treap_own(p);\n", ""),
    ("namespace-stays-open", "init.c", "\tpidns_ns_close(ns);\n", ""),
    ("dying-init-does-not-wait", "init.c", "return ns->count > (pidns__is_leader(t) ? 1u : 2u);", "return false;"),
    ("heir-is-not-told", "init.c", "\t\tns->reaper = heir; /* R5.17 */\n", ""),
    ("setsid-though-the-group-lives", "group.c", "!leads_session(p) && !pidns_id_is_held(own, PIDNS_PGID)",
     "!leads_session(p)"),
    ("moved-after-exec", "group.c", "\t\tif (p->has_execed)\n\t\t\treturn -PIDNS_EACCES;\n", ""),
    ("group-of-another-session", "group.c",
     "if (!member || member->process->link[PIDNS_SID].id != self->process->link[PIDNS_SID].id)", "if (!member)"),
    ("kill-all-takes-the-init", "signal.c", "pidns__seen(p->link[PIDNS_TGID].id, self) <= 1", "pidns__seen(p->link[PIDNS_TGID].id, self) < 1"),
    ("exec-keeps-the-old-number", "exec.c", "\tpidns_exchange(&self->pid, &old->pid, PIDNS_PID);\n", ""),
    ("wait-takes-anyones-child", "wait.c", "((wait->options & PIDNS_WALL) || clone_child == ((wait->options & PIDNS_WCLONE) != 0))",
     "(wait->options || !clone_child)"),
    ("nowait-reaps", "wait.c", "if (!(options & PIDNS_WNOWAIT))", "if (options)"),
    ("dead-waiters-do-not-look", "task.c", "\tif (!t->paused)\n\t\tpidns__look_again(t);",
     "\tif (!t->paused && !t->doomed)\n\t\tpidns__look_again(t);"),
    ("stopped-at-once-forgotten", "deliver.c", "\tp->stop_told = false;\n", ""),
]

UNITS = ["first", "number", "wish", "identity", "calls", "check", "table", "memory", "oracle"]
TESTS = [[f"tests/libpidns/test_pidns_{unit}"] for unit in UNITS[:7]]
TESTS += [["tests/cases/test-cases-model"]]
TESTS += [[f"tests/libpidns/test_pidns_{unit}"] for unit in UNITS[7:]]
TESTS += [["tests/random/test-random", "--model", "--ops", "20000"], ["tests/random/test-random", "--ops", "20000"]]


def notices(build):
    """The first test that fails, or None."""
    for test in TESTS:
        try:
            done = subprocess.run([os.path.join(build, test[0])] + test[1:], stdout=subprocess.PIPE,
                                  stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, timeout=120, check=False)
        except subprocess.TimeoutExpired:
            return " ".join(test) + " (it does not end)"
        if done.returncode != 0 or b"\nnot ok " in done.stdout:
            return " ".join(test)
    return None


def make(build):
    done = subprocess.run(["ninja", "-C", build] + sorted({test[0] for test in TESTS}), capture_output=True, text=True,
                          check=False)
    return None if done.returncode == 0 else done.stdout[-1500:]


def main():
    root = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    wanted = sys.argv[1:] or [name for name, *_ in MISTAKES]
    missed = 0
    unknown = set(wanted) - {name for name, *_ in MISTAKES}
    if unknown:
        sys.exit("no such mistake: " + ", ".join(sorted(unknown)))
    with tempfile.TemporaryDirectory(prefix="settid-mutate-") as place:
        source, build = os.path.join(place, "source"), os.path.join(place, "build")
        shutil.copytree(root, source, ignore=shutil.ignore_patterns("build*", ".git", "dist"))
        subprocess.run(["meson", "setup", build, source, "-Dbuildtype=debugoptimized"], check=True,
                       stdout=subprocess.DEVNULL)
        broken = make(build) or notices(build)
        if broken:
            sys.exit(f"without any mistake: {broken}")
        for name, file, code, mistake in MISTAKES:
            if name not in wanted:
                continue
            path = os.path.join(source, "src/libpidns", file)
            with open(path, encoding="utf-8") as f:
                sound = f.read()
            if sound.count(code) != 1:
                missed += 1
                print(f"{name:32} its code is there {sound.count(code)} times, not once", flush=True)
                continue
            with open(path, "w", encoding="utf-8") as f:
                f.write(sound.replace(code, mistake))
            error = make(build)
            by = None if error else notices(build)
            with open(path, "w", encoding="utf-8") as f:
                f.write(sound)
            if error:
                by = None
                print(error)
            missed += by is None
            print(f"{name:32} {'noticed by ' + by if by else 'NOT NOTICED'}", flush=True)
    print(f"{len(wanted)} mistakes, {len(wanted) - missed} noticed")
    return 1 if missed else 0


sys.exit(main())
