/* SPDX-License-Identifier: MIT */
/*
 * model.h: what model.c (operations on libpidns) and model_files.c (descriptors) share.
 */
#ifndef SETTID_TESTS_MODEL_H
#define SETTID_TESTS_MODEL_H

#include "backend.h"

#include <pidns.h>

enum { MODEL_FILES = 64 }; /* descriptors of one table */

enum model_kind { MODEL_NOTHING, MODEL_PIDFD, MODEL_FILE };

struct model_file {
	enum model_kind kind;
	uint32_t refs;
	bool cloexec;
	struct pidns_pidfd *pidfd; /* MODEL_PIDFD: owned */
	enum case_file file;       /* MODEL_FILE */
	bool writable;
	struct pidns_ns
		*ns; /* of ns/pid and ns/pid_for_children: the one it names; else the opener's; a reference */
};

struct model_files {
	uint32_t refs, limit;
	struct model_file *file[MODEL_FILES];
};

struct model_task {
	bool used, pending, wait_is_waitid;
	struct pidns_task *task; /* NULL: released */
	struct model_files *files;
	int32_t tgid;      /* at level 0: who it is a thread of */
	int32_t new_pidfd; /* what clone3's PIDFD made last */
	struct pidns_error error;
	uint32_t handled[65];
	int32_t from[65];
};

struct model_world {
	struct pidns_world *world;
	int level; /* of outer */
	int task_end;
	const char *broken; /* what pidns_check() said */
	struct model_task task[CASE_TASKS];
};

int model_open(struct model_world **out, uint32_t features);
int model_close(struct model_world *w);
void model_step(struct model_world *w, const struct case_op *op, struct case_answer *a);
int32_t model_number(const struct model_task *t, int level);

struct model_files *model_files_new(void);
struct model_files *model_files_get(struct model_files *f);
struct model_files *model_files_copy(const struct model_files *f);
void model_files_put(struct model_files **f); /* takes NULL; leaves NULL */
/* A descriptor, or -EMFILE. */
int32_t model_files_add(struct model_task *t, struct model_file file);
void model_files_close(struct model_task *t, int64_t fd);
struct model_file *model_files_find(const struct model_task *t, int64_t fd);
void model_files_exec(struct model_task *t);
int32_t model_files_call(struct model_world *w, struct model_task *t, const struct case_op *op,
			 struct case_answer *a);

extern const struct case_backend case_model;
extern uint32_t case_model_features; /* what its worlds are made with: pidns_profile(), at first the latest */

#endif
