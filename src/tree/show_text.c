/* SPDX-License-Identifier: MIT */
/*
 * show_text.c: a tree as a table with tree lines, through libsmartcols.
 *
 * Keeps:   (V1) without colour and width the output depends on the tree alone: stable for diff(1) and grep(1);
 *          (V2) one process, one line; whatever names hold, they are escaped before libsmartcols sees them;
 *          (V3) lines end: a branch deeper than the indentation allows goes on as a tree of its own, below,
 *               with a note on both ends;
 *          (V4) on a terminal the notes stand right behind the command, and it is the command that gives way: numbers
 *               are shown whole or not at all;
 *          (V5) a terminal that has no room for a column per level gets narrower headings, and if that is not enough,
 *               the innermost number and its level in place of all between: each process still has all that it is called by
 *               itself and by level 0, and the summary says what was left out.
 * Note:    libsmartcols counts columns in the locale's characters: options.unicode must agree with LC_CTYPE.
 */
#include <errno.h>
#include <libsmartcols.h>
#include <stdlib.h>
#include <string.h>

#include "tree/show.h"

#define DEPTH_MAX 40 /* levels of indentation; on a terminal a quarter of its width */
#define COMMAND_MAX 64
#define COMMAND_MIN 8   /* what is left of a command beside long notes */
#define COMMAND_ROOM 24 /* what columns of levels have to leave */

#define RED "\033[31m"
#define YELLOW "\033[33m"
#define BOLD "\033[1m"
#define CYAN "\033[36m"
#define DIM "\033[2m"

struct drawing {
	const struct tree *tree;
	const struct tree_show_options *options;
	enum text_charset charset;
	struct show_walk walk;
	struct libscols_table *table;
	struct libscols_line **lines; /* [row] */
	unsigned levels, depth_max;
	unsigned numbers; /* columns of them: levels, or 3 when those between are left out */
	bool short_headings;
	unsigned column_group, column_session, column_state, column_command, column_notes;
	size_t used[TREE_LEVEL_MAX + 3]; /* columns of the terminal, by those before the command's */
	struct text text, notes;
	int code; /* first failure */
};

static void failed(struct drawing *d, int code)
{
	if (code < 0 && d->code == 0)
		d->code = code;
}

/* Moves what has been put together into a cell. */
static void cell(struct drawing *d, struct libscols_line *line, unsigned column)
{
	if (column < d->column_command && d->text.len > d->used[column])
		d->used[column] = d->text.len;
	failed(d, d->text.failed ? -ENOMEM : scols_line_set_data(line, column, text_str(&d->text)));
	text_clear(&d->text);
}

static void cell_color(struct drawing *d, struct libscols_line *line, unsigned column, const char *escape)
{
	if (d->options->color)
		failed(d, scols_cell_set_color(scols_line_get_cell(line, column), escape));
}

static void add_column(struct drawing *d, unsigned column, const char *name, int flags)
{
	if (column < d->column_command)
		d->used[column] = strlen(name);
	failed(d, scols_table_new_column(d->table, name, 0, flags) ? 0 : -ENOMEM);
}

static bool levels_are_folded(const struct drawing *d)
{
	return d->numbers < d->levels;
}

static size_t digits(int32_t number)
{
	size_t n = 1;

	for (; number > 9; number /= 10)
		n++;
	return n;
}

static void widen(size_t *width, const int32_t *nspid, unsigned levels)
{
	for (unsigned level = 1; level < levels; level++)
		if (digits(nspid[level]) > width[level])
			width[level] = digits(nspid[level]);
}

/* What the columns of levels take, blanks included, when their headings have `heading` characters beside the number. */
static size_t width_of_levels(const struct drawing *d, const size_t *width, size_t heading)
{
	size_t sum = 0;

	for (unsigned level = 1; level < d->levels; level++) {
		size_t name = heading + digits((int32_t)level);
		sum += 1 + (width[level] > name ? width[level] : name);
	}
	return sum;
}

/* (V5).  All other columns but the command's take some 40 characters. */
static void fit_levels(struct drawing *d)
{
	size_t width[TREE_LEVEL_MAX] = { 0 }, others = 40, total = (size_t)d->options->width;

	d->numbers = d->levels;
	if (total == 0)
		return;
	for (size_t i = 0; i < d->tree->processes_len; i++)
		widen(width, d->tree->processes[i].nspid, d->tree->processes[i].levels);
	for (size_t i = 0; i < d->tree->ghosts_len; i++)
		widen(width, d->tree->ghosts[i].nspid, d->tree->ghosts[i].levels);
	size_t room = total > others + COMMAND_ROOM ? total - others - COMMAND_ROOM : 0;
	d->short_headings = width_of_levels(d, width, strlen("LEVEL")) > room;
	if (width_of_levels(d, width, strlen("L")) > room && d->levels > 3)
		d->numbers = 3;
}

static int make_table(struct drawing *d)
{
	const struct tree_show_options *o = d->options;
	char name[16];

	d->table = scols_new_table();
	if (!d->table)
		return -ENOMEM;
	scols_table_enable_colors(d->table, o->color);
	scols_table_enable_ascii(d->table, !o->unicode);
	scols_table_enable_noencoding(d->table, 1); /* (V2): escaped already, once */
	scols_table_set_termforce(d->table, o->width > 0 ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
	if (o->width > 0)
		scols_table_set_termwidth(d->table, (size_t)o->width);

	d->column_group = d->numbers;
	d->column_session = d->numbers + 1;
	d->column_state = d->numbers + 2;
	d->column_command = d->numbers + 3;
	d->column_notes = d->numbers + 4;
	add_column(d, 0, "PID", SCOLS_FL_RIGHT);
	if (levels_are_folded(d)) {
		add_column(d, 1, "LEVEL", SCOLS_FL_RIGHT);
		add_column(d, 2, "OWN", SCOLS_FL_RIGHT);
	}
	for (unsigned level = 1; level < d->levels && !levels_are_folded(d); level++) {
		snprintf(name, sizeof name, d->short_headings ? "L%u" : "LEVEL%u", level);
		add_column(d, level, name, SCOLS_FL_RIGHT);
	}
	add_column(d, d->column_group, "PGID ", SCOLS_FL_RIGHT); /* the blank: room for a mark */
	add_column(d, d->column_session, "SID ", SCOLS_FL_RIGHT);
	add_column(d, d->column_state, "STATE", 0);
	add_column(d, d->column_command, "COMMAND", SCOLS_FL_TREE | SCOLS_FL_TRUNC);
	if (o->width == 0)
		add_column(d, d->column_notes, "", SCOLS_FL_TRUNC);
	return d->code;
}

static void number_cells(struct drawing *d, struct libscols_line *line, const int32_t *nspid, unsigned levels)
{
	unsigned own = levels - 1;

	for (unsigned i = 0; i < levels && (i == 0 || !levels_are_folded(d)); i++) {
		text_printf(&d->text, "%d", (int)nspid[i]);
		cell(d, line, i);
	}
	if (levels_are_folded(d) && levels > 1) {
		text_printf(&d->text, "%u", levels - 1);
		cell(d, line, 1);
		text_printf(&d->text, "%d", (int)nspid[levels - 1]);
		cell(d, line, 2);
		own = 2;
	}
	cell_color(d, line, own, levels > 1 ? CYAN : BOLD); /* the number it knows itself by */
}

/* Numbers without a mark get a blank in its place, so that all digits stand below each other. */
static void leader_cell(struct drawing *d, struct libscols_line *line, unsigned column,
			const struct tree_process *p, int32_t number)
{
	show_put_leader(&d->text, d->tree, p, number);
	char last = d->text.len ? d->text.bytes[d->text.len - 1] : ' ';
	if (last != '*' && last != '+')
		text_puts(&d->text, " ");
	cell(d, line, column);
}

static const char *state_color(const struct tree_process *p)
{
	if (p->state == TREE_ZOMBIE || p->leader_dead)
		return RED;
	return p->state == TREE_STOPPED ? YELLOW : NULL;
}

/* The row that `row`'s line hangs under; SIZE_MAX = a tree of its own begins here. */
static size_t row_above(const struct drawing *d, size_t row)
{
	int32_t parent = d->tree->processes[d->walk.order[row]].parent;

	return parent == TREE_NONE || d->walk.depth[row] % d->depth_max == 0 ? SIZE_MAX : d->walk.row[parent];
}

/* Both ends of a branch that was cut (V3). */
static void put_cut_notes(const struct drawing *d, struct text *out, size_t row, const struct tree_process *p)
{
	uint32_t depth = d->walk.depth[row];
	const char *separator = out->len ? "; " : "";

	if (depth > 0 && depth % d->depth_max == 0)
		text_printf(out, "%schild of %d, above", separator, (int)p->ppid);
	else if (depth % d->depth_max == d->depth_max - 1 && d->walk.subtree[row] > 1)
		text_printf(out, "%sgoes on below", separator);
}

static void put_notes(const struct drawing *d, struct text *out, size_t row, const struct tree_process *p)
{
	show_put_notes(out, d->tree, p, d->charset);
	put_cut_notes(d, out, row, p);
}

/* In columns that stand below each other. */
static void command_and_notes_cells(struct drawing *d, struct libscols_line *line, size_t row,
				    const struct tree_process *p)
{
	show_put_command(&d->text, p, d->charset, COMMAND_MAX);
	cell(d, line, d->column_command);
	put_notes(d, &d->text, row, p);
	bool noted = d->text.len > 0;
	cell(d, line, d->column_notes);
	if (noted) /* an escape around nothing would keep the line's blanks */
		cell_color(d, line, d->column_notes, show_enters_ns(d->tree, p) ? CYAN : DIM);
}

static void draw_process(struct drawing *d, size_t row)
{
	const struct tree_process *p = &d->tree->processes[d->walk.order[row]];
	size_t above = row_above(d, row);
	struct libscols_line *line =
		scols_table_new_line(d->table, above == SIZE_MAX ? NULL : d->lines[above]);

	if (!line) {
		failed(d, -ENOMEM);
		return;
	}
	d->lines[row] = line;
	number_cells(d, line, p->nspid, p->levels);
	leader_cell(d, line, d->column_group, p, p->pgid);
	leader_cell(d, line, d->column_session, p, p->sid);
	show_put_state(&d->text, p);
	cell(d, line, d->column_state);
	if (state_color(p))
		cell_color(d, line, d->column_state, state_color(p));
	if (d->options->width == 0)
		command_and_notes_cells(d, line, row, p);
}

/* -------------------------------------------------------------------------- commands on a terminal -- */

/* What the columns before the command's leave of a line. */
static size_t room_for_commands(const struct drawing *d)
{
	size_t used = 0, width = (size_t)d->options->width;

	for (unsigned column = 0; column < d->column_command; column++)
		used += d->used[column] + 1;
	return width > used + COMMAND_MIN ? width - used : COMMAND_MIN;
}

/* Shortens notes to `max`, between two words: half a number would be another number. */
static void cut_notes(struct text *notes, size_t max)
{
	static const char more[] = "...";

	if (notes->failed || notes->len <= max)
		return;
	size_t end = max > sizeof more ? max - sizeof more : 0;
	while (end > 0 && notes->bytes[end] != ' ')
		end--;
	notes->len = end;
	if (end > 0)
		text_printf(notes, " %s", more);
}

/* "./worker --fast (+2 threads: 43 44)" within `room` (V4). */
static void terminal_cell(struct drawing *d, size_t row, size_t room)
{
	const struct tree_process *p = &d->tree->processes[d->walk.order[row]];
	size_t indent = 2 * (size_t)(d->walk.depth[row] % d->depth_max);

	room = room > indent + COMMAND_MIN ? room - indent : COMMAND_MIN;
	put_notes(d, &d->notes, row, p);
	size_t around = d->notes.len ? strlen(" ()") : 0;
	size_t left = room > d->notes.len + around ? room - d->notes.len - around : 0;
	show_put_command(&d->text, p, d->charset, left > COMMAND_MIN ? left : COMMAND_MIN);
	cut_notes(&d->notes, room > d->text.len + around ? room - d->text.len - around : 0);
	if (d->notes.len)
		text_printf(&d->text, " (%s)", text_str(&d->notes));
	failed(d, d->notes.failed ? -ENOMEM : 0);
	text_clear(&d->notes);
	cell(d, d->lines[row], d->column_command);
}

/* Once the other columns' widths are known. */
static void draw_terminal_commands(struct drawing *d)
{
	size_t room = room_for_commands(d);

	for (size_t row = 0; d->code == 0 && row < d->walk.len; row++)
		terminal_cell(d, row, room);
}

static void ghost_cells(struct drawing *d, struct libscols_line *line, const struct show_ghost *g)
{
	bool terminal = d->options->width > 0;

	text_puts(&d->text, "dead leader");
	if (!terminal)
		cell(d, line, d->column_command);
	text_puts(&d->text, terminal ? " (" : "");
	show_put_members(&d->text, g);
	text_puts(&d->text, terminal ? ")" : "");
	cell(d, line, terminal ? d->column_command : d->column_notes);
	if (!terminal)
		cell_color(d, line, d->column_notes, DIM);
}

static void draw_ghosts(struct drawing *d)
{
	struct show_ghost *ghosts = show_ghosts_new(d->tree);

	if (!ghosts)
		failed(d, -ENOMEM);
	for (size_t i = 0; d->code == 0 && i < d->tree->ghosts_len; i++) {
		struct libscols_line *line = scols_table_new_line(d->table, NULL);
		if (!line) {
			failed(d, -ENOMEM);
			break;
		}
		number_cells(d, line, d->tree->ghosts[i].nspid, d->tree->ghosts[i].levels);
		text_puts(&d->text, "ghost");
		cell(d, line, d->column_state);
		cell_color(d, line, d->column_state, DIM);
		ghost_cells(d, line, &ghosts[i]);
	}
	free(ghosts);
}

static bool somebody_is_led_from_outside(const struct tree *t)
{
	for (size_t i = 0; i < t->processes_len; i++)
		if (t->processes[i].pgid == 0 || t->processes[i].sid == 0)
			return true;
	return false;
}

static void draw_footer(struct drawing *d, FILE *out)
{
	const char *dim = d->options->color ? DIM : "", *plain = d->options->color ? "\033[0m" : "";

	show_put_counts(&d->text, d->tree);
	text_puts(&d->text, "; * leads it");
	text_puts(&d->text, d->tree->ghosts_len ? ", + its leader is dead" : "");
	text_puts(&d->text, somebody_is_led_from_outside(d->tree) ? ", - its leader is outside" : "");
	if (levels_are_folded(d))
		text_puts(&d->text, "; numbers of levels between left out: no room");
	fprintf(out, "\n%s%s%s\n", dim, text_str(&d->text), plain);
	text_clear(&d->text);
}

static unsigned depth_limit(const struct tree_show_options *o)
{
	unsigned limit = o->width > 0 ? (unsigned)o->width / 8 : DEPTH_MAX;

	return limit < 8 ? 8 : limit > DEPTH_MAX ? DEPTH_MAX : limit;
}

/* libsmartcols fills lines up with blanks; on a terminal they would wrap, in a file they are noise. */
static void print_trimmed(const char *table, FILE *out)
{
	while (*table) {
		size_t len = strcspn(table, "\n"), end = len;
		while (end > 0 && table[end - 1] == ' ')
			end--;
		fwrite(table, 1, end, out);
		putc('\n', out);
		table += len + (table[len] == '\n');
	}
}

static void print_table(struct drawing *d, FILE *out)
{
	char *bytes = NULL;
	int r = scols_print_table_to_string(d->table, &bytes);

	if (r == 0)
		print_trimmed(bytes, out);
	failed(d, r);
	free(bytes);
}

static int draw(struct drawing *d, FILE *out)
{
	int r = show_walk_init(&d->walk, d->tree);

	fit_levels(d);
	if (r == 0)
		r = make_table(d);
	d->lines = calloc(d->tree->processes_len + 1, sizeof *d->lines);
	if (r < 0 || !d->lines)
		return r < 0 ? r : -ENOMEM;
	for (size_t row = 0; d->code == 0 && row < d->walk.len; row++)
		draw_process(d, row);
	draw_ghosts(d);
	if (d->options->width > 0)
		draw_terminal_commands(d);
	if (d->code == 0 && !scols_table_is_empty(d->table))
		print_table(d, out);
	if (d->code == 0)
		draw_footer(d, out);
	return d->code;
}

int tree_show_text(const struct tree *t, const struct tree_show_options *o, FILE *out)
{
	struct drawing d = {
		.tree = t,
		.options = o,
		.charset = o->unicode ? TEXT_UTF8 : TEXT_ASCII,
		.levels = show_count(t).levels,
		.depth_max = depth_limit(o),
	};
	int r = draw(&d, out);

	scols_unref_table(d.table);
	free(d.lines);
	show_walk_done(&d.walk);
	text_done(&d.text);
	text_done(&d.notes);
	return r == 0 && ferror(out) ? -EIO : r;
}
