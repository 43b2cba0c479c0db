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
	scols_table_set_column_separator(t, "  ");
	return t;
}

int out_table_column(struct libscols_table *t, const char *name, enum out_align align)
{
	int flags = align == OUT_RIGHT ? SCOLS_FL_RIGHT : SCOLS_FL_WRAP;

	if (!t || !scols_table_new_column(t, name, 0, flags))
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

int out_table_print(struct libscols_table *t)
{
	if (!t)
		return -ENOMEM;
	fflush(stdout);
	int r = scols_print_table(t);
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
