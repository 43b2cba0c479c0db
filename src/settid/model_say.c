/* SPDX-License-Identifier: MIT */
/*
 * model_say.c: one line of answer, as words and as an object.
 *
 * Keeps:   (Y1) words and JSON come from the same calls, fact by fact: neither knows what the other does not say;
 *          (Y2) script.answer holds the words of what was said last, whether it was printed or not.
 */
#include "model_say.h"

#include <stdarg.h>
#include <string.h>

struct saying say_begin(struct script *s, int line)
{
	struct saying say = { .s = s, .line = line };

	s->answer[0] = '\0';
	if (s->config.json)
		say.json = json_pack("{s:i}", "line", line);
	return say;
}

void say_end(struct saying *say, bool important)
{
	struct script *s = say->s;

	if (!important && s->config.quiet) {
		json_decref(say->json);
		return;
	}
	if (!s->config.json) {
		fprintf(s->config.out, "%d: %s\n", say->line, s->answer);
		return;
	}
	if (!say->json || json_dumpf(say->json, s->config.out, JSON_COMPACT) < 0)
		s->no_memory = true;
	fputc('\n', s->config.out);
	json_decref(say->json);
}

/* One more word, for people only. */
void say_word(struct saying *say, const char *fmt, ...)
{
	char *out = say->s->answer;
	size_t room = sizeof say->s->answer, used = strlen(out);
	va_list ap;

	if (used > 0 && used + 1 < room)
		out[used++] = ' ';
	va_start(ap, fmt);
	vsnprintf(out + used, room - used, fmt, ap);
	va_end(ap);
}

/* A value, for programs only; takes it. */
void say_set(struct saying *say, const char *key, json_t *value)
{
	if (say->json)
		json_object_set_new(say->json, key, value);
	else
		json_decref(value);
}

static json_t *string(const struct saying *say, const char *text)
{
	return say->json ? json_string(text) : NULL;
}

void say_text(struct saying *say, const char *key, const char *text)
{
	say_set(say, key, string(say, text));
}

void say_number(struct saying *say, const char *key, int64_t value)
{
	say_word(say, "%s=%lld", key, (long long)value);
	say_set(say, key, say->json ? json_integer(value) : NULL);
}

void say_kind(struct saying *say, const char *kind)
{
	say_word(say, "%s", kind);
	say_text(say, "answer", kind);
}

void say_nspid(struct saying *say, const struct op_answer *a)
{
	char text[OP_LEVELS_MAX * 12] = "";
	size_t used = 0;
	json_t *list = say->json ? json_array() : NULL;

	if (a->nspid_len == 0) {
		json_decref(list);
		return;
	}
	for (int i = 0; i < a->nspid_len; i++) {
		used += (size_t)snprintf(text + used, sizeof text - used, i ? ",%d" : "%d", (int)a->nspid[i]);
		if (list)
			json_array_append_new(list, json_integer(a->nspid[i]));
	}
	say_word(say, "nspid=%s", text);
	say_set(say, "nspid", list);
}

void say_status(struct saying *say, int64_t status)
{
	char text[16];

	say_word(say, "%s", op_status_name(status, text));
	say_text(say, "status", text);
}
