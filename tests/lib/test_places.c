/* SPDX-License-Identifier: MIT */
/*
 * test_places.c: unfriendly places: no /proc, another namespace's /proc, ns_last_pid read-only or not permitted,
 * a seccomp filter that hides clone3 or forbids it.  Each gets the right method, or the right message.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libsettid/procfs.h"

#define CAP_CHECKPOINT_RESTORE 40

/* ------------------------------------------------------------------------------------ births -- */

static void *has_number(void *arg)
{
	CHECK_INT(syscall(SYS_gettid), *(const pid_t *)arg);
	return arg;
}

/* A thread and a program with chosen numbers, made by `by`; *err and a negative errno otherwise. */
static int make_thread(pid_t number, enum settid_method method, enum settid_method by,
		       struct settid_error *err)
{
	const struct settid_thread_args args = {
		.size = sizeof args, .set_tid = &number, .set_tid_len = 1, .method = method
	};
	enum settid_method used = SETTID_METHOD_AUTO;
	pthread_t thread;
	int r = settid_thread_create(&thread, NULL, has_number, &number, &args, &used, err);

	if (r < 0)
		return r;
	CHECK_INT(pthread_join(thread, NULL), 0);
	CHECK_INT(used, by);
	return 0;
}

static int make_program(pid_t number, enum settid_method method, enum settid_method by,
			struct settid_error *err)
{
	char *const argv[] = { "true", NULL };
	const struct settid_spawn_args args = { .size = sizeof args,
						.file = "/bin/true",
						.argv = argv,
						.set_tid = &number,
						.set_tid_len = 1,
						.method = method };
	struct settid_child child;
	int r = settid_spawn(&args, &child, err);

	if (r < 0)
		return r;
	CHECK_INT(child.pid, number);
	CHECK_INT(child.method, by);
	close(child.pidfd);
	CHECK_INT(world_reap(number), 0);
	return 0;
}

/* Each with a number that nobody had: a joined thread may keep its own a moment longer. */
static void make_both(enum settid_method method, enum settid_method by)
{
	static pid_t number = 800;
	struct settid_error err = { .text = "" };

	number += 2;
	if (make_thread(number, method, by, &err) < 0 || make_program(number + 1, method, by, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "by %s: %s", settid_method_name(by), err.text);
}

/* ------------------------------------------------------------------------------------ /proc -- */

static void expect_own_proc(void)
{
	struct settid_error err = { .text = "" };
	char self[16] = "";
	int fd = -1;

	if (settid__proc_open(&fd, &err) != 0)
		world_check_failed(__FILE__, __LINE__, "no procfs: %s", err.text);
	CHECK(readlinkat(fd, "self", self, sizeof self - 1) > 0);
	CHECK(strcmp(self, "1") == 0);
	CHECK(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	close(fd);
}

static void foreign_proc(void)
{
	struct settid_probe p = { .size = sizeof p };
	struct settid_error err;
	char before[16] = "", after[16] = "";

	CHECK(readlink("/proc/self", before, sizeof before - 1) > 0);
	CHECK(strcmp(before, "1") != 0); /* it is foreign indeed */
	expect_own_proc();
	CHECK_INT(settid_who(1, &err), 1);
	CHECK_INT(err.holder_pid, 1);
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.proc_is_ours, SETTID_NO);
	CHECK(readlink("/proc/self", after, sizeof after - 1) > 0);
	CHECK(strcmp(before, after) == 0); /* nothing was mounted over it */
	make_both(SETTID_METHOD_AUTO, SETTID_METHOD_CLONE3);
	make_both(SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_NS_LAST_PID);
}

static void same_number_in_both(void)
{
	/* our number here equals our number in the /proc that is mounted: still not ours */
	const pid_t twice[] = { 700, 700 };
	pid_t pid = settid_fork(WISH(NUMBERS(1, 700), .flags = CLONE_NEWPID), NULL, NULL);

	CHECK_INT(pid < 0 ? pid : 0, 0);
	if (pid == 0) {
		setsid();
		pid_t inner = settid_fork(WISH(.set_tid = twice, .set_tid_len = 2), NULL, NULL);

		CHECK_INT(inner, -EEXIST);
		const pid_t both[] = { 701, 701 };

		inner = settid_fork(WISH(.set_tid = both, .set_tid_len = 2), NULL, NULL);
		if (inner == 0) {
			int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
			char self[16] = "";

			CHECK(readlink("/proc/self", self, sizeof self - 1) > 0);
			CHECK(strcmp(self, "701") == 0);
			CHECK_INT(getpid(), 701);
			CHECK_INT(settid__proc_is_ours(proc), 0);
			_exit(0);
		}
		CHECK_INT(world_reap(inner), 0);
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
}

static void no_proc(void)
{
	struct settid_error err;
	struct settid_child c;

	CHECK(access("/proc/self", F_OK) != 0);
	expect_own_proc();
	c = world_child(WISH(NUMBERS(500)));
	CHECK_INT(settid_fork(WISH(NUMBERS(500)), NULL, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(err.holder_pid, 500);
	world_end(&c);
	c = world_child(WISH(NUMBERS(600), .method = SETTID_METHOD_NS_LAST_PID));
	CHECK_INT(c.pid, 600);
	CHECK_INT(c.method, SETTID_METHOD_NS_LAST_PID);
	world_end(&c);
	make_both(SETTID_METHOD_AUTO, SETTID_METHOD_CLONE3);
	make_both(SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_NS_LAST_PID);
}

/* Without the right to mount one either: the numbers work, the names do not, and both are said. */
static void no_proc_no_right(void)
{
	struct settid_error err;
	struct settid_child c = world_child(WISH(NUMBERS(500)));

	world_keep_capability(CAP_CHECKPOINT_RESTORE);
	CHECK_INT(settid_who(1, &err), -ENOENT);
	CHECK_INT(err.reason, SETTID_REASON_PROCFS);
	CHECK(strstr(err.text, "/proc is not mounted") != NULL);
	CHECK_INT(settid_fork(WISH(NUMBERS(500)), NULL, &err), -EEXIST);
	CHECK_INT(err.level, 0);
	CHECK_INT(err.number, 500);
	CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
	pid_t pid = settid_fork(WISH(NUMBERS(501)), NULL, NULL);

	if (pid == 0)
		_exit(0);
	CHECK_INT(pid, 501);
	world_reap(pid);
	world_end(&c);
	make_both(SETTID_METHOD_AUTO, SETTID_METHOD_CLONE3);
	CHECK_INT(make_thread(1, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
	CHECK_INT(make_program(1, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
}

static void foreign_proc_no_right(void)
{
	struct settid_error err;

	world_keep_capability(-1);
	CHECK_INT(settid_who(1, &err), -EXDEV);
	CHECK_INT(err.reason, SETTID_REASON_PROCFS);
	CHECK(strstr(err.text, "another PID namespace") != NULL);
}

/* ------------------------------------------------------------------------------------ ns_last_pid -- */

static const char last_pid_file[] = "/proc/sys/kernel/ns_last_pid";

static void read_only_last_pid(void)
{
	struct settid_error err;
	struct settid_probe p = { .size = sizeof p };

	CHECK_INT(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
	CHECK_INT(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	CHECK_INT(settid_fork(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID), NULL, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK(strstr(err.text, "Read-only") != NULL);
	CHECK_INT(make_thread(500, SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_AUTO, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(make_program(500, SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_AUTO, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	make_both(SETTID_METHOD_AUTO, SETTID_METHOD_CLONE3);
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.last_pid_present, SETTID_YES);
	CHECK_INT(p.last_pid_writable, SETTID_NO);
	CHECK_INT(p.best, SETTID_METHOD_CLONE3);
}

static void absent_last_pid(void)
{
	struct settid_error err;

	CHECK_INT(mount("none", "/proc/sys", "tmpfs", 0, NULL), 0);
	world_keep_capability(CAP_CHECKPOINT_RESTORE); /* so that no other procfs can be had */
	CHECK_INT(settid_fork(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID), NULL, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
}

/* Anyone may open it; the write says no (R3.13). */
static void last_pid_not_permitted(void)
{
	struct settid_error err;
	struct settid_probe p = { .size = sizeof p };
	int fd;

	world_keep_capability(-1);
	fd = open(last_pid_file, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	close(fd);
	struct world_census before = world_census();

	CHECK_INT(settid_fork(WISH(NUMBERS(500), .method = SETTID_METHOD_NS_LAST_PID), NULL, &err), -EPERM);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(make_thread(500, SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_AUTO, &err), -EPERM);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(make_program(500, SETTID_METHOD_NS_LAST_PID, SETTID_METHOD_AUTO, &err), -EPERM);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	world_census_check(before, "ns_last_pid refused");
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.last_pid_writable, SETTID_NO);
	CHECK_INT(p.level[0].may_set, SETTID_NO);
	CHECK_INT(p.cap_sys_admin, SETTID_NO);
}

/* ------------------------------------------------------------------------------------ seccomp -- */

/* Every call of that number gets `code`; all else passes. */
static void forbid(unsigned nr, int code)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, nr, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (unsigned)code),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

static void forbid_clone3(int code)
{
	forbid(435, code);
}

static void falls_back(int code, enum settid_reason reason)
{
	struct settid_error err;
	struct settid_child c;
	struct settid_probe p = { .size = sizeof p };
	struct world_census before;

	forbid_clone3(code);
	before = world_census();
	c = world_child(WISH(NUMBERS(500)));
	CHECK_INT(c.pid, 500);
	CHECK_INT(c.method, SETTID_METHOD_NS_LAST_PID);
	CHECK(fcntl(c.pidfd, F_GETFD) & FD_CLOEXEC);
	CHECK_INT(settid_fork(WISH(NUMBERS(500)), NULL, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	world_end(&c);
	c = world_child(NULL); /* a plain fork goes on too */
	world_end(&c);
	CHECK_INT(settid_fork(WISH(NUMBERS(500), .method = SETTID_METHOD_CLONE3), NULL, &err), -code);
	CHECK_INT(err.reason, reason);
	CHECK_INT(settid_fork(WISH(NUMBERS(1, 500), .flags = CLONE_NEWPID), NULL, &err), -EOPNOTSUPP);
	CHECK_INT(err.reason, SETTID_REASON_METHOD_LIMIT);
	make_both(SETTID_METHOD_AUTO, SETTID_METHOD_NS_LAST_PID);
	CHECK_INT(make_thread(500, SETTID_METHOD_CLONE3, SETTID_METHOD_AUTO, &err), -code);
	CHECK_INT(err.reason, reason);
	CHECK_INT(make_program(500, SETTID_METHOD_CLONE3, SETTID_METHOD_AUTO, &err), -code);
	CHECK_INT(err.reason, reason);
	CHECK_INT(make_thread(1, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(make_program(1, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.clone3, SETTID_NO);
	CHECK_INT(p.clone3_errno, code);
	CHECK_INT(p.seccomp, SETTID_YES);
	CHECK_INT(p.clone3_blocked, SETTID_YES);
	CHECK_INT(p.set_tid, SETTID_UNKNOWN);
	CHECK_INT(p.best, SETTID_METHOD_NS_LAST_PID);
	CHECK(strstr(p.why, "seccomp") != NULL);
	world_census_check(before, "behind the filter");
}

static void seccomp_enosys(void)
{
	falls_back(ENOSYS, SETTID_REASON_NO_CLONE3);
}

static void seccomp_eperm(void)
{
	falls_back(EPERM, SETTID_REASON_SECCOMP);
}

static void seccomp_and_nothing_else(void)
{
	struct settid_error err;
	struct settid_probe p = { .size = sizeof p };

	CHECK_INT(mount("/proc/sys", "/proc/sys", NULL, MS_BIND, NULL), 0);
	CHECK_INT(mount(NULL, "/proc/sys", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), 0);
	forbid_clone3(EPERM);
	CHECK_INT(settid_fork(WISH(NUMBERS(500)), NULL, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(make_thread(500, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(make_program(500, SETTID_METHOD_AUTO, SETTID_METHOD_AUTO, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_NO_LAST_PID);
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.best, SETTID_METHOD_AUTO);
	CHECK(strstr(p.why, "seccomp") != NULL && strstr(p.why, "ns_last_pid") != NULL);
}

/* No syscall user dispatch: a filter is as good as an old kernel. */
static void no_user_dispatch(void)
{
	struct settid_error err;
	struct settid_probe p = { .size = sizeof p };

	forbid(SYS_prctl, EPERM);
	CHECK_INT(make_thread(500, SETTID_METHOD_CLONE3, SETTID_METHOD_AUTO, &err), -ENOSYS);
	CHECK_INT(err.reason, SETTID_REASON_METHOD_LIMIT);
	CHECK(strstr(err.text, "user dispatch") != NULL);
	CHECK_INT(make_thread(501, SETTID_METHOD_AUTO, SETTID_METHOD_NS_LAST_PID, &err), 0);
	CHECK_INT(make_program(502, SETTID_METHOD_AUTO, SETTID_METHOD_CLONE3, &err), 0);
	CHECK_INT(settid_probe(&p, NULL), 0);
	CHECK_INT(p.user_dispatch, SETTID_NO);
	CHECK_INT(p.clone3, SETTID_YES);
	CHECK_INT(p.best, SETTID_METHOD_CLONE3);
}

/* ------------------------------------------------------------------------------------ program -- */

#define IN_WORLD(name, flags)                 \
	static void test_##name(void **state) \
	{                                     \
		(void)state;                  \
		world_run(flags, name);       \
	}

IN_WORLD(foreign_proc, WORLD_MOUNTS)
IN_WORLD(same_number_in_both, WORLD_PROC)
IN_WORLD(no_proc, WORLD_NO_PROC)
IN_WORLD(no_proc_no_right, WORLD_NO_PROC)
IN_WORLD(foreign_proc_no_right, 0)
IN_WORLD(read_only_last_pid, WORLD_PROC)
IN_WORLD(absent_last_pid, WORLD_PROC)
IN_WORLD(last_pid_not_permitted, WORLD_PROC)
IN_WORLD(seccomp_enosys, WORLD_PROC)
IN_WORLD(seccomp_eperm, WORLD_PROC)
IN_WORLD(seccomp_and_nothing_else, WORLD_PROC)
IN_WORLD(no_user_dispatch, WORLD_PROC)

#define ROW(sentence, name)                             \
	{                                               \
		sentence, test_##name, NULL, NULL, NULL \
	}

int main(void)
{
	struct CMUnitTest tests[32] = {
		ROW("another namespace's /proc is noticed, and a private one is read", foreign_proc),
		ROW("... also when our number is the same there", same_number_in_both),
		ROW("without /proc everything still works, through a private one", no_proc),
		ROW("without /proc and without the right to mount one, numbers still work", no_proc_no_right),
		ROW("another namespace's /proc is refused where no private one can be had",
		    foreign_proc_no_right),
		ROW("a read-only ns_last_pid is told as that", read_only_last_pid),
		ROW("an absent ns_last_pid is told as that", absent_last_pid),
		ROW("an ns_last_pid that may not be written is told as that", last_pid_not_permitted),
		ROW("clone3 hidden by seccomp (ENOSYS) makes ns_last_pid the method", seccomp_enosys),
		ROW("clone3 forbidden by seccomp (EPERM) makes ns_last_pid the method", seccomp_eperm),
		ROW("with neither the error and the probe say why", seccomp_and_nothing_else),
		ROW("a filter that forbids user dispatch makes ns_last_pid the method of threads",
		    no_user_dispatch),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("places", tests, 12, NULL, NULL);
}
