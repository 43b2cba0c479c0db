/* SPDX-License-Identifier: MIT */
/*
 * plan_words.c: actors and steps in words.
 *
 * Owns:    the table of operations, which the printed plan and error messages share.
 * Keeps:   names come from files and are made safe for a terminal before they are shown.
 */
#include "plan_words.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>

#define NONE                       \
	{                          \
		PLAN_NOTHING, NULL \
	}
#define WHO                         \
	{                           \
		PLAN_ACTOR, "actor" \
	}
#define COUNTER                         \
	{                               \
		PLAN_COUNTER, "counter" \
	}
#define NUMBER(key)              \
	{                        \
		PLAN_NUMBER, key \
	}

static const struct plan_words words[PLAN_OP_COUNT] = {
	[PLAN_CHILD] = { "child", WHO, NONE, "make %1", NULL, NULL },
	[PLAN_THREAD] = { "thread", WHO, NONE, "make %1", NULL, NULL },
	[PLAN_ENTER] = { "enter", WHO, NUMBER("number"), "have the next children in the namespace of %1",
			 NULL, NULL },
	[PLAN_LEAVE] = { "leave", NONE, NONE, "have children in its own namespace again", NULL, NULL },
	[PLAN_UNSHARE] = { "unshare", NONE, NONE, "have the next children in a new namespace", NULL, NULL },
	[PLAN_SETSID] = { "setsid", NONE, NONE, "found a session", NULL, NULL },
	[PLAN_SETPGID] = { "setpgid", NUMBER("group"), NONE, "join process group %1", "found a process group",
			   NULL },
	[PLAN_SETPGID_CHILD] = { "setpgid_child", WHO, NUMBER("group"), "move %1 to process group %2", NULL,
				 NULL },
	[PLAN_SETPGID_LIKE] = { "setpgid_like",
				WHO,
				{ PLAN_ACTOR, "founder" },
				"move %1 to the process group that %2 founded",
				NULL,
				NULL },
	[PLAN_SETPGID_OUTSIDE] = { "setpgid_outside", WHO, NONE, "move %1 to the process group outside", NULL,
				   NULL },
	[PLAN_LISTEN] = { "listen", NUMBER("descriptor"), NONE, "keep descriptor %1 to be told a number by",
			  "keep descriptor 0 to be told a number by", NULL },
	[PLAN_TELL] = { "tell", NUMBER("descriptor"), NONE, "tell the guard its number, by descriptor %1",
			"tell the guard its number, by descriptor 0", NULL },
	[PLAN_HEAR] = { "hear", WHO, NUMBER("descriptor"),
			"learn the number of %1 out there, by descriptor %2", NULL, NULL },
	[PLAN_NAME] = { "name", { PLAN_TEXT, "name" }, NONE, "take the name %1", NULL, NULL },
	[PLAN_SUBREAPER] = { "subreaper",
			     { PLAN_FLAG, "on" },
			     NONE,
			     "become a subreaper",
			     "be no subreaper",
			     NULL },
	[PLAN_ADD] = { "add", COUNTER, NUMBER("count"), "tell those who wait for %1", NULL, NULL },
	[PLAN_WAIT] = { "wait", COUNTER, NONE, "wait for %1", NULL, NULL },
	[PLAN_KILL] = { "kill", WHO, NUMBER("signal"), "send %1 signal %2", NULL, NULL },
	[PLAN_WAIT_DEAD] = { "wait_dead", WHO, NONE, "see %1 dead", NULL, NULL },
	[PLAN_WAIT_STOPPED] = { "wait_stopped", WHO, NONE, "see %1 stopped", NULL, NULL },
	[PLAN_BURY] = { "bury", WHO, NONE, "see %1 dead, and reap it", NULL, NULL },
	[PLAN_LEASH] = { "leash", WHO, NONE, "die with %1 from now on", NULL, NULL },
	[PLAN_UNLEASH] = { "unleash", NONE, NONE, "outlive its parent's leader thread", NULL, NULL },
	[PLAN_CONTINUE] = { "continue", WHO, NONE, "see %1 stopped, and continue it", NULL, NULL },
	[PLAN_WAIT_LEADER] = { "wait_leader", WHO, NONE, "see the leader thread of %1 gone", NULL, NULL },
	[PLAN_REEXEC] = { "reexec", NUMBER("nth"), NONE, "execve itself, and have SIGCHLD as its exit signal",
			  "execve itself, and have SIGCHLD as its exit signal", NULL },
	[PLAN_DONE] = { "done", NONE, NONE, "report that it stands", NULL, NULL },
	[PLAN_HOLD] = { "hold", NONE, NONE, "hold", NULL, NULL },
	[PLAN_EXEC] = { "exec", NUMBER("program"), NONE, "start its program", "start its program", NULL },
	[PLAN_STOP] = { "stop", NUMBER("signal"), NONE, "stop by signal %1", NULL, NULL },
	[PLAN_EXIT] = { "exit", NUMBER("code"), NONE, "exit with %1", "exit with 0", NULL },
	[PLAN_DIE] = { "die",
		       NUMBER("signal"),
		       { PLAN_FLAG, "core" },
		       "die from signal %1",
		       NULL,
		       "die from signal %1 with a core dump" },
	[PLAN_EXIT_THREAD] = { "exit_thread", NONE, NONE, "end its leader thread", NULL, NULL },
	[PLAN_REAP] = { "reap", WHO, NONE, "reap orphans until %1 ends", NULL, NULL },
	[PLAN_GUARD] = { "guard", NONE, NONE, "watch the restorer", NULL, NULL },
};

const struct plan_words *plan__words(uint32_t op)
{
	return op < PLAN_OP_COUNT && words[op].name ? &words[op] : NULL;
}

const char *plan_op_name(uint32_t op)
{
	const struct plan_words *w = plan__words(op);

	return w ? w->name : "?";
}

static int level_0(const struct plan *p, const struct plan_actor *a)
{
	return (int)p->numbers[a->numbers + a->numbers_len - 1u];
}

void plan_actor_describe(const struct plan *p, const struct tree *t, uint32_t actor, char *buf, size_t size)
{
	const struct plan_actor *a = &p->actors[actor];
	const struct tree_process *proc = a->process == TREE_NONE ? NULL : &t->processes[a->process];

	switch ((enum plan_kind)a->kind) {
	case PLAN_KIND_GUARD:
		snprintf(buf, size, "the guard");
		break;
	case PLAN_KIND_INIT:
		snprintf(buf, size, "the helper init");
		break;
	case PLAN_KIND_PROCESS:
		snprintf(buf, size, "process %d", (int)proc->nspid[0]);
		break;
	case PLAN_KIND_GHOST:
		snprintf(buf, size, "ghost %d", level_0(p, a));
		break;
	case PLAN_KIND_HELPER:
		snprintf(buf, size, "helper %d", level_0(p, a));
		break;
	case PLAN_KIND_THREAD:
		snprintf(buf, size, "thread %d of %d", (int)proc->threads[a->thread].nspid[0],
			 (int)proc->nspid[0]);
		break;
	}
}

uint32_t *plan__fillers(const struct plan *p)
{
	uint32_t *fillers = malloc((p->counters_len + 1) * sizeof *fillers);

	for (uint32_t k = 0; fillers && k < p->counters_len; k++)
		fillers[k] = p->actors_len; /* nobody yet */
	for (uint32_t a = 0; fillers && a < p->actors_len; a++) {
		for (uint32_t k = 0; k < p->actors[a].steps_len; k++) {
			const struct plan_step *s = &p->steps[p->actors[a].first_step + k];

			if (s->op == PLAN_ADD)
				fillers[s->a] = fillers[s->a] == p->actors_len || fillers[s->a] == a
							? a
							: PLAN_SEVERAL;
		}
	}
	return fillers;
}

static void put_counter(const struct plan *p, const struct tree *t, uint32_t counter, const uint32_t *fillers,
			bool waits, struct text *out)
{
	char who[96];

	if (!waits || !fillers) {
		text_printf(out, "counter %u", counter);
	} else if (fillers[counter] < p->actors_len) {
		plan_actor_describe(p, t, fillers[counter], who, sizeof who);
		text_printf(out, "%s (counter %u)", who, counter);
	} else {
		text_printf(out, "%u others (counter %u)", p->counters[counter], counter);
	}
}

static void put_operand(const struct plan *p, const struct tree *t, enum plan_operand kind, uint32_t v,
			bool unicode, struct text *out)
{
	char who[96];

	switch (kind) {
	case PLAN_ACTOR:
		plan_actor_describe(p, t, v, who, sizeof who);
		text_puts(out, who);
		break;
	case PLAN_TEXT:
		text_puts(out, "\"");
		text_put_safe(out, (struct tree_str){ p->text + v, strlen(p->text + v) },
			      unicode ? TEXT_UTF8 : TEXT_ASCII);
		text_puts(out, "\"");
		break;
	default:
		text_printf(out, "%u", v);
		break;
	}
}

void plan__step_text(const struct plan *p, const struct tree *t, const struct plan_step *s,
		     const uint32_t *fillers, bool unicode, struct text *out)
{
	const struct plan_words *w = plan__words(s->op);
	const char *c = !w                          ? "?"
			: w->if_a_is_0 && s->a == 0 ? w->if_a_is_0
			: w->if_b_is_1 && s->b == 1 ? w->if_b_is_1
						    : w->sentence;

	for (; *c; c++) {
		if (c[0] != '%') {
			text_put(out, c, 1);
			continue;
		}
		if (*++c == '2')
			put_operand(p, t, w->b.kind, s->b, unicode, out);
		else if (w->a.kind == PLAN_COUNTER)
			put_counter(p, t, s->a, fillers, s->op == PLAN_WAIT, out);
		else
			put_operand(p, t, w->a.kind, s->a, unicode, out);
	}
}

void plan_step_describe(const struct plan *p, const struct tree *t, const struct plan_step *s, char *buf,
			size_t size)
{
	struct text text = { 0 };

	plan__step_text(p, t, s, NULL, true, &text);
	snprintf(buf, size, "%s", text_str(&text));
	text_done(&text);
}
