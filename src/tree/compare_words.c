/* SPDX-License-Identifier: MIT */
/*
 * compare_words.c: differences between two trees as sentences.
 *
 * Keeps:   (C5) no sentence names a side by anything but a and b, or as what is and what should be: names of files are the
 *               caller's;
 *          (C6) a difference is counted and said even where memory for its words has run out.
 */
#include "tree/compare.h"

static void hand_out(struct compare__words *w, struct tree_difference *d)
{
	w->found++;
	d->text = w->text.failed || w->want.failed || w->got.failed
			  ? "differs (out of memory for the details)"
			  : text_str(&w->text);
	w->say(w->arg, d);
	text_clear(&w->text);
	text_clear(&w->want);
	text_clear(&w->got);
}

void words_differ(struct compare__words *w, int32_t pid, const char *field, const char *subject,
		  const char *again)
{
	struct tree_difference d = {
		.pid = pid, .field = field, .want = text_str(&w->want), .got = text_str(&w->got)
	};
	const char *first = w->sides ? d.want : d.got, *second = w->sides ? d.got : d.want;

	text_puts(&w->text, subject);
	text_puts(&w->text, " ");
	text_puts(&w->text, first);
	text_puts(&w->text, w->sides ? " in a, " : ", not ");
	text_puts(&w->text, again);
	text_puts(&w->text, second);
	text_puts(&w->text, w->sides ? " in b" : "");
	hand_out(w, &d);
}

void words_phrase(struct compare__words *w, int32_t pid, const char *field, const char *want, const char *got,
		  const char *as_built, const char *as_sides)
{
	struct tree_difference d = { .pid = pid, .field = field, .want = want, .got = got };

	text_puts(&w->text, w->sides ? as_sides : as_built);
	hand_out(w, &d);
}

void words_done(struct compare__words *w)
{
	text_done(&w->want);
	text_done(&w->got);
	text_done(&w->text);
}
