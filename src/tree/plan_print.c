/* SPDX-License-Identifier: MIT */
/*
 * plan_print.c: a plan in words, as JSON and as a graph.
 *
 * Owns:    the names of operations: one table, which the printed plan and error messages share.
 */
#include "plan.h"

#include <jansson.h>
#include <string.h>

enum operand { NOTHING, ACTOR, NUMBER, TEXT, COUNTER };

static const struct {
	const char *name;
	enum operand a, b;
	const char *sentence; /* %1 and %2 are the operands */
} ops[PLAN_OP_COUNT] = {
	[PLAN_CHILD] = { "child", ACTOR, NOTHING, "make %1" },
	[PLAN_THREAD] = { "thread", ACTOR, NOTHING, "make %1" },
	[PLAN_ENTER] = { "enter", ACTOR, NOTHING, "enter the namespace of %1 for its next children" },
	[PLAN_LEAVE] = { "leave", NOTHING, NOTHING, "have children in its own namespace again" },
	[PLAN_OPEN] = { "open", ACTOR, NUMBER, "keep a descriptor of %1" },
	[PLAN_ENTER_OPEN] = { "enter_open", ACTOR, NUMBER,
			      "enter the namespace of %1, by its descriptor, for its next children" },
	[PLAN_SETSID] = { "setsid", NOTHING, NOTHING, "found a session" },
	[PLAN_SETPGID] = { "setpgid", NUMBER, NOTHING, "join process group %1" },
	[PLAN_SETPGID_CHILD] = { "setpgid_child", ACTOR, NUMBER, "move %1 to process group %2" },
	[PLAN_NAME] = { "name", TEXT, NOTHING, "take the name %1" },
	[PLAN_SUBREAPER] = { "subreaper", NUMBER, NOTHING, "declare itself subreaper" },
	[PLAN_ADD] = { "add", COUNTER, NUMBER, "tell %1" },
	[PLAN_WAIT] = { "wait", COUNTER, NOTHING, "wait for %1" },
	[PLAN_KILL] = { "kill", ACTOR, NUMBER, "send signal %2 to %1" },
	[PLAN_WAIT_DEAD] = { "wait_dead", ACTOR, NOTHING, "see %1 dead" },
	[PLAN_WAIT_STOPPED] = { "wait_stopped", ACTOR, NOTHING, "see %1 stopped" },
	[PLAN_WAIT_LEADER] = { "wait_leader", ACTOR, NOTHING, "see the leader thread of %1 gone" },
	[PLAN_DONE] = { "done", NOTHING, NOTHING, "report that it stands" },
	[PLAN_HOLD] = { "hold", NOTHING, NOTHING, "hold" },
	[PLAN_EXEC] = { "exec", NUMBER, NOTHING, "start its program" },
	[PLAN_STOP] = { "stop", NUMBER, NOTHING, "stop by signal %1" },
	[PLAN_EXIT] = { "exit", NUMBER, NOTHING, "exit with %1" },
	[PLAN_DIE] = { "die", NUMBER, NOTHING, "die from signal %1" },
	[PLAN_EXIT_THREAD] = { "exit_thread", NOTHING, NOTHING, "end its leader thread" },
	[PLAN_REAP] = { "reap", NOTHING, NOTHING, "reap orphans" },
	[PLAN_GUARD] = { "guard", NOTHING, NOTHING, "watch the restorer" },
};

const char *plan_op_name(uint32_t op)
{
	return op < PLAN_OP_COUNT && ops[op].name ? ops[op].name : "?";
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
	case PLAN_KIND_THREAD:
		snprintf(buf, size, "thread %d of %d", (int)proc->threads[a->thread].nspid[0],
			 (int)proc->nspid[0]);
		break;
	}
}

static void operand(const struct plan *p, const struct tree *t, enum operand kind, uint32_t v, char *buf,
		    size_t size)
{
	buf[0] = '\0';
	if (kind == ACTOR)
		plan_actor_describe(p, t, v, buf, size);
	else if (kind == TEXT)
		snprintf(buf, size, "\"%s\"", p->text + v);
	else if (kind == COUNTER)
		snprintf(buf, size, "counter %u (full at %u)", v, p->counters[v]);
	else if (kind == NUMBER)
		snprintf(buf, size, "%u", v);
}

void plan_step_describe(const struct plan *p, const struct tree *t, const struct plan_step *s, char *buf,
			size_t size)
{
	char a[96], b[96];
	size_t at = 0;
	const char *c = s->op < PLAN_OP_COUNT && ops[s->op].sentence ? ops[s->op].sentence : "?";

	if (s->op == PLAN_SETPGID && s->a == 0)
		c = "found a process group";
	operand(p, t, ops[s->op].a, s->a, a, sizeof a);
	operand(p, t, ops[s->op].b, s->b, b, sizeof b);
	if (size == 0)
		return;
	for (; *c && at + 1 < size; c++) {
		const char *word = c[0] == '%' && c[1] == '1' ? a : c[0] == '%' && c[1] == '2' ? b : NULL;

		if (!word) {
			buf[at++] = *c;
			continue;
		}
		for (c++; *word && at + 1 < size; word++)
			buf[at++] = *word;
	}
	buf[at] = '\0';
}

/* "as {1, 42}": what set_tid will say, innermost first. */
static void print_numbers(const struct plan *p, const struct plan_actor *a, FILE *out)
{
	if (!a->numbers_len)
		return;
	fputs(", set_tid {", out);
	for (uint8_t k = 0; k < a->numbers_len; k++)
		fprintf(out, "%s%d", k ? ", " : "", (int)p->numbers[a->numbers + k]);
	fputs("}", out);
	if (a->flags & PLAN_NEWPID)
		fputs(", in a new PID namespace", out);
	if (a->flags & PLAN_OWN_MEMORY)
		fputs(", with memory of its own", out);
}

/* Names come from files: nothing below a blank may reach a terminal. */
static void print_escaped(const char *s, FILE *out)
{
	for (; *s; s++) {
		if ((unsigned char)*s < 0x20 || *s == 0x7f)
			fprintf(out, "\\x%02x", (unsigned char)*s);
		else
			fputc(*s, out);
	}
}

int plan_print_text(const struct plan *p, const struct tree *t, FILE *out)
{
	char text[192];

	for (uint32_t i = 0; i < p->actors_len; i++) {
		const struct plan_actor *a = &p->actors[i];

		plan_actor_describe(p, t, i, text, sizeof text);
		print_escaped(text, out);
		print_numbers(p, a, out);
		fputc('\n', out);
		for (uint32_t k = 0; k < a->steps_len; k++) {
			plan_step_describe(p, t, &p->steps[a->first_step + k], text, sizeof text);
			fputs("    ", out);
			print_escaped(text, out);
			fputc('\n', out);
		}
	}
	for (uint32_t i = 0; i < p->notes_len; i++) {
		fputs("note: ", out);
		print_escaped(p->notes[i], out);
		fputc('\n', out);
	}
	fprintf(out, "%u actors, %u steps\n", p->actors_len, p->steps_len);
	return ferror(out) ? -1 : 0;
}

static json_t *json_step(const struct plan *p, const struct plan_step *s)
{
	json_t *j = json_object();

	json_object_set_new(j, "op", json_string(plan_op_name(s->op)));
	if (ops[s->op].a == ACTOR)
		json_object_set_new(j, "actor", json_integer(s->a));
	else if (ops[s->op].a == COUNTER)
		json_object_set_new(j, "counter", json_integer(s->a));
	else if (ops[s->op].a == NUMBER)
		json_object_set_new(j, "value", json_integer(s->a));
	else if (ops[s->op].a == TEXT) {
		const char *name = p->text + s->a;
		json_t *string = json_string(name);

		if (!string) { /* not UTF-8 */
			char hex[2 * 16 + 1] = "";

			for (size_t k = 0; name[k]; k++)
				snprintf(hex + 2 * k, 3, "%02x", (unsigned char)name[k]);
			string = json_pack("{s:s}", "hex", hex);
		}
		json_object_set_new(j, "name", string);
	}
	if (ops[s->op].b == NUMBER || (s->op == PLAN_DIE && s->b))
		json_object_set_new(j, s->op == PLAN_DIE ? "core" : "argument", json_integer(s->b));
	return j;
}

int plan_print_json(const struct plan *p, const struct tree *t, FILE *out)
{
	json_t *root = json_object(), *actors = json_array(), *notes = json_array(), *full = json_array();
	char text[96];
	int r;

	for (uint32_t i = 0; i < p->actors_len; i++) {
		const struct plan_actor *a = &p->actors[i];
		json_t *j = json_object(), *steps = json_array(), *numbers = json_array();

		plan_actor_describe(p, t, i, text, sizeof text);
		for (uint8_t k = 0; k < a->numbers_len; k++)
			json_array_append_new(numbers, json_integer(p->numbers[a->numbers + k]));
		for (uint32_t k = 0; k < a->steps_len; k++)
			json_array_append_new(steps, json_step(p, &p->steps[a->first_step + k]));
		json_object_set_new(j, "actor", json_integer(i));
		json_object_set_new(j, "who", json_string(text));
		json_object_set_new(j, "set_tid", numbers);
		json_object_set_new(j, "new_pidns", json_boolean(a->flags & PLAN_NEWPID));
		json_object_set_new(j, "own_memory", json_boolean(a->flags & PLAN_OWN_MEMORY));
		json_object_set_new(j, "steps", steps);
		json_array_append_new(actors, j);
	}
	for (uint32_t i = 0; i < p->counters_len; i++)
		json_array_append_new(full, json_integer(p->counters[i]));
	for (uint32_t i = 0; i < p->notes_len; i++)
		json_array_append_new(notes, json_string(p->notes[i]));
	json_object_set_new(root, "actors", actors);
	json_object_set_new(root, "counters", full);
	json_object_set_new(root, "notes", notes);
	r = json_dumpf(root, out, JSON_INDENT(1));
	json_decref(root);
	fputc('\n', out);
	return r < 0 || ferror(out) ? -1 : 0;
}

int plan_print_dot(const struct plan *p, const struct tree *t, FILE *out)
{
	char text[96];

	fputs("digraph plan {\n\tnode [shape=box, fontname=\"sans-serif\"];\n", out);
	for (uint32_t i = 0; i < p->actors_len; i++) {
		const struct plan_actor *a = &p->actors[i];

		plan_actor_describe(p, t, i, text, sizeof text);
		fprintf(out, "\ta%u [label=\"%s\"%s];\n", i, text,
			a->kind == PLAN_KIND_THREAD ? ", style=dashed" : "");
		for (uint32_t k = 0; k < a->steps_len; k++) {
			const struct plan_step *s = &p->steps[a->first_step + k];

			if (s->op == PLAN_CHILD || s->op == PLAN_THREAD)
				fprintf(out, "\ta%u -> a%u [label=\"%u\"];\n", i, s->a, k);
			else if (s->op == PLAN_ADD)
				fprintf(out, "\ta%u -> c%u [style=dotted];\n", i, s->a);
			else if (s->op == PLAN_WAIT)
				fprintf(out, "\tc%u -> a%u [style=dotted];\n", s->a, i);
		}
	}
	for (uint32_t i = 0; i < p->counters_len; i++)
		fprintf(out, "\tc%u [shape=ellipse, label=\"counter %u of %u\"];\n", i, i, p->counters[i]);
	fputs("}\n", out);
	return ferror(out) ? -1 : 0;
}
