/* SPDX-License-Identifier: MIT */
/*
 * model_script.c: the session of `settid model`: names, lines performed, what happens in consequence.
 *
 * Owns:    struct script; which name stands for which task.
 * Keeps:   (S1) a line that is wrong changes nothing: it is read, and its values are known, before anything is done;
 *          (S2) about[i] is about the world's task i, as long as the session lasts.
 */
#include "model_script.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { FLAG_THREAD = 0x10000, FLAG_NEWPID = 0x20000000, FLAG_WALL = 0x40000000 };

bool script_grow(void *array, int len, int *room, size_t size)
{
	void **at = array;
	int want = *room ? *room * 2 : 16;
	void *bigger;

	if (len < *room)
		return true;
	bigger = realloc(*at, (size_t)want * size);
	if (!bigger)
		return false;
	*at = bigger;
	*room = want;
	return true;
}

/* ------------------------------------------------------------------------------------------- names -- */

const struct name *script_find(const struct script *s, const char *text, size_t len)
{
	for (int i = s->names_len - 1; i >= 0; i--)
		if (strlen(s->names[i].text) == len && memcmp(s->names[i].text, text, len) == 0)
			return &s->names[i];
	return NULL;
}

const char *script_name_of(const struct script *s, int task)
{
	return task >= 0 && task < s->about_len ? s->about[task].name : "?";
}

const char *script_name_of_task(const struct script *s, const struct pidns_task *t)
{
	return script_name_of(s, model_index(t));
}

/* A name stands for one thing at a time: the newest. */
static bool set_name(struct script *s, const char *text, int task, int code, const struct op_answer *a)
{
	struct name *n = (struct name *)(uintptr_t)script_find(s, text, strlen(text));

	if (n && n->task >= 0 && strcmp(s->about[n->task].name, text) == 0) {
		struct about *old = &s->about[n->task];

		snprintf(old->name, sizeof old->name, "@%d", old->line);
	}
	if (!n) {
		if (!script_grow(&s->names, s->names_len, &s->names_room, sizeof *s->names))
			return false;
		n = &s->names[s->names_len++];
	}
	*n = (struct name){ .task = task, .code = code, .answer = *a };
	snprintf(n->text, sizeof n->text, "%s", text);
	if (task >= 0)
		snprintf(s->about[task].name, sizeof s->about[task].name, "%s", text);
	return true;
}

/* a's number where the acting task looks from; of somebody gone, what it was. */
static int64_t number_seen(const struct script *s, int task)
{
	const struct model_task *a = model_task(s->world, task), *by = model_task(s->world, s->actor);
	int32_t depth = s->about[s->actor].nspid_len;

	if (a && a->task && by && by->task)
		return pidns_id_number_in(pidns_task_id(a->task), pidns_task_ns(by->task));
	return depth > 0 && depth <= s->about[task].nspid_len ? s->about[task].nspid[depth - 1] : 0;
}

static bool lookup(void *ctx, const char *name, size_t name_len, const char *field, size_t field_len,
		   int64_t *out)
{
	const struct script *s = ctx;
	const struct name *n = script_find(s, name, name_len);
	int known = field_len > 0 ? op_field_by_name(field, field_len) : 0;

	if (known < 0)
		return false;
	if (!n) {
		*out = s->config.levels - 1;
		return name_len == 1 && *name == 'L' && field_len == 0;
	}
	if (field_len > 0)
		*out = n->answer.field[known];
	else
		*out = n->task >= 0 ? number_seen(s, n->task) : n->answer.field[FIELD_RET];
	return true;
}

/* -------------------------------------------------------------------------------------- performing -- */

static void keep_numbers(struct about *about, const struct op_answer *a)
{
	about->nspid_len = a->nspid_len;
	memcpy(about->nspid, a->nspid, sizeof about->nspid);
}

/* A place for one more task; -1: out of memory. */
static int new_task(struct script *s)
{
	struct about *a;

	if (!script_grow(&s->about, s->about_len, &s->about_room, sizeof *s->about)) {
		s->no_memory = true;
		return -1;
	}
	a = &s->about[s->about_len];
	*a = (struct about){ .line = s->line };
	snprintf(a->name, sizeof a->name, "@%d", s->line);
	return s->about_len++;
}

static void perform(struct script *s, struct op *op, struct op_answer *a)
{
	bool births = op->code == OP_CLONE3 || op->code == OP_CLONE || op->code == OP_FORK;

	*a = (struct op_answer){ .kind = ANSWER_STUCK };
	if (births)
		op->child = new_task(s);
	if (op->child < 0)
		return;
	*a = (struct op_answer){ 0 };
	model_step(s->world, op, a);
	if (births && a->kind == ANSWER_OK) {
		keep_numbers(&s->about[op->child], a);
		a->field[FIELD_INNER] = a->nspid[a->nspid_len - 1];
	} else if (births) {
		s->about_len--; /* nobody came */
	} else if (op->code == OP_EXEC && a->kind == ANSWER_OK) {
		keep_numbers(&s->about[op->actor], a);
	}
	if (a->kind == ANSWER_BLOCKS) {
		s->about[op->actor].call_line = s->line;
		s->about[op->actor].call_code = op->code;
	}
}

/* clone3 whose child, if one is made, ends at once and is reaped. */
static void perform_probe(struct script *s, struct op *op, struct op_answer *a)
{
	struct op end = { .code = OP_EXIT_GROUP }, reap = { .code = OP_WAIT4, .actor = op->actor };
	bool thread = (op->arg[KEY_FLAGS] & FLAG_THREAD) != 0;
	struct op_answer ignored;

	op->code = OP_CLONE3;
	perform(s, op, a);
	op->code = OP_PROBE;
	if (a->kind != ANSWER_OK)
		return;
	end.actor = op->child;
	if (thread)
		end.code = OP_EXIT;
	perform(s, &end, &ignored);
	if (!thread) {
		reap.arg[KEY_PID] = number_seen(s, op->child);
		reap.arg[KEY_OPTIONS] = FLAG_WALL | 1 /* NOHANG */;
		perform(s, &reap, &ignored);
	}
	script_forget_events(s, op->child);
}

/* A chain of inits down to a level, or to the refusal; the name stands for the deepest. */
static void perform_nest(struct script *s, struct op *op, struct op_answer *a)
{
	struct op next = { .code = OP_CLONE3, .actor = op->actor, .has = 1ULL << KEY_FLAGS };
	int level = s->about[op->actor].nspid_len - 1;

	*a = (struct op_answer){ 0 };
	next.arg[KEY_FLAGS] = FLAG_NEWPID;
	op->child = op->actor;
	for (; level < op->arg[KEY_LEVEL]; level++) {
		perform(s, &next, a);
		if (a->kind != ANSWER_OK)
			break;
		op->child = next.actor = next.child;
	}
	a->field[FIELD_LEVEL] = level;
}

/* What a call that had blocked has returned; once. */
static void perform_returns(struct script *s, int task, struct op_answer *a)
{
	struct about *about = &s->about[task];

	*a = (struct op_answer){ .kind = ANSWER_ENDED };
	if (about->call_line) {
		a->kind = ANSWER_BLOCKS;
	} else if (about->has_returned) {
		*a = about->returned;
		about->has_returned = false;
	}
}

/* Can the actor do anything?  Questions about it can always be asked. */
static bool can_act(const struct script *s, const struct op *op)
{
	const struct model_task *t = model_task(s->world, op->actor);
	const struct about *about = &s->about[op->actor];

	if (op->code == OP_LOOK || op->code == OP_SIGNALS)
		return true;
	if (!t->task)
		return false;
	switch (pidns_state(t->task)) {
	case PIDNS_RUNNING:
		return op->code != OP_RETURNS || about->has_returned;
	case PIDNS_WAITING:
	case PIDNS_STOPPED:
		return op->code == OP_RETURNS && (about->call_line || about->has_returned);
	default:
		return false;
	}
}

/* The name that a line gives: to the task it made, or to its answer. */
static bool give_name(struct script *s, const struct op_line *line, const struct op *op,
		      const struct op_answer *a)
{
	bool births = (line->op->traits & TRAIT_MAKES_TASK) != 0;
	bool made = births && op->child > 0 && op->child != op->actor &&
		    (a->kind == ANSWER_OK || op->code == OP_NEST);

	return set_name(s, line->name, made ? op->child : -1, (int)line->op->code, a);
}

static void do_operation(struct script *s, struct op *op, struct op_answer *a)
{
	switch (op->code) {
	case OP_PROBE:
		perform_probe(s, op, a);
		break;
	case OP_NEST:
		perform_nest(s, op, a);
		break;
	case OP_RETURNS:
		perform_returns(s, op->actor, a);
		break;
	default:
		perform(s, op, a);
	}
}

static enum script_result run(struct script *s, const struct op_line *line, struct op *op)
{
	struct op_answer a = { .kind = ANSWER_ENDED };
	bool acts = op->actor >= 0 && can_act(s, op);

	if (acts)
		do_operation(s, op, &a);
	if (s->no_memory || (line->name && !give_name(s, line, op, &a)))
		return SCRIPT_NO_MEMORY;
	if (a.kind == ANSWER_STUCK)
		return SCRIPT_BROKEN;
	if (acts)
		script_say_answer(s, op, &a);
	else
		script_say_nobody(s, line->actor, op->actor);
	if (line->ask)
		script_say_check(s, line->ask);
	script_tell_events(s, op, a.kind == ANSWER_ENDED);
	return SCRIPT_OK;
}

/* --------------------------------------------------------------------------------------------- lines -- */

static enum script_result refuse(struct script_complaint *wrong, const char *line, const char *at,
				 const char *fmt, ...) __attribute__((format(printf, 4, 5)));

static enum script_result refuse(struct script_complaint *wrong, const char *line, const char *at,
				 const char *fmt, ...)
{
	va_list ap;

	wrong->column = (int)(at - line) + 1;
	va_start(ap, fmt);
	vsnprintf(wrong->text, sizeof wrong->text, fmt, ap);
	va_end(ap);
	return SCRIPT_WRONG;
}

/* Up to a # that begins a word, and without a carriage return. */
static void cut_comment(char *text)
{
	size_t len;

	for (char *at = text; *at; at++)
		if (*at == '#' && (at == text || at[-1] == ' ' || at[-1] == '\t')) {
			*at = '\0';
			break;
		}
	len = strlen(text);
	if (len > 0 && text[len - 1] == '\r')
		text[len - 1] = '\0';
}

static bool is_command(const char *word)
{
	for (const char *const *c = script_commands; *c; c++)
		if (strcmp(*c, word) == 0)
			return true;
	return false;
}

static const char *bad_name(const struct script *s, const char *name)
{
	const struct name *n = script_find(s, name, strlen(name));

	if (!isalpha((unsigned char)*name) && *name != '_')
		return "a name begins with a letter";
	for (const char *c = name; *c; c++)
		if (!isalnum((unsigned char)*c) && *c != '_')
			return "a name is letters, digits and _";
	if (strlen(name) >= sizeof n->text)
		return "a name has at most 31 letters";
	if (is_command(name) || strcmp(name, "L") == 0 || (n && n->task >= 0 && n->task <= s->init))
		return "that name is taken for good";
	return NULL;
}

static enum script_result run_command(struct script *s, const char *word, char *at, const char *line,
				      struct script_complaint *wrong)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char *operand = op_rest(at);

	if (*operand && strcmp(word, "help") != 0)
		return refuse(wrong, line, operand, "%s stands alone", word);
	if (strcmp(word, "quit") == 0)
		return SCRIPT_QUIT;
	if (strcmp(word, "help") == 0) {
		if (!script_help(s, *operand ? operand : NULL))
			return refuse(wrong, line, operand, "no operation '%s'", operand);
		return SCRIPT_OK;
	}
	if (script_tree(s, &t, &err) == -ENOMEM)
		return SCRIPT_NO_MEMORY;
	if (strcmp(word, "tree") == 0)
		script_say_tree(s, t, &err);
	else
		script_say_drawing(s, t, &err);
	tree_free(t);
	return SCRIPT_OK;
}

static enum script_result run_operation(struct script *s, char *text, struct script_complaint *wrong)
{
	struct op_scope names = { NULL, lookup, s };
	struct op_complaint complaint;
	struct op_line line;
	struct op op = { 0 };
	const struct name *actor;

	if (op_line_read(text, &line, &complaint) < 0)
		return refuse(wrong, text, complaint.at, "%s", complaint.text);
	if (line.name && bad_name(s, line.name))
		return refuse(wrong, text, line.name, "'%s': %s", line.name, bad_name(s, line.name));
	actor = script_find(s, line.actor, strlen(line.actor));
	if (!actor)
		return refuse(wrong, text, line.actor, "no actor '%s'", line.actor);
	if (line.ask && !*line.ask)
		return refuse(wrong, text, line.ask, "an answer is missing after ?");
	op.code = (int32_t)line.op->code;
	op.actor = actor->task;
	s->actor = actor->task >= 0 ? actor->task : s->init;
	if (op_resolve(line.pair, line.pair_count, &names, &op, &complaint) < 0)
		return refuse(wrong, text, complaint.at, "%s", complaint.text);
	return run(s, &line, &op);
}

static enum script_result run_text(struct script *s, char *text, struct script_complaint *wrong)
{
	char *first = op_skip_blanks(text);
	size_t len = strcspn(first, " \t");
	char *after = op_skip_blanks(first + len), word[16] = "";

	if (!*first)
		return SCRIPT_OK;
	if (len < sizeof word && *after != '=')
		memcpy(word, first, len);
	if (is_command(word))
		return run_command(s, word, after, text, wrong);
	return run_operation(s, text, wrong);
}

enum script_result script_line(struct script *s, const char *text, struct script_complaint *wrong)
{
	char *copy = strdup(text);
	enum script_result r;

	if (!copy)
		return SCRIPT_NO_MEMORY;
	s->line++;
	cut_comment(copy);
	r = run_text(s, copy, wrong);
	free(copy);
	return r;
}
