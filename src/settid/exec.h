/* SPDX-License-Identifier: MIT */
/*
 * exec.h: what the files of `settid exec` share.
 *
 * Who takes part in one run:
 *
 *	settid ── init of new namespace 1 ── ... ── init of new namespace K-1 ── the command
 *	   └───── guard
 *
 * The command is the first process of new namespace K (its init), or of no new one (K = 0).  The in-between inits and
 * the guard are forks of settid.  The guard ends the command should settid be killed.
 *
 * Who talks to whom: two socket pairs of whole messages.  The *command wire* joins settid and the process that becomes
 * the command; it closes by the execve, and that is how settid knows that it succeeded.  The *init wire* joins settid
 * and the last in-between init, which is the command's parent when K > 1 and passes on what happens to it.
 *
 * Keeps:   (E1) until the command is told to go it has not run an instruction of its own, and settid's end undoes all;
 *          (E2) no init is ever in a process group founded inside its own namespace by another process: the kernel
 *               would never let such an init finish dying.  Until execve the command stays in settid's own group (or,
 *               detached, in one of its own), in-between inits found one of their own;
 *          (E3) from entry to end all signals that settid forwards are blocked, and read in one place.
 */
#ifndef SETTID_EXEC_H
#define SETTID_EXEC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "cmd.h"
#include "settid.h"

struct exec_options {
	pid_t set_tid[SETTID_LEVEL_MAX]; /* innermost first */
	size_t set_tid_len;
	unsigned new_pidns; /* K */
	bool mount_proc;
	bool user;
	bool detach;
	enum settid_method method;
	const char *pidfile;
	int json_fd; /* -1: no records */
	char **argv;
};

/* How a command ended: `sig` 0 means by exit with `code`. */
struct exec_end {
	int code;
	int sig;
	bool core;
};

/* ------------------------------------------------------------------------------------- exec_wire.c -- */

enum exec_word {
	EXEC_READY =
		1,    /* command to settid: all but the execve is done; comes with credentials and a pidfd */
	EXEC_GO,      /* settid to command                                                                */
	EXEC_FAILED,  /* command or init to settid: `error` says how                                      */
	EXEC_BORN,    /* last init to settid: the command exists; method, retries                         */
	EXEC_STOPPED, /* last init to settid: the command stopped by end.sig                              */
	EXEC_ENDED,   /* last init to settid: `end`                                                       */
};

struct exec_message {
	enum exec_word word;
	enum settid_method method;
	unsigned retries;
	struct exec_end end;
	struct settid_error error;
};

/* wire[0] is settid's end and learns its peer's PID in settid's own numbers. */
int exec_wire_open(int wire[2]);
int exec_wire_send(int fd, const struct exec_message *m);
/* READY with a pidfd of the caller. */
int exec_wire_send_ready(int fd);
/* 1 and *m, 0 when every other end is closed, or -errno.  pid and pidfd may be NULL; *pidfd is the caller's, -1 = none. */
int exec_wire_receive(int fd, struct exec_message *m, pid_t *pid, int *pidfd);

/* Fills *err with a failure of the command's own making: code, step and sentence.  Returns code. */
int exec_failed(struct settid_error *err, int code, enum settid_step step, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

/* ----------------------------------------------------------------------------------- exec_signal.c -- */

/* What settid found at entry, and gives back to the command. */
struct exec_signals {
	sigset_t entry_mask;
	struct sigaction entry_chld;
	sigset_t taken; /* read by settid: forwarded ones and SIGCHLD; not those that were ignored at entry */
};

void exec_signals_take(struct exec_signals *s);
void exec_signals_give_back(const struct exec_signals *s);

/* What a signal's default action would be, were the receiver not the init of a PID namespace. */
enum exec_denied { EXEC_DENIED_NOTHING = 0, EXEC_DENIED_END, EXEC_DENIED_STOP };

/* A process to forward to. */
struct exec_target {
	int pidfd;
	int procfs;   /* -1: none */
	bool is_init; /* of a namespace below ours, and not settid's own */
};

/*
 * Hands a signal on.  An init drops signals that it has neither a handler for nor ignores nor blocks; it then gets what
 * the signal would have done to anybody else: SIGKILL or SIGSTOP, which it cannot drop when they come from outside.
 * `has_it`: the target got this signal by itself.  Returns what was done in the kernel's place.
 */
enum exec_denied exec_deliver(const struct exec_target *to, int sig, const siginfo_t *info, bool has_it);

/* ------------------------------------------------------------------------------------ exec_start.c -- */

struct exec_job {
	const struct exec_options *opt;
	struct exec_signals signals;
	int procfs; /* of our own namespace; -1 = none, then procfs_why */
	char procfs_why[256];
	int self;      /* pidfd of settid, readable once it is dead */
	int signal_fd; /* signalfd of signals.taken */
	uid_t uid;     /* the caller's, for the maps */
	gid_t gid;
	int tty;             /* the controlling terminal; -1 = none */
	bool was_foreground; /* settid's group had the terminal at the start */
	bool user_at_first;  /* --user: who needs the user namespace, the first new process or the last */
	int command_wire[2];
	int init_wire[2];

	struct settid_child first; /* settid's own child: init 1 or the command; pidfd -1 = none */
	struct settid_child guard;
	pid_t pid;                         /* the command, as settid sees it */
	pid_t nspid[SETTID_LEVEL_MAX + 1]; /* its numbers from settid's namespace inward */
	int nspid_len;                     /* 0 = no procfs told them */
	int pidfd;
	enum settid_method method;
	unsigned retries;
};

/* Makes everything up to EXEC_READY.  0 or -errno; then exec_undo() all the same. */
int exec_prepare(struct exec_job *job, const struct exec_options *opt, struct settid_error *err);
/* Lets the command run, and waits for its execve. */
int exec_go(struct exec_job *job, struct settid_error *err);
/* Ends and reaps whatever is there; closes all. */
void exec_undo(struct exec_job *job);
/* The next process of the chain: the init of new namespace `ns` (1 .. K), or for K = 0 the command.  Returns in the
 * parent only. */
int exec_make(struct exec_job *job, unsigned ns, struct settid_child *child, struct settid_error *err);
/* Is settid dead? */
bool exec_settid_is_dead(const struct exec_job *job);

/* ---------------------------------------------------------------------------------- exec_numbers.c -- */

/* --pid N with K new namespaces as a set_tid array: 1, then 2 at each level between, then N. */
void exec_numbers_from_pid(pid_t pid, unsigned new_pidns, pid_t *set_tid, size_t *set_tid_len);
/* Makes the init of new namespace ns < K by settid_fork with explicit numbers outside the wanted set wherever one is
 * wanted; tries others while they are taken.  As settid_fork. */
pid_t exec_fork_between(const struct exec_job *job, unsigned ns, uint64_t flags, struct settid_child *child,
			struct settid_error *err);

/* ---------------------------------------------------------------------------------- exec_command.c -- */

/* The life of the command's process until its execve. */
_Noreturn void exec_command(struct exec_job *job);
/* Writes this process's uid and gid maps: the caller's ids become root. */
int exec_map_root(const struct exec_job *job, struct settid_error *err);
/* Detached: a terminal or pipe among 0, 1, 2 is replaced by /dev/null; with `all`, whatever it is. */
int exec_let_go_of_stdio(bool all);

/* ------------------------------------------------------------------------------------- exec_init.c -- */

/* The life of an in-between init. */
_Noreturn void exec_init(struct exec_job *job, unsigned ns);

/* -------------------------------------------------------------------------------- exec_supervise.c -- */

/* Forwards and waits until the command has ended. */
void exec_supervise(struct exec_job *job, struct exec_end *end);
/* A waitid() result as an end. */
struct exec_end exec_end_of(const siginfo_t *info);

/* ----------------------------------------------------------------------------------- exec_record.c -- */

/* A PID file that was written: enough to take away exactly that one. */
struct exec_pidfile {
	int dir; /* -1 = none */
	char name[256];
	dev_t dev;
	ino_t ino;
};

int exec_pidfile_write(struct exec_pidfile *file, const char *path, pid_t pid, struct settid_error *err);
/* Unlinks it if it is still the one that was written. */
void exec_pidfile_remove(struct exec_pidfile *file);
void exec_pidfile_done(struct exec_pidfile *file);

/* JSON lines on fd. */
void exec_record_started(const struct exec_job *job, int fd);
void exec_record_ended(const struct exec_end *end, int fd);
void exec_record_failed(const struct settid_error *err, int status, int fd);

/* ------------------------------------------------------------------------------------ exec_guard.c -- */

/* Starts the process that, should settid die, ends the command and takes the PID file away. */
int exec_guard_start(struct exec_job *job, struct exec_pidfile *file, struct settid_error *err);

#endif
