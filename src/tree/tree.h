/* SPDX-License-Identifier: MIT */
/*
 * tree.h: process trees as data, the one model that all readers fill and all users read.
 *
 * Owns:    struct tree and everything in it: one arena, freed as a whole by tree_free().
 * Keeps:   (T1) numbers are as the file has them: nspid outermost (the tree's level 0) first, ppid, pgid and sid
 *               as numbers of level 0, 0 = outside the tree;
 *          (T2) what was not said is absent and stays distinguishable from every value (the _ABSENT constants,
 *               a NULL string, threads_len 0);
 *          (T3) after tree_validate() succeeded: parent, ns and the namespaces array are right, parents come
 *               before nobody in particular (use `parent`), numbers are unique per namespace, every PGID and
 *               SID is 0, a process's or a ghost's.
 * Threads: none inside; a tree may be read by many once it is validated.
 */
#ifndef SETTID_TREE_H
#define SETTID_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>

#define TREE_LEVEL_MAX 33 /* numbers a process can have: levels 0..32 */
#define TREE_ABSENT (-1)  /* of the small integers below               */
#define TREE_NONE (-1)    /* an index: no such process or namespace     */

#define TREE_NUMBER_MAX 4194303 /* below the largest pid_max there is                        */
#define TREE_NAME_MAX 15        /* bytes of a comm or thread name that the kernel keeps      */
#define TREE_ARG_MAX 131071     /* bytes of one argv string (MAX_ARG_STRLEN less its NUL)    */
#define TREE_ARGS_MAX 262144    /* strings in one argv                                       */
#define TREE_PATH_MAX 4095      /* bytes of a cwd                                            */
#define TREE_LABEL_MAX 255      /* bytes of a namespace label                                */

enum tree_state { TREE_LIVE, TREE_STOPPED, TREE_ZOMBIE };

/* Bytes from the kernel or a file, not necessarily UTF-8; followed by a NUL.  NULL = absent.  From a file there may
 * be NULs in between too: who needs a string asks tree_str_has_nul() first. */
struct tree_str {
	const char *bytes;
	size_t len;
};

static inline bool tree_str_has_nul(struct tree_str s)
{
	return s.len && memchr(s.bytes, 0, s.len);
}

struct tree_thread {
	const int32_t *nspid; /* as many numbers as its process has */
	struct tree_str name;
};

struct tree_process {
	const int32_t *nspid; /* [0] outermost .. [levels - 1] innermost */
	int32_t ppid, pgid, sid;
	uint8_t levels;
	uint8_t state;         /* enum tree_state */
	bool leader_dead;      /* the leader thread is dead, others live */
	int8_t subreaper;      /* 0, 1, TREE_ABSENT = unknown */
	int8_t core_dumped;    /* 0, 1, TREE_ABSENT */
	int16_t exit_code;     /* zombies: 0..255, or TREE_ABSENT */
	int16_t exit_signal;   /* zombies: 1..64, or TREE_ABSENT */
	int16_t stop_signal;   /* stopped: the signal, or TREE_ABSENT */
	int16_t notify_signal; /* clone's exit signal, 0 = none; TREE_ABSENT = SIGCHLD */
	struct tree_thread
		*threads; /* leader first; threads_len 0 = the leader alone, nothing said of its name */
	uint32_t threads_len;
	uint32_t argv_len;
	struct tree_str *argv; /* NULL = absent */
	struct tree_str comm, cwd;
	struct tree_str ns_label, children_ns_label;
	uint32_t line; /* in the file it was read from, 0 = none */
	/* set by tree_validate() */
	int32_t parent;      /* index, TREE_NONE = outside */
	int32_t ns;          /* index into namespaces: where it lives */
	int32_t children_ns; /* index: where its children would live; = ns when the file says nothing */
};

/* A number that is only a PGID or SID: its process is dead. */
struct tree_ghost {
	const int32_t *nspid;
	uint8_t levels;
	struct tree_str ns_label;
	uint32_t line;
	int32_t ns; /* set by tree_validate() */
};

/* Set by tree_validate(); namespaces[0] is level 0, parents come before children. */
struct tree_ns {
	int32_t parent; /* index, TREE_NONE for [0] */
	int32_t init;   /* process with number 1 in it, TREE_NONE = not in the tree */
	uint8_t level;
	struct tree_str label; /* as the file names it, or absent */
};

struct tree_arena;

struct tree {
	struct tree_process *processes; /* [0] is the root after validation */
	size_t processes_len;
	struct tree_ghost *ghosts;
	size_t ghosts_len;
	struct tree_ns *namespaces;
	size_t namespaces_len;
	struct tree_arena *arena; /* owns all memory above */
	const char *source;       /* file name for messages, or NULL */
	bool lines_are_offsets;   /* the source is no text: `line` is the offset of an entry */
	unsigned unreadable;      /* facts that a dump could not read (counted, said aloud) */
};

/* Where and why.  text is one sentence with file, line, process and field in it. */
struct tree_error {
	int code;      /* negative errno */
	uint32_t line; /* 0 = none */
	bool line_is_offset;
	int32_t pid; /* level-0 number of the process concerned, 0 = none */
	char field[24];
	char text[512];
};

/* Where a complaint belongs; what is 0 or NULL is left out of the sentence:
 * "tree.json:12: process 42: field 'pgid': 77 is no process, ghost or 0". */
struct tree_place {
	const char *source; /* file name */
	uint32_t line;
	bool line_is_offset; /* "DIR/pstree.img: offset 12: process 42: ..." */
	const char *kind;    /* "process", "ghost"; with pid 0 the whole of who it is ("processes[3]") */
	int32_t pid;
	const char *field;
};

/* error.c: the only writers of *err (which may be NULL); they return code. */
int tree_fail(struct tree_error *err, int code, const char *fmt, ...) __attribute__((format(printf, 3, 4)));
int tree_fail_at(struct tree_error *err, int code, const struct tree_place *at, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* tree.c: life and look-up.  NULL means out of memory. */
struct tree *tree_new(const char *source);
void tree_free(struct tree *t);
void *tree_alloc(struct tree *t, size_t size);                              /* zeroed, freed with the tree */
struct tree_str tree_strdup(struct tree *t, const char *bytes, size_t len); /* .bytes NULL on failure */
/* Zeroed but for the TREE_ABSENT and TREE_NONE fields; the pointer is good until the next one is added. */
struct tree_process *tree_process_add(struct tree *t);
struct tree_ghost *tree_ghost_add(struct tree *t);
/* Index of the process with level-0 number n, or TREE_NONE; valid after tree_validate(). */
int32_t tree_find(const struct tree *t, int32_t n);

/* validate.c: is it a tree that could have been dumped?  Fills parent, ns, children_ns, namespaces and moves
 * the root to [0].  Everything that no sequence of calls could have made and that needs no planning to see is
 * refused here, with its place. */
int tree_validate(struct tree *t, struct tree_error *err);

/* json_read.c: tree files.  name is for messages.  The result is validated. */
int tree_read_file(const char *path, struct tree **out, struct tree_error *err); /* "-" = standard input */
int tree_read_buffer(const char *bytes, size_t len, const char *name, struct tree **out,
		     struct tree_error *err);

/* json_write.c */
int tree_write_json(const struct tree *t, FILE *out);

/* show_*.c */
struct tree_show_options {
	bool color;
	bool unicode;
	int width; /* columns; 0 = unlimited */
};
int tree_show_text(const struct tree *t, const struct tree_show_options *o, FILE *out);
int tree_show_dot(const struct tree *t, FILE *out);
int tree_show_svg(const struct tree *t, FILE *out);

/* compare.c: what differs, in words; one call of `say` per difference.  Returns their number. */
struct tree_compare_options {
	bool names;    /* comm and thread names count too */
	bool commands; /* argv and cwd count too */
	bool sides; /* the words are of two trees, a (`want`) and b (`got`), not of what is wrong with one */
};
unsigned tree_compare(const struct tree *want, const struct tree *got, const struct tree_compare_options *o,
		      void (*say)(void *arg, int32_t pid, const char *text), void *arg);

/* The same for programs.  All is good until `say` returns. */
struct tree_difference {
	int32_t pid;            /* number of level 0 of the process, or of the dead leader */
	const char *field;      /* a key of tree files, or "process", "ghost", "wait_status" */
	const char *want, *got; /* the values in words, NULL = it is not there */
	const char *text;
};
unsigned tree_diff(const struct tree *want, const struct tree *got, const struct tree_compare_options *o,
		   void (*say)(void *arg, const struct tree_difference *d), void *arg);

/* dump.c: the live tree below `pid` (a number in the caller's namespace), read through /proc. */
struct tree_dump_options {
	bool freeze;    /* hold everything still while reading; undone by the kernel if this process dies */
	int passes_max; /* without freeze: read until two passes agree, at most so often; 0 = 10 */
	bool one_pass;  /* believe the first pass: for a tree that is one's own and at rest */
	int proc_fd;    /* an open directory: procfs of the caller's own namespace; -1 = /proc, checked */
	bool commands;  /* read argv and cwd too (more files per process) */
	/* called now and then on long dumps, may be NULL */
	void (*progress)(void *arg, size_t processes);
	void *progress_arg;
};
int tree_dump(pid_t pid, const struct tree_dump_options *o, struct tree **out, struct tree_error *err);

#endif
