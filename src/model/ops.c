/* SPDX-License-Identifier: MIT */
/*
 * ops.c: the words of the line language: operations, their arguments, constants, answer fields, error names.
 *
 * Owns:  the one table of operations.  The parser accepts what is in it, puppets perform it, the manual
 *        (docs/conformance.md) lists it.
 * Keeps: constants have the man pages' names without their prefix and the kernel's values, as numbers: a model
 *        that has no kernel headers reads the same table.
 */
#include "op.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define END                   \
	{                     \
		NULL, 0, NULL \
	}

static const struct op_const clone_flags[] = {
	{ "NEWTIME", 0x80 },
	{ "VM", 0x100 },
	{ "FS", 0x200 },
	{ "FILES", 0x400 },
	{ "SIGHAND", 0x800 },
	{ "PIDFD", 0x1000 },
	{ "PTRACE", 0x2000 },
	{ "VFORK", 0x4000 },
	{ "PARENT", 0x8000 },
	{ "THREAD", 0x10000 },
	{ "NEWNS", 0x20000 },
	{ "SYSVSEM", 0x40000 },
	{ "SETTLS", 0x80000 },
	{ "PARENT_SETTID", 0x100000 },
	{ "CHILD_CLEARTID", 0x200000 },
	{ "DETACHED", 0x400000 },
	{ "UNTRACED", 0x800000 },
	{ "CHILD_SETTID", 0x1000000 },
	{ "NEWCGROUP", 0x2000000 },
	{ "NEWUTS", 0x4000000 },
	{ "NEWIPC", 0x8000000 },
	{ "NEWUSER", 0x10000000 },
	{ "NEWPID", 0x20000000 },
	{ "NEWNET", 0x40000000 },
	{ "IO", 0x80000000 },
	{ "CLEAR_SIGHAND", 0x100000000 },
	{ "INTO_CGROUP", 0x200000000 },
	{ NULL, 0 },
};
static const struct op_const signals[] = {
	{ "HUP", 1 },    { "INT", 2 },   { "QUIT", 3 },  { "ILL", 4 },   { "TRAP", 5 },  { "ABRT", 6 },
	{ "BUS", 7 },    { "FPE", 8 },   { "KILL", 9 },  { "USR1", 10 }, { "SEGV", 11 }, { "USR2", 12 },
	{ "PIPE", 13 },  { "ALRM", 14 }, { "TERM", 15 }, { "CHLD", 17 }, { "CONT", 18 }, { "STOP", 19 },
	{ "TSTP", 20 },  { "TTIN", 21 }, { "TTOU", 22 }, { "URG", 23 },  { "XCPU", 24 }, { "XFSZ", 25 },
	{ "WINCH", 28 }, { "SYS", 31 },  { NULL, 0 },
};
static const struct op_const wait_options[] = {
	{ "NOHANG", 1 },
	{ "UNTRACED", 2 },
	{ "STOPPED", 2 },
	{ "EXITED", 4 },
	{ "CONTINUED", 8 },
	{ "NOWAIT", 0x1000000 },
	{ "WNOTHREAD", 0x20000000 },
	{ "WALL", 0x40000000 },
	{ "WCLONE", 0x80000000 },
	{ NULL, 0 },
};
static const struct op_const id_types[] = {
	{ "P_ALL", 0 }, { "P_PID", 1 }, { "P_PGID", 2 }, { "P_PIDFD", 3 }, { NULL, 0 },
};
static const struct op_const pidfd_flags[] = {
	{ "NONBLOCK", 04000 },
	{ "THREAD", 0200 },
	{ NULL, 0 },
};
static const struct op_const send_flags[] = {
	{ "THREAD", 1 },
	{ "THREAD_GROUP", 2 },
	{ "PROCESS_GROUP", 4 },
	{ NULL, 0 },
};
static const struct op_const self_fds[] = {
	{ "SELF_THREAD", -10000 },
	{ "SELF_THREAD_GROUP", -10001 },
	{ NULL, 0 },
};
static const struct op_const action_flags[] = {
	{ "NOCLDSTOP", 1 },
	{ "NOCLDWAIT", 2 },
	{ "RESTART", 0x10000000 },
	{ NULL, 0 },
};
static const struct op_const handlers[] = {
	{ "DFL", 0 },
	{ "IGN", 1 },
	{ "COUNT", 2 },
	{ NULL, 0 },
};
static const struct op_const mask_hows[] = {
	{ "BLOCK", 0 },
	{ "UNBLOCK", 1 },
	{ "SETMASK", 2 },
	{ NULL, 0 },
};
static const struct op_const files[] = {
	{ "ns_last_pid", FILE_NS_LAST_PID },
	{ "pid_max", FILE_PID_MAX },
	{ "max_pid_namespaces", FILE_MAX_PID_NAMESPACES },
	{ "uid_map", FILE_UID_MAP },
	{ "ns/pid", FILE_NS_PID },
	{ "ns/pid_for_children", FILE_NS_PID_FOR_CHILDREN },
	{ "ns/uts", FILE_NS_UTS },
	{ "null", FILE_NULL },
	{ NULL, 0 },
};
static const struct op_const open_modes[] = {
	{ "r", 0 },
	{ "w", 1 },
	{ "rw", 2 },
	{ NULL, 0 },
};
static const struct op_const prctls[] = {
	{ "SET_PDEATHSIG", 1 },
	{ "SET_CHILD_SUBREAPER", 36 },
	{ "GET_CHILD_SUBREAPER", 37 },
	{ NULL, 0 },
};
static const struct op_const capabilities[] = {
	{ "NONE", 0 },
	{ "KILL", 1LL << 5 },
	{ "SETUID", 1LL << 7 },
	{ "SYS_ADMIN", 1LL << 21 },
	{ "SYS_BOOT", 1LL << 22 },
	{ "SYS_RESOURCE", 1LL << 24 },
	{ "CHECKPOINT_RESTORE", 1LL << 40 },
	{ "ALL", (1LL << 41) - 1 },
	{ NULL, 0 },
};
static const struct op_const resources[] = {
	{ "NPROC", 6 },
	{ "NOFILE", 7 },
	{ NULL, 0 },
};
static const struct op_const fcntls[] = {
	{ "GETFD", 1 },
	{ "GETFL", 3 },
	{ NULL, 0 },
};
static const struct op_const addresses[] = {
	{ "null", AT_NULL },
	{ "unreadable", AT_UNREADABLE },
	{ "page_end", AT_PAGE_END },
	{ "parent_tid", AT_PARENT_TID },
	{ NULL, 0 },
};
static const struct op_const reboots[] = {
	{ "RESTART", 0x01234567 },  { "HALT", 0xCDEF0123 },       { "POWER_OFF", 0x4321FEDC },
	{ "RESTART2", 0xA1B2C3D4 }, { "SW_SUSPEND", 0xD000FCE2 }, { NULL, 0 },
};

#define CLONE3_ARGS                                                                            \
	{ "flags", KEY_FLAGS, clone_flags }, { "bare_flags", KEY_BARE_FLAGS, clone_flags },    \
		{ "exit_signal", KEY_EXIT_SIGNAL, signals }, { "set_tid", KEY_SET_TID, NULL }, \
		{ "pidfd", KEY_PIDFD, addresses },                                             \
	{                                                                                      \
		"cgroup", KEY_CGROUP, NULL                                                     \
	}

static const struct op_def ops[] = {
	/* clang-format off */
	{ "clone3", OP_CLONE3, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT, "make a process or thread; exit signal CHLD unless told, or THREAD or PARENT forbid it",
	  { CLONE3_ARGS, { "set_tid_size", KEY_SET_TID_SIZE, NULL }, { "set_tid_at", KEY_SET_TID_AT, addresses },
	    { "stack", KEY_STACK, NULL }, { "stack_size", KEY_STACK_SIZE, NULL } } },
	/* The same with a record of unusual shape: its size, place and last byte. */
	{ "clone3_record", OP_CLONE3, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT, "the same with a record of unusual size, place or content",
	  { { "flags", KEY_FLAGS, clone_flags }, { "size", KEY_SIZE, NULL }, { "last_byte", KEY_LAST_BYTE, NULL },
	    { "garbage", KEY_GARBAGE, NULL }, { "record", KEY_RECORD, addresses }, { "cgroup", KEY_CGROUP, NULL } } },
	{ "clone", OP_CLONE, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT, "the older call: no set_tid, and the exit signal among the flags",
	  { { "flags", KEY_FLAGS, clone_flags }, { "bare_flags", KEY_BARE_FLAGS, clone_flags },
	    { "exit_signal", KEY_EXIT_SIGNAL, signals } } },
	{ "fork", OP_FORK, TRAIT_MAKES_TASK, "clone3 with exit signal CHLD and nothing else",
	  { END } },
	{ "exit", OP_EXIT, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "end this thread",
	  { { "status", KEY_STATUS, NULL } } },
	{ "exit_group", OP_EXIT_GROUP, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "end the process, all its threads",
	  { { "status", KEY_STATUS, NULL } } },
	{ "exec", OP_EXEC, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "run another program: other threads end, handlers are reset",
	  { END } },
	{ "wait4", OP_WAIT4, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "wait for a child; answers its number and how it ended, or blocks",
	  { { "pid", KEY_PID, NULL }, { "options", KEY_OPTIONS, wait_options }, { "status", KEY_AT, addresses } } },
	{ "waitid", OP_WAITID, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "the same with more ways to choose; answers 0 if nobody was found",
	  { { "idtype", KEY_IDTYPE, id_types }, { "id", KEY_ID, NULL }, { "options", KEY_OPTIONS, wait_options } } },
	{ "kill", OP_KILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "signal a process (pid>0), the own group (0), everybody (-1) or a group (-pgid)",
	  { { "pid", KEY_PID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "tkill", OP_TKILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "signal one thread",
	  { { "tid", KEY_TID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "tgkill", OP_TGKILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "signal one thread of a process",
	  { { "tgid", KEY_TGID, NULL }, { "tid", KEY_TID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "setsid", OP_SETSID, 0, "found a session and a group",
	  { END } },
	{ "setpgid", OP_SETPGID, 0, "move a process into a group, or found one; 0 is the caller",
	  { { "pid", KEY_PID, NULL }, { "pgid", KEY_PGID, NULL } } },
	{ "getpgid", OP_GETPGID, 0, "the group of a process; 0 is the caller",
	  { { "pid", KEY_PID, NULL } } },
	{ "getsid", OP_GETSID, 0, "the session of a process; 0 is the caller",
	  { { "pid", KEY_PID, NULL } } },
	{ "getpid", OP_GETPID, 0, "the own number of the process",
	  { END } },
	{ "gettid", OP_GETTID, 0, "the own number of the thread",
	  { END } },
	{ "getppid", OP_GETPPID, 0, "the parent's number; 0: not visible from here",
	  { END } },
	{ "unshare", OP_UNSHARE, 0, "NEWPID: the next children live in a new PID namespace; NEWUSER: in a new user namespace",
	  { { "flags", KEY_FLAGS, clone_flags } } },
	{ "setns", OP_SETNS, 0, "the next children live in the PID namespace of a descriptor (ns/pid or a pidfd)",
	  { { "fd", KEY_FD, NULL }, { "flags", KEY_FLAGS, clone_flags } } },
	{ "pidfd_open", OP_PIDFD_OPEN, 0, "a descriptor of a process or, with THREAD, a thread",
	  { { "pid", KEY_PID, NULL }, { "flags", KEY_FLAGS, pidfd_flags } } },
	{ "pidfd_send_signal", OP_PIDFD_SEND_SIGNAL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "signal through a pidfd",
	  { { "fd", KEY_FD, self_fds }, { "sig", KEY_SIG, signals }, { "flags", KEY_FLAGS, send_flags } } },
	{ "poll", OP_POLL, 0, "what a descriptor is ready for: a pidfd when its process has ended",
	  { { "fd", KEY_FD, NULL } } },
	{ "fcntl", OP_FCNTL, 0, "flags of a descriptor",
	  { { "fd", KEY_FD, NULL }, { "op", KEY_OPTION, fcntls } } },
	{ "close", OP_CLOSE, 0, "close a descriptor",
	  { { "fd", KEY_FD, NULL } } },
	{ "open", OP_OPEN, 0, "a descriptor of one of the files below",
	  { { "file", KEY_FILE, files }, { "mode", KEY_MODE, open_modes } } },
	{ "read", OP_READ, 0, "the number in a file: opened for it, or through a descriptor",
	  { { "file", KEY_FILE, files }, { "fd", KEY_FD, NULL } } },
	{ "write", OP_WRITE, 0, "write a number into a file: opened for it, or through a descriptor",
	  { { "file", KEY_FILE, files }, { "fd", KEY_FD, NULL }, { "value", KEY_VALUE, NULL } } },
	{ "readlink", OP_READLINK, 0, "can the link be read (1)?",
	  { { "file", KEY_FILE, files } } },
	{ "prctl", OP_PRCTL, 0, "the signal at the death of the parent; be a subreaper",
	  { { "option", KEY_OPTION, prctls }, { "arg", KEY_ARG, signals } } },
	{ "sigaction", OP_SIGACTION, 0, "what a signal does: its default, nothing, or be counted by a handler",
	  { { "sig", KEY_SIG, signals }, { "handler", KEY_HANDLER, handlers }, { "flags", KEY_FLAGS, action_flags } } },
	{ "sigprocmask", OP_SIGPROCMASK, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "block a signal, or unblock it",
	  { { "how", KEY_HOW, mask_hows }, { "sig", KEY_SIG, signals } } },
	{ "sigpending", OP_SIGPENDING, 0, "does the signal wait (1)?",
	  { { "sig", KEY_SIG, signals } } },
	{ "setresuid", OP_SETRESUID, 0, "become another user, all three numbers",
	  { { "uid", KEY_UID, NULL } } },
	{ "capset", OP_CAPSET, 0, "have these capabilities only",
	  { { "caps", KEY_CAPS, capabilities } } },
	{ "setrlimit", OP_SETRLIMIT, 0, "limits on processes of a user and on descriptors",
	  { { "resource", KEY_RESOURCE, resources }, { "value", KEY_VALUE, NULL } } },
	{ "pidfd_get_info", OP_GET_INFO, 0, "the number of the process behind a pidfd, from the kernel (6.13)",
	  { { "fd", KEY_FD, NULL } } },
	{ "fdinfo", OP_FDINFO, 0, "the numbers in fdinfo of a pidfd; -1: it has been reaped",
	  { { "fd", KEY_FD, NULL } } },
	{ "crash", OP_CRASH, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "a fault of its own: dies by SIGSEGV, even an init",
	  { END } },
	{ "reboot", OP_REBOOT, TRAIT_MAY_WAIT | TRAIT_DISTURBS, "end the caller's PID namespace",
	  { { "op", KEY_OPTION, reboots } } },
	{ "returns", OP_RETURNS, TRAIT_MAY_WAIT, "what a call that had blocked returned: once, or still blocks",
	  { END } },
	{ "signals", OP_SIGNALS, 0, "how many of a signal the process has handled, and who sent the last one",
	  { { "sig", KEY_SIG, signals } } },
	{ "look", OP_LOOK, 0, "state, parent, group, session and numbers, as seen in its own namespace",
	  { END } },
	{ "probe", OP_PROBE, TRAIT_MAKES_TASK, "clone3 whose child ends at once and is reaped",
	  { CLONE3_ARGS } },
	{ "nest", OP_NEST, TRAIT_MAKES_TASK, "inits, each in a namespace inside the last, down to a level",
	  { { "level", KEY_LEVEL, NULL } } },
	/* clang-format on */
};

static const char *const field_names[FIELD_COUNT] = {
	[FIELD_RET] = "ret",
	[FIELD_STATUS] = "status",
	[FIELD_CODE] = "code",
	[FIELD_SI_STATUS] = "si_status",
	[FIELD_UID] = "uid",
	[FIELD_PARENT_TID] = "parent_tid",
	[FIELD_CHILD_TID] = "child_tid",
	[FIELD_PIDFD] = "pidfd",
	[FIELD_REVENTS] = "revents",
	[FIELD_FROM] = "from",
	[FIELD_STATE] = "state",
	[FIELD_PPID] = "ppid",
	[FIELD_PGID] = "pgid",
	[FIELD_SID] = "sid",
	[FIELD_LEVEL] = "level",
	[FIELD_INNER] = "inner",
};

const char *const op_file_paths[FILE_COUNT] = {
	[FILE_NONE] = "",
	[FILE_NS_LAST_PID] = "sys/kernel/ns_last_pid",
	[FILE_PID_MAX] = "sys/kernel/pid_max",
	[FILE_MAX_PID_NAMESPACES] = "sys/user/max_pid_namespaces",
	[FILE_UID_MAP] = "thread-self/uid_map",
	[FILE_NS_PID] = "thread-self/ns/pid",
	[FILE_NS_PID_FOR_CHILDREN] = "thread-self/ns/pid_for_children",
	[FILE_NS_UTS] = "thread-self/ns/uts",
	[FILE_NULL] = "/dev/null",
};

static const struct {
	int err;
	const char *name;
} error_names[] = {
	{ EPERM, "EPERM" },   { ENOENT, "ENOENT" }, { ESRCH, "ESRCH" },   { EINTR, "EINTR" },
	{ EIO, "EIO" },       { E2BIG, "E2BIG" },   { EBADF, "EBADF" },   { ECHILD, "ECHILD" },
	{ EAGAIN, "EAGAIN" }, { ENOMEM, "ENOMEM" }, { EACCES, "EACCES" }, { EFAULT, "EFAULT" },
	{ EEXIST, "EEXIST" }, { EINVAL, "EINVAL" }, { EMFILE, "EMFILE" }, { ENOTTY, "ENOTTY" },
	{ ENOSPC, "ENOSPC" }, { ENOSYS, "ENOSYS" }, { EUSERS, "EUSERS" }, { ERANGE, "ERANGE" },
};

const struct op_def *op_at(size_t i)
{
	return i < sizeof ops / sizeof *ops ? &ops[i] : NULL;
}

const struct op_def *op_by_name(const char *name)
{
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (strcmp(ops[i].name, name) == 0)
			return &ops[i];
	return NULL;
}

const struct op_def *op_by_code(enum op_code code)
{
	for (size_t i = 0; i < sizeof ops / sizeof *ops; i++)
		if (ops[i].code == code)
			return &ops[i];
	return NULL;
}

int op_field_by_name(const char *name, size_t len)
{
	for (int i = 0; i < FIELD_COUNT; i++)
		if (strlen(field_names[i]) == len && memcmp(field_names[i], name, len) == 0)
			return i;
	return -1;
}

const char *op_error_name(int err, char room[16])
{
	for (size_t i = 0; i < sizeof error_names / sizeof *error_names; i++)
		if (error_names[i].err == err)
			return error_names[i].name;
	snprintf(room, 16, "E%d", err);
	return room;
}

const char *op_state_name(int state)
{
	static const char *const names[] = {
		[STATE_GONE] = "gone",     [STATE_LIVE] = "live",   [STATE_STOPPED] = "stopped",
		[STATE_ZOMBIE] = "zombie", [STATE_DYING] = "dying",
	};

	return state >= 0 && state < (int)(sizeof names / sizeof *names) ? names[state] : "?";
}

const char *op_signal_name(int sig)
{
	for (const struct op_const *c = signals; c->name; c++)
		if (c->value == sig)
			return c->name;
	return NULL;
}

const char *op_status_name(int64_t status, char room[16])
{
	if (status == 0xffff)
		snprintf(room, 16, "cont");
	else if ((status & 0xff) == 0x7f)
		snprintf(room, 16, "stop%d", (int)(status >> 8 & 0xff));
	else if ((status & 0x7f) == 0)
		snprintf(room, 16, "exit%d", (int)(status >> 8 & 0xff));
	else
		snprintf(room, 16, "sig%d", (int)(status & 0x7f));
	return room;
}

bool op_makes_task(int code)
{
	const struct op_def *def = op_by_code((enum op_code)code);

	return def && (def->traits & TRAIT_MAKES_TASK);
}
