/* SPDX-License-Identifier: MIT */
/*
 * show_svg.h: what lays a picture out (show_svg.c) and what draws it (show_svg_draw.c) share.
 */
#ifndef SETTID_TREE_SHOW_SVG_H
#define SETTID_TREE_SHOW_SVG_H

#include "tree/show.h"

enum {
	MARGIN = 20,
	TITLE_HEIGHT = 30,
	LEGEND_HEIGHT = 48,
	CHAR_WIDTH = 8, /* of a 13 px monospaced font: at most 0.602 em, rounded up */
	CARD_HEIGHT = 26,
	CARD_PAD = 10,
	BARS_WIDTH = 14, /* of a card, before its text: one for the session, one for the group */
	ROW = 34,        /* from card to card */
	INDENT = 30,     /* per generation */
	BOX_PAD = 12,    /* between a namespace's border and its cards */
	BOX_TITLE = 24,  /* room above the first card for its name */
	COMMAND_MAX = 48,
};

#define SVG_LEGEND "* leads it, + its leader is dead, - its leader is outside"
#define SVG_LEGEND_BARS "bars: session and group, one colour for one leader"

struct card {
	int x, y, width;
	int right, bottom; /* with all descendants and their boxes */
};

struct picture {
	const struct tree *tree;
	struct show_walk walk;
	struct card *cards;       /* [row] */
	struct card *ghost_cards; /* [ghost] */
	struct show_ghost *ghosts;
	int32_t *ghost_first, *ghost_next; /* by namespace, and the next ghost of the same one */
	int32_t *color_process,
		*color_ghost; /* of those who lead, counted as they are met; TREE_NONE = leads nobody */
	int colors;
	struct text text;
	FILE *out;
	int width, height;
};

/* The parts of a card, in the order they are written; each is followed by two blanks. */
enum part { PART_NUMBERS, PART_COMMAND, PART_STATE, PART_LEADERS, PART_NOTES, PART_COUNT };

/* Into pic->text. */
void svg_put_part(struct picture *pic, const struct tree_process *p, enum part part);
void svg_put_ghost(struct picture *pic, size_t i);
int svg_columns(const char *s);

static inline const struct tree_process *svg_process_at(const struct picture *pic, size_t row)
{
	return &pic->tree->processes[pic->walk.order[row]];
}

static inline bool svg_opens_box(const struct picture *pic, size_t row)
{
	return show_enters_ns(pic->tree, svg_process_at(pic, row));
}

/* show_svg_draw.c: a picture in which everything has its place. */
void svg_draw(struct picture *pic);

#endif
