/* SPDX-License-Identifier: MIT */
/*
 * line.c: one line of the language -> an operation: [NAME =] ACTOR OPERATION key=value ... [? words]
 *
 * Keeps:   (L1) the text is cut in place: what comes out points into it;
 *          (L2) a complaint points at the word that is wrong, and nothing has been done then.
 */
#include "op.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int complain(struct op_complaint *c, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(struct op_complaint *c, const char *at, const char *fmt, ...)
{
	va_list ap;

	c->at = at;
	va_start(ap, fmt);
	vsnprintf(c->text, sizeof c->text, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

char *op_skip_blanks(char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

char *op_next_word(char **at)
{
	char *word = op_skip_blanks(*at), *end = word;

	while (*end && *end != ' ' && *end != '\t')
		end++;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

char *op_rest(char *at)
{
	char *text = op_skip_blanks(at), *end = text + strlen(text);

	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

static int read_pair(struct op_line *line, char *word, struct op_complaint *c)
{
	char *equals = strchr(word, '=');
	const struct op_arg *arg = line->op->args;

	if (!equals)
		return complain(c, word, "'%s' is not of the form key=value", word);
	*equals = '\0';
	while (arg->name && strcmp(arg->name, word) != 0)
		arg++;
	if (!arg->name)
		return complain(c, word, "%s has no argument '%s'", line->op->name, word);
	for (int i = 0; i < line->pair_count; i++)
		if (line->pair[i].arg == arg)
			return complain(c, word, "%s is there twice", word);
	if (line->pair_count == OP_PAIRS_MAX)
		return complain(c, word, "too many arguments");
	line->pair[line->pair_count++] = (struct op_pair){ arg, equals + 1 };
	return 0;
}

int op_line_read(char *text, struct op_line *out, struct op_complaint *c)
{
	char *at = text, *word = op_next_word(&at), *op_name;

	*out = (struct op_line){ .name = NULL };
	if (*op_skip_blanks(at) == '=') {
		char *equals = op_skip_blanks(at);

		out->name = word;
		if (*op_next_word(&at) != '=' || equals[1])
			return complain(c, equals,
					"blanks are needed around '=': NAME = ACTOR OPERATION ...");
		word = op_next_word(&at);
	}
	out->actor = word;
	if (!*word)
		return complain(c, word, "an actor is missing: NAME = ACTOR OPERATION ...");
	op_name = op_next_word(&at);
	if (!*op_name || strcmp(op_name, "?") == 0)
		return complain(c, op_name, "an operation is missing: what does %s do?", word);
	out->op = op_by_name(op_name);
	if (!out->op)
		return complain(c, op_name, "no operation '%s'", op_name);
	for (word = op_next_word(&at); *word && strcmp(word, "?") != 0; word = op_next_word(&at)) {
		int r = read_pair(out, word, c);

		if (r < 0)
			return r;
	}
	if (*word)
		out->ask = op_rest(at);
	return 0;
}

int op_resolve(const struct op_pair *pairs, int count, const struct op_scope *names, struct op *op,
	       struct op_complaint *c)
{
	for (int i = 0; i < count; i++) {
		const struct op_arg *arg = pairs[i].arg;
		const char *text = pairs[i].value;
		struct op_scope scope = { arg->consts, names->lookup, names->ctx };
		const char *why = arg->key == KEY_SET_TID
					  ? op_eval_list(&scope, text, op->set_tid, &op->set_tid_len)
					  : op_eval(&scope, text, text + strlen(text), &op->arg[arg->key]);

		if (why)
			return complain(c, text, "%s: %s", arg->name, why);
		op->has |= 1ULL << arg->key;
	}
	return 0;
}
