/* SPDX-License-Identifier: MIT */
/*
 * check_limits.c: processes, memory and core files: what a plan needs, and what is left.
 */
#include <inttypes.h>
#include <string.h>

#include "check_internal.h"

#define PROCESS_SIZE 28672 /* bytes: kernel and stack, measured on 6.18 (24 to 26 KiB) */

static void check_left(struct check *c, enum check_topic topic, int64_t left, const char *limit,
		       const char *advice)
{
	int64_t need = c->n->stay, most = c->n->births;

	if (left == MACHINE_UNLIMITED)
		check_add(c, topic, CHECK_WORKS, "no limit");
	else if (left == MACHINE_UNKNOWN)
		check_add(c, topic, CHECK_UNKNOWN, "%s cannot be found out", limit);
	else if (left < need)
		check_advise(check_add(c, topic, CHECK_FAILS,
				       "%s leaves %" PRId64 " more processes and threads, and %" PRId64
				       " are needed",
				       limit, left, need),
			     "raise %s by at least %" PRId64, advice, need - left);
	else if (left < most)
		check_advise(check_add(c, topic, CHECK_UNKNOWN,
				       "%s leaves %" PRId64 " more processes and threads, and up to %" PRId64
				       " are there at once",
				       limit, left, most),
			     "raise %s by %" PRId64, advice, most - left);
	else
		check_add(c, topic, CHECK_WORKS, "%" PRId64 " needed, %" PRId64 " left", most, left);
}

/* Births into a new namespace have numbers of the existing one too, by the kernel's count; the restorer itself has one. */
static void check_numbers_left(struct check *c)
{
	int64_t left = inventory_left(c->inv), need = c->n->stay + 1, most = c->n->births + 1;

	if (c->n->o.into != RESTORE_NEW || left == MACHINE_UNKNOWN || left >= most)
		return;
	check_advise(check_add(c, CHECK_NUMBERS, left < need ? CHECK_FAILS : CHECK_UNKNOWN,
			       "this PID namespace has %" PRId64 " free numbers, and %s%" PRId64
			       " processes and threads will have one at once",
			       left, left < need ? "" : "up to ", left < need ? need : most),
		     "raise pid_max by at least %" PRId64, most - left);
}

static void check_memory(struct check *c)
{
	int64_t need = c->n->births * PROCESS_SIZE, left = c->inv->machine.memory_left;

	if (left == MACHINE_UNKNOWN)
		check_add(c, CHECK_MEMORY, CHECK_UNKNOWN, "what is left of it cannot be found out");
	else if (left < need)
		check_advise(check_add(c, CHECK_MEMORY, CHECK_FAILS,
				       "%" PRId64 " MiB are left, and about %" PRId64 " MiB are needed",
				       left >> 20, (need >> 20) + 1),
			     "free memory, or raise the memory cgroup's limit");
	else
		check_add(c, CHECK_MEMORY, CHECK_WORKS, "about %" PRId64 " MiB of %" PRId64 " MiB",
			  (need >> 20) + 1, left >> 20);
}

void check_limits(struct check *c)
{
	const struct machine *m = &c->inv->machine;

	check_numbers_left(c);
	check_left(c, CHECK_USER_LIMIT, m->user_left, "RLIMIT_NPROC", "it (ulimit -u)");
	check_left(c, CHECK_CGROUP, m->cgroup_left, "the pids cgroup", "pids.max");
	check_left(c, CHECK_THREADS_MAX, m->threads_left, "threads-max", "/proc/sys/kernel/threads-max");
	check_memory(c);
}

void check_core(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	struct check_finding *f;

	if (!c->n->plan->needs_core)
		return;
	if (m->core_limit_zero) {
		f = check_add(c, CHECK_CORE, CHECK_FAILS,
			      "a zombie has the core flag, and the hard limit on core files is 0");
		check_advise(f, "raise it (ulimit -Hc), or accept the loss with --no-core");
	} else if (m->core_pattern[0] == '\0' || m->core_pattern[0] == '|' || strchr(m->core_pattern, '/')) {
		f = check_add(
			c, CHECK_CORE, CHECK_FAILS,
			"a zombie has the core flag, and core_pattern \"%s\" would send its dump elsewhere, "
			"or nowhere",
			m->core_pattern);
		check_advise(f, "set core_pattern to a plain file name, or accept the loss with --no-core");
	} else {
		check_add(c, CHECK_CORE, CHECK_WORKS, "the dump can be made, and vanishes");
	}
}

void check_execve(struct check *c)
{
	struct check_finding *f;

	if (!c->n->plan->reexecs_len)
		return;
	switch (c->inv->machine.memfds_run) {
	case SETTID_YES:
		check_add(c, CHECK_EXECVE, CHECK_WORKS,
			  "a process that lost its exit signal by execve can do so");
		break;
	case SETTID_NO:
		f = check_add(c, CHECK_EXECVE, CHECK_FAILS,
			      "a process lost its exit signal by execve, and here no memfd can be executed");
		check_advise(f, "set the sysctl vm.memfd_noexec to 0 or 1");
		break;
	default:
		check_add(c, CHECK_EXECVE, CHECK_UNKNOWN,
			  "a process lost its exit signal by execve; whether a memfd can be executed cannot "
			  "be told");
	}
}
