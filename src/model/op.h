/* SPDX-License-Identifier: MIT */
/*
 * op.h: the operations of the line language: what can be asked of a PID subsystem, and what it can answer.
 *
 * The same operations, written the same way, are performed by a live kernel (tests/cases/live.c), by libpidns (model.h), and
 * typed into `settid model`.  Names are the system calls', arguments the man pages', constants have no prefix;
 * docs/conformance.md is the language's manual.
 *
 * Keeps:   (O1) one table (ops.c) is all that readers, performers, help and completion know of names;
 *          (O2) values are the kernel's, as numbers: nothing here needs a kernel's headers.
 */
#ifndef SETTID_MODEL_OP_H
#define SETTID_MODEL_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	OP_PAIRS_MAX = 10,   /* key=value in one operation                                        */
	OP_SET_TID_MAX = 40, /* longer than the kernel allows, since some ask for too many        */
	OP_LEVELS_MAX = 34,  /* numbers of one task                                               */
};

/* Arguments of operations.  The names in the text are in ops.c. */
enum op_key {
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

enum op_code {
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
enum op_trait {
	TRAIT_MAKES_TASK = 1, /* its answer is a new task                                         */
	TRAIT_MAY_WAIT = 2,   /* it may block, or never return                                    */
	TRAIT_DISTURBS = 4,   /* other tasks may change in consequence, after it has returned     */
};

/* `file=` of open, read, write and readlink. */
enum op_file {
	FILE_NONE,
	FILE_NS_LAST_PID,
	FILE_PID_MAX,
	FILE_MAX_PID_NAMESPACES,
	FILE_UID_MAP,
	FILE_NS_PID,
	FILE_NS_PID_FOR_CHILDREN,
	FILE_NS_UTS,
	FILE_NULL,
	FILE_COUNT
};

/* Special addresses: `at=`, `set_tid_at=`, `pidfd=`, `record=`. */
enum op_address { AT_NORMAL, AT_NULL, AT_UNREADABLE, AT_PAGE_END, AT_PARENT_TID };

/* An operation ready to be performed: every symbol resolved to a number. */
struct op {
	int32_t code;           /* enum op_code                                                       */
	int32_t actor;          /* who performs it                                                        */
	int32_t child;          /* the task it makes, if it makes one                                     */
	uint32_t set_tid_len;   /* entries of set_tid[]                                                   */
	uint64_t has;           /* bit 1 << enum op_key: the argument was given                         */
	int64_t arg[KEY_COUNT]; /* 0 where not given                                                     */
	int32_t set_tid[OP_SET_TID_MAX];
};

static inline bool op_has(const struct op *op, enum op_key key)
{
	return (op->has >> key) & 1;
}

enum op_answer_kind {
	ANSWER_OK,
	ANSWER_ERROR,  /* err holds the errno, positive                                                  */
	ANSWER_BLOCKS, /* the call waits; OP_RETURNS asks again                                          */
	ANSWER_ENDED,  /* the call did not return: it ended its caller; or there is no such actor        */
	ANSWER_STUCK,  /* neither settled in time: always a failed row                                   */
};

/* Facts that an answer may carry beside its kind.  The names in the text are in ops.c. */
enum op_field {
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
	FIELD_STATE,      /* look: enum op_state                                                       */
	FIELD_PPID,       /* look: numbers in the actor's own namespace                                  */
	FIELD_PGID,
	FIELD_SID,
	FIELD_LEVEL, /* nest: the level reached; fdinfo: numbers in nspid                                                          */
	FIELD_INNER, /* number in its own namespace: the last of nspid                                   */
	FIELD_COUNT
};

enum op_state { STATE_GONE, STATE_LIVE, STATE_STOPPED, STATE_ZOMBIE, STATE_DYING };

struct op_answer {
	int32_t kind; /* enum op_answer_kind */
	int32_t err;
	int64_t field[FIELD_COUNT];
	int32_t nspid_len;            /* clone, exec, look, fdinfo: numbers of the task, else 0       */
	int32_t nspid[OP_LEVELS_MAX]; /* outermost first, beginning at the level of `outer`          */
};

/* ops.c: the names of operations, arguments, constants, fields and errors. */
struct op_const {
	const char *name;
	int64_t value;
};
struct op_arg {
	const char *name;
	enum op_key key;
	const struct op_const *consts; /* NULL = numbers only                                       */
};
struct op_def {
	const char *name;
	enum op_code code;
	unsigned traits;
	const char *about; /* one line, for help                                               */
	struct op_arg args[11];
};
const struct op_def *op_by_name(const char *name);
const struct op_def *op_at(size_t i); /* the whole table, in its order; NULL past the last         */
const struct op_def *op_by_code(enum op_code code);
int op_field_by_name(const char *name, size_t len); /* enum op_field, or -1                   */
const char *op_error_name(int err, char room[16]);
const char *op_state_name(int state);
const char *op_signal_name(int sig); /* "KILL"; NULL: a number only                      */
/* "exit3", "sig9", "stop19", "cont" for wait4's word. */
const char *op_status_name(int64_t status, char room[16]);
bool op_makes_task(int code);
extern const char *const op_file_paths[FILE_COUNT]; /* below /proc                             */

/* expr.c: values such as 500, PARENT|NEWPID, $a+1, 1*$L+2 . */
struct op_scope {
	const struct op_const *consts;
	/* The value of $name or $name.field; false = no such thing. */
	bool (*lookup)(void *ctx, const char *name, size_t name_len, const char *field, size_t field_len,
		       int64_t *out);
	void *ctx;
};
/* Reads one value up to `end`.  Returns NULL or what is wrong. */
const char *op_eval(const struct op_scope *scope, const char *text, const char *end, int64_t *out);
/* The same for a list with repetition: 2000..2030, 1*$L+2, 500,600 . */
const char *op_eval_list(const struct op_scope *scope, const char *text, int32_t *out, uint32_t *len);

/* line.c: [NAME =] ACTOR OPERATION key=value ... [? words] */
struct op_pair {
	const struct op_arg *arg;
	const char *value;
};
struct op_line {
	const char *name; /* that the line makes, NULL = none        */
	const char *actor;
	const struct op_def *op;
	int pair_count;
	struct op_pair pair[OP_PAIRS_MAX];
	const char *ask; /* what stands behind `?`, NULL = nothing  */
};
/* What is wrong, without its place: `at` points into the text, which tells the column. */
struct op_complaint {
	const char *at;
	char text[192];
};
/* Cuts `text` in place.  0 or -EINVAL with *c. */
int op_line_read(char *text, struct op_line *out, struct op_complaint *c);
/* The values of arguments into op.  0 or -EINVAL with *c. */
int op_resolve(const struct op_pair *pairs, int count, const struct op_scope *names, struct op *op,
	       struct op_complaint *c);
/* Cuts the next word off *at; "" at the end of the line. */
char *op_next_word(char **at);
char *op_skip_blanks(char *at);
/* What is left of the line, without blanks around it. */
char *op_rest(char *at);

#endif
