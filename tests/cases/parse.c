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

/* The same, told by somebody who knows the text but not the file. */
static int pass_on(struct reader *r, const struct op_complaint *c)
{
	return complain(r, c->at, "%s", c->text);
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
static int read_step(struct reader *r, char *text)
{
	struct op_scope names = { NULL, lookup_exists, r };
	struct case_step step = { .name = -1, .line = r->line };
	struct op_complaint wrong;
	struct op_line line;
	struct op ignored = { 0 };
	int err;

	if (op_line_read(text, &line, &wrong) < 0)
		return pass_on(r, &wrong);
	step.op = line.op;
	step.ask = line.ask;
	step.pair_count = line.pair_count;
	memcpy(step.pair, line.pair, sizeof step.pair);
	step.actor = name_index(r->row, line.actor, strlen(line.actor));
	if (step.actor < 0)
		return complain(r, line.actor, "no actor '%s'", line.actor);
	if (op_resolve(line.pair, line.pair_count, &names, &ignored, &wrong) < 0)
		return pass_on(r, &wrong);
	if (line.name) {
		step.name = new_name(r, line.name);
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
	for (char *word = op_next_word(&at); *word; word = op_next_word(&at)) {
		bool no = strcmp(word, "no") == 0;
		int err = feature_bit(r, no ? op_next_word(&at) : word,
				      no ? &r->row->needs_not : &r->row->needs);

		if (err)
			return err;
	}
	return 0;
}

/* want WORDS, or want without FEATURE: WORDS */
static int read_want(struct reader *r, char *at)
{
	struct case_want want = { 0, NULL };
	char *text = op_rest(at);

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
		text = op_rest(colon + 1);
	}
	want.words = text;
	r->row->want[r->row->want_count++] = want;
	return 0;
}

static int read_only(struct reader *r, char *at)
{
	char *text = op_rest(at), *colon = strchr(text, ':');

	if (!colon)
		return complain(r, text, "only BACKEND: REASON");
	*colon = '\0';
	r->row->only = text;
	r->row->only_why = op_rest(colon + 1);
	return 0;
}

static int begin_row(struct reader *r, char *at, bool is_feature)
{
	struct case_table *t = r->table;
	struct case_row row = { .file = r->file, .line = r->line, .is_feature = is_feature, .rules = "" };
	int err;

	row.id = op_next_word(&at);
	row.sentence = op_rest(at);
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

static int read_directive(struct reader *r, char *at)
{
	const char *word = op_next_word(&at);
	int err;

	if (strcmp(word, "case") == 0 || strcmp(word, "feature") == 0) {
		err = begin_row(r, at, *word == 'f');
		return err ? err : list_features(r);
	}
	if (!r->row)
		return complain(r, word, "'%s' before the first row", word);
	if (strcmp(word, "rules") == 0) {
		r->row->rules = op_rest(at);
		return 0;
	}
	if (strcmp(word, "needs") == 0)
		return read_needs(r, at);
	return strcmp(word, "want") == 0 ? read_want(r, at) : read_only(r, at);
}

static int read_line(struct reader *r, char *line)
{
	static const char *const directives[] = { "case", "feature", "rules", "needs", "want", "only" };
	char *first = op_skip_blanks(line);
	size_t len = strcspn(first, " \t");

	if (*first == '\0' || *first == '#')
		return 0;
	for (size_t i = 0; i < sizeof directives / sizeof *directives; i++)
		if (strlen(directives[i]) == len && memcmp(directives[i], first, len) == 0)
			return read_directive(r, first);
	if (!r->row)
		return complain(r, first, "'%.*s' before the first row", (int)len, first);
	return read_step(r, first);
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
