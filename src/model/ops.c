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
	{ "VFORK", 0x4000 },
	{ "PARENT", 0x8000 },
	{ "THREAD", 0x10000 },
	{ "NEWNS", 0x20000 },
	{ "PARENT_SETTID", 0x100000 },
	{ "DETACHED", 0x400000 },
	{ "CHILD_SETTID", 0x1000000 },
	{ "NEWUTS", 0x4000000 },
	{ "NEWUSER", 0x10000000 },
	{ "NEWPID", 0x20000000 },
	{ "CLEAR_SIGHAND", 0x100000000 },
	{ "INTO_CGROUP", 0x200000000 },
	{ NULL, 0 },
};
static const struct op_const signals[] = {
	{ "HUP", 1 },   { "INT", 2 },   { "QUIT", 3 },  { "ABRT", 6 },  { "KILL", 9 },  { "USR1", 10 },
	{ "SEGV", 11 }, { "USR2", 12 }, { "ALRM", 14 }, { "TERM", 15 }, { "CHLD", 17 }, { "CONT", 18 },
	{ "STOP", 19 }, { "TSTP", 20 }, { "TTIN", 21 }, { "TTOU", 22 }, { NULL, 0 },
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
	{ "CHECKPOINT_RESTORE", 1LL << 40 },
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
	{ "clone3", OP_CLONE3, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT,
	  { CLONE3_ARGS, { "set_tid_size", KEY_SET_TID_SIZE, NULL }, { "set_tid_at", KEY_SET_TID_AT, addresses },
	    { "stack", KEY_STACK, NULL }, { "stack_size", KEY_STACK_SIZE, NULL } } },
	/* The same with a record of unusual shape: its size, place and last byte. */
	{ "clone3_record", OP_CLONE3, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT,
	  { { "flags", KEY_FLAGS, clone_flags }, { "size", KEY_SIZE, NULL }, { "last_byte", KEY_LAST_BYTE, NULL },
	    { "garbage", KEY_GARBAGE, NULL }, { "record", KEY_RECORD, addresses }, { "cgroup", KEY_CGROUP, NULL } } },
	{ "clone", OP_CLONE, TRAIT_MAKES_TASK | TRAIT_MAY_WAIT,
	  { { "flags", KEY_FLAGS, clone_flags }, { "bare_flags", KEY_BARE_FLAGS, clone_flags },
	    { "exit_signal", KEY_EXIT_SIGNAL, signals } } },
	{ "fork", OP_FORK, TRAIT_MAKES_TASK, { END } },
	{ "exit", OP_EXIT, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { { "status", KEY_STATUS, NULL } } },
	{ "exit_group", OP_EXIT_GROUP, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { { "status", KEY_STATUS, NULL } } },
	{ "exec", OP_EXEC, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { END } },
	{ "wait4", OP_WAIT4, TRAIT_MAY_WAIT | TRAIT_DISTURBS,
	  { { "pid", KEY_PID, NULL }, { "options", KEY_OPTIONS, wait_options }, { "status", KEY_AT, addresses } } },
	{ "waitid", OP_WAITID, TRAIT_MAY_WAIT | TRAIT_DISTURBS,
	  { { "idtype", KEY_IDTYPE, id_types }, { "id", KEY_ID, NULL }, { "options", KEY_OPTIONS, wait_options } } },
	{ "kill", OP_KILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { { "pid", KEY_PID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "tkill", OP_TKILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { { "tid", KEY_TID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "tgkill", OP_TGKILL, TRAIT_MAY_WAIT | TRAIT_DISTURBS,
	  { { "tgid", KEY_TGID, NULL }, { "tid", KEY_TID, NULL }, { "sig", KEY_SIG, signals } } },
	{ "setsid", OP_SETSID, 0, { END } },
	{ "setpgid", OP_SETPGID, 0, { { "pid", KEY_PID, NULL }, { "pgid", KEY_PGID, NULL } } },
	{ "getpgid", OP_GETPGID, 0, { { "pid", KEY_PID, NULL } } },
	{ "getsid", OP_GETSID, 0, { { "pid", KEY_PID, NULL } } },
	{ "getpid", OP_GETPID, 0, { END } },
	{ "gettid", OP_GETTID, 0, { END } },
	{ "getppid", OP_GETPPID, 0, { END } },
	{ "unshare", OP_UNSHARE, 0, { { "flags", KEY_FLAGS, clone_flags } } },
	{ "setns", OP_SETNS, 0, { { "fd", KEY_FD, NULL }, { "flags", KEY_FLAGS, clone_flags } } },
	{ "pidfd_open", OP_PIDFD_OPEN, 0, { { "pid", KEY_PID, NULL }, { "flags", KEY_FLAGS, pidfd_flags } } },
	{ "pidfd_send_signal", OP_PIDFD_SEND_SIGNAL, TRAIT_MAY_WAIT | TRAIT_DISTURBS,
	  { { "fd", KEY_FD, self_fds }, { "sig", KEY_SIG, signals }, { "flags", KEY_FLAGS, send_flags } } },
	{ "poll", OP_POLL, 0, { { "fd", KEY_FD, NULL } } },
	{ "fcntl", OP_FCNTL, 0, { { "fd", KEY_FD, NULL }, { "op", KEY_OPTION, fcntls } } },
	{ "close", OP_CLOSE, 0, { { "fd", KEY_FD, NULL } } },
	{ "open", OP_OPEN, 0, { { "file", KEY_FILE, files }, { "mode", KEY_MODE, open_modes }, { "pid", KEY_PID, NULL } } },
	{ "read", OP_READ, 0, { { "file", KEY_FILE, files }, { "fd", KEY_FD, NULL } } },
	{ "write", OP_WRITE, 0, { { "file", KEY_FILE, files }, { "fd", KEY_FD, NULL }, { "value", KEY_VALUE, NULL } } },
	{ "readlink", OP_READLINK, 0, { { "file", KEY_FILE, files } } },
	{ "prctl", OP_PRCTL, 0, { { "option", KEY_OPTION, prctls }, { "arg", KEY_ARG, signals } } },
	{ "sigaction", OP_SIGACTION, 0,
	  { { "sig", KEY_SIG, signals }, { "handler", KEY_HANDLER, handlers }, { "flags", KEY_FLAGS, action_flags } } },
	{ "sigprocmask", OP_SIGPROCMASK, TRAIT_MAY_WAIT | TRAIT_DISTURBS,
	  { { "how", KEY_HOW, mask_hows }, { "sig", KEY_SIG, signals } } },
	{ "sigpending", OP_SIGPENDING, 0, { { "sig", KEY_SIG, signals } } },
	{ "setresuid", OP_SETRESUID, 0, { { "uid", KEY_UID, NULL } } },
	{ "capset", OP_CAPSET, 0, { { "caps", KEY_CAPS, capabilities } } },
	{ "setrlimit", OP_SETRLIMIT, 0, { { "resource", KEY_RESOURCE, resources }, { "value", KEY_VALUE, NULL } } },
	{ "pidfd_get_info", OP_GET_INFO, 0, { { "fd", KEY_FD, NULL } } },
	{ "fdinfo", OP_FDINFO, 0, { { "fd", KEY_FD, NULL } } },
	{ "crash", OP_CRASH, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { END } },
	{ "reboot", OP_REBOOT, TRAIT_MAY_WAIT | TRAIT_DISTURBS, { { "op", KEY_OPTION, reboots } } },
	{ "returns", OP_RETURNS, TRAIT_MAY_WAIT, { END } },
	{ "signals", OP_SIGNALS, 0, { { "sig", KEY_SIG, signals } } },
	{ "look", OP_LOOK, 0, { END } },
	{ "probe", OP_PROBE, TRAIT_MAKES_TASK, { CLONE3_ARGS } },
	{ "nest", OP_NEST, TRAIT_MAKES_TASK, { { "level", KEY_LEVEL, NULL } } },
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
