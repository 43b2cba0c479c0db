/* SPDX-License-Identifier: MIT */
/*
 * model.h: the operations of op.h, performed on libpidns.
 *
 * What a kernel has around its PID subsystem and libpidns has not is here: descriptors and the files of /proc (files.c), user
 * memory with pages that cannot be read (perform.c), who handled which signal (world.c).
 *
 * Tasks are indices, given by the caller: op->child becomes the task that the operation makes.  An index can be used
 * again, and then its old task is nobody's.  MODEL_FIRST exists from the beginning.
 *
 * Threads: one at a time per world.
 */
#ifndef SETTID_MODEL_MODEL_H
#define SETTID_MODEL_MODEL_H

#include <pidns.h>

#include "model/op.h"

enum {
	MODEL_FIRST = 0,  /* the index of the first task               */
	MODEL_FILES = 64, /* descriptors of one table                  */
	MODEL_CHOICES = 256,
	/* an address of the caller's at which nothing can be written or read */
	MODEL_UNREADABLE_AT = 0x50000,
};

enum model_kind { MODEL_NOTHING, MODEL_PIDFD, MODEL_FILE };

struct model_file {
	enum model_kind kind;
	uint32_t refs;
	bool cloexec;
	struct pidns_pidfd *pidfd; /* MODEL_PIDFD: owned */
	enum op_file file;         /* MODEL_FILE */
	bool writable;
	/* of ns/pid and ns/pid_for_children: the one it names; else the opener's; a reference */
	struct pidns_ns *ns;
};

struct model_files {
	uint32_t refs, limit;
	struct model_file *file[MODEL_FILES];
};

struct model_task {
	int index;
	bool used, pending, wait_is_waitid, wait_unreadable;
	bool has_returned;       /* what it waited in, whatever became of it then */
	struct pidns_task *task; /* NULL: released */
	struct model_files *files;
	int32_t tgid;             /* at level 0: who it is a thread of */
	int32_t new_pidfd;        /* what clone3's PIDFD made last */
	struct pidns_error error; /* of its last birth */
	uint32_t handled[65];
	int32_t from[65];
};

struct model_config {
	uint32_t features; /* pidns_profile() */
	/* The first task is number 1 of level 0.  Else, as on a machine: number 1, a driver, and the first task in a namespace
	 * below theirs. */
	bool bare;
	bool may_reorder; /* model_reorder() may be called */
	bool unchecked;   /* no pidns_check() after each step */
	/* What libpidns says, as it happens; index: of event->task.  May be NULL. */
	void (*event)(void *ctx, int index, const struct pidns_event *event);
	void *ctx;
};

struct model_world {
	struct pidns_world *world;
	struct model_config config;
	int level; /* of the first task: nspid in answers begins there */
	struct pidns_user_ns *first_user_ns;
	int task_end;
	struct model_task **task;
	uint64_t order, dice, trace;
	uint32_t choices;
	uint8_t among[MODEL_CHOICES];
	int64_t allocations_left; /* until libpidns gets no more memory; negative: it always does */
	const char *broken;       /* what pidns_check() said; NULL: nothing */
};

/* 0, -ENOMEM or -EINVAL.  model_close() takes NULL. */
int model_open(struct model_world **out, const struct model_config *config);
void model_close(struct model_world *w);
/* Performs op.  *a must be all zero. */
void model_step(struct model_world *w, const struct op *op, struct op_answer *a);
/*
 * From now on, who of several that were woken goes first: 0: libpidns's own order, another below MODEL_EXCEPTIONS: the seed of
 * another; from there on libpidns's own, or the one in which whoever is woken goes on to his end, with exceptions: model_except().
 */
#define MODEL_EXCEPTIONS (1ULL << 63)
void model_reorder(struct model_world *w, uint64_t order);
/* That order with one more exception, of three at most: the choice-th of those who could go at that choice, both from 0, below
 * 1,024 and 128. */
uint64_t model_except(uint64_t order, uint32_t at, uint32_t choice);
#define MODEL_ONE_BY_ONE (MODEL_EXCEPTIONS | 1)
/* Tells two ways from each other in which turns have been taken since then. */
uint64_t model_trace(const struct model_world *w);
/* How many choices there were since then, and among how many each (the first MODEL_CHOICES). */
uint32_t model_choices(const struct model_world *w, const uint8_t **among);
struct model_task *model_task(const struct model_world *w, int index); /* NULL: no such index */
int model_index(const struct pidns_task *t);                           /* -1: of none        */
int32_t model_number(const struct model_task *t, int level);

/* world.c */
struct model_task *model_reserve(struct model_world *w, int index);
void model_meet(struct model_task *t, struct pidns_task *task);

/* files.c */
struct model_files *model_files_new(void);
struct model_files *model_files_get(struct model_files *f);
struct model_files *model_files_copy(const struct model_files *f);
void model_files_put(struct model_files **f); /* takes NULL; leaves NULL */
/* A descriptor, or -EMFILE. */
int32_t model_files_add(struct model_task *t, struct model_file file);
void model_files_close(struct model_task *t, int64_t fd);
struct model_file *model_files_find(const struct model_task *t, int64_t fd);
void model_files_exec(struct model_task *t);
int32_t model_files_call(struct model_world *w, struct model_task *t, const struct op *op,
			 struct op_answer *a);

#endif
