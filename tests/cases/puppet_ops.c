/* SPDX-License-Identifier: MIT */
/*
 * puppet_ops.c: what a puppet does for each operation that returns: one small function per kind of call.
 *
 * Keeps: (O1) each operation is the one system call of its name, its arguments unchanged; read and write of a
 *             file named in the row add the open, and answer with whichever failed;
 *        (O2) raw calls only, see puppet.c (T1).
 */
#include "puppet.h"

#include "libsettid/sys.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

struct raw_action {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#if defined(__x86_64__)
void puppet_sigreturn(void);
__asm__(".text\n.globl puppet_sigreturn\n.type puppet_sigreturn, @function\n"
	"puppet_sigreturn:\n\tmov $15, %eax\n\tsyscall\n");
#define RESTORER puppet_sigreturn
#define RESTORER_FLAG 0x04000000UL
#else
#define RESTORER NULL
#define RESTORER_FLAG 0UL
#endif

static void count_signal(int sig, siginfo_t *info, void *context)
{
	struct puppet_slot *self = puppet_self();

	(void)context;
	if (!self)
		return;
	self->from[sig] = info->si_pid;
	atomic_fetch_add(&self->handled[sig], 1);
}

static long do_sigaction(const struct op *op)
{
	struct raw_action action = { .flags = (unsigned long)op->arg[KEY_FLAGS] | RESTORER_FLAG | SA_SIGINFO,
				     .restorer = RESTORER };

	if (op->arg[KEY_HANDLER] == 2)
		action.handler = count_signal;
	else
		memcpy(&action.handler, &op->arg[KEY_HANDLER], sizeof action.handler); /* 0 DFL, 1 IGN */
	return SYS4(SYS_rt_sigaction, op->arg[KEY_SIG], &action, NULL, 8);
}

static uint64_t mask_of(int64_t sig)
{
	return sig > 0 ? 1ULL << (sig - 1) : 0;
}

static long do_sigpending(const struct op *op)
{
	uint64_t set = 0;
	long ret = SYS2(SYS_rt_sigpending, &set, 8);

	return ret < 0 ? ret : (set & mask_of(op->arg[KEY_SIG])) != 0;
}

static long do_wait4(const struct op *op, struct op_answer *answer)
{
	int status = 0;
	int *at = op->arg[KEY_AT] == AT_UNREADABLE ? puppet_unreadable() : &status;
	long ret = SYS4(SYS_wait4, op->arg[KEY_PID], at, op->arg[KEY_OPTIONS], NULL);

	answer->field[FIELD_STATUS] = status;
	return ret;
}

/* The status word that wait4 would have given. */
static int status_of(const siginfo_t *info)
{
	switch (info->si_code) {
	case CLD_EXITED:
		return (info->si_status & 0xff) << 8;
	case CLD_STOPPED:
		return (info->si_status & 0xff) << 8 | 0x7f;
	case CLD_CONTINUED:
		return 0xffff;
	default:
		return info->si_status & 0x7f;
	}
}

static long do_waitid(const struct op *op, struct op_answer *answer)
{
	siginfo_t info;
	long ret;

	memset(&info, 0, sizeof info);
	ret = SYS5(SYS_waitid, op->arg[KEY_IDTYPE], op->arg[KEY_ID], &info, op->arg[KEY_OPTIONS], NULL);
	if (ret < 0)
		return ret;
	answer->field[FIELD_STATUS] = status_of(&info);
	answer->field[FIELD_CODE] = info.si_code;
	answer->field[FIELD_SI_STATUS] = info.si_status;
	answer->field[FIELD_UID] = info.si_uid;
	return info.si_pid;
}

static long do_poll(const struct op *op, struct op_answer *answer)
{
	struct pollfd fd = { .fd = (int)op->arg[KEY_FD], .events = POLLIN };
	struct timespec none = { 0, 0 };
	long ret = SYS5(SYS_ppoll, &fd, 1, &none, NULL, 8);

	answer->field[FIELD_REVENTS] = fd.revents;
	return ret;
}

static long open_file(const struct puppet_shared *shared, const struct op *op, int mode)
{
	const char *path = op_file_paths[op->arg[KEY_FILE] % FILE_COUNT];

	return SYS4(SYS_openat, shared->proc_fd, path, mode, 0);
}

/* The descriptor to use for a read or write: the row's, or the named file opened for it. */
static long file_for(const struct puppet_shared *shared, const struct op *op, int mode)
{
	return op_has(op, KEY_FD) ? (long)op->arg[KEY_FD] : open_file(shared, op, mode);
}

static void leave_file(const struct op *op, long fd)
{
	if (!op_has(op, KEY_FD))
		SYS1(SYS_close, fd);
}

static long parse_number(const char *text)
{
	long sign = *text == '-' ? -1 : 1, value = 0;

	for (text += *text == '-'; *text >= '0' && *text <= '9'; text++)
		value = value * 10 + (*text - '0');
	return sign * value;
}

static long do_read(const struct puppet_shared *shared, const struct op *op, struct op_answer *answer)
{
	char text[32] = "";
	long fd = file_for(shared, op, O_RDONLY), n;

	if (fd < 0)
		return fd;
	n = SYS4(SYS_pread64, fd, text, sizeof text - 1, 0);
	leave_file(op, fd);
	if (n < 0)
		return n;
	answer->field[FIELD_RET] = parse_number(text);
	answer->kind = ANSWER_OK;
	return 0;
}

static long format_number(int64_t value, char out[24])
{
	uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;
	int at = 24, len;

	do
		out[--at] = (char)('0' + left % 10);
	while ((left /= 10) > 0);
	if (value < 0)
		out[--at] = '-';
	len = 24 - at;
	memmove(out, out + at, (size_t)len);
	return len;
}

static void put_text(const struct puppet_shared *shared, const char *path, const char *text, size_t len)
{
	long fd = SYS4(SYS_openat, shared->proc_fd, path, O_WRONLY, 0);

	SYS3(SYS_write, fd, text, len);
	SYS1(SYS_close, fd);
}

/* Number 0 inside is `value` outside, user and group; whoever makes a user namespace needs both. */
static long map_ids(const struct puppet_shared *shared, const struct op *op)
{
	char line[32] = "0 ";
	size_t len = 2 + (size_t)format_number(op->arg[KEY_VALUE], line + 2);
	long fd, n;

	memcpy(line + len, " 1", 2);
	put_text(shared, "thread-self/setgroups", "deny", 4);
	put_text(shared, "thread-self/gid_map", line, len + 2);
	fd = SYS4(SYS_openat, shared->proc_fd, "thread-self/uid_map", O_WRONLY, 0);
	if (fd < 0)
		return fd;
	n = SYS3(SYS_write, fd, line, len + 2);
	SYS1(SYS_close, fd);
	return n < 0 ? n : 0;
}

static long do_write(const struct puppet_shared *shared, const struct op *op)
{
	char text[24];
	long len = format_number(op->arg[KEY_VALUE], text);
	long fd = file_for(shared, op, O_WRONLY), n;

	if (fd < 0)
		return fd;
	n = SYS4(SYS_pwrite64, fd, text, len, 0);
	leave_file(op, fd);
	return n < 0 ? n : 0;
}

static long do_readlink(const struct puppet_shared *shared, const struct op *op)
{
	char text[64];
	long n = SYS4(SYS_readlinkat, shared->proc_fd, op_file_paths[op->arg[KEY_FILE] % FILE_COUNT], text,
		      sizeof text);

	return n < 0 ? n : 1;
}

static long do_capset(const struct op *op)
{
	struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct data[2];

	for (int i = 0; i < 2; i++) {
		uint32_t caps = (uint32_t)((uint64_t)op->arg[KEY_CAPS] >> (32 * i));

		data[i].effective = data[i].permitted = caps;
		data[i].inheritable = 0;
	}
	return SYS2(SYS_capset, &header, data);
}

static long do_setrlimit(const struct op *op)
{
	uint64_t limit[2] = { (uint64_t)op->arg[KEY_VALUE], (uint64_t)op->arg[KEY_VALUE] };

	return SYS4(SYS_prlimit64, 0, op->arg[KEY_RESOURCE], limit, NULL);
}

static long do_get_info(const struct op *op)
{
	/* struct pidfd_info as first published (6.13, 64 bytes): mask, cgroup, then pid, tgid, ppid ... */
	uint64_t info[8] = { 1 /* PIDFD_INFO_PID */ };
	long ret = SYS3(SYS_ioctl, op->arg[KEY_FD], 0xc040ff0bUL /* PIDFD_GET_INFO of 64 bytes */, info);

	return ret < 0 ? ret : (long)(uint32_t)info[2];
}

/* Pid may be -1, and NSpid begins at the level of the driver's procfs: the driver drops what is above the world. */
static long do_fdinfo(const struct puppet_shared *shared, const struct op *op, struct op_answer *answer)
{
	char path[48] = "thread-self/fdinfo/", text[512] = "";
	size_t stem = strlen(path);
	const char *at;
	long fd, n;

	path[stem + (size_t)format_number(op->arg[KEY_FD], path + stem)] = '\0';
	fd = SYS4(SYS_openat, shared->proc_fd, path, O_RDONLY, 0);
	if (fd < 0)
		return fd;
	n = SYS3(SYS_read, fd, text, sizeof text - 1);
	SYS1(SYS_close, fd);
	at = strstr(text, "\nPid:\t");
	if (n < 0 || !at)
		return n < 0 ? n : -ENOENT;
	answer->field[FIELD_RET] = parse_number(at + strlen("\nPid:\t"));
	at = strstr(text, "\nNSpid:");
	at = at ? at + strlen("\nNSpid:") : "";
	while (*at == '\t' && answer->nspid_len < OP_LEVELS_MAX) {
		answer->nspid[answer->nspid_len++] = (int32_t)parse_number(at + 1);
		at += 1 + strspn(at + 1, "-0123456789");
	}
	return 0;
}

static void crash(void)
{
	uint64_t none[2] = { 1, 1 };

	/* No core file, which would be longer, and no helper: for that one, a limit of 0 is none and 1 is.  Who may look at the
	 * process is left as it was. */
	SYS4(SYS_prlimit64, 0, RLIMIT_CORE, none, NULL);
	*(volatile char *)puppet_unreadable() = 1;
}

static long call(const struct puppet_shared *shared, const struct op *op, struct op_answer *answer)
{
	const int64_t *arg = op->arg;
	uint64_t mask = mask_of(arg[KEY_SIG]);

	switch ((enum op_code)op->code) {
	case OP_EXIT:
		return SYS1(SYS_exit, arg[KEY_STATUS]);
	case OP_EXIT_GROUP:
		return SYS1(SYS_exit_group, arg[KEY_STATUS]);
	case OP_WAIT4:
		return do_wait4(op, answer);
	case OP_WAITID:
		return do_waitid(op, answer);
	case OP_KILL:
		return SYS2(SYS_kill, arg[KEY_PID], arg[KEY_SIG]);
	case OP_TKILL:
		return SYS2(SYS_tkill, arg[KEY_TID], arg[KEY_SIG]);
	case OP_TGKILL:
		return SYS3(SYS_tgkill, arg[KEY_TGID], arg[KEY_TID], arg[KEY_SIG]);
	case OP_SETSID:
		return SYS0(SYS_setsid);
	case OP_SETPGID:
		return SYS2(SYS_setpgid, arg[KEY_PID], arg[KEY_PGID]);
	case OP_GETPGID:
		return SYS1(SYS_getpgid, arg[KEY_PID]);
	case OP_GETSID:
		return SYS1(SYS_getsid, arg[KEY_PID]);
	case OP_GETPID:
		return SYS0(SYS_getpid);
	case OP_GETTID:
		return SYS0(SYS_gettid);
	case OP_GETPPID:
		return SYS0(SYS_getppid);
	case OP_UNSHARE:
		return SYS1(SYS_unshare, arg[KEY_FLAGS]);
	case OP_SETNS:
		return SYS2(SYS_setns, arg[KEY_FD], arg[KEY_FLAGS]);
	case OP_PIDFD_OPEN:
		return SYS2(SYS_pidfd_open, arg[KEY_PID], arg[KEY_FLAGS]);
	case OP_PIDFD_SEND_SIGNAL:
		return SYS4(SYS_pidfd_send_signal, arg[KEY_FD], arg[KEY_SIG], NULL, arg[KEY_FLAGS]);
	case OP_POLL:
		return do_poll(op, answer);
	case OP_FCNTL:
		return SYS3(SYS_fcntl, arg[KEY_FD], arg[KEY_OPTION], 0);
	case OP_CLOSE:
		return SYS1(SYS_close, arg[KEY_FD]);
	case OP_OPEN:
		return open_file(shared, op, (int)arg[KEY_MODE]);
	case OP_WRITE:
		return op->arg[KEY_FILE] == FILE_UID_MAP ? map_ids(shared, op) : do_write(shared, op);
	case OP_READLINK:
		return do_readlink(shared, op);
	case OP_PRCTL:
		return SYS5(SYS_prctl, arg[KEY_OPTION], arg[KEY_ARG], 0, 0, 0);
	case OP_SIGACTION:
		return do_sigaction(op);
	case OP_SIGPROCMASK:
		return SYS4(SYS_rt_sigprocmask, arg[KEY_HOW], &mask, NULL, 8);
	case OP_SIGPENDING:
		return do_sigpending(op);
	case OP_SETRESUID:
		return SYS3(SYS_setresuid, arg[KEY_UID], arg[KEY_UID], arg[KEY_UID]);
	case OP_CAPSET:
		return do_capset(op);
	case OP_SETRLIMIT:
		return do_setrlimit(op);
	case OP_GET_INFO:
		return do_get_info(op);
	case OP_CRASH:
		crash();
		return 0;
	case OP_REBOOT:
		return SYS4(SYS_reboot, 0xfee1dead, 672274793, arg[KEY_OPTION], NULL);
	default:
		return -ENOSYS;
	}
}

void puppet_perform(struct puppet_shared *shared, const struct op *op, struct op_answer *answer)
{
	long ret;

	/* A number that was read may be negative without being an error. */
	if (op->code == OP_READ || op->code == OP_FDINFO) {
		ret = op->code == OP_READ ? do_read(shared, op, answer) : do_fdinfo(shared, op, answer);
		answer->kind = ret < 0 ? ANSWER_ERROR : ANSWER_OK;
	} else {
		ret = call(shared, op, answer);
		answer->kind = ret < 0 ? ANSWER_ERROR : ANSWER_OK;
		answer->field[FIELD_RET] = ret;
	}
	answer->err = ret < 0 ? (int32_t)-ret : 0;
}
