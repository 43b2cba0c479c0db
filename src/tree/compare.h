/* SPDX-License-Identifier: MIT */
/*
 * compare.h: one difference between two trees being put in words: what compare.c finds, compare_words.c says.
 *
 *	text_printf(&w->got, "%d", 5);
 *	text_printf(&w->want, "%d", 6);
 *	words_differ(w, 42, "pgid", "process group is", "");
 *
 * says "process group is 5, not 6" of what was built from a tree, and "process group is 6 in a, 5 in b" of two trees.
 */
#ifndef SETTID_TREE_COMPARE_H
#define SETTID_TREE_COMPARE_H

#include "tree/text.h"

struct compare__words {
	bool sides; /* two trees, a and b; else what was wanted and what was got */
	unsigned found;
	void (*say)(void *arg, const struct tree_difference *d);
	void *arg;
	struct text want, got; /* the two values, filled by the caller and empty again afterwards */
	struct text text;
};

/* `again` stands in front of the second value: "is stopped by" X, not "by " Y. */
void words_differ(struct compare__words *w, int32_t pid, const char *field, const char *subject,
		  const char *again);
/* A sentence of its own for each way to put it, and the values for programs.  NULL = not there. */
void words_phrase(struct compare__words *w, int32_t pid, const char *field, const char *want, const char *got,
		  const char *as_built, const char *as_sides);
void words_done(struct compare__words *w);

#endif
