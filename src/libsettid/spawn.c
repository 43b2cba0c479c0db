/* SPDX-License-Identifier: MIT */
/*
 * spawn.c: settid_spawn(), the parent's half: arguments, birth, the maps of a user namespace, the verdict.
 *
 * Keeps:   (W4) the child is born without an exit signal.  execve gives it SIGCHLD, so a child that fails before
 *               tells nobody, and no other thread's wait() meets it; it is reaped here;
 *          (W5) nobody returns while the child may still use this frame: CLONE_VFORK, or the word that the
 *               kernel clears when the child lets go of the caller's memory;
 *          (W6) the calling thread has all signals blocked from before the birth to the end.
 * Costs:   5 system calls here and 2 in the child, when nothing is asked for; no memory is mapped.
 * Sources: clone(2), posix_spawn(3), set_tid_address(2), user_namespaces(7).
 */
#include "spawn.h"

#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "internal.h"
#include "ksignal.h"
#include "procfs.h"

static const uint64_t spawn_flags = SETTID__CLONE_NEW | CLONE_CLEAR_SIGHAND | CLONE_PARENT;
static const unsigned every_flag = SETTID_SPAWN_SEARCH_PATH | SETTID_SPAWN_SETSID | SETTID_SPAWN_SETPGROUP |
				   SETTID_SPAWN_SETSIGMASK | SETTID_SPAWN_SETSIGDEF |
				   SETTID_SPAWN_SETSCHEDULER | SETTID_SPAWN_SETSCHEDPARAM |
				   SETTID_SPAWN_RESETIDS | SETTID_SPAWN_USER_MAPS |
				   SETTID_SPAWN_DENY_SETGROUPS | SETTID_SPAWN_INTO_CGROUP;

/* ---------------------------------------------------------------------------------------- arguments -- */

static const char *file_action_fault(const struct settid_file_action *a)
{
	switch (a->op) {
	case SETTID_FILE_OPEN:
	case SETTID_FILE_CHDIR:
		return a->path ? NULL : "has no path";
	case SETTID_FILE_CLOSE:
	case SETTID_FILE_DUP2:
	case SETTID_FILE_FCHDIR:
	case SETTID_FILE_CLOSEFROM:
		return NULL;
	}
	return "has an unknown op";
}

static bool wants_maps(const struct settid_spawn_args *args)
{
	return args->flags & (SETTID_SPAWN_USER_MAPS | SETTID_SPAWN_DENY_SETGROUPS);
}

/* What contradicts itself in the arguments, or NULL. */
static const char *contradiction(const struct settid_spawn_args *args)
{
	if (!args->file || !args->argv || !args->argv[0])
		return "spawn needs a file and an argv with at least argv[0]";
	if (args->flags & ~every_flag)
		return "a spawn flag is unknown";
	if (args->file_actions_len && !args->file_actions)
		return "file_actions_len without file_actions";
	if ((args->flags & SETTID_SPAWN_SETSIGMASK) && !args->sigmask)
		return "SETTID_SPAWN_SETSIGMASK without sigmask";
	if ((args->flags & SETTID_SPAWN_SETSIGDEF) && !args->sigdefault)
		return "SETTID_SPAWN_SETSIGDEF without sigdefault";
	if (wants_maps(args) && !(args->clone_flags & CLONE_NEWUSER))
		return "uid and gid maps belong to a new user namespace: CLONE_NEWUSER is missing";
	if ((args->flags & SETTID_SPAWN_USER_MAPS) && !args->uid_map && !args->gid_map)
		return "SETTID_SPAWN_USER_MAPS without uid_map and gid_map";
	if ((args->flags & SETTID_SPAWN_INTO_CGROUP) && args->cgroup_fd < 0)
		return "SETTID_SPAWN_INTO_CGROUP without cgroup_fd";
	if (args->pdeathsig < 0 || args->pdeathsig > KSIG_COUNT)
		return "pdeathsig is no signal";
	if (args->pdeathsig && (args->clone_flags & CLONE_PARENT))
		return "pdeathsig watches the calling thread, which CLONE_PARENT makes no parent";
	return NULL;
}

static int check_arguments(const struct settid_spawn_args *args, struct settid_error *err)
{
	const char *fault = contradiction(args);

	if (fault)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT, "%s", fault);
	for (size_t i = 0; i < args->file_actions_len; i++) {
		struct settid_error facts = settid__facts(-EINVAL, SETTID_REASON_ARGUMENT);

		fault = file_action_fault(&args->file_actions[i]);
		facts.step_index = (int)i;
		if (fault)
			return settid__failf(err, &facts, "file action %zu %s", i, fault);
	}
	if (settid__exit_signal(args->exit_signal) < 0)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT, "exit_signal is no signal");
	return settid__check_wish(args->set_tid, args->set_tid_len, args->method, args->clone_flags,
				  spawn_flags, err);
}

/* libc's set begins with the kernel's. */
static uint64_t kernel_set(const sigset_t *set)
{
	uint64_t kernels;

	memcpy(&kernels, set, sizeof kernels);
	return kernels;
}

/* As execvp has it: a name with a slash is a path. */
static const char *search_path(const struct settid_spawn_args *args)
{
	const char *path;

	if (!(args->flags & SETTID_SPAWN_SEARCH_PATH) || strchr(args->file, '/') || !args->file[0])
		return NULL;
	path = getenv("PATH");
	return path ? path : "/bin:/usr/bin";
}

/* -------------------------------------------------------------------------------------------- birth -- */

static struct settid__birth birth_of(struct settid__spawn_job *job, void *stack, size_t stack_size)
{
	const struct settid_spawn_args *args = job->args;

	return (struct settid__birth){
		.set_tid = args->set_tid,
		.set_tid_len = args->set_tid_len,
		.flags = args->clone_flags | CLONE_VM | CLONE_CLEAR_SIGHAND |
			 (job->has_maps ? 0 : (uint64_t)CLONE_VFORK), /* W5 */
		.exit_signal = 0,                                     /* W4 */
		.method = args->method,
		.cgroup_fd = args->flags & SETTID_SPAWN_INTO_CGROUP ? args->cgroup_fd : -1,
		.stack = stack,
		.stack_size = stack_size,
		.fn = settid__spawn_child,
		.arg = job,
	};
}

/* clone3 clears the handlers in one go; where it is not to be had, the child does it one by one. */
static pid_t give_birth(struct settid__spawn_job *job, struct settid__birth *birth, struct settid_child *made,
			struct settid_error *err)
{
	pid_t pid = settid__clone(birth, made, err);

	if (pid != -EOPNOTSUPP || job->args->method == SETTID_METHOD_CLONE3)
		return pid;
	birth->flags &= ~(uint64_t)CLONE_CLEAR_SIGHAND;
	job->drop_handlers = true;
	return settid__clone(birth, made, err);
}

/* A child that failed tells at what; the caller adds what the sentence needs. */
static int child_failed(const struct settid__spawn_job *job, int code, struct settid_error *err)
{
	const struct settid_spawn_args *args = job->args;
	struct settid_error facts = settid__facts(code, SETTID_REASON_STEP);

	facts.step = job->at;
	facts.step_index = job->index;
	if (code == -ECANCELED)
		return settid__failf(err, &facts, "the new process was killed before it could execute %.200s",
				     args->file);
	if (facts.step == SETTID_STEP_EXEC)
		return settid__failf(err, &facts, "cannot execute %.200s: %s", args->file,
				     settid__errno_text(code));
	if (facts.step == SETTID_STEP_CWD)
		return settid__failf(err, &facts, "cannot change to the directory %.200s: %s", args->cwd,
				     settid__errno_text(code));
	return settid__fail_facts(err, &facts);
}

/*
 * The child has let go of our memory: is it dead without an execve?  Until its execve it is a child that sends no
 * SIGCHLD (W4), which only __WCLONE finds, and afterwards __WCLONE finds none.  One that is being killed lets go a
 * moment before it can be reaped, so it is waited for; it is reaped here.
 */
static bool died_unseen(const struct settid__spawn_job *job, const struct settid_child *made)
{
	struct pollfd pfd = { .fd = made->pidfd, .events = POLLIN };
	siginfo_t info;

	if (job->args->clone_flags & CLONE_PARENT) /* not ours to wait for */
		return false;
	for (;;) {
		const struct timespec a_moment = { .tv_nsec = 1000 * 1000 };

		info.si_pid = 0;
		if (SYS5(SYS_waitid, SETTID__P_PIDFD, made->pidfd, &info, WEXITED | WNOHANG | __WCLONE,
			 NULL) != 0)
			return false;
		if (info.si_pid != 0)
			return true;
		SYS5(SYS_ppoll, &pfd, 1, &a_moment, NULL, 0);
	}
}

/* The child has let go of the caller's memory.  0: by an execve. */
static int verdict(const struct settid__spawn_job *job, const struct settid_child *made,
		   struct settid_error *err)
{
	if (job->code) {
		if (!(job->args->clone_flags & CLONE_PARENT))
			settid__reap(made->pid, made->pidfd);
		return child_failed(job, job->code, err);
	}
	return died_unseen(job, made) ? child_failed(job, -ECANCELED, err) : 0;
}

static int spawn_plain(struct settid__spawn_job *job, struct settid_child *made, struct settid_error *err)
{
	_Alignas(16) char stack[SETTID__SPAWN_STACK];
	struct settid__birth birth = birth_of(job, stack, sizeof stack);
	pid_t pid = give_birth(job, &birth, made, err);

	return pid < 0 ? pid : verdict(job, made, err);
}

/* --------------------------------------------------------------------------------------------- maps -- */

/* One write, as the kernel wants it. */
static int write_file(int dir, const char *name, const char *text, struct settid_error *err)
{
	struct settid_error facts = settid__facts(0, SETTID_REASON_STEP);
	autoclose int fd = (int)SYS4(SYS_openat, dir, name, O_WRONLY | O_CLOEXEC, 0);
	long r = fd < 0 ? fd : SYS3(SYS_write, fd, text, strlen(text));
	size_t line;

	if (r >= 0)
		return 0;
	facts.code = (int)r;
	facts.step = SETTID_STEP_MAPS;
	line = strcspn(text, "\n");
	return settid__failf(err, &facts, "cannot write \"%.*s\" to /proc/PID/%s of the new process: %s",
			     line < 40 ? (int)line : 40, text, name, settid__errno_text(facts.code));
}

/* setgroups first: an unprivileged gid_map is refused before it says deny. */
static int write_maps(const struct settid_spawn_args *args, pid_t pid, struct settid_error *err)
{
	const struct {
		const char *name, *text;
	} files[] = {
		{ "uid_map", args->flags & SETTID_SPAWN_USER_MAPS ? args->uid_map : NULL },
		{ "setgroups", args->flags & SETTID_SPAWN_DENY_SETGROUPS ? "deny" : NULL },
		{ "gid_map", args->flags & SETTID_SPAWN_USER_MAPS ? args->gid_map : NULL },
	};
	autoclose int proc = -1;
	autoclose int dir = -1;
	char name[16];
	int r = settid__proc_open(&proc, err);

	if (r < 0)
		return r;
	snprintf(name, sizeof name, "%d", (int)pid);
	dir = (int)SYS4(SYS_openat, proc, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0);
	if (dir < 0)
		return settid__fail(err, dir, SETTID_REASON_PROCFS, "cannot open /proc/%d: %s", (int)pid,
				    settid__errno_text(dir));
	for (size_t i = 0; i < sizeof files / sizeof files[0] && r == 0; i++)
		if (files[i].text)
			r = write_file(dir, files[i].name, files[i].text, err);
	return r;
}

static bool is_dead(int pidfd)
{
	struct pollfd pfd = { .fd = pidfd, .events = POLLIN };
	const struct timespec now = { 0 };

	return SYS5(SYS_ppoll, &pfd, 1, &now, NULL, 0) > 0;
}

/*
 * Until the child has left the caller's memory: the kernel clears the word and wakes it when it execs or dies.
 * Older kernels skip that for a child that dumps core, hence the look at the pidfd now and then.
 */
static void wait_for_leave(_Atomic pid_t *word, int pidfd)
{
	const struct timespec now_and_then = { .tv_nsec = 100 * 1000 * 1000 };
	pid_t seen;

	/* Not PRIVATE: the kernel's wake is not. */
	while ((seen = atomic_load(word)) != 0) {
		long r = SYS4(SYS_futex, word, FUTEX_WAIT, seen, &now_and_then);

		if (r < 0 && r != -EAGAIN && r != -EINTR && is_dead(pidfd))
			return;
	}
}

/* The parent has to be awake to write the maps: no CLONE_VFORK, the child waits for `go` instead. */
static int spawn_mapped(struct settid__spawn_job *job, struct settid_child *made, struct settid_error *err)
{
	_Alignas(16) char stack[SETTID__SPAWN_STACK];
	struct settid__birth birth = birth_of(job, stack, sizeof stack);
	_Atomic pid_t in_our_memory = -1; /* until the kernel writes the child's number there, then 0 */
	pid_t pid;
	int maps;

	birth.child_tid = (pid_t *)&in_our_memory;
	pid = give_birth(job, &birth, made, err);
	if (pid < 0)
		return pid;
	maps = write_maps(job->args, pid, err);
	atomic_store(&job->go, maps == 0 ? SETTID__GO_RUN : SETTID__GO_ABANDON);
	SYS3(SYS_futex, &job->go, FUTEX_WAKE_PRIVATE, 1);
	wait_for_leave(&in_our_memory, made->pidfd);
	if (maps < 0) { /* told already; the child ends with its own ECANCELED */
		verdict(job, made, NULL);
		return maps;
	}
	return verdict(job, made, err);
}

/* --------------------------------------------------------------------------------------------- spawn -- */

/* With all signals blocked (W6). */
static int spawn(struct settid__spawn_job *job, struct settid_child *out, struct settid_error *err)
{
	struct settid_child made = { .pidfd = -1 };
	int r;

	r = job->has_maps ? spawn_mapped(job, &made, err) : spawn_plain(job, &made, err);
	if (r < 0) {
		settid__close_fdp(&made.pidfd);
		return r;
	}
	*out = made;
	return 0;
}

/* With the arguments known to be sound. */
static int spawn_with(struct settid__spawn_job *job, struct settid_child *out, struct settid_error *err)
{
	const struct settid_spawn_args *args = job->args;
	autoclose int parent_pidfd = -1;
	uint64_t old;
	int r;

	if (job->has_maps || args->pdeathsig) {
		parent_pidfd = (int)SYS2(SYS_pidfd_open, SYS0(SYS_getpid), 0);
		if (parent_pidfd < 0)
			return settid__fail(err, parent_pidfd, SETTID_REASON_SYSTEM,
					    "cannot open a pidfd of the caller: %s",
					    settid__errno_text(parent_pidfd));
		job->parent_pidfd = parent_pidfd;
	}
	r = (int)settid__signals_block(&old);
	if (r < 0)
		return settid__fail(err, r, SETTID_REASON_SYSTEM, "cannot block signals: %s",
				    settid__errno_text(r));
	job->mask = args->flags & SETTID_SPAWN_SETSIGMASK ? kernel_set(args->sigmask) : old;
	r = spawn(job, out, err);
	settid__signals_restore(&old);
	return r;
}

int settid_spawn(const struct settid_spawn_args *args, struct settid_child *child, struct settid_error *err)
{
	struct settid_spawn_args a;
	struct settid__spawn_job job = { .args = &a, .parent_pidfd = -1 };
	int r;

	if (!args || !child)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "spawn needs arguments, and a child to fill");
	r = settid__copy_args(&a, sizeof a, args, err);
	if (r == 0)
		r = check_arguments(&a, err);
	if (r < 0)
		return r;
	job.envp = a.envp ? a.envp : environ;
	job.path = search_path(&a);
	job.has_maps = wants_maps(&a);
	job.defaults = a.flags & SETTID_SPAWN_SETSIGDEF ? kernel_set(a.sigdefault) : 0;
	return spawn_with(&job, child, err);
}
