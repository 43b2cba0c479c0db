/* SPDX-License-Identifier: MIT */
/*
 * model_script.h: `settid model`'s session: lines in, answers out, one world between them.
 *
 *	struct script *s;
 *	struct script_config config = { .features = pidns_profile("6.1", NULL), .levels = 1, .out = stdout };
 *
 *	if (script_new(&s, &config) == 0 && script_line(s, "a = init fork", &wrong) == SCRIPT_WRONG)
 *		complain(wrong.column, wrong.text);
 *
 * Everything that is answered goes to config.out; what is wrong with a line is the caller's to tell.
 */
#ifndef SETTID_MODEL_SCRIPT_H
#define SETTID_MODEL_SCRIPT_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "model/model.h"
#include "tree/tree.h"

struct script_config {
	uint32_t features;
	int levels; /* of init, 0 .. 32 */
	bool json;
	bool quiet; /* answers only to tree, draw and help, and checks that failed */
	FILE *out;
	struct tree_show_options show; /* of draw */
};

enum script_result {
	SCRIPT_OK,
	SCRIPT_WRONG, /* the line was not understood; nothing happened */
	SCRIPT_QUIT,
	SCRIPT_NO_MEMORY,
	SCRIPT_BROKEN, /* libpidns broke one of its invariants: a mistake of ours */
};

struct script_complaint {
	int column; /* from 1, in bytes */
	char text[256];
};

struct script;

/* 0, -ENOMEM, or -EINVAL for levels that do not exist. */
int script_new(struct script **out, const struct script_config *config);
void script_free(struct script *s);
/* One line, without its newline. */
enum script_result script_line(struct script *s, const char *text, struct script_complaint *wrong);
unsigned script_failed_checks(const struct script *s);
int script_next_line(const struct script *s); /* the number that the next line will have */
struct pidns_world *script_world(const struct script *s);
/* The world as a tree: as model_tree(). */
int script_tree(const struct script *s, struct tree **out, struct tree_error *err);
/* What may stand at text[at] instead of the word that begins there; `at` is where offer()ed words begin. */
size_t script_complete(const struct script *s, const char *text, size_t cursor,
		       void (*offer)(void *ctx, const char *word), void *ctx);

/* --------------------------------------------------------------------- between the files of the session -- */

/* What is known of a task beside what libpidns knows. */
struct about {
	int line;                     /* that made it, 0 = the session itself */
	char name[32];                /* the newest name it has; "@LINE" */
	int32_t nspid[OP_LEVELS_MAX]; /* at birth or exec: stay when it is gone */
	int32_t nspid_len;
	int32_t status; /* at its release, if it was a process's leader */
	bool has_status;
	bool dying;    /* an init that was told to be waiting for its namespace to empty */
	int call_line; /* of a call that has not returned */
	int call_code; /* enum op_code of the same */
	bool has_returned;
	struct op_answer returned;
};

struct name {
	char text[32];
	int task; /* -1: an answer only */
	int code; /* enum op_code that made it */
	struct op_answer answer;
};

struct told { /* an event, until the answer has been printed */
	int task;
	struct pidns_event event;
};

struct script {
	struct script_config config;
	struct model_world *world;
	int line;
	unsigned failed_checks;
	bool no_memory;
	int dying; /* how many of about[] are */
	int init;  /* its task */
	int actor; /* of the line being performed */
	struct about *about;
	int about_len, about_room;
	struct name *names;
	int names_len, names_room;
	struct told *told;
	int told_len, told_room;
	char answer[2048]; /* the line's, for its check */
};

/* model_script.c */
/* Room for one more element of the array, doubled when full. */
bool script_grow(void *array, int len, int *room, size_t size);
const char *script_name_of(const struct script *s, int task); /* "?" for what has none */
const char *script_name_of_task(const struct script *s, const struct pidns_task *t);
const struct name *script_find(const struct script *s, const char *text, size_t len);

/* model_events.c */
void script_on_event(void *ctx, int index, const struct pidns_event *event);
/* `ended`: the answer has told the end of the actor. */
void script_tell_events(struct script *s, const struct op *op, bool ended);
void script_forget_events(struct script *s, int task);

/* model_answer.c: prints to config.out, and keeps the words in s->answer. */
void script_say_answer(struct script *s, const struct op *op, const struct op_answer *a);
void script_say_nobody(struct script *s, const char *name, int task);
void script_say_returned(struct script *s, int task, const struct op_answer *a);
void script_say_event(struct script *s, const struct told *told);
void script_say_state(struct script *s, int task); /* its end */
void script_say_gone(struct script *s, int task);  /* a zombie that nobody waited for */
void script_say_check(struct script *s, const char *want);
void script_say_tree(struct script *s, const struct tree *t, const struct tree_error *err);
void script_say_drawing(struct script *s, const struct tree *t, const struct tree_error *err);
void script_say_text(struct script *s, const char *text);

/* model_words.c: help from the table; NULL: all.  False: no such operation. */
bool script_help(struct script *s, const char *op);
extern const char *const script_commands[]; /* tree, draw, help, quit; NULL */

#endif
