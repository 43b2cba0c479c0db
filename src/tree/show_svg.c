/* SPDX-License-Identifier: MIT */
/*
 * show_svg.c: a tree as one self-contained SVG: a card per process, indented below its parent, with a box
 * around what lives in a namespace of its own.
 *
 * Keeps:   (G1) the picture's size follows from its contents: all text is monospaced, so widths are counted;
 *          (G2) boxes nest: one is drawn around a process that lives in another namespace than its parent,
 *               together with all its descendants;
 *          (G3) no scripts, fonts, images or links; all text is escaped; light and dark follow the reader's
 *               preference;
 *          (G4) no recursion, linear in processes.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tree/show.h"

enum {
	MARGIN = 20,
	TITLE_HEIGHT = 30,
	CHAR_WIDTH = 8, /* of a 13 px monospaced font: at most 0.602 em, rounded up */
	CARD_HEIGHT = 26,
	CARD_PAD = 10,
	ROW = 34,       /* from card to card */
	INDENT = 30,    /* per generation */
	BOX_PAD = 12,   /* between a namespace's border and its cards */
	BOX_TITLE = 24, /* room above the first card for its name */
	TINTS = 6,
	COMMAND_MAX = 48,
};

struct card {
	int x, y, width;
	int right, bottom; /* with all descendants and their boxes */
};

struct picture {
	const struct tree *tree;
	struct show_walk walk;
	struct card *cards; /* [row] */
	int *ghost_width;
	struct show_ghost *ghosts;
	struct text text;
	FILE *out;
	int width, height;
	int ghosts_y;
};

/* No CSS variables: not every viewer of pictures knows them.  Those that know no media query show the light one. */
static const char style[] =
	"<style>\n"
	"text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}\n"
	".h{font-weight:600}.b{font-weight:700}.g,.e{fill:none}.e{stroke-width:1.5}\n"
	".z{stroke-dasharray:5 3}.g{stroke-dasharray:2 3}\n"
	"text{fill:#1c2330}.bg{fill:#ffffff}\n"
	".c{fill:#ffffff;stroke:#8592a6}\n"
	".s{fill:#fff3d6;stroke:#8a5a00}.z{fill:#fdeceb;stroke:#b3261e}\n"
	".g{stroke:#8592a6}.e{stroke:#9aa5b5}.n{stroke:#9aa5b5}\n"
	"text.d{fill:#5b6577}text.st{fill:#8a5a00}text.zt{fill:#b3261e}\n"
	".n0{fill:#eef3fb}.n1{fill:#e4f4ea}.n2{fill:#f6ecfa}\n"
	".n3{fill:#fdf1e0}.n4{fill:#e2f4f6}.n5{fill:#fbeaf0}\n"
	"@media(prefers-color-scheme:dark){\n"
	"text{fill:#e6eaf1}.bg{fill:#12161d}\n"
	".c{fill:#1d232d;stroke:#5d697b}\n"
	".s{fill:#3a2f14;stroke:#f0c060}.z{fill:#3d1c1b;stroke:#ff9a92}\n"
	".g{stroke:#5d697b}.e{stroke:#5d697b}.n{stroke:#5d697b}\n"
	"text.d{fill:#9aa6b8}text.st{fill:#f0c060}text.zt{fill:#ff9a92}\n"
	".n0{fill:#1a2230}.n1{fill:#16281f}.n2{fill:#291f30}\n"
	".n3{fill:#2e2517}.n4{fill:#15292c}.n5{fill:#2f1c25}}\n"
	"</style>\n";

/* ------------------------------------------------------------------------------------------- text -- */

/* Columns of UTF-8 text; wide characters count twice, so that cards are never too small. */
static int columns(const char *s)
{
	int n = 0;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		n += (*p & 0xc0) == 0x80 ? 0 : *p >= 0xe1 ? 2 : 1;
	return n;
}

static void print_escaped(FILE *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			fputs("&amp;", out);
		else if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '>')
			fputs("&gt;", out);
		else
			putc(*s, out);
	}
}

/* The parts of a card, in the order they are written; each is followed by two blanks. */
enum part { PART_NUMBERS, PART_COMMAND, PART_STATE, PART_LEADERS, PART_THREADS, PART_COUNT };

static void put_part(struct picture *pic, const struct tree_process *p, enum part part)
{
	struct text *out = &pic->text;

	switch (part) {
	case PART_NUMBERS:
		text_put_numbers(out, p->nspid, p->levels);
		break;
	case PART_COMMAND:
		show_put_command(out, p, TEXT_UTF8, COMMAND_MAX);
		break;
	case PART_STATE:
		if (p->state != TREE_LIVE || p->leader_dead)
			show_put_state(out, p);
		break;
	case PART_LEADERS:
		text_puts(out, "group ");
		show_put_leader(out, pic->tree, p, p->pgid);
		text_puts(out, " session ");
		show_put_leader(out, pic->tree, p, p->sid);
		break;
	case PART_THREADS:
		show_put_threads(out, p);
		break;
	case PART_COUNT:
		break;
	}
}

static int card_width(struct picture *pic, const struct tree_process *p)
{
	int chars = 0;

	for (enum part part = 0; part < PART_COUNT; part++) {
		put_part(pic, p, part);
		if (pic->text.len > 0)
			chars += columns(text_str(&pic->text)) + 2;
		text_clear(&pic->text);
	}
	return (chars - 2) * CHAR_WIDTH + 2 * CARD_PAD;
}

/* ----------------------------------------------------------------------------------------- layout -- */

static const struct tree_process *process_at(const struct picture *pic, size_t row)
{
	return &pic->tree->processes[pic->walk.order[row]];
}

static bool row_opens_box(const struct picture *pic, size_t row)
{
	return show_enters_ns(pic->tree, process_at(pic, row));
}

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

/* Top to bottom; a box that ends above pushes what follows down by its padding. */
static void place_cards(struct picture *pic)
{
	int y = MARGIN + TITLE_HEIGHT + BOX_TITLE;

	for (size_t row = 0; row < pic->walk.len; row++) {
		struct card *c = &pic->cards[row];
		const struct tree_process *p = process_at(pic, row);
		int x = MARGIN + BOX_PAD;
		if (p->parent != TREE_NONE)
			x = pic->cards[pic->walk.row[p->parent]].x + INDENT;
		if (row_opens_box(pic, row)) {
			x += BOX_PAD;
			y += BOX_TITLE + BOX_PAD / 2;
		}
		*c = (struct card){ .x = x, .y = y, .width = card_width(pic, p) };
		y += ROW;
		/* Boxes that end with this row: the first one's border takes room below it, and so do those around it. */
		for (size_t up = row;; up = pic->walk.row[process_at(pic, up)->parent]) {
			if (up + pic->walk.subtree[up] != row + 1)
				break;
			if (row_opens_box(pic, up))
				y += BOX_PAD;
			if (process_at(pic, up)->parent == TREE_NONE)
				break;
		}
	}
	pic->height = y;
}

/* Bottom to top, so that descendants are known. */
static void measure_branches(struct picture *pic)
{
	for (size_t row = 0; row < pic->walk.len; row++) {
		struct card *c = &pic->cards[row];
		c->right = c->x + c->width;
		c->bottom = c->y + CARD_HEIGHT;
	}
	pic->width = 0;
	for (size_t row = pic->walk.len; row-- > 0;) {
		struct card *c = &pic->cards[row];
		int32_t parent = process_at(pic, row)->parent;
		if (row_opens_box(pic, row)) {
			c->right += BOX_PAD;
			c->bottom += BOX_PAD;
		}
		pic->width = max_int(pic->width, c->right);
		if (parent == TREE_NONE)
			continue;
		struct card *above = &pic->cards[pic->walk.row[parent]];
		above->right = max_int(above->right, c->right);
		above->bottom = max_int(above->bottom, c->bottom);
	}
}

/* Ghosts stand below everything, in the box of level 0: their namespace may have no place of its own. */
static void put_ghost(struct picture *pic, size_t i)
{
	text_put_numbers(&pic->text, pic->tree->ghosts[i].nspid, pic->tree->ghosts[i].levels);
	text_puts(&pic->text, "  ");
	show_put_ghost(&pic->text, &pic->ghosts[i]);
}

static void place_ghosts(struct picture *pic)
{
	pic->ghosts_y = pic->height;
	for (size_t i = 0; i < pic->tree->ghosts_len; i++) {
		put_ghost(pic, i);
		pic->ghost_width[i] = columns(text_str(&pic->text)) * CHAR_WIDTH + 2 * CARD_PAD;
		pic->width = max_int(pic->width, MARGIN + BOX_PAD + pic->ghost_width[i]);
		pic->height += ROW;
		text_clear(&pic->text);
	}
}

#define LEGEND "* leads it, + its leader is dead, - its leader is outside"

/* The outer box and its margins; the title and the legend must fit too. */
static void close_picture(struct picture *pic)
{
	show_put_counts(&pic->text, pic->tree);
	int title = columns(text_str(&pic->text)) * CHAR_WIDTH;
	text_clear(&pic->text);

	pic->width = max_int(pic->width + BOX_PAD, MARGIN + max_int(title, (int)strlen(LEGEND) * CHAR_WIDTH));
	pic->width += MARGIN;
	pic->height += BOX_PAD + MARGIN + TITLE_HEIGHT;
}

/* ----------------------------------------------------------------------------------------- drawing -- */

static void print_text(struct picture *pic, int x, int y, const char *class)
{
	fprintf(pic->out, "<text class=\"%s\" x=\"%d\" y=\"%d\">", class, x, y);
	print_escaped(pic->out, text_str(&pic->text));
	fputs("</text>\n", pic->out);
	text_clear(&pic->text);
}

static void print_box(struct picture *pic, unsigned level, int x, int y, int right, int bottom)
{
	fprintf(pic->out, "<rect class=\"n n%u\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"10\"/>\n",
		level % TINTS, x, y, right - x, bottom - y);
}

static void print_ns_box(struct picture *pic, size_t row)
{
	const struct card *c = &pic->cards[row];
	const struct tree_process *p = process_at(pic, row);
	int x = c->x - BOX_PAD, y = c->y - BOX_TITLE;

	print_box(pic, pic->tree->namespaces[p->ns].level, x, y, c->right, c->bottom);
	show_put_ns(&pic->text, pic->tree, p, TEXT_UTF8);
	print_text(pic, c->x, y + 16, "d");
}

/* Box titles may be wider than what they hold: measured with the card they stand over. */
static void widen_for_box_titles(struct picture *pic)
{
	for (size_t row = 0; row < pic->walk.len; row++) {
		if (!row_opens_box(pic, row))
			continue;
		show_put_ns(&pic->text, pic->tree, process_at(pic, row), TEXT_UTF8);
		int width = columns(text_str(&pic->text)) * CHAR_WIDTH;
		pic->cards[row].width = max_int(pic->cards[row].width, width);
		text_clear(&pic->text);
	}
}

static void print_edge(struct picture *pic, size_t row)
{
	int32_t parent = process_at(pic, row)->parent;

	if (parent == TREE_NONE)
		return;
	const struct card *from = &pic->cards[pic->walk.row[parent]], *to = &pic->cards[row];
	fprintf(pic->out, "<path class=\"e\" d=\"M%d %dV%dH%d\"/>\n", from->x + INDENT / 2,
		from->y + CARD_HEIGHT, to->y + CARD_HEIGHT / 2, to->x);
}

static const char *card_class(const struct tree_process *p)
{
	if (p->state == TREE_ZOMBIE)
		return "z";
	return p->state == TREE_STOPPED ? "s" : "c";
}

static const char *part_class(const struct tree_process *p, enum part part)
{
	if (part == PART_NUMBERS)
		return "b";
	if (part == PART_STATE)
		return p->state == TREE_STOPPED ? "st" : "zt";
	return part == PART_COMMAND ? "h" : "d";
}

static void print_card(struct picture *pic, size_t row)
{
	const struct card *c = &pic->cards[row];
	const struct tree_process *p = process_at(pic, row);
	int x = c->x + CARD_PAD;

	fprintf(pic->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
		card_class(p), c->x, c->y, c->width, CARD_HEIGHT);
	for (enum part part = 0; part < PART_COUNT; part++) {
		put_part(pic, p, part);
		int chars = columns(text_str(&pic->text));
		if (chars > 0) {
			print_text(pic, x, c->y + 18, part_class(p, part));
			x += (chars + 2) * CHAR_WIDTH;
		}
	}
}

static void print_ghost(struct picture *pic, size_t i)
{
	int y = pic->ghosts_y + (int)i * ROW, x = MARGIN + BOX_PAD;

	fprintf(pic->out, "<rect class=\"g\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", x, y,
		pic->ghost_width[i], CARD_HEIGHT);
	put_ghost(pic, i);
	print_text(pic, x + CARD_PAD, y + 18, "d");
}

static void print_frame(struct picture *pic)
{
	fprintf(pic->out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" viewBox=\"0 0 %d %d\""
		" role=\"img\">\n<title>",
		pic->width, pic->height, pic->width, pic->height);
	show_put_counts(&pic->text, pic->tree);
	print_escaped(pic->out, text_str(&pic->text));
	fprintf(pic->out, "</title>\n%s<rect class=\"bg\" width=\"%d\" height=\"%d\"/>\n", style, pic->width,
		pic->height);
	print_text(pic, MARGIN, MARGIN + 12, "h");
	print_box(pic, 0, MARGIN, MARGIN + TITLE_HEIGHT - 4, pic->width - MARGIN,
		  pic->height - MARGIN - TITLE_HEIGHT + 6);
	text_puts(&pic->text, "level 0");
	print_text(pic, MARGIN + BOX_PAD, MARGIN + TITLE_HEIGHT + 13, "d");
	text_puts(&pic->text, LEGEND);
	print_text(pic, MARGIN, pic->height - MARGIN, "d");
}

static void print_picture(struct picture *pic)
{
	print_frame(pic);
	for (size_t row = 0; row < pic->walk.len; row++)
		if (row_opens_box(pic, row))
			print_ns_box(pic, row);
	for (size_t row = 0; row < pic->walk.len; row++)
		print_edge(pic, row);
	for (size_t row = 0; row < pic->walk.len; row++)
		print_card(pic, row);
	for (size_t i = 0; i < pic->tree->ghosts_len; i++)
		print_ghost(pic, i);
	fputs("</svg>\n", pic->out);
}

int tree_show_svg(const struct tree *t, FILE *out)
{
	struct picture pic = {
		.tree = t,
		.out = out,
		.cards = calloc(t->processes_len + 1, sizeof *pic.cards),
		.ghost_width = calloc(t->ghosts_len + 1, sizeof *pic.ghost_width),
		.ghosts = show_ghosts_new(t),
	};
	int r = show_walk_init(&pic.walk, t);

	if (r == 0 && (!pic.cards || !pic.ghost_width || !pic.ghosts))
		r = -ENOMEM;
	if (r == 0) {
		place_cards(&pic);
		widen_for_box_titles(&pic);
		measure_branches(&pic);
		place_ghosts(&pic);
		close_picture(&pic);
		print_picture(&pic);
	}
	if (r == 0 && (pic.text.failed || ferror(out)))
		r = pic.text.failed ? -ENOMEM : -EIO;
	show_walk_done(&pic.walk);
	text_done(&pic.text);
	free(pic.cards);
	free(pic.ghost_width);
	free(pic.ghosts);
	return r;
}
