/* SPDX-License-Identifier: MIT */
/*
 * model_events.c: what a line leads to besides its answer: deaths, stops, signals, calls that return.
 *
 * Owns:    script.told: what libpidns reported during the line.
 * Keeps:   (V1) an event is told after the answer of the line that caused it, in the order in which events happened;
 *          (V2) a call that blocked is told once when it returns, with the line that made it.
 */
#include "model_script.h"

void script_on_event(void *ctx, int index, const struct pidns_event *event)
{
	struct script *s = ctx;
	struct about *a = &s->about[index];

	if (event->type == PIDNS_EVENT_RELEASED) {
		a->has_status = pidns_leader(event->task) == event->task;
		a->status = a->has_status ? pidns_status(event->task) : 0;
	}
	if (!script_grow(&s->told, s->told_len, &s->told_room, sizeof *s->told)) {
		s->no_memory = true;
		return;
	}
	s->told[s->told_len] = (struct told){ .task = index, .event = *event };
	s->told[s->told_len++].event.task = NULL;
}

static void tell_returned(struct script *s, int task)
{
	struct op op = { .code = OP_RETURNS, .actor = task };
	struct about *about = &s->about[task];
	struct op_answer a = { 0 };

	if (about->call_line == 0)
		return;
	model_step(s->world, &op, &a);
	if (a.kind != ANSWER_OK && a.kind != ANSWER_ERROR)
		return;
	about->returned = a;
	about->has_returned = true;
	script_say_returned(s, task, &a);
	about->call_line = 0;
}

static bool is_dying(const struct script *s, int task)
{
	const struct model_task *t = model_task(s->world, task);

	return t->task && pidns_state(t->task) == PIDNS_DYING;
}

static void note_dying(struct script *s, int task)
{
	bool was = s->about[task].dying, is = is_dying(s, task);

	s->about[task].dying = is;
	s->dying += is - was;
}

/* The inits that waited for their namespace to empty, and need not any more. */
static void tell_end_of_dying(struct script *s)
{
	for (int i = 0; i < s->about_len && s->dying > 0; i++) {
		if (!s->about[i].dying || is_dying(s, i))
			continue;
		s->about[i].dying = false;
		s->dying--;
		script_say_state(s, i);
	}
}

static bool has_just_exited(const struct script *s, int task)
{
	for (int i = 0; i < s->told_len; i++)
		if (s->told[i].task == task && s->told[i].event.type == PIDNS_EVENT_EXITED)
			return true;
	return false;
}

static void tell_end(struct script *s, int task)
{
	note_dying(s, task);
	script_say_state(s, task);
}

/* A zombie that vanished: news, unless the line was a wait, which found it, or its whole end was in this line. */
static void tell_release(struct script *s, const struct op *op, int task)
{
	if (op->code != OP_WAIT4 && op->code != OP_WAITID && !has_just_exited(s, task))
		script_say_gone(s, task);
}

/* `ended`: the answer has told the end of the actor. */
void script_tell_events(struct script *s, const struct op *op, bool ended)
{
	for (int i = 0; i < s->told_len; i++) {
		int task = s->told[i].task;

		switch (s->told[i].event.type) {
		case PIDNS_EVENT_RETURNED:
			tell_returned(s, task);
			break;
		case PIDNS_EVENT_EXITED:
			if (ended && task == s->actor)
				note_dying(s, task);
			else
				tell_end(s, task);
			break;
		case PIDNS_EVENT_RELEASED:
			tell_release(s, op, task);
			break;
		default:
			script_say_event(s, &s->told[i]);
		}
	}
	s->told_len = 0;
	tell_end_of_dying(s);
}

/* A probe's birth and end are one answer; what others noticed of them is told. */
void script_forget_events(struct script *s, int task)
{
	int kept = 0;

	for (int i = 0; i < s->told_len; i++)
		if (s->told[i].task != task)
			s->told[kept++] = s->told[i];
	s->told_len = kept;
}
