/* SPDX-License-Identifier: MIT */
/*
 * plan_print.c: a plan in words, as JSON and as a graph.
 *
 * Keeps:   each actor is written by itself, so what is held in memory does not grow with the plan.
 */
#include "plan_words.h"
#include "text.h"

#include <errno.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

/* -------------------------------------------------------------------------------------------- text -- */

/* ", set_tid {1, 42}": as the kernel wants it, innermost first. */
static void put_birth(const struct plan *p, const struct plan_actor *a, struct text *out)
{
	if (!a->numbers_len)
		return;
	text_puts(out, ", set_tid {");
	for (uint8_t k = 0; k < a->numbers_len; k++)
		text_printf(out, "%s%d", k ? ", " : "", (int)p->numbers[a->numbers + k]);
	text_puts(out, "}");
	if (a->flags & PLAN_NEWPID)
		text_puts(out, ", in a new PID namespace");
	if (a->flags & PLAN_SIBLING)
		text_puts(out, ", as a child of its maker's parent");
	if (a->flags & PLAN_OWN_MEMORY)
		text_puts(out, ", with memory of its own");
}

static void put_actor(const struct plan *p, const struct tree *t, uint32_t actor, const uint32_t *fillers,
		      const struct tree_show_options *o, struct text *out)
{
	const struct plan_actor *a = &p->actors[actor];
	char who[96];

	plan_actor_describe(p, t, actor, who, sizeof who);
	text_printf(out, o->color ? "\033[1m%s\033[0m" : "%s", who);
	put_birth(p, a, out);
	text_puts(out, "\n");
	for (uint32_t k = 0; k < a->steps_len; k++) {
		text_puts(out, "    ");
		plan__step_text(p, t, &p->steps[a->first_step + k], fillers, o->unicode, out);
		text_puts(out, "\n");
	}
}

int plan_print_text(const struct plan *p, const struct tree *t, const struct tree_show_options *o, FILE *out)
{
	uint32_t *fillers = plan__fillers(p);
	struct text text = { 0 };
	bool failed = !fillers;

	for (uint32_t i = 0; !failed && i < p->actors_len; i++) {
		text_clear(&text);
		put_actor(p, t, i, fillers, o, &text);
		fputs(text_str(&text), out);
		failed = text.failed;
	}
	text_done(&text);
	free(fillers);
	if (failed)
		return -ENOMEM;
	for (uint32_t i = 0; i < p->notes_len; i++)
		fprintf(out, "note: %s\n", p->notes[i]);
	fprintf(out, "%u actors, %u steps\n", p->actors_len, p->steps_len);
	return ferror(out) ? -EIO : 0;
}

/* -------------------------------------------------------------------------------------------- JSON -- */

/* Bytes that are not UTF-8 are {"hex": "66c3"}, as in a tree file. */
static json_t *json_name(const char *name)
{
	char hex[2 * 16 + 1] = "";
	json_t *string = json_string(name);

	for (size_t k = 0; !string && name[k] && k < 16; k++)
		snprintf(hex + 2 * k, 3, "%02x", (unsigned char)name[k]);
	return string ? string : json_pack("{s:s}", "hex", hex);
}

static void set_operand(const struct plan *p, json_t *j, enum plan_operand kind, const char *key, uint32_t v)
{
	if (kind == PLAN_TEXT)
		json_object_set_new(j, key, json_name(p->text + v));
	else if (kind == PLAN_FLAG)
		json_object_set_new(j, key, json_boolean(v));
	else if (kind != PLAN_NOTHING)
		json_object_set_new(j, key, json_integer(v));
}

static json_t *json_step(const struct plan *p, const struct plan_step *s)
{
	const struct plan_words *w = plan__words(s->op);
	json_t *j = json_object();

	json_object_set_new(j, "op", json_string(plan_op_name(s->op)));
	if (w) {
		set_operand(p, j, w->a.kind, w->a.key, s->a);
		set_operand(p, j, w->b.kind, w->b.key, s->b);
	}
	return j;
}

static json_t *json_actor(const struct plan *p, const struct tree *t, uint32_t actor)
{
	static const char *const kinds[] = { "guard", "init", "process", "thread", "ghost", "helper" };
	const struct plan_actor *a = &p->actors[actor];
	json_t *j = json_object(), *steps = json_array(), *numbers = json_array();
	char who[96];

	plan_actor_describe(p, t, actor, who, sizeof who);
	for (uint8_t k = 0; k < a->numbers_len; k++)
		json_array_append_new(numbers, json_integer(p->numbers[a->numbers + k]));
	for (uint32_t k = 0; k < a->steps_len; k++)
		json_array_append_new(steps, json_step(p, &p->steps[a->first_step + k]));
	json_object_set_new(j, "actor", json_integer(actor));
	json_object_set_new(j, "kind", json_string(kinds[a->kind]));
	json_object_set_new(j, "who", json_string(who));
	json_object_set_new(j, "set_tid", numbers);
	json_object_set_new(j, "new_pidns", json_boolean(a->flags & PLAN_NEWPID));
	json_object_set_new(j, "clone_parent", json_boolean(a->flags & PLAN_SIBLING));
	json_object_set_new(j, "own_memory", json_boolean(a->flags & PLAN_OWN_MEMORY));
	json_object_set_new(j, "notify_signal", json_integer(a->notify));
	json_object_set_new(j, "steps", steps);
	return j;
}

/* One element a line; takes `j`. */
static int print_element(json_t *j, bool last, FILE *out)
{
	int r = j ? json_dumpf(j, out, JSON_ENCODE_ANY) : -1;

	json_decref(j);
	fputs(last ? "\n" : ",\n", out);
	return r;
}

int plan_print_json(const struct plan *p, const struct tree *t, const struct plan_proof *proof, FILE *out)
{
	int r = 0;

	fprintf(out, "{\n\"root\": %u,\n", p->root);
	if (proof)
		fprintf(out, "\"proven\": {\"ns\": %llu, \"processes\": %u},\n",
			(unsigned long long)proof->ns, proof->processes);
	fputs("\"actors\": [\n", out);
	for (uint32_t i = 0; r == 0 && i < p->actors_len; i++)
		r = print_element(json_actor(p, t, i), i + 1 == p->actors_len, out);
	fputs("],\n\"counters\": [", out);
	for (uint32_t i = 0; i < p->counters_len; i++)
		fprintf(out, i ? ", %u" : "%u", p->counters[i]);
	fputs(p->notes_len ? "],\n\"notes\": [\n" : "],\n\"notes\": [", out);
	for (uint32_t i = 0; r == 0 && i < p->notes_len; i++)
		r = print_element(json_string(p->notes[i]), i + 1 == p->notes_len, out);
	fputs("]\n}\n", out);
	return r < 0 || ferror(out) ? -EIO : 0;
}

/* --------------------------------------------------------------------------------------------- dot -- */

static const char *node_style(const struct plan *p, const struct plan_actor *a)
{
	uint32_t last = p->steps[a->first_step + a->steps_len - 1].op;

	if (a->kind == PLAN_KIND_THREAD)
		return ", style=\"rounded,dashed\"";
	if (a->kind == PLAN_KIND_GHOST || a->kind == PLAN_KIND_HELPER)
		return ", style=\"rounded,dashed\", color=\"#808080\"";
	if (a->kind != PLAN_KIND_PROCESS)
		return ", style=\"rounded,dotted\"";
	return last == PLAN_EXIT || last == PLAN_DIE ? ", color=\"#b3261e\"" : "";
}

/* Births are solid, with the step's number; who waits for whom is dotted, through a node where several tell. */
static void print_edges(const struct plan *p, uint32_t i, const uint32_t *fillers, FILE *out)
{
	const struct plan_actor *a = &p->actors[i];

	for (uint32_t k = 0; k < a->steps_len; k++) {
		const struct plan_step *s = &p->steps[a->first_step + k];

		if (s->op == PLAN_CHILD || s->op == PLAN_THREAD)
			fprintf(out, "\ta%u -> a%u [label=\"%u\"];\n", i, s->a, k + 1);
		else if (s->op == PLAN_ADD && fillers[s->a] == PLAN_SEVERAL)
			fprintf(out, "\ta%u -> c%u [style=dotted, constraint=false];\n", i, s->a);
		else if (s->op == PLAN_WAIT)
			fprintf(out, "\t%c%u -> a%u [style=dotted, constraint=false];\n",
				fillers[s->a] == PLAN_SEVERAL ? 'c' : 'a',
				fillers[s->a] == PLAN_SEVERAL ? s->a : fillers[s->a], i);
	}
}

int plan_print_dot(const struct plan *p, const struct tree *t, FILE *out)
{
	uint32_t *fillers = plan__fillers(p);
	char who[96];

	if (!fillers)
		return -ENOMEM;
	fputs("digraph plan {\n\tnode [shape=box, style=rounded, fontname=\"sans-serif\"];\n"
	      "\tedge [fontname=\"sans-serif\", fontsize=10];\n",
	      out);
	for (uint32_t i = 0; i < p->actors_len; i++) {
		plan_actor_describe(p, t, i, who, sizeof who);
		fprintf(out, "\ta%u [label=\"%s\"%s];\n", i, who, node_style(p, &p->actors[i]));
	}
	for (uint32_t i = 0; i < p->counters_len; i++)
		if (fillers[i] == PLAN_SEVERAL)
			fprintf(out, "\tc%u [shape=ellipse, style=dotted, label=\"all %u of counter %u\"];\n",
				i, p->counters[i], i);
	for (uint32_t i = 0; i < p->actors_len; i++)
		print_edges(p, i, fillers, out);
	fputs("}\n", out);
	free(fillers);
	return ferror(out) ? -EIO : 0;
}
