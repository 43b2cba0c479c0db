/* SPDX-License-Identifier: MIT */
/*
 * model_answer.c: what `settid model` answers, as words for people and as JSON for programs.
 *
 *	3: ok 42 nspid=31496,42,1            {"line": 3, "answer": "ok", "result": 42, "nspid": [31496, 42, 1]}
 *	4: error EEXIST index=1 level=1 pid=42 holder=zombie of init
 *	5: blocks
 *	6: a ended zombie sig9               {"line": 6, "event": "ended", "task": "a", "state": "zombie", "status": "sig9"}
 *	5: returned ok 42 sig9
 *
 * Keeps:   (A1) a fact that is not known, or says nothing here, is left out.
 */
#include "model_say.h"

#include <stdlib.h>
#include <string.h>

static const char *signal_text(int32_t sig, char room[16])
{
	const char *name = op_signal_name(sig);

	if (name)
		return name;
	snprintf(room, 16, "%d", (int)sig);
	return room;
}

/* ------------------------------------------------------------------------------------------- states -- */

static const char *state_text(const struct model_task *t)
{
	if (!t || !t->task)
		return "gone";
	switch (pidns_state(t->task)) {
	case PIDNS_ZOMBIE:
		return "zombie";
	case PIDNS_DYING:
		return "dying";
	case PIDNS_LEFT:
		return "dead-leader";
	default:
		return "stopped";
	}
}

/* "zombie sig9", "gone exit0", "dying" */
static void state_fact(struct saying *say, int task)
{
	const struct model_task *t = model_task(say->s->world, task);
	const struct about *about = &say->s->about[task];
	const char *state = state_text(t);

	say_word(say, "%s", state);
	say_text(say, "state", state);
	if (t && t->task && pidns_state(t->task) == PIDNS_ZOMBIE)
		say_status(say, pidns_status(t->task));
	else if ((!t || !t->task) && about->has_status)
		say_status(say, about->status);
}

/* ------------------------------------------------------------------------------------------- errors -- */

/* "zombie of init": who has to be asked to get the number. */
static void holder_fact(struct saying *say, const struct pidns_error *e)
{
	const struct script *s = say->s;
	const struct pidns_task *parent = e->task ? pidns_parent(e->task) : NULL;
	const char *name = script_name_of_task(s, e->task), *of = NULL;

	switch (e->holder) {
	case PIDNS_HOLDER_ZOMBIE:
		of = parent ? script_name_of_task(s, parent) : NULL;
		say_word(say, "holder=zombie");
		if (of)
			say_word(say, "of %s", of);
		break;
	case PIDNS_HOLDER_THREAD:
		of = script_name_of_task(s, pidns_leader(e->task));
		say_word(say, "holder=thread %s of %s", name, of);
		break;
	case PIDNS_HOLDER_DEAD_LEADER:
		say_word(say, "holder=dead leader %s", name);
		break;
	case PIDNS_HOLDER_GROUP:
	case PIDNS_HOLDER_SESSION:
		say_word(say, "holder=%s with %s", pidns_holder_name(e->holder), name);
		break;
	default:
		say_word(say, "holder=%s %s", pidns_holder_name(e->holder), name);
	}
	say_text(say, "holder", pidns_holder_name(e->holder));
	say_text(say, "task", name);
	if (of)
		say_text(say, "of", of);
}

static void error_facts(struct saying *say, const struct op *op, const struct op_answer *a)
{
	char room[16];
	const char *name = op_error_name(a->err, room);
	int who = op->code == OP_NEST ? op->child : op->actor;
	const struct pidns_error *e = &model_task(say->s->world, who)->error;

	say_word(say, "%s", name);
	say_text(say, "errno", name);
	if (!op_makes_task(op->code) || e->index < 0 || e->code != -a->err)
		return;
	say_number(say, "index", e->index);
	say_number(say, "level", e->level);
	if (e->number != 0)
		say_number(say, "pid", e->number);
	if (e->holder != PIDNS_HOLDER_NONE)
		holder_fact(say, e);
}

/* ------------------------------------------------------------------------------------------- results -- */

static void birth_facts(struct saying *say, const struct op *op, const struct op_answer *a)
{
	int64_t flags = op->arg[KEY_FLAGS] | op->arg[KEY_BARE_FLAGS];

	say_nspid(say, a);
	if (op->code == OP_NEST)
		say_number(say, "level", a->field[FIELD_LEVEL]);
	if (flags & 0x1000 /* PIDFD */)
		say_number(say, "pidfd", a->field[FIELD_PIDFD]);
	if (flags & 0x100000 /* PARENT_SETTID */)
		say_number(say, "parent_tid", a->field[FIELD_PARENT_TID]);
	if (flags & 0x1000000 /* CHILD_SETTID */)
		say_number(say, "child_tid", a->field[FIELD_CHILD_TID]);
}

static void wait_facts(struct saying *say, int code, const struct op_answer *a)
{
	if (a->field[FIELD_RET] <= 0)
		return;
	say_status(say, a->field[FIELD_STATUS]);
	if (code != OP_WAITID)
		return;
	say_set(say, "code", json_integer(a->field[FIELD_CODE]));
	say_set(say, "si_status", json_integer(a->field[FIELD_SI_STATUS]));
	say_set(say, "uid", json_integer(a->field[FIELD_UID]));
}

static void poll_fact(struct saying *say, int64_t revents)
{
	const char *text = revents == 0x11 ? "IN|HUP" : revents == 1 ? "IN" : revents == 0x20 ? "NVAL" : "0";

	say_word(say, "revents=%s", text);
	say_text(say, "revents", text);
}

static void look_facts(struct saying *say, const struct op_answer *a)
{
	const char *state = op_state_name((int)a->field[FIELD_STATE]);

	say_word(say, "%s", state);
	say_text(say, "state", state);
	if (a->nspid_len == 0)
		return;
	say_number(say, "ppid", a->field[FIELD_PPID]);
	say_number(say, "pgid", a->field[FIELD_PGID]);
	say_number(say, "sid", a->field[FIELD_SID]);
	say_nspid(say, a);
}

static void ok_facts(struct saying *say, const struct op *op, int code, const struct op_answer *a)
{
	if (code == OP_LOOK) {
		look_facts(say, a);
		return;
	}
	say_word(say, "%lld", (long long)a->field[FIELD_RET]);
	say_set(say, "result", say->json ? json_integer(a->field[FIELD_RET]) : NULL);
	switch (code) {
	case OP_WAIT4:
	case OP_WAITID:
		wait_facts(say, code, a);
		break;
	case OP_POLL:
		poll_fact(say, a->field[FIELD_REVENTS]);
		break;
	case OP_SIGNALS:
		if (a->field[FIELD_RET] > 0)
			say_number(say, "from", a->field[FIELD_FROM]);
		break;
	case OP_EXEC:
	case OP_FDINFO:
		say_nspid(say, a);
		break;
	default:
		if (op && op_makes_task(code))
			birth_facts(say, op, a);
	}
}

static void answer_facts(struct saying *say, const struct op *op, int code, const struct op_answer *a)
{
	switch (a->kind) {
	case ANSWER_OK:
		say_kind(say, "ok");
		ok_facts(say, op, code, a);
		break;
	case ANSWER_ERROR:
		say_kind(say, "error");
		error_facts(say, op, a);
		break;
	case ANSWER_BLOCKS:
		say_kind(say, "blocks");
		break;
	default:
		say_kind(say, "ended");
		state_fact(say, op->actor);
	}
}

void script_say_answer(struct script *s, const struct op *op, const struct op_answer *a)
{
	struct saying say = say_begin(s, s->line);
	int code = op->code == OP_RETURNS ? s->about[op->actor].call_code : op->code;

	answer_facts(&say, op, code, a);
	say_end(&say, false);
}

void script_say_returned(struct script *s, int task, const struct op_answer *a)
{
	const struct about *about = &s->about[task];
	const struct op op = { .code = about->call_code, .actor = task };
	struct saying say = say_begin(s, about->call_line);

	say_word(&say, "returned");
	say_text(&say, "event", "returned");
	answer_facts(&say, &op, about->call_code, a);
	say_end(&say, false);
}

/* ------------------------------------------------------------------------------------ all other sayings -- */

void script_say_nobody(struct script *s, const char *name, int task)
{
	const struct model_task *t = model_task(s->world, task);
	struct saying say = say_begin(s, s->line);
	char why[96];

	if (task < 0)
		snprintf(why, sizeof why, "%s was never made", name);
	else if (!t->task)
		snprintf(why, sizeof why, "%s is gone", name);
	else if (pidns_state(t->task) == PIDNS_RUNNING)
		snprintf(why, sizeof why, "%s waits for nothing", name);
	else if (pidns_state(t->task) == PIDNS_WAITING)
		snprintf(why, sizeof why, "%s waits since line %d", name, s->about[task].call_line);
	else
		snprintf(why, sizeof why, "%s is %s", name, state_text(t));
	say_word(&say, "- %s", why);
	say_text(&say, "answer", "-");
	say_text(&say, "why", why);
	say_end(&say, false);
}

void script_say_state(struct script *s, int task)
{
	struct saying say = say_begin(s, s->line);

	say_word(&say, "%s ended", script_name_of(s, task));
	say_text(&say, "event", "ended");
	say_text(&say, "task", script_name_of(s, task));
	state_fact(&say, task);
	say_end(&say, false);
}

void script_say_gone(struct script *s, int task)
{
	struct saying say = say_begin(s, s->line);

	say_word(&say, "%s gone", script_name_of(s, task));
	say_text(&say, "event", "gone");
	say_text(&say, "task", script_name_of(s, task));
	say_end(&say, false);
}

void script_say_event(struct script *s, const struct told *told)
{
	static const char *const verbs[] = {
		[PIDNS_EVENT_SIGNAL] = "handled",
		[PIDNS_EVENT_STOPPED] = "stopped",
		[PIDNS_EVENT_CONTINUED] = "continued",
	};
	struct saying say = say_begin(s, s->line);
	const char *verb = verbs[told->event.type];
	char room[16];

	say_word(&say, "%s %s", script_name_of(s, told->task), verb);
	say_text(&say, "event", verb);
	say_text(&say, "task", script_name_of(s, told->task));
	if (told->event.type != PIDNS_EVENT_CONTINUED) {
		say_word(&say, "%s", signal_text(told->event.signal, room));
		say_text(&say, "signal", signal_text(told->event.signal, room));
	}
	if (told->event.type == PIDNS_EVENT_SIGNAL)
		say_number(&say, "from", told->event.from);
	say_end(&say, false);
}

/* Each wanted word is among the answer's, in the same order. */
static bool words_match(const char *want, const char *answer)
{
	while (*want) {
		size_t want_len = strcspn(want, " \t"), len;

		for (;;) {
			if (!*answer)
				return false;
			len = strcspn(answer, " ");
			if (len == want_len && memcmp(answer, want, len) == 0)
				break;
			answer += len + strspn(answer + len, " ");
		}
		answer += len + strspn(answer + len, " ");
		want += want_len + strspn(want + want_len, " \t");
	}
	return true;
}

void script_say_check(struct script *s, const char *want)
{
	struct saying say;

	if (words_match(want, s->answer))
		return;
	s->failed_checks++;
	say = say_begin(s, s->line);
	say_word(&say, "check failed: want %s", want);
	say_text(&say, "check", "failed");
	say_text(&say, "want", want);
	say_end(&say, true);
}

static bool say_refused(struct script *s, const struct tree *t, const struct tree_error *err)
{
	struct saying say;

	if (t)
		return false;
	s->failed_checks++;
	say = say_begin(s, s->line);
	say_word(&say, "no tree: %s", err->text);
	say_text(&say, "answer", "error");
	say_text(&say, "why", err->text);
	say_end(&say, true);
	return true;
}

/* The caller frees it; NULL: out of memory. */
static char *in_memory(const struct tree *t, int (*write)(const struct tree *t, FILE *out))
{
	char *text = NULL;
	size_t len;
	FILE *out = open_memstream(&text, &len);
	int r = out ? write(t, out) : -1;

	if (out && fclose(out) == 0 && r == 0)
		return text;
	free(text);
	return NULL;
}

void script_say_tree(struct script *s, const struct tree *t, const struct tree_error *err)
{
	struct saying say;
	char *text;

	if (say_refused(s, t, err))
		return;
	if (!s->config.json) {
		tree_write_json(t, s->config.out);
		return;
	}
	say = say_begin(s, s->line);
	text = in_memory(t, tree_write_json);
	say_text(&say, "answer", "ok");
	say_set(&say, "tree", text ? json_loads(text, 0, NULL) : NULL);
	s->no_memory = s->no_memory || !text;
	free(text);
	say_end(&say, true);
}

static int write_plainly(const struct tree *t, FILE *out)
{
	return tree_show_text(t, &(struct tree_show_options){ .unicode = true }, out);
}

void script_say_drawing(struct script *s, const struct tree *t, const struct tree_error *err)
{
	char *text;

	if (say_refused(s, t, err))
		return;
	if (!s->config.json) {
		tree_show_text(t, &s->config.show, s->config.out);
		return;
	}
	text = in_memory(t, write_plainly);
	s->no_memory = s->no_memory || !text;
	script_say_text(s, text ? text : "");
	free(text);
}

void script_say_text(struct script *s, const char *text)
{
	struct saying say;

	if (!s->config.json) {
		fputs(text, s->config.out);
		return;
	}
	say = say_begin(s, s->line);
	say_text(&say, "answer", "ok");
	say_text(&say, "text", text);
	say_end(&say, true);
}
