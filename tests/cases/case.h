/* SPDX-License-Identifier: MIT */
/*
 * case.h: what a conformance case is: rows of text in a line language, and the data they become.
 *
 * A row says what Linux answers to a few system calls, in the words of the specification:
 *
 *     case C33 a number is taken while its process lives or is a zombie
 *     rules R2.3 R2.9
 *     want EEXIST 500 EEXIST
 *     a = init clone3 set_tid=500
 *     init probe set_tid=500   ? {}
 *     a exit_group
 *     init wait4 pid=$a
 *     init probe set_tid=500   ? {}
 *     init probe set_tid=1     ? {}
 *
 * Each step is [NAME =] ACTOR OPERATION key=value ... [? ANSWER].  Operations have the system calls' names,
 * arguments the man pages' names, constants no prefix.  The words behind `?` are what the row asks; joined by
 * blanks they must equal `want`.  The actors `outer` and `init` exist: `outer` is the init of an otherwise empty
 * namespace at level $L, `init` is number 1 of a namespace below it, has all capabilities and leads its own
 * session.  docs/conformance.md is the language's manual.
 *
 * Rows know nothing of who answers.  A backend (backend.h) is a live kernel or a model; every row runs on each.
 *
 * Keeps:   (C1) a parsed row points into the text it came from, which is never freed before it;
 *          (C2) what a row asks depends on the answers only, never on time or on the kernel's version: a
 *               difference between kernels is a `want without FEATURE:` line, and a feature is itself a row
 *               that is tried first.
 */
#ifndef SETTID_TESTS_CASE_H
#define SETTID_TESTS_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	CASE_TASKS = 128,   /* tasks and named answers that one row may have                       */
	CASE_PAIRS = 10,    /* key=value in one step                                               */
	CASE_SET_TID = 40,  /* longer than the kernel allows, since some rows ask for too many     */
	CASE_LEVELS = 34,   /* numbers of one task, counted from the level of `outer`              */
	CASE_WANTS = 4,     /* answers of one row by feature                                       */
	CASE_FEATURES = 32, /* bits in a feature mask                                              */
	CASE_OUTER = 0,     /* the two actors that always exist                                    */
	CASE_INIT = 1,
};

/* Arguments of operations.  The names in the text are in ops.c. */
enum case_key {
	KEY_FLAGS,
	KEY_BARE_FLAGS,
	KEY_EXIT_SIGNAL,
	KEY_SET_TID,
	KEY_SET_TID_SIZE,
	KEY_SET_TID_AT,
	KEY_PIDFD,
	KEY_PARENT_TID,
	KEY_STACK,
	KEY_STACK_SIZE,
	KEY_CGROUP,
	KEY_SIZE,
	KEY_LAST_BYTE,
	KEY_GARBAGE,
	KEY_RECORD,
	KEY_PID,
	KEY_PGID,
	KEY_TGID,
	KEY_TID,
	KEY_SIG,
	KEY_STATUS,
	KEY_OPTIONS,
	KEY_IDTYPE,
	KEY_ID,
	KEY_FD,
	KEY_VALUE,
	KEY_FILE,
	KEY_MODE,
	KEY_OPTION,
	KEY_ARG,
	KEY_UID,
	KEY_CAPS,
	KEY_RESOURCE,
	KEY_HANDLER,
	KEY_HOW,
	KEY_LEVEL,
	KEY_AT,
	KEY_COUNT
};

enum case_opcode {
	OP_NONE,
	/* system calls, performed by the actor */
	OP_CLONE3,
	OP_CLONE,
	OP_FORK,
	OP_EXIT,
	OP_EXIT_GROUP,
	OP_EXEC,
	OP_WAIT4,
	OP_WAITID,
	OP_KILL,
	OP_TKILL,
	OP_TGKILL,
	OP_SETSID,
	OP_SETPGID,
	OP_GETPGID,
	OP_GETSID,
	OP_GETPID,
	OP_GETTID,
	OP_GETPPID,
	OP_UNSHARE,
	OP_SETNS,
	OP_PIDFD_OPEN,
	OP_PIDFD_SEND_SIGNAL,
	OP_POLL,
	OP_FCNTL,
	OP_CLOSE,
	OP_OPEN,
	OP_READ,
	OP_WRITE,
	OP_READLINK,
	OP_PRCTL,
	OP_SIGACTION,
	OP_SIGPROCMASK,
	OP_SIGPENDING,
	OP_SETRESUID,
	OP_CAPSET,
	OP_SETRLIMIT,
	OP_GET_INFO,
	OP_FDINFO,
	OP_CRASH,
	OP_REBOOT,
	/* questions to the backend about the actor */
	OP_RETURNS,
	OP_SIGNALS,
	OP_LOOK,
	/* short for several operations; backends never see them */
	OP_PROBE,
	OP_NEST,
};

/* What may happen around an operation; ops.c says which. */
enum case_trait {
	TRAIT_MAKES_TASK = 1, /* its answer is a new task                                         */
	TRAIT_MAY_WAIT = 2,   /* it may block, or never return                                    */
	TRAIT_DISTURBS = 4,   /* other tasks may change in consequence, after it has returned     */
};

/* `file=` of open, read, write and readlink. */
enum case_file {
	FILE_NONE,
	FILE_NS_LAST_PID,
	FILE_PID_MAX,
	FILE_MAX_PID_NAMESPACES,
	FILE_NS_PID,
	FILE_NS_PID_FOR_CHILDREN,
	FILE_NS_UTS,
	FILE_NULL,
	FILE_COUNT
};

/* Special addresses: `at=`, `set_tid_at=`, `pidfd=`, `record=`. */
enum case_address { AT_NORMAL, AT_NULL, AT_UNREADABLE, AT_PAGE_END, AT_PARENT_TID };

/* An operation ready to be performed: every symbol resolved to a number. */
struct case_op {
	int32_t code;           /* enum case_opcode                                                       */
	int32_t actor;          /* who performs it                                                        */
	int32_t child;          /* the task it makes, if it makes one                                     */
	uint32_t set_tid_len;   /* entries of set_tid[]                                                   */
	uint64_t has;           /* bit 1 << enum case_key: the argument was given                         */
	int64_t arg[KEY_COUNT]; /* 0 where not given                                                     */
	int32_t set_tid[CASE_SET_TID];
};

static inline bool case_has(const struct case_op *op, enum case_key key)
{
	return (op->has >> key) & 1;
}

enum case_kind {
	ANSWER_OK,
	ANSWER_ERROR,  /* err holds the errno, positive                                                  */
	ANSWER_BLOCKS, /* the call waits; OP_RETURNS asks again                                          */
	ANSWER_ENDED,  /* the call did not return: it ended its caller; or there is no such actor        */
	ANSWER_STUCK,  /* neither settled in time: always a failed row                                   */
};

/* Facts that an answer may carry beside its kind.  The names in the text are in ops.c. */
enum case_field {
	FIELD_RET,        /* what the call returned; waitid: the PID it found, 0 = none                  */
	FIELD_STATUS,     /* wait4's status word, also made from waitid's si_code and si_status          */
	FIELD_CODE,       /* waitid: si_code                                                             */
	FIELD_SI_STATUS,  /* waitid: si_status                                                           */
	FIELD_UID,        /* waitid: si_uid                                                              */
	FIELD_PARENT_TID, /* clone: the word that PARENT_SETTID wrote                                    */
	FIELD_CHILD_TID,  /* clone: the word that CHILD_SETTID wrote                                     */
	FIELD_PIDFD,      /* clone: the descriptor that PIDFD made                                       */
	FIELD_REVENTS,    /* poll                                                                        */
	FIELD_FROM,       /* signals: si_pid of the last one                                             */
	FIELD_STATE,      /* look: enum case_state                                                       */
	FIELD_PPID,       /* look: numbers in the actor's own namespace                                  */
	FIELD_PGID,
	FIELD_SID,
	FIELD_LEVEL, /* nest: the level reached; fdinfo: numbers in nspid                                                          */
	FIELD_INNER, /* number in its own namespace: the last of nspid                                   */
	FIELD_COUNT
};

enum case_state { STATE_GONE, STATE_LIVE, STATE_STOPPED, STATE_ZOMBIE, STATE_DYING };

struct case_answer {
	int32_t kind; /* enum case_kind */
	int32_t err;
	int64_t field[FIELD_COUNT];
	int32_t nspid_len;          /* clone, exec, look, fdinfo: numbers of the task, else 0       */
	int32_t nspid[CASE_LEVELS]; /* outermost first, beginning at the level of `outer`          */
};

struct case_pair {
	const struct case_arg *arg;
	const char *value;
};

struct case_step {
	const struct case_opdef *op;
	int actor; /* index of a name                                                        */
	int name;  /* index of the name that this step makes, -1 = none                      */
	int pair_count;
	struct case_pair pair[CASE_PAIRS];
	const char *ask; /* answer words with holes, NULL = nothing asked                          */
	int line;
};

struct case_want {
	uint32_t without; /* holds where one of these features is missing; 0 = the ordinary answer  */
	const char *words;
};

struct case_row {
	const char *id;       /* "C33", or the name of a feature                                     */
	const char *sentence; /* what the row shows; of a feature: why rows without it are skipped   */
	const char *rules;
	bool is_feature;
	uint32_t needs;     /* features it cannot do without                                       */
	uint32_t needs_not; /* features that must be missing                                       */
	const char *only;   /* name of the one backend that can run it, NULL = all                 */
	const char *only_why;
	int want_count;
	struct case_want want[CASE_WANTS];
	int step_count;
	struct case_step *steps;
	int name_count;
	const char *names[CASE_TASKS];
	const char *file;
	int line;
};

struct case_table {
	int row_count;
	struct case_row *rows;
	int feature_count;
	struct case_row *features[CASE_FEATURES]; /* index = bit in a feature mask                   */
	char error[256];                          /* file:line:column: what is wrong                 */
};

/* One file of rows.  `text` is cut into words in place and must outlive the table. */
struct case_text {
	const char *file;
	char *text;
};

/* parse.c.  Returns 0, or -EINVAL with table->error, or -ENOMEM.  case_table_done() takes any table. */
int case_parse(struct case_table *table, const struct case_text *texts, size_t count);
void case_table_done(struct case_table *table);

/* ops.c: the names of operations, arguments, constants, fields and errors. */
struct case_const {
	const char *name;
	int64_t value;
};
struct case_arg {
	const char *name;
	enum case_key key;
	const struct case_const *consts; /* NULL = numbers only                                       */
};
struct case_opdef {
	const char *name;
	enum case_opcode code;
	unsigned traits;
	struct case_arg args[11];
};
const struct case_opdef *case_op_by_name(const char *name);
const struct case_opdef *case_op_by_code(enum case_opcode code);
int case_field_by_name(const char *name, size_t len); /* enum case_field, or -1                   */
const char *case_error_name(int err, char room[16]);
const char *case_state_name(int state);
extern const char *const case_file_paths[FILE_COUNT]; /* below /proc                             */

/* expr.c: values such as 500, PARENT|NEWPID, $a+1, 1*$L+2 . */
struct case_scope {
	const struct case_const *consts;
	/* The value of $name or $name.field; false = no such thing. */
	bool (*lookup)(void *ctx, const char *name, size_t name_len, const char *field, size_t field_len,
		       int64_t *out);
	void *ctx;
};
/* Reads one value up to `end`.  Returns NULL or what is wrong. */
const char *case_eval(const struct case_scope *scope, const char *text, const char *end, int64_t *out);
/* The same for a list with repetition: 2000..2030, 1*$L+2, 500,600 . */
const char *case_eval_list(const struct case_scope *scope, const char *text, int32_t *out, uint32_t *len);

#endif
