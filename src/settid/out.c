/* SPDX-License-Identifier: MIT */
/*
 * out.c: colour, tables and progress, for people.  What programs read is out_json.c's.
 *
 * Keeps:   (O1) nothing but text on what is no terminal: no escape, no cursor movement, no width;
 *          (O2) a progress line never reaches a pipe, and is gone when its owner is done.
 * Reads the environment: NO_COLOR, TERM, COLUMNS.
 */
#include "out.h"

#include <errno.h>
#include <langinfo.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

bool out_color(FILE *stream)
{
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (no_color && *no_color)
		return false;
	if (!term || strcmp(term, "dumb") == 0)
		return false;
	return isatty(fileno(stream)) == 1;
}

bool out_unicode(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
}

int out_width(FILE *stream)
{
	struct winsize size;
	const char *columns = getenv("COLUMNS");

	if (isatty(fileno(stream)) != 1)
		return 0;
	if (columns && atoi(columns) > 0)
		return atoi(columns);
	if (ioctl(fileno(stream), TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		return size.ws_col;
	return 80;
}

struct tree_show_options out_show_options(FILE *stream)
{
	return (struct tree_show_options){
		.color = out_color(stream),
		.unicode = out_unicode(),
		.width = out_width(stream),
	};
}

int out_finish(void)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return 0;
	return errno ? -errno : OUT_LOST;
}

/* ---------------------------------------------------------------------------------------- tables -- */

#define SEPARATOR "  "

struct libscols_table *out_table_new(void)
{
	struct libscols_table *t = scols_new_table();
	int width = out_width(stdout);

	if (!t)
		return NULL;
	scols_table_enable_colors(t, out_color(stdout));
	scols_table_enable_ascii(t, !out_unicode());
	scols_table_set_termforce(t, width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (width)
		scols_table_set_termwidth(t, (size_t)width);
	scols_table_set_column_separator(t, SEPARATOR);
	return t;
}

int out_table_column(struct libscols_table *t, const char *name, enum out_align align)
{
	if (!t || !scols_table_new_column(t, name, 0, align == OUT_RIGHT ? SCOLS_FL_RIGHT : 0))
		return -ENOMEM;
	return 0;
}

int out_table_row(struct libscols_table *t, const char *const *cells, size_t cells_len)
{
	struct libscols_line *line = t ? scols_table_new_line(t, NULL) : NULL;

	if (!line)
		return -ENOMEM;
	for (size_t i = 0; i < cells_len; i++)
		if (cells[i] && scols_line_set_data(line, i, cells[i]) < 0)
			return -ENOMEM;
	return 0;
}

int out_table_color(struct libscols_table *t, size_t column, const char *escape)
{
	size_t lines = t ? scols_table_get_nlines(t) : 0;

	if (lines == 0)
		return -ENOMEM;
	struct libscols_line *line = scols_table_get_line(t, lines - 1);
	return scols_cell_set_color(scols_line_get_cell(line, column), escape);
}

void out_wrap(char *text, size_t width)
{
	char *line = text, *blank = NULL;

	for (char *p = text; *p; p++) {
		if (*p == '\n')
			line = p + 1;
		if (*p == ' ')
			blank = p;
		if ((size_t)(p - line) >= width && blank && blank > line) {
			*blank = '\n';
			line = blank + 1;
		}
	}
}

/* What the other columns leave of a line for the last one. */
static size_t last_column_room(struct libscols_table *t, size_t columns)
{
	size_t used = 0, width = scols_table_get_termwidth(t);

	for (size_t i = 0; i + 1 < columns; i++) {
		struct libscols_column *column = scols_table_get_column(t, i);
		size_t widest = strlen(scols_cell_get_data(scols_column_get_header(column)));
		for (size_t k = 0; k < scols_table_get_nlines(t); k++) {
			const char *data = scols_line_get_column_data(scols_table_get_line(t, k), column);
			size_t len = data ? strlen(data) : 0;
			widest = len > widest ? len : widest;
		}
		used += widest + strlen(SEPARATOR);
	}
	return width > used ? width - used : 0;
}

#define NARROWEST 16 /* less than that is no column: then lines may be too long */

static int wrap_last_column(struct libscols_table *t)
{
	size_t columns = scols_table_get_ncols(t), room = last_column_room(t, columns);
	struct libscols_column *last = scols_table_get_column(t, columns - 1);
	int r = 0;

	if (room < NARROWEST)
		return 0;
	scols_column_set_flags(last, SCOLS_FL_WRAP);
	scols_column_set_safechars(last, "\n");
	scols_column_set_wrapfunc(last, scols_wrapnl_chunksize, scols_wrapnl_nextchunk, NULL);
	for (size_t k = 0; r == 0 && k < scols_table_get_nlines(t); k++) {
		struct libscols_cell *cell = scols_line_get_column_cell(scols_table_get_line(t, k), last);
		char *text = scols_cell_get_data(cell) ? strdup(scols_cell_get_data(cell)) : NULL;
		if (text)
			out_wrap(text, room);
		r = text ? scols_cell_refer_data(cell, text) : 0;
	}
	return r;
}

/* libsmartcols fills lines up with blanks: on a terminal they may wrap, elsewhere they are noise. */
static void print_trimmed(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n"), end = len;
		while (end > 0 && text[end - 1] == ' ')
			end--;
		fwrite(text, 1, end, stdout);
		putchar('\n');
		text += len + (text[len] == '\n');
	}
}

int out_table_print(struct libscols_table *t)
{
	char *text = NULL;

	if (!t)
		return -ENOMEM;
	int r = out_width(stdout) ? wrap_last_column(t) : 0;
	if (r == 0)
		r = scols_print_table_to_string(t, &text);
	if (r == 0)
		print_trimmed(text);
	free(text);
	scols_unref_table(t);
	return r;
}

/* -------------------------------------------------------------------------------------- progress -- */

#define PROGRESS_SILENT_MS 1000 /* what is done by then needs no line */
#define PROGRESS_EVERY_MS 100

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

void progress_begin(struct progress *p, const char *verb, const char *noun, size_t total)
{
	*p = (struct progress){
		.verb = verb,
		.noun = noun,
		.total = total,
		.start_ms = now_ms(),
		.terminal = isatty(STDERR_FILENO) == 1,
	};
}

void progress_update(struct progress *p, size_t done)
{
	uint64_t now = p->terminal ? now_ms() : 0;
	uint64_t spent = now - p->start_ms;

	if (!p->terminal || spent < PROGRESS_SILENT_MS || now - p->last_ms < PROGRESS_EVERY_MS)
		return;
	p->last_ms = now;
	p->shown = true;

	uint64_t rate = done * 1000 / spent;
	if (p->total == 0)
		fprintf(stderr, "\r\033[K%s %zu %s, %llu/s", p->verb, done, p->noun,
			(unsigned long long)rate);
	else
		fprintf(stderr, "\r\033[K%s %zu of %zu %s, %llu/s", p->verb, done, p->total, p->noun,
			(unsigned long long)rate);
	if (p->total > done && rate > 0)
		fprintf(stderr, ", %llu s left", (unsigned long long)((p->total - done) / rate));
	fflush(stderr);
}

void progress_end(struct progress *p)
{
	if (p->shown)
		fputs("\r\033[K", stderr);
	p->shown = false;
}
