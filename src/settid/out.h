/* SPDX-License-Identifier: MIT */
/*
 * out.h: what the command's output looks like: colour, tables, JSON, progress.
 *
 * Everything asks the stream it is for: plain and stable when piped, colour and width on a terminal only.
 */
#ifndef SETTID_OUT_H
#define SETTID_OUT_H

#include <errno.h>
#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "settid.h"
#include "tree/tree.h"

/* Terminal, NO_COLOR unset or empty (no-color.org), TERM not "dumb". */
bool out_color(FILE *stream);
/* The locale's characters are UTF-8. */
bool out_unicode(void);
/* Columns of a terminal; 0 = not one, lines may be of any length. */
int out_width(FILE *stream);
/* All three for the drawing of a tree. */
struct tree_show_options out_show_options(FILE *stream);

/* Flushes stdout.  0, or -errno if anything printed there was lost; OUT_LOST when that was in an earlier flush, whose
 * errno is long gone. */
#define OUT_LOST (-EIO)
int out_finish(void);

/* ---------------------------------------------------------------------------------------- tables -- */

struct libscols_table;

enum out_align { OUT_LEFT, OUT_RIGHT };

/*
 * A table on stdout through libsmartcols; NULL = out of memory, and all others take NULL.  Control characters
 * in cells are escaped.  A terminal's width is kept by wrapping the last column between words.
 *
 *	struct libscols_table *t = out_table_new();
 *	out_table_column(t, "NAME", OUT_LEFT);
 *	out_table_column(t, "ANSWER", OUT_LEFT);
 *	out_table_row(t, (const char *[]){ "clone3", "yes" }, 2);
 *	return out_table_print(t);
 */
struct libscols_table *out_table_new(void);
int out_table_column(struct libscols_table *t, const char *name, enum out_align align);
int out_table_row(struct libscols_table *t, const char *const *cells,
		  size_t cells_len); /* NULL cell = empty */
/* Colour of the last row's cell: an escape such as OUT_RED; nothing on what is no terminal. */
int out_table_color(struct libscols_table *t, size_t column, const char *escape);
/* Breaks text into lines of at most `width` bytes, by making newlines of blanks; words that are longer stay whole. */
void out_wrap(char *text, size_t width);
/* Prints and frees.  0 or -errno. */
int out_table_print(struct libscols_table *t);

#define OUT_RED "\033[31m"
#define OUT_GREEN "\033[32m"
#define OUT_YELLOW "\033[33m"
#define OUT_BOLD "\033[1m"
#define OUT_DIM "\033[2m"
#define OUT_RESET "\033[0m"

/* ------------------------------------------------------------------------------------------ JSON -- */

/* Prints one document to stdout, indented, with a newline, keys in the order they were set; takes `root`,
 * which may be NULL (= out of memory).  0 or -errno. */
int out_json(json_t *root);
/* Valid UTF-8 without NUL as a string, anything else as {"hex": "66c3"}. */
json_t *json_bytes(const char *bytes, size_t len);
/* {"errno": "EEXIST", "reason": "taken", "level": 1, "number": 42, "holder": {...}, "message": "..."};
 * what is not known is absent. */
json_t *json_settid_error(const struct settid_error *e);
/* {"kind": "zombie", "parent": 812, "comm": "sh"}: its holder alone. */
json_t *json_settid_holder(const struct settid_error *e);
json_t *json_tree_error(const struct tree_error *e);
/* "EEXIST" for -EEXIST; "E999" for what has no name. */
const char *errno_name(int code, char buf[static 16]);

/* -------------------------------------------------------------------------------------- progress -- */

/*
 * One line on stderr, rewritten in place: "restoring 4321 of 10000 processes, 8120/s, 1 s left".  On a
 * terminal only, from the second second on, at most ten times a second; progress_end() wipes it.
 */
struct progress {
	const char *verb, *noun;
	size_t total; /* 0 = not known */
	uint64_t start_ms, last_ms;
	bool terminal, shown;
};

void progress_begin(struct progress *p, const char *verb, const char *noun, size_t total);
void progress_update(struct progress *p, size_t done);
void progress_end(struct progress *p);

#endif
