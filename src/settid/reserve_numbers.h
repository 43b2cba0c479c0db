/* SPDX-License-Identifier: MIT */
/* reserve_numbers.h: the numbers of `settid reserve`, as rows for settid_reserve(); see reserve_numbers.c. */
#ifndef SETTID_RESERVE_NUMBERS_H
#define SETTID_RESERVE_NUMBERS_H

#include <sys/types.h>

#include "tree/tree.h"

struct reserve_numbers {
	pid_t *rows; /* rows_len * levels; malloc's */
	size_t rows_len, levels;
};

/* "100,200-299/5000-5101": lists with ranges, innermost namespace first.  0, or CMD_USAGE after the complaint. */
int reserve_numbers_parse(const char *text, struct reserve_numbers *out);
/* All that the tree wants at its level 0.  0, or CMD_FAILED after the complaint. */
int reserve_numbers_of_tree(const struct tree *t, struct reserve_numbers *out);
void reserve_numbers_done(struct reserve_numbers *n);

#endif
