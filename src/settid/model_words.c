/* SPDX-License-Identifier: MIT */
/*
 * model_words.c: what can be typed: help, and completion at a cursor.
 *
 * Keeps:   (H1) both read the one table of operations (model/op.h) and the session's names; nothing is listed twice.
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "model_script.h"

const char *const script_commands[] = { "tree", "draw", "help", "quit", NULL };

/* -------------------------------------------------------------------------------------------- help -- */

static const char help_head[] =
	"[NAME =] ACTOR OPERATION key=value ... [? WORDS]    # comment\n"
	"\n"
	"  NAME     a new actor, or the answer's name; ACTOR is one: init exists\n"
	"  value    numbers, constants, $NAME (its number as ACTOR sees it), $NAME.FIELD,\n"
	"           joined by | + -; set_tid takes a list, innermost level first\n"
	"  WORDS    a check: they must be among the words of the answer, in that order\n"
	"\n"
	"Lines of one word: tree (the world as a tree file), draw, quit; and help OPERATION.\n"
	"\n"
	"Operations:\n";

static void put_usage(FILE *out, const struct op_def *op)
{
	int column = fprintf(out, op->args[0].name ? "  %-17s" : "  %s", op->name);

	for (const struct op_arg *arg = op->args; arg->name; arg++) {
		if (column + (int)strlen(arg->name) + 2 > 79)
			column = fprintf(out, "\n  %-17s", "") - 1;
		column += fprintf(out, " %s=", arg->name);
	}
	fputc('\n', out);
}

static void put_constants(FILE *out, const struct op_arg *arg)
{
	int column = 0;

	for (const struct op_const *c = arg->consts; c && c->name; c++) {
		if (column > 0 && column + (int)strlen(c->name) > 60) {
			fprintf(out, "\n  %-14s", "");
			column = 0;
		}
		column += fprintf(out, " %s", c->name);
	}
	fputs(arg->consts ? "\n" : " a number\n", out);
}

static void put_operation(FILE *out, const struct op_def *op)
{
	fprintf(out, "%s: %s\n", op->name, op->about);
	for (const struct op_arg *arg = op->args; arg->name; arg++) {
		fprintf(out, "  %-14s", arg->name);
		if (arg->key == KEY_SET_TID)
			fputs(" numbers, innermost level first: 1,42,31496\n", out);
		else
			put_constants(out, arg);
	}
}

bool script_help(struct script *s, const char *name)
{
	const struct op_def *op = name ? op_by_name(name) : NULL;
	char *text = NULL;
	size_t len;
	FILE *out;

	if (name && !op)
		return false;
	out = open_memstream(&text, &len);
	if (!out) {
		s->no_memory = true;
		return true;
	}
	if (op) {
		put_operation(out, op);
	} else {
		fputs(help_head, out);
		for (size_t i = 0; op_at(i); i++)
			put_usage(out, op_at(i));
	}
	if (fclose(out) == 0)
		script_say_text(s, text);
	else
		s->no_memory = true;
	free(text);
	return true;
}

/* -------------------------------------------------------------------------------------- completion -- */

struct offering {
	const char *word; /* as far as it is typed */
	size_t len;
	void (*offer)(void *ctx, const char *word);
	void *ctx;
};

static void consider(const struct offering *o, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

static void consider(const struct offering *o, const char *fmt, ...)
{
	char text[64];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	if (strncmp(text, o->word, o->len) == 0)
		o->offer(o->ctx, text);
}

static void offer_names(const struct script *s, const struct offering *o, const char *fmt_dollar)
{
	for (int i = 0; i < s->names_len; i++)
		consider(o, "%s%s", fmt_dollar, s->names[i].text);
}

static void offer_operations(const struct offering *o)
{
	for (size_t i = 0; op_at(i); i++)
		consider(o, "%s", op_at(i)->name);
}

/* Where the value's last part begins: behind =, a joint or a comma. */
static size_t value_start(const char *text, size_t from, size_t cursor)
{
	while (cursor > from && !strchr("=|+-,*", text[cursor - 1]))
		cursor--;
	return cursor;
}

static void offer_values(const struct script *s, const struct op_def *op, const char *key, size_t key_len,
			 const struct offering *o)
{
	for (const struct op_arg *arg = op->args; arg->name; arg++)
		if (strlen(arg->name) == key_len && memcmp(arg->name, key, key_len) == 0)
			for (const struct op_const *c = arg->consts; c && c->name; c++)
				consider(o, "%s", c->name);
	if (o->len > 0 && *o->word == '$')
		offer_names(s, o, "$");
}

/* Is key= among the words before the cursor? */
static bool is_given(const char *text, size_t end, const char *key)
{
	size_t len = strlen(key);

	for (size_t i = 1; i + len < end; i++)
		if ((text[i - 1] == ' ' || text[i - 1] == '\t') && strncmp(text + i, key, len) == 0 &&
		    text[i + len] == '=')
			return true;
	return false;
}

/* The words that end before the cursor, at most `max` of them; the start of the one that does not. */
static size_t split(const char *text, size_t cursor, const char **words, size_t *lens, int max, int *count)
{
	size_t at = 0;

	*count = 0;
	for (;;) {
		size_t len;

		while (at < cursor && (text[at] == ' ' || text[at] == '\t'))
			at++;
		for (len = 0; at + len < cursor && text[at + len] != ' ' && text[at + len] != '\t'; len++)
			;
		if (at + len == cursor)
			return at;
		if (*count < max) {
			words[*count] = text + at;
			lens[(*count)++] = len;
		}
		at += len;
	}
}

static const struct op_def *operation(const char *word, size_t len)
{
	char name[32];

	if (len >= sizeof name)
		return NULL;
	memcpy(name, word, len);
	name[len] = '\0';
	return op_by_name(name);
}

static size_t complete_argument(const struct script *s, const char *text, size_t at, size_t cursor,
				const struct op_def *op, struct offering *o)
{
	const char *equals = memchr(text + at, '=', cursor - at);

	if (!equals) {
		for (const struct op_arg *arg = op->args; arg->name; arg++)
			if (!is_given(text, at, arg->name))
				consider(o, "%s=", arg->name);
		return at;
	}
	o->word = text + value_start(text, at, cursor);
	o->len = (size_t)(text + cursor - o->word);
	offer_values(s, op, text + at, (size_t)(equals - (text + at)), o);
	return (size_t)(o->word - text);
}

size_t script_complete(const struct script *s, const char *text, size_t cursor,
		       void (*offer)(void *ctx, const char *word), void *ctx)
{
	const char *words[4];
	size_t lens[4], at;
	int count, first;
	struct offering o = { .offer = offer, .ctx = ctx };

	at = split(text, cursor, words, lens, 4, &count);
	o.word = text + at;
	o.len = cursor - at;
	first = count >= 2 && lens[1] == 1 && *words[1] == '=' ? 2 : 0; /* NAME = */
	if (count == first) {
		offer_names(s, &o, "");
		for (const char *const *c = script_commands; first == 0 && *c; c++)
			consider(&o, "%s", *c);
	} else if (count == first + 1) {
		offer_operations(&o);
	} else {
		const struct op_def *op = operation(words[first + 1], lens[first + 1]);

		if (op)
			return complete_argument(s, text, at, cursor, op, &o);
	}
	return at;
}
