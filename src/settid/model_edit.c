/* SPDX-License-Identifier: MIT */
/*
 * model_edit.c: lines from a person at a terminal.
 *
 * With libedit (BSD licence) there are line editing, a history of the session and completion on Tab; ~/.editrc is read.
 * Built without it, lines are read as the terminal gives them, after the same prompt.
 *
 * Keeps:   (E1) the terminal is left as it was found on every way out: libedit's own signal handlers see to that.
 */
#include "model_edit.h"

#include <stdlib.h>
#include <string.h>

#ifdef SETTID_HAVE_LIBEDIT

#include <histedit.h>

const char model_edit_about[] = "Lines are edited with libedit, see editrc(5): history with the arrow keys,\n"
				"completion with Tab.\n";

struct editor {
	const struct script *script;
	EditLine *el;
	History *history;
	char prompt[24];
	char line[4096];
};

static char *prompt(EditLine *el)
{
	struct editor *e = NULL;

	el_get(el, EL_CLIENTDATA, &e);
	snprintf(e->prompt, sizeof e->prompt, "%d> ", script_next_line(e->script));
	return e->prompt;
}

struct offers {
	unsigned count;
	char common[64]; /* what all of them begin with */
	FILE *list;      /* NULL: only counted */
};

static void take_offer(void *ctx, const char *word)
{
	struct offers *o = ctx;
	size_t same = 0;

	if (o->list)
		fprintf(o->list, "%s%s", o->count ? "  " : "\n", word);
	if (o->count++ == 0) {
		snprintf(o->common, sizeof o->common, "%s", word);
		return;
	}
	while (o->common[same] && o->common[same] == word[same])
		same++;
	o->common[same] = '\0';
}

static unsigned char complete(EditLine *el, int key)
{
	struct editor *e = NULL;
	const LineInfo *info = el_line(el);
	size_t cursor = (size_t)(info->cursor - info->buffer), at, typed;
	struct offers o = { .count = 0 };

	(void)key;
	el_get(el, EL_CLIENTDATA, &e);
	if (cursor >= sizeof e->line)
		return CC_ERROR;
	memcpy(e->line, info->buffer, cursor);
	e->line[cursor] = '\0';
	at = script_complete(e->script, e->line, cursor, take_offer, &o);
	typed = cursor - at;
	if (o.count == 0)
		return CC_ERROR;
	if (o.count == 1 && o.common[strlen(o.common) - 1] != '=' && strlen(o.common) + 1 < sizeof o.common)
		strcat(o.common, " ");
	if (strlen(o.common) > typed)
		return el_insertstr(el, o.common + typed) == 0 ? CC_REFRESH : CC_ERROR;
	o = (struct offers){ .list = stdout };
	script_complete(e->script, e->line, cursor, take_offer, &o);
	fputc('\n', stdout);
	fflush(stdout);
	return CC_REDISPLAY;
}

static bool set_up(struct editor *e)
{
	HistEvent ev;

	e->history = history_init();
	e->el = el_init("settid", stdin, stdout, stderr);
	if (!e->history || !e->el)
		return false;
	history(e->history, &ev, H_SETSIZE, 1000);
	history(e->history, &ev, H_SETUNIQUE, 1);
	el_set(e->el, EL_CLIENTDATA, e);
	el_set(e->el, EL_SIGNAL, 1);
	el_set(e->el, EL_EDITOR, "emacs");
	el_set(e->el, EL_PROMPT, prompt);
	el_set(e->el, EL_HIST, history, e->history);
	el_set(e->el, EL_ADDFN, "settid-complete", "Complete the word", complete);
	el_set(e->el, EL_BIND, "^I", "settid-complete", NULL);
	el_source(e->el, NULL);
	return true;
}

struct editor *editor_new(const struct script *s)
{
	struct editor *e = calloc(1, sizeof *e);

	if (!e)
		return NULL;
	e->script = s;
	if (set_up(e))
		return e;
	editor_free(e);
	return NULL;
}

void editor_free(struct editor *e)
{
	if (!e)
		return;
	if (e->el)
		el_end(e->el);
	if (e->history)
		history_end(e->history);
	free(e);
}

const char *editor_line(struct editor *e)
{
	int len = 0;
	const char *text = el_gets(e->el, &len);
	HistEvent ev;

	if (!text || len <= 0)
		return NULL;
	if (strspn(text, " \t\n") < strlen(text))
		history(e->history, &ev, H_ENTER, text);
	snprintf(e->line, sizeof e->line, "%.*s", (int)strcspn(text, "\n"), text);
	return e->line;
}

#else

const char model_edit_about[] = "This build has no line editing: it was made without libedit.\n";

struct editor {
	const struct script *script;
	char *line;
	size_t room;
};

struct editor *editor_new(const struct script *s)
{
	struct editor *e = calloc(1, sizeof *e);

	if (e)
		e->script = s;
	return e;
}

void editor_free(struct editor *e)
{
	if (!e)
		return;
	free(e->line);
	free(e);
}

const char *editor_line(struct editor *e)
{
	ssize_t len;

	printf("%d> ", script_next_line(e->script));
	fflush(stdout);
	len = getline(&e->line, &e->room, stdin);
	if (len < 0)
		return NULL;
	e->line[strcspn(e->line, "\n")] = '\0';
	return e->line;
}

#endif
