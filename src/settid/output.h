/* SPDX-License-Identifier: MIT */
/*
 * output.h: a tree written down as a tree file, for the commands that make one.
 */
#ifndef SETTID_OUTPUT_H
#define SETTID_OUTPUT_H

#include "tree/tree.h"

/* NULL: standard output.  A regular file is replaced whole or not at all, keeps its mode, and is written through a link.
 * CMD_OK, or the complaint is printed and CMD_FAILED returned. */
int output_tree(const struct tree *t, const char *file);

#endif
