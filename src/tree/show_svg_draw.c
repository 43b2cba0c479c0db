/* SPDX-License-Identifier: MIT */
/*
 * show_svg_draw.c: a picture that is laid out, written down.
 *
 * Keeps:   (G3) no scripts, fonts, images or links; all text is escaped; light and dark follow the reader's
 *               preference.
 */
#include <stdlib.h>
#include <string.h>

#include "tree/show_svg.h"

enum { TINTS = 6, COLORS = 12 };

/* No CSS variables: not every viewer of pictures knows them.  Those that know no media query show the light one. */
static const char style[] =
	"<style>\n"
	"text{font:13px ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace;white-space:pre}\n"
	".h{font-weight:600}.b{font-weight:700}.g,.e{fill:none}.e{stroke-width:1.5}\n"
	".z{stroke-dasharray:5 3}.g{stroke-dasharray:2 3}\n"
	"text{fill:#1c2330}.bg{fill:#ffffff}\n"
	".c{fill:#ffffff;stroke:#8592a6}\n"
	".l{stroke-dasharray:5 "
	"3;stroke:#b3261e}.s{fill:#fff3d6;stroke:#8a5a00}.z{fill:#fdeceb;stroke:#b3261e}\n"
	".g{stroke:#8592a6}.e{stroke:#9aa5b5}.n{stroke:#9aa5b5}\n"
	"text.d{fill:#5b6577}text.st{fill:#8a5a00}text.zt{fill:#b3261e}\n"
	".k0{fill:#3f74b5}.k1{fill:#d9822b}.k2{fill:#3d9a50}.k3{fill:#c94f7c}\n"
	".k4{fill:#8a63c0}.k5{fill:#1f9e9e}.k6{fill:#b89b1d}.k7{fill:#8c6d52}\n"
	".k8{fill:#5b6b7d}.k9{fill:#a2422a}.k10{fill:#6f8f1d}.k11{fill:#d07fb4}.ko{fill:none;stroke:#8592a6}"
	"\n"
	".n0{fill:#eef3fb}.n1{fill:#e4f4ea}.n2{fill:#f6ecfa}\n"
	".n3{fill:#fdf1e0}.n4{fill:#e2f4f6}.n5{fill:#fbeaf0}\n"
	"@media(prefers-color-scheme:dark){\n"
	"text{fill:#e6eaf1}.bg{fill:#12161d}\n"
	".c{fill:#1d232d;stroke:#5d697b}\n"
	".l{stroke:#ff9a92}.s{fill:#3a2f14;stroke:#f0c060}.z{fill:#3d1c1b;stroke:#ff9a92}\n"
	".g{stroke:#5d697b}.e{stroke:#5d697b}.n{stroke:#5d697b}\n"
	"text.d{fill:#9aa6b8}text.st{fill:#f0c060}text.zt{fill:#ff9a92}\n"
	".n0{fill:#1a2230}.n1{fill:#16281f}.n2{fill:#291f30}\n"
	".n3{fill:#2e2517}.n4{fill:#15292c}.n5{fill:#2f1c25}}\n"
	"</style>\n";

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
	const struct tree_process *p = svg_process_at(pic, row);
	int x = c->x - BOX_PAD, y = c->y - BOX_TITLE;

	print_box(pic, pic->tree->namespaces[p->ns].level, x, y, c->right, c->bottom);
	show_put_ns(&pic->text, pic->tree, p, TEXT_UTF8);
	print_text(pic, c->x, y + 16, "d");
}

static void print_edge(struct picture *pic, size_t row)
{
	int32_t parent = svg_process_at(pic, row)->parent;

	if (parent == TREE_NONE)
		return;
	const struct card *from = &pic->cards[pic->walk.row[parent]], *to = &pic->cards[row];
	fprintf(pic->out, "<path class=\"e\" d=\"M%d %dV%dH%d\"/>\n", from->x + INDENT / 2,
		from->y + CARD_HEIGHT, to->y + CARD_HEIGHT / 2, to->x);
}

static int color_of(const struct picture *pic, int32_t leader)
{
	int32_t at = leader > 0 ? tree_find(pic->tree, leader) : TREE_NONE;

	if (at != TREE_NONE)
		return pic->color_process[at];
	at = leader > 0 ? show_find_ghost(pic->tree, leader) : TREE_NONE;
	return at == TREE_NONE ? TREE_NONE : pic->color_ghost[at];
}

static const char *card_class(const struct tree_process *p)
{
	if (p->state == TREE_ZOMBIE)
		return "z";
	if (p->leader_dead)
		return "c l";
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

/* The bar of a group or session: all that are led by the same number have the same colour, and those outside none. */
static void print_bar(struct picture *pic, int x, int y, int height, int32_t leader)
{
	int color = color_of(pic, leader);

	fprintf(pic->out, "<rect class=\"k");
	if (color == TREE_NONE)
		putc('o', pic->out);
	else
		fprintf(pic->out, "%d", color % COLORS);
	fprintf(pic->out, "\" x=\"%d\" y=\"%d\" width=\"4\" height=\"%d\" rx=\"2\"/>\n", x, y, height);
}

static void print_card(struct picture *pic, size_t row)
{
	const struct card *c = &pic->cards[row];
	const struct tree_process *p = svg_process_at(pic, row);
	int x = c->x + CARD_PAD + BARS_WIDTH;

	fprintf(pic->out, "<rect class=\"%s\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n",
		card_class(p), c->x, c->y, c->width, CARD_HEIGHT);
	print_bar(pic, c->x + 5, c->y + 4, CARD_HEIGHT - 8, p->sid);
	print_bar(pic, c->x + 12, c->y + 8, CARD_HEIGHT - 16, p->pgid);
	for (enum part part = 0; part < PART_COUNT; part++) {
		svg_put_part(pic, p, part);
		int chars = svg_columns(text_str(&pic->text));
		if (chars > 0) {
			print_text(pic, x, c->y + 18, part_class(p, part));
			x += (chars + 2) * CHAR_WIDTH;
		}
	}
}

static void print_ghost(struct picture *pic, size_t i)
{
	const struct card *c = &pic->ghost_cards[i];
	int32_t number = pic->tree->ghosts[i].nspid[0];

	fprintf(pic->out, "<rect class=\"g\" x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"6\"/>\n", c->x,
		c->y, c->width, CARD_HEIGHT);
	if (pic->ghosts[i].session_members)
		print_bar(pic, c->x + 5, c->y + 4, CARD_HEIGHT - 8, number);
	if (pic->ghosts[i].group_members)
		print_bar(pic, c->x + 12, c->y + 8, CARD_HEIGHT - 16, number);
	svg_put_ghost(pic, i);
	print_text(pic, c->x + CARD_PAD + BARS_WIDTH, c->y + 18, "d");
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
		  pic->height - MARGIN - LEGEND_HEIGHT + 6);
	text_puts(&pic->text, "level 0");
	print_text(pic, MARGIN + BOX_PAD, MARGIN + TITLE_HEIGHT + 13, "d");
	text_puts(&pic->text, SVG_LEGEND_BARS);
	print_text(pic, MARGIN, pic->height - MARGIN - 18, "d");
	text_puts(&pic->text, SVG_LEGEND);
	print_text(pic, MARGIN, pic->height - MARGIN, "d");
}

void svg_draw(struct picture *pic)
{
	print_frame(pic);
	for (size_t row = 0; row < pic->walk.len; row++)
		if (svg_opens_box(pic, row))
			print_ns_box(pic, row);
	for (size_t row = 0; row < pic->walk.len; row++)
		print_edge(pic, row);
	for (size_t row = 0; row < pic->walk.len; row++)
		print_card(pic, row);
	for (size_t i = 0; i < pic->tree->ghosts_len; i++)
		print_ghost(pic, i);
	fputs("</svg>\n", pic->out);
}
