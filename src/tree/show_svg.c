/* SPDX-License-Identifier: MIT */
/*
 * show_svg.c: a tree as one self-contained SVG: a card per process, indented below its parent, with a box
 * around what lives in a namespace of its own.  This file gives everything its place.
 *
 * Keeps:   (G1) the picture's size follows from its contents: all text is monospaced, so widths are counted;
 *          (G2) boxes nest: one is drawn around a process that lives in another namespace than its parent,
 *               together with all its descendants and the ghosts of that namespace;
 *          (G4) no recursion, linear in processes.
 */
#include "tree/show_svg.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* ------------------------------------------------------------------------------------------- text -- */

/* Columns of UTF-8 text; wide characters count twice, so that cards are never too small. */
int svg_columns(const char *s)
{
	int n = 0;

	for (const unsigned char *p = (const unsigned char *)s; *p; p++)
		n += (*p & 0xc0) == 0x80 ? 0 : *p >= 0xe1 ? 2 : 1;
	return n;
}

void svg_put_part(struct picture *pic, const struct tree_process *p, enum part part)
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
	case PART_NOTES:
		show_put_habits(out, pic->tree, p, TEXT_UTF8);
		break;
	case PART_COUNT:
		break;
	}
}

void svg_put_ghost(struct picture *pic, size_t i)
{
	text_put_numbers(&pic->text, pic->tree->ghosts[i].nspid, pic->tree->ghosts[i].levels);
	text_puts(&pic->text, "  dead leader: ");
	show_put_members(&pic->text, &pic->ghosts[i]);
}

static int card_width(struct picture *pic, const struct tree_process *p)
{
	int chars = 0;

	for (enum part part = 0; part < PART_COUNT; part++) {
		svg_put_part(pic, p, part);
		if (pic->text.len > 0)
			chars += svg_columns(text_str(&pic->text)) + 2;
		text_clear(&pic->text);
	}
	return (chars - 2) * CHAR_WIDTH + 2 * CARD_PAD + BARS_WIDTH;
}

static int ghost_width(struct picture *pic, size_t i)
{
	svg_put_ghost(pic, i);
	int chars = svg_columns(text_str(&pic->text));
	text_clear(&pic->text);
	return chars * CHAR_WIDTH + 2 * CARD_PAD + BARS_WIDTH;
}

/* ----------------------------------------------------------------------------------------- colours -- */

static void color_leader(struct picture *pic, int32_t leader)
{
	int32_t at = leader > 0 ? tree_find(pic->tree, leader) : TREE_NONE;
	int32_t *color = at == TREE_NONE ? NULL : &pic->color_process[at];

	if (!color && leader > 0) {
		at = show_find_ghost(pic->tree, leader);
		color = at == TREE_NONE ? NULL : &pic->color_ghost[at];
	}
	if (color && *color == TREE_NONE)
		*color = pic->colors++;
}

static void color_leaders(struct picture *pic)
{
	for (size_t row = 0; row < pic->walk.len; row++) {
		color_leader(pic, svg_process_at(pic, row)->sid);
		color_leader(pic, svg_process_at(pic, row)->pgid);
	}
}

/* ----------------------------------------------------------------------------------------- layout -- */

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

static void group_ghosts(struct picture *pic)
{
	for (size_t i = pic->tree->ghosts_len; i-- > 0;) {
		int32_t ns = pic->tree->ghosts[i].ns;
		pic->ghost_next[i] = pic->ghost_first[ns];
		pic->ghost_first[ns] = (int32_t)i;
	}
}

/* All ghosts of a namespace that have no place yet, below each other. */
static void place_ghosts(struct picture *pic, int32_t ns, int x, int *y)
{
	for (int32_t i = pic->ghost_first[ns]; i != TREE_NONE; i = pic->ghost_next[i]) {
		pic->ghost_cards[i] = (struct card){ .x = x, .y = *y, .width = ghost_width(pic, (size_t)i) };
		*y += ROW;
	}
	pic->ghost_first[ns] = TREE_NONE;
}

/* Ghosts stand at the end of the box that their namespace's init opened.  Returns how far right they reach. */
static int place_ghosts_of_box(struct picture *pic, size_t row, int *y)
{
	const struct tree_process *p = svg_process_at(pic, row);
	const struct tree_ns *ns = &pic->tree->namespaces[p->ns];
	int right = 0;

	if (ns->init == TREE_NONE || &pic->tree->processes[ns->init] != p)
		return 0;
	int32_t first = pic->ghost_first[p->ns];
	place_ghosts(pic, p->ns, pic->cards[row].x + INDENT, y);
	for (int32_t i = first; i != TREE_NONE; i = pic->ghost_next[i])
		right = max_int(right, pic->ghost_cards[i].x + pic->ghost_cards[i].width);
	return right;
}

/* Boxes that end with this row: the first one's border takes room below it, and so do those around it. */
static void close_boxes(struct picture *pic, size_t row, int *y)
{
	for (size_t up = row;; up = pic->walk.row[svg_process_at(pic, up)->parent]) {
		if (up + pic->walk.subtree[up] != row + 1)
			break;
		if (svg_opens_box(pic, up)) {
			struct card *c = &pic->cards[up];
			int before = *y;
			c->right = place_ghosts_of_box(pic, up, y);
			c->bottom = *y > before ? *y - ROW + CARD_HEIGHT : 0;
			*y += BOX_PAD;
		}
		if (svg_process_at(pic, up)->parent == TREE_NONE)
			break;
	}
}

/* Top to bottom; a box that ends above pushes what follows down by its padding. */
static void place_cards(struct picture *pic)
{
	int y = MARGIN + TITLE_HEIGHT + BOX_TITLE;

	for (size_t row = 0; row < pic->walk.len; row++) {
		const struct tree_process *p = svg_process_at(pic, row);
		int x = MARGIN + BOX_PAD;
		if (p->parent != TREE_NONE)
			x = pic->cards[pic->walk.row[p->parent]].x + INDENT;
		if (svg_opens_box(pic, row)) {
			x += BOX_PAD;
			y += BOX_TITLE + BOX_PAD / 2;
		}
		pic->cards[row] = (struct card){ .x = x, .y = y, .width = card_width(pic, p) };
		y += ROW;
		close_boxes(pic, row, &y);
	}
	/* those of level 0, and of namespaces without a box of their own */
	for (size_t ns = 0; ns < pic->tree->namespaces_len; ns++)
		place_ghosts(pic, (int32_t)ns, MARGIN + BOX_PAD, &y);
	pic->height = y;
}

/* Box titles may be wider than what they hold: measured with the card they stand over. */
static void widen_for_box_titles(struct picture *pic)
{
	for (size_t row = 0; row < pic->walk.len; row++) {
		if (!svg_opens_box(pic, row))
			continue;
		show_put_ns(&pic->text, pic->tree, svg_process_at(pic, row), TEXT_UTF8);
		int width = svg_columns(text_str(&pic->text)) * CHAR_WIDTH;
		pic->cards[row].width = max_int(pic->cards[row].width, width);
		text_clear(&pic->text);
	}
}

/* Bottom to top, so that descendants are known.  Where a box ends with ghosts, right and bottom are theirs so far. */
static void measure_branches(struct picture *pic)
{
	pic->width = 0;
	for (size_t row = 0; row < pic->walk.len; row++) {
		struct card *c = &pic->cards[row];
		c->right = max_int(c->right, c->x + c->width);
		c->bottom = max_int(c->bottom, c->y + CARD_HEIGHT);
	}
	for (size_t row = pic->walk.len; row-- > 0;) {
		struct card *c = &pic->cards[row];
		int32_t parent = svg_process_at(pic, row)->parent;
		if (svg_opens_box(pic, row)) {
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
	for (size_t i = 0; i < pic->tree->ghosts_len; i++)
		pic->width = max_int(pic->width, pic->ghost_cards[i].x + pic->ghost_cards[i].width);
}

/* The outer box and its margins; the title and the legend must fit too. */
static void close_picture(struct picture *pic)
{
	show_put_counts(&pic->text, pic->tree);
	int title = svg_columns(text_str(&pic->text)) * CHAR_WIDTH;
	text_clear(&pic->text);

	pic->width =
		max_int(pic->width + BOX_PAD, MARGIN + max_int(title, (int)strlen(SVG_LEGEND) * CHAR_WIDTH));
	pic->width += MARGIN;
	pic->height += BOX_PAD + MARGIN + LEGEND_HEIGHT;
}

/* ----------------------------------------------------------------------------------------- picture -- */

static int32_t *none_of(size_t len)
{
	int32_t *array = malloc((len + 1) * sizeof *array);

	for (size_t i = 0; array && i < len; i++)
		array[i] = TREE_NONE;
	return array;
}

static int begin(struct picture *pic)
{
	const struct tree *t = pic->tree;

	pic->cards = calloc(t->processes_len + 1, sizeof *pic->cards);
	pic->ghost_cards = calloc(t->ghosts_len + 1, sizeof *pic->ghost_cards);
	pic->ghosts = show_ghosts_new(t);
	pic->ghost_first = none_of(t->namespaces_len);
	pic->ghost_next = none_of(t->ghosts_len);
	pic->color_process = none_of(t->processes_len);
	pic->color_ghost = none_of(t->ghosts_len);
	int r = show_walk_init(&pic->walk, t);
	if (r < 0)
		return r;
	return pic->cards && pic->ghost_cards && pic->ghosts && pic->ghost_first && pic->ghost_next &&
			       pic->color_process && pic->color_ghost
		       ? 0
		       : -ENOMEM;
}

static void done(struct picture *pic)
{
	show_walk_done(&pic->walk);
	text_done(&pic->text);
	free(pic->cards);
	free(pic->ghost_cards);
	free(pic->ghosts);
	free(pic->ghost_first);
	free(pic->ghost_next);
	free(pic->color_process);
	free(pic->color_ghost);
}

int tree_show_svg(const struct tree *t, FILE *out)
{
	struct picture pic = { .tree = t, .out = out };
	int r = begin(&pic);

	if (r == 0) {
		color_leaders(&pic);
		group_ghosts(&pic);
		place_cards(&pic);
		widen_for_box_titles(&pic);
		measure_branches(&pic);
		close_picture(&pic);
		svg_draw(&pic);
	}
	if (r == 0 && (pic.text.failed || ferror(out)))
		r = pic.text.failed ? -ENOMEM : -EIO;
	done(&pic);
	return r;
}
