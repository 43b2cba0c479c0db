/* SPDX-License-Identifier: MIT */
/*
 * model_edit.h: lines from a person at a terminal: libedit with history and completion, or plain reading without it.
 */
#ifndef SETTID_MODEL_EDIT_H
#define SETTID_MODEL_EDIT_H

#include "model_script.h"

struct editor;

extern const char model_edit_about[]; /* a sentence for --help */

/* NULL: out of memory, or no terminal that it understands. */
struct editor *editor_new(const struct script *s);
void editor_free(struct editor *e);
/* The next line without its newline, good until the next call; NULL at the end. */
const char *editor_line(struct editor *e);

#endif
