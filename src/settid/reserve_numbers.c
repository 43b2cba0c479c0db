/* SPDX-License-Identifier: MIT */
/*
 * reserve_numbers.c: what is to be reserved: lists typed in, or a tree's wishes.
 *
 * Keeps:   (R1) a level's numbers are sorted and each there once; (R2) row i has the i-th number of each level, and
 *          0 where a level has fewer: which numbers share a placeholder is nobody's business.
 */
#include "reserve_numbers.h"

#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "tree/wanted.h"

#define NUMBERS_MAX TREE_NUMBER_MAX

struct list {
	pid_t *at;
	size_t len, cap;
};

static int complain_memory(void)
{
	return cmd_fail(CMD_FAILED, "out of memory");
}

static bool list_add(struct list *l, pid_t number)
{
	if (l->len == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		pid_t *at = realloc(l->at, cap * sizeof *at);

		if (!at)
			return false;
		l->at = at;
		l->cap = cap;
	}
	l->at[l->len++] = number;
	return true;
}

static int by_number(const void *a, const void *b)
{
	return *(const pid_t *)a - *(const pid_t *)b;
}

static void list_settle(struct list *l)
{
	size_t kept = 0;

	if (l->len)
		qsort(l->at, l->len, sizeof *l->at, by_number);
	for (size_t i = 0; i < l->len; i++)
		if (i == 0 || l->at[i] != l->at[kept - 1])
			l->at[kept++] = l->at[i];
	l->len = kept;
}

/* "42" or "200-299" into the list. */
static int parse_item(char *item, struct list *l)
{
	char *dash = strchr(item, '-');
	pid_t first, last;

	if (!*item)
		return cmd_usage_error("a number is missing in the list: NUMBERS are like 100,200-299");
	if (dash)
		*dash = '\0';
	if (parse_pid(item, &first) < 0 || parse_pid(dash ? dash + 1 : item, &last) < 0 || last > NUMBERS_MAX)
		return cmd_usage_error("'%s%s%s' is not a number or range like 200-299 (numbers are 1 to %d)",
				       item, dash ? "-" : "", dash ? dash + 1 : "", NUMBERS_MAX);
	if (last < first)
		return cmd_usage_error("%d-%d: the range ends before it begins", (int)first, (int)last);
	for (pid_t n = first; n <= last; n++)
		if (!list_add(l, n))
			return complain_memory();
	return CMD_OK;
}

static int parse_level(char *text, struct list *l)
{
	for (char *item = text; item;) {
		char *comma = strchr(item, ',');
		int r;

		if (comma)
			*comma = '\0';
		r = parse_item(item, l);
		if (r != CMD_OK)
			return r;
		item = comma ? comma + 1 : NULL;
	}
	list_settle(l);
	return CMD_OK;
}

static int make_rows(const struct list *levels, size_t levels_len, struct reserve_numbers *out)
{
	size_t rows = 0;

	for (size_t l = 0; l < levels_len; l++)
		rows = levels[l].len > rows ? levels[l].len : rows;
	out->rows = calloc(rows ? rows : 1, levels_len * sizeof *out->rows);
	if (!out->rows)
		return complain_memory();
	out->rows_len = rows;
	out->levels = levels_len;
	for (size_t l = 0; l < levels_len; l++)
		for (size_t i = 0; i < levels[l].len; i++)
			out->rows[i * levels_len + l] = levels[l].at[i];
	return CMD_OK;
}

int reserve_numbers_parse(const char *text, struct reserve_numbers *out)
{
	struct list levels[SETTID_LEVEL_MAX] = { { NULL, 0, 0 } };
	size_t len = 0;
	char *copy = strdup(text);
	int r = copy ? CMD_OK : complain_memory();

	for (char *level = copy; r == CMD_OK && level; len++) {
		char *slash = strchr(level, '/');

		if (slash)
			*slash = '\0';
		r = len < SETTID_LEVEL_MAX ? parse_level(level, &levels[len])
					   : cmd_usage_error("more than %d levels", SETTID_LEVEL_MAX);
		level = slash ? slash + 1 : NULL;
	}
	if (r == CMD_OK)
		r = make_rows(levels, len, out);
	for (size_t l = 0; l < SETTID_LEVEL_MAX; l++)
		free(levels[l].at);
	free(copy);
	return r;
}

int reserve_numbers_of_tree(const struct tree *t, struct reserve_numbers *out)
{
	struct tree_want *wants = NULL;
	struct list l = { NULL, 0, 0 };
	size_t len = 0;
	int r = tree_wanted(t, 0, &wants, &len) < 0 ? complain_memory() : CMD_OK;

	for (size_t i = 0; r == CMD_OK && i < len; i++)
		if (!list_add(&l, wants[i].number))
			r = complain_memory();
	list_settle(&l);
	if (r == CMD_OK)
		r = make_rows(&l, 1, out);
	free(wants);
	free(l.at);
	return r;
}

void reserve_numbers_done(struct reserve_numbers *n)
{
	free(n->rows);
	n->rows = NULL;
}
