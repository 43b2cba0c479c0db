/* SPDX-License-Identifier: MIT */
/*
 * check_numbers.c: is each wanted number free, and if not, who has it and what is to be done.
 *
 * Only level 0 of a tree that goes into an existing namespace meets others: all deeper levels, and all of them with
 * --into new, are namespaces that do not exist yet.
 * Processes that the plan needs for a while only are given numbers that are free, by the restore itself.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check_internal.h"
#include "libsettid/ask.h"

#define RESERVATION_NAME "settid-reserve" /* what libsettid's placeholders are called */

/* ----------------------------------------------------------------------------------------- holders -- */

static struct settid_error holder_of(const struct inventory_number *n)
{
	struct settid_error e = { .code = -EEXIST,
				  .reason = SETTID_REASON_TAKEN,
				  .level = -1,
				  .ns_level = -1,
				  .number = n->number,
				  .holder = (enum settid_holder)n->holder,
				  .holder_members = n->members,
				  .step_index = -1 };

	if (e.holder == SETTID_HOLDER_ZOMBIE)
		e.holder_parent = n->pid;
	else
		e.holder_pid = n->pid;
	snprintf(e.holder_comm, sizeof e.holder_comm, "%s", n->comm);
	return e;
}

/* "812 (sh)" */
static void person(const struct settid_error *e, pid_t pid, char out[96])
{
	if (pid > 0 && e->holder_comm[0])
		snprintf(out, 96, "%d (%s)", (int)pid, e->holder_comm);
	else if (pid > 0)
		snprintf(out, 96, "%d", (int)pid);
	else
		snprintf(out, 96, "%s",
			 e->holder_comm[0] ? e->holder_comm : "a process that is not visible here");
}

static void holder_words(const struct settid_error *e, char *out, size_t size)
{
	char who[96];

	person(e, e->holder == SETTID_HOLDER_ZOMBIE ? e->holder_parent : e->holder_pid, who);
	switch (e->holder) {
	case SETTID_HOLDER_PROCESS:
		if (strcmp(e->holder_comm, RESERVATION_NAME) == 0)
			snprintf(out, size, "is reserved by settid");
		else
			snprintf(out, size, "is the process %s", who);
		break;
	case SETTID_HOLDER_THREAD:
		snprintf(out, size, "is a thread of %s", who);
		break;
	case SETTID_HOLDER_ZOMBIE:
		snprintf(out, size, "is a zombie, child of %s", who);
		break;
	case SETTID_HOLDER_DEAD_LEADER:
		snprintf(out, size, "is the dead leader of %s, whose other threads live", who);
		break;
	case SETTID_HOLDER_GROUP:
	case SETTID_HOLDER_SESSION:
		snprintf(out, size, "is still a %s's number, kept by %s%s",
			 e->holder == SETTID_HOLDER_GROUP ? "process group" : "session", who,
			 e->holder_members > 1 ? " and others" : "");
		break;
	case SETTID_HOLDER_NONE:
		snprintf(out, size, "was taken a moment ago");
		break;
	case SETTID_HOLDER_UNSEEN:
		snprintf(out, size, "is taken by somebody who is not visible from here");
		break;
	}
}

/* They have no memory, as the dead have none; status says so to everybody, a missing program only to root. */
static bool is_kernel_thread(pid_t pid)
{
	char path[48], line[256];
	bool read = false, other = false;
	FILE *f;

	snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
	f = fopen(path, "re");
	while (f && !other && fgets(line, sizeof line, f)) {
		read = true;
		other = strncmp(line, "VmSize:", 7) == 0 || strncmp(line, "State:\tZ", 8) == 0;
	}
	if (f)
		fclose(f);
	return read && !other;
}

/* The first process and kernel threads stay, whatever one does. */
static bool cannot_end(const struct check *c, const struct settid_error *e)
{
	return e->holder_pid == 1 || (c->here && e->holder_pid > 0 && is_kernel_thread(e->holder_pid));
}

/* One line: what makes this number free, and the way around it where there is one. */
static void advise(const struct check *c, struct check_finding *f)
{
	const struct settid_error *e = &f->holder;
	const char *around = c->new_would_do ? ", or use --into new" : "";
	const char *others = e->holder_members ? ", and whoever else is in its group or session" : "";
	char who[96];

	person(e, e->holder == SETTID_HOLDER_ZOMBIE ? e->holder_parent : e->holder_pid, who);
	if (e->holder != SETTID_HOLDER_ZOMBIE && cannot_end(c, e)) {
		check_advise(f, "%s",
			     c->new_would_do ? "it cannot be ended: use --into new"
					     : "it cannot be ended: restore in another PID namespace");
		return;
	}
	switch (e->holder) {
	case SETTID_HOLDER_PROCESS:
		if (strcmp(e->holder_comm, RESERVATION_NAME) == 0)
			check_advise(f, "restore with --reservation SOCKET, or end its settid reserve");
		else
			check_advise(f, "end %s%s%s", who, others, around);
		break;
	case SETTID_HOLDER_THREAD:
	case SETTID_HOLDER_DEAD_LEADER:
		check_advise(f, "end %s with all its threads%s%s", who, others, around);
		break;
	case SETTID_HOLDER_ZOMBIE:
		check_advise(f, "reap it: its parent is %s%s%s", who,
			     e->holder_members ? ", and end whoever is in its group or session" : "", around);
		break;
	case SETTID_HOLDER_GROUP:
	case SETTID_HOLDER_SESSION:
		check_advise(f, "end %s%s%s", who, e->holder_members > 1 ? " and the other members" : "",
			     around);
		break;
	case SETTID_HOLDER_NONE:
		check_advise(f, "try again");
		break;
	case SETTID_HOLDER_UNSEEN:
		check_advise(f, "look for it as root, or from the machine's own namespace%s", around);
		break;
	}
}

static void say_taken(struct check *c, int32_t number, const struct settid_error *holder, const char *whose)
{
	char words[200];
	struct check_finding *f;

	holder_words(holder, words, sizeof words);
	f = check_add(c, CHECK_NUMBERS, CHECK_FAILS, "%d, for %s, %s", (int)number, whose, words);
	if (!f)
		return;
	f->level = 0;
	f->number = number;
	f->holder = *holder;
	advise(c, f);
}

/* ------------------------------------------------------------------------------------------ asking -- */

enum outcome { FREE, TAKEN, REFUSED };

/* A refusal that has nothing to do with this number: said once, the rest need not be asked. */
static void say_refused(struct check *c, int32_t number, const struct settid_error *e)
{
	struct check_finding *f;

	if (e->code == -EINVAL)
		return; /* beyond pid_max: check_pid_max() says by how much */
	f = check_add(c, CHECK_NUMBERS, e->code == -EPERM ? CHECK_FAILS : CHECK_UNKNOWN,
		      "the kernel refuses %d: %s", (int)number, e->text);
	if (e->reason == SETTID_REASON_PROCESS_LIMIT)
		check_advise(f, "raise the limit on processes");
	else
		check_advise(f, "see settid probe");
}

static enum outcome ask(struct check *c, const struct settid__asker *asker, const struct tree_want *w,
			const char *whose)
{
	const struct inventory_number *n = inventory_find(c->inv, w->number);
	struct settid_error e = { 0 };

	if (!asker) {
		if (!n)
			return FREE;
		e = holder_of(n);
	} else {
		int r = settid__ask_number(asker, w->number, &e);

		/* one's own number is free once one has answered */
		if (r == 0 || (e.holder == SETTID_HOLDER_PROCESS && e.holder_pid == getpid()))
			return FREE;
		if (r != -EEXIST) {
			say_refused(c, w->number, &e);
			return r == -EINVAL ? FREE : REFUSED;
		}
		if (n && c->n->o.into == RESTORE_CURRENT && !e.holder_members)
			e.holder_members = n->members;
	}
	say_taken(c, w->number, &e, whose);
	return TAKEN;
}

static void ask_for_all(struct check *c, const struct settid__asker *asker)
{
	size_t before = c->report->len;

	for (size_t i = 0; i < c->n->wants_len; i++) {
		const struct tree_want *w = &c->n->wants[i];
		char whose[96];

		tree_want_words(c->n->t, w, whose, sizeof whose);
		if (ask(c, asker, w, whose) == REFUSED)
			break;
	}
	if (c->report->len == before)
		check_add(c, CHECK_NUMBERS, CHECK_WORKS, "%zu wanted at level 0, all free", c->n->wants_len);
}

void check_numbers(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	struct settid__asker asker;
	bool can_ask; /* without clone3's set_tid, or the right, nobody can be asked */

	if (c->n->o.into == RESTORE_NEW) {
		check_add(c, CHECK_NUMBERS, CHECK_WORKS, "all free: every level is a new namespace");
		return;
	}
	asker = c->here ? settid__asker_now() : (struct settid__asker){ 0 };
	can_ask = c->here && m->set_tid == SETTID_YES && m->may_choose == SETTID_YES && !asker.fresh;
	if (!can_ask && c->n->o.into == RESTORE_PID)
		check_add(c, CHECK_NUMBERS, CHECK_UNKNOWN, "that namespace's numbers cannot be asked for");
	else
		ask_for_all(c, can_ask ? &asker : NULL);
}

/* ----------------------------------------------------------------------------------------- pid_max -- */

void check_pid_max(struct check *c)
{
	const struct machine *m = &c->inv->machine;
	bool told = false;

	for (unsigned level = 0; level < TREE_LEVEL_MAX; level++) {
		int32_t want = c->n->highest[level];
		bool existing = level == 0 && c->n->o.into != RESTORE_NEW;
		int max = existing ? m->pid_max : m->new_pid_max;
		struct check_finding *f;

		if (!want)
			break;
		if (want == 1)
			continue;
		if (max > want)
			continue;
		told = true;
		if (max <= 0) {
			check_add(c, CHECK_PID_MAX, CHECK_UNKNOWN, "level %u: pid_max cannot be found out",
				  level);
			continue;
		}
		f = check_add(c, CHECK_PID_MAX, CHECK_FAILS, "level %u: %d is wanted, and pid_max is %d",
			      level, (int)want, max);
		if (f) {
			f->level = (int)level;
			f->number = want;
		}
		check_advise(f, "raise pid_max to at least %d", (int)want + 1);
	}
	if (!told)
		check_add(c, CHECK_PID_MAX, CHECK_WORKS, "every number is below its level's");
}
