/* SPDX-License-Identifier: MIT */
/*
 * parse.c: text of the line language -> a table of rows.
 *
 * Keeps: (P1) the text is cut in place: tokens point into it;
 *        (P2) an error names file, line and column, and the table then holds no half row;
 *        (P3) a row that parses can be run: operations, arguments, names and values have been checked.
 */
#include "case.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	struct case_table *table;
	const char *file;
	int line;
	char *line_start;
	struct case_row *row; /* the row being read, NULL before the first */
};

static int complain(struct reader *r, const char *at, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int complain(struct reader *r, const char *at, const char *fmt, ...)
{
	char *out = r->table->error;
	size_t room = sizeof r->table->error;
	int n = snprintf(out, room, "%s:%d:%d: ", r->file, r->line, at ? (int)(at - r->line_start) + 1 : 1);
	va_list ap;

	va_start(ap, fmt);
	if (n > 0 && (size_t)n < room)
		vsnprintf(out + n, room - (size_t)n, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static char *skip_blanks(char *at)
{
	while (*at == ' ' || *at == '\t')
		at++;
	return at;
}

/* Cuts the next word off *at; "" at the end of the line. */
static char *next_word(char **at)
{
	char *word = skip_blanks(*at), *end = word;

	while (*end && *end != ' ' && *end != '\t')
		end++;
	*at = *end ? end + 1 : end;
	*end = '\0';
	return word;
}

/* What is left of the line, without blanks around it. */
static char *rest(char *at)
{
	char *text = skip_blanks(at), *end = text + strlen(text);

	while (end > text && (end[-1] == ' ' || end[-1] == '\t'))
		*--end = '\0';
	return text;
}

static int name_index(const struct case_row *row, const char *name, size_t len)
{
	for (int i = 0; i < row->name_count; i++)
		if (strlen(row->names[i]) == len && memcmp(row->names[i], name, len) == 0)
			return i;
	return -1;
}

/* While parsing, every name that exists has a value, which is not known yet. */
static bool lookup_exists(void *ctx, const char *name, size_t name_len, const char *field, size_t field_len,
			  int64_t *out)
{
	struct reader *r = ctx;

	*out = 1;
	if (field_len > 0 && op_field_by_name(field, field_len) < 0)
		return false;
	return (name_len == 1 && *name == 'L') || name_index(r->row, name, name_len) >= 0;
}

static int check_value(struct reader *r, const struct op_arg *arg, const char *value)
{
	struct op_scope scope = { arg->consts, lookup_exists, r };
	int32_t list[OP_SET_TID_MAX];
	uint32_t len;
	int64_t number;
	const char *why = arg->key == KEY_SET_TID ? op_eval_list(&scope, value, list, &len)
						  : op_eval(&scope, value, value + strlen(value), &number);

	return why ? complain(r, value, "%s: %s", arg->name, why) : 0;
}

static int read_pair(struct reader *r, struct case_step *step, char *word)
{
	char *equals = strchr(word, '=');
	const struct op_arg *arg = step->op->args;

	if (!equals)
		return complain(r, word, "'%s' is not of the form key=value", word);
	*equals = '\0';
	while (arg->name && strcmp(arg->name, word) != 0)
		arg++;
	if (!arg->name)
		return complain(r, word, "%s has no argument '%s'", step->op->name, word);
	if (step->pair_count == OP_PAIRS_MAX)
		return complain(r, word, "too many arguments");
	step->pair[step->pair_count++] = (struct case_pair){ arg, equals + 1 };
	return check_value(r, arg, equals + 1);
}

static int new_name(struct reader *r, const char *name)
{
	struct case_row *row = r->row;

	if (name_index(row, name, strlen(name)) >= 0)
		return complain(r, name, "the name '%s' is in use", name);
	if (row->name_count == CASE_TASKS)
		return complain(r, name, "too many names in one row");
	row->names[row->name_count] = name;
	return row->name_count++;
}

/* Room for one more element, doubled when full. */
static int grow(void *array, int count, size_t size)
{
	void **at = array;
	void *bigger;

	if (count & (count - 1))
		return 0;
	bigger = realloc(*at, (count ? (size_t)count * 2 : 1) * size);
	if (!bigger)
		return -ENOMEM;
	*at = bigger;
	return 0;
}

/* [NAME =] ACTOR OPERATION key=value ... [? words] */
static int read_step(struct reader *r, char *first, char *at)
{
	struct case_step step = { .name = -1, .line = r->line };
	char *word, *op_name, *name = NULL;
	int err;

	if (!r->row)
		return complain(r, first, "a step before the first row");
	if (*skip_blanks(at) == '=') {
		name = first;
		next_word(&at);
		first = next_word(&at);
	}
	step.actor = name_index(r->row, first, strlen(first));
	if (step.actor < 0)
		return complain(r, first, "no actor '%s'", first);
	op_name = next_word(&at);
	step.op = op_by_name(op_name);
	if (!step.op)
		return complain(r, op_name, "no operation '%s'", op_name);
	for (word = next_word(&at); *word && strcmp(word, "?") != 0; word = next_word(&at)) {
		err = read_pair(r, &step, word);
		if (err)
			return err;
	}
	if (*word)
		step.ask = rest(at);
	if (name) {
		step.name = new_name(r, name);
		if (step.name < 0)
			return step.name;
	}
	err = grow(&r->row->steps, r->row->step_count, sizeof step);
	if (!err)
		r->row->steps[r->row->step_count++] = step;
	return err;
}

static int feature_bit(struct reader *r, const char *name, uint32_t *mask)
{
	for (int i = 0; i < r->table->feature_count; i++)
		if (strcmp(r->table->features[i]->id, name) == 0) {
			*mask |= 1U << i;
			return 0;
		}
	return complain(r, name, "no feature '%s'", name);
}

/* Words: [no] FEATURE ... */
static int read_needs(struct reader *r, char *at)
{
	for (char *word = next_word(&at); *word; word = next_word(&at)) {
		bool no = strcmp(word, "no") == 0;
		int err =
			feature_bit(r, no ? next_word(&at) : word, no ? &r->row->needs_not : &r->row->needs);

		if (err)
			return err;
	}
	return 0;
}

/* want WORDS, or want without FEATURE: WORDS */
static int read_want(struct reader *r, char *at)
{
	struct case_want want = { 0, NULL };
	char *text = rest(at);

	if (r->row->want_count == CASE_WANTS)
		return complain(r, at, "too many answers wanted");
	if (strncmp(text, "without ", 8) == 0) {
		char *feature = text + 8, *colon = strchr(feature, ':');
		int err;

		if (!colon)
			return complain(r, text, "want without FEATURE: ANSWER");
		*colon = '\0';
		err = feature_bit(r, feature, &want.without);
		if (err)
			return err;
		text = rest(colon + 1);
	}
	want.words = text;
	r->row->want[r->row->want_count++] = want;
	return 0;
}

static int read_only(struct reader *r, char *at)
{
	char *text = rest(at), *colon = strchr(text, ':');

	if (!colon)
		return complain(r, text, "only BACKEND: REASON");
	*colon = '\0';
	r->row->only = text;
	r->row->only_why = rest(colon + 1);
	return 0;
}

static int begin_row(struct reader *r, char *at, bool is_feature)
{
	struct case_table *t = r->table;
	struct case_row row = { .file = r->file, .line = r->line, .is_feature = is_feature, .rules = "" };
	int err;

	row.id = next_word(&at);
	row.sentence = rest(at);
	row.names[row.name_count++] = "outer";
	row.names[row.name_count++] = "init";
	if (!*row.id || !*row.sentence)
		return complain(r, at, "a row needs an id and a sentence");
	for (int i = 0; i < t->row_count; i++)
		if (strcmp(t->rows[i].id, row.id) == 0)
			return complain(r, row.id, "there is another row '%s'", row.id);
	err = grow(&t->rows, t->row_count, sizeof row);
	if (err)
		return err;
	t->rows[t->row_count] = row;
	r->row = &t->rows[t->row_count++];
	return 0;
}

/* Features can be named only below them; rows[] may move, so the pointers are made anew. */
static int list_features(struct reader *r)
{
	struct case_table *t = r->table;

	t->feature_count = 0;
	for (int i = 0; i < t->row_count; i++) {
		if (!t->rows[i].is_feature)
			continue;
		if (t->feature_count == CASE_FEATURES)
			return complain(r, NULL, "too many features");
		t->features[t->feature_count++] = &t->rows[i];
	}
	return 0;
}

static int read_line(struct reader *r, char *line)
{
	char *at = line, *word = next_word(&at);
	int err;

	if (*word == '\0' || *word == '#')
		return 0;
	if (strcmp(word, "case") == 0 || strcmp(word, "feature") == 0) {
		err = begin_row(r, at, *word == 'f');
		return err ? err : list_features(r);
	}
	if (!r->row)
		return complain(r, word, "'%s' before the first row", word);
	if (strcmp(word, "rules") == 0) {
		r->row->rules = rest(at);
		return 0;
	}
	if (strcmp(word, "needs") == 0)
		return read_needs(r, at);
	if (strcmp(word, "want") == 0)
		return read_want(r, at);
	if (strcmp(word, "only") == 0)
		return read_only(r, at);
	return read_step(r, word, at);
}

/* A row without a question or without an answer could not fail. */
static int check_rows(struct reader *r)
{
	for (int i = 0; i < r->table->row_count; i++) {
		const struct case_row *row = &r->table->rows[i];
		bool asks = false;

		for (int s = 0; s < row->step_count; s++)
			asks = asks || row->steps[s].ask;
		r->file = row->file;
		r->line = row->line;
		if (!asks || row->want_count == 0 || row->want[0].without)
			return complain(r, NULL, "%s asks or wants nothing", row->id);
	}
	return 0;
}

static int read_text(struct reader *r, char *text)
{
	int err = 0;

	r->line = 1;
	for (char *line = text; *line && !err; r->line++) {
		char *end = line + strcspn(line, "\n");
		char *next = *end ? end + 1 : end;

		*end = '\0';
		r->line_start = line;
		err = read_line(r, line);
		line = next;
	}
	return err;
}

int case_parse(struct case_table *table, const struct case_text *texts, size_t count)
{
	struct reader r = { .table = table };
	int err = 0;

	*table = (struct case_table){ 0 };
	for (size_t i = 0; i < count && !err; i++) {
		r.file = texts[i].file;
		r.row = NULL;
		err = read_text(&r, texts[i].text);
	}
	if (!err)
		err = list_features(&r);
	return err ? err : check_rows(&r);
}

void case_table_done(struct case_table *table)
{
	for (int i = 0; i < table->row_count; i++)
		free(table->rows[i].steps);
	free(table->rows);
	table->rows = NULL;
	table->row_count = 0;
}
