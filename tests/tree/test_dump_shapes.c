/* SPDX-License-Identifier: MIT */
/*
 * test_dump_shapes.c: one shape per test, made by hand in a PID namespace of its own, and what its dump says.
 *
 * Each shape's maker runs as the namespace's init (in a session of its own), so the numbers inside are 1, 2, 3...
 * in the order of the births.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libsettid/sys.h"
#include "settid.h"
#include "tree/proc_read.h"
#include "tree/tree.h"

struct world {
	pid_t init;
	int pidfd;
};

static void pause_ms(long ms)
{
	nanosleep(&(struct timespec){ .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 }, NULL);
}

static _Noreturn void sleep_for_ever(void)
{
	for (;;)
		pause();
}

/* Runs maker() in a namespace of its own; it stands when maker has returned. */
static struct world world_make(void (*maker)(void))
{
	struct world w = { .pidfd = -1 };
	struct settid_clone_args args = { .flags = CLONE_NEWPID | CLONE_PIDFD,
					  .pidfd = (uintptr_t)&w.pidfd,
					  .exit_signal = SIGCHLD };
	int ready[2];
	char c;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	w.init = (pid_t)SYS2(SYS_clone3, &args, sizeof args);
	if (w.init == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		maker();
		if (write(ready[1], "x", 1) != 1)
			_exit(1);
		sleep_for_ever();
	}
	assert_true(w.init > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	return w;
}

static void world_end(struct world *w)
{
	siginfo_t info;

	assert_int_equal(SYS4(SYS_pidfd_send_signal, w->pidfd, SIGKILL, 0, 0), 0);
	assert_int_equal(SYS5(SYS_waitid, P_PIDFD, w->pidfd, &info, WEXITED, 0), 0);
	close(w->pidfd);
}

/* In the maker: a child that sleeps, once fn has done its part. */
static pid_t child(void (*fn)(void))
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		_exit(90);
	pid_t pid = fork();
	if (pid == 0) {
		if (fn)
			fn();
		if (write(ready[1], "x", 1) != 1)
			_exit(91);
		sleep_for_ever();
	}
	close(ready[1]);
	if (pid < 0 || read(ready[0], &c, 1) < 0)
		_exit(92);
	close(ready[0]);
	return pid;
}

static void wait_for_zombie(pid_t pid)
{
	siginfo_t info;

	if (waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT) < 0)
		_exit(93);
}

static struct tree *dump_by(pid_t pid, const struct tree_dump_options *o)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;

	if (tree_dump(pid, o, &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static struct tree *dump(pid_t pid)
{
	return dump_by(pid, &(struct tree_dump_options){ .proc_fd = -1 });
}

static const struct tree_process *find(const struct tree *t, int32_t number)
{
	int32_t i = tree_find(t, number);

	assert_int_not_equal(i, TREE_NONE);
	return &t->processes[i];
}

/* -------------------------------------------------------------------------------- groups, sessions -- */

static void leave_a_group_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setpgid(0, 0);
		child(NULL); /* 3 */
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_group_whose_leader_was_reaped_has_a_ghost(void **state)
{
	struct world w = world_make(leave_a_group_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->processes_len, 2);
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].nspid[0], 2);
	assert_int_equal(t->ghosts[0].levels, 1);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(find(t, 3)->ppid, 1);
	tree_free(t);
	world_end(&w);
}

static void leave_a_session_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setsid();
		child(NULL); /* 3 */
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_session_whose_leader_was_reaped_has_one_ghost_for_session_and_group(void **state)
{
	struct world w = world_make(leave_a_session_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(find(t, 3)->sid, 2);
	tree_free(t);
	world_end(&w);
}

static void nest_in_a_group_left_behind(void)
{
	pid_t leader = fork(); /* 2 */

	if (leader == 0) {
		setpgid(0, 0);
		/* 3 here and 1 inside; its number in the namespace inside is no ghost's, since 2 never had one there */
		if (SYS5(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0) == 0)
			sleep_for_ever();
		_exit(0);
	}
	waitpid(leader, NULL, 0);
}

static void a_ghost_has_numbers_only_at_levels_where_a_member_shows_one(void **state)
{
	struct world w = world_make(nest_in_a_group_left_behind);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(find(t, 3)->levels, 2);
	assert_int_equal(find(t, 3)->pgid, 2);
	assert_int_equal(t->ghosts_len, 1);
	assert_int_equal(t->ghosts[0].levels, 1);
	tree_free(t);
	world_end(&w);
}

static void a_job_of_a_shell_is_in_group_and_session_0(void **state)
{
	int ready[2];

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t leader = fork(); /* the shell: in a group of its own */
	if (leader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		setsid();
		pid_t job = child(NULL);
		if (write(ready[1], &job, sizeof job) != sizeof job)
			_exit(1);
		sleep_for_ever();
	}
	pid_t job;
	assert_int_equal(read(ready[0], &job, sizeof job), sizeof job);
	struct tree *t = dump(job);
	assert_int_equal(t->processes_len, 1);
	assert_int_equal(t->processes[0].ppid, 0);
	assert_int_equal(t->processes[0].pgid, 0);
	assert_int_equal(t->processes[0].sid, 0);
	assert_int_equal(t->ghosts_len, 0);
	tree_free(t);
	kill(job, SIGKILL); /* ours only through the shell: it is not reaped before that ends */
	kill(leader, SIGKILL);
	waitpid(leader, NULL, 0);
	while (waitpid(job, NULL, 0) < 0 && errno == EINTR)
		;
	close(ready[0]);
	close(ready[1]);
}

/* ------------------------------------------------------------------------------------------ states -- */

static int survive(void *arg)
{
	struct timespec long_time = { .tv_sec = 1000000 };

	(void)arg;
	SYS2(SYS_prctl, PR_SET_NAME, "survivor");
	SYS2(SYS_nanosleep, &long_time, 0);
	return 0;
}

/* Its state's letter; /proc is the outer namespace's here, and the pidfd says what number it goes by there. */
static char state_behind(int pidfd)
{
	char path[64], line[256], state = '?';
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "Pid: %d", &pid);
	if (f)
		fclose(f);
	snprintf(path, sizeof path, "/proc/%d/status", pid);
	f = fopen(path, "re");
	while (f && fgets(line, sizeof line, f))
		sscanf(line, "State: %c", &state);
	if (f)
		fclose(f);
	return state;
}

static void lose_the_leader_thread(void)
{
	static char stack[16384] __attribute__((aligned(16)));
	pid_t pid = fork(); /* 2 */

	if (pid == 0) {
		int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
		if (clone(survive, stack + sizeof stack, flags, NULL) < 0) /* 3 */
			_exit(1);
		SYS1(SYS_exit, 0);
	}
	int pidfd = (int)SYS2(SYS_pidfd_open, pid, 0);
	for (int i = 0; i < 10000 && state_behind(pidfd) != 'Z'; i++)
		pause_ms(1);
	close(pidfd);
}

static void a_dead_leader_thread_is_told_from_a_zombie(void **state)
{
	struct world w = world_make(lose_the_leader_thread);
	struct tree *t = dump(w.init);
	const struct tree_process *p = find(t, 2);

	(void)state;
	assert_int_equal(p->state, TREE_LIVE);
	assert_true(p->leader_dead);
	assert_int_equal(p->exit_code, TREE_ABSENT);
	assert_int_equal(p->threads_len, 2);
	assert_int_equal(p->threads[0].nspid[0], 2);
	assert_int_equal(p->threads[1].nspid[0], 3);
	assert_string_equal(p->threads[1].name.bytes, "survivor");
	tree_free(t);
	world_end(&w);
}

static void lose_the_leader_thread_and_stop(void)
{
	lose_the_leader_thread();
	kill(2, SIGSTOP);
	siginfo_t info;
	waitid(P_PID, 2, &info, WSTOPPED);
}

static void a_process_without_leader_thread_can_be_stopped(void **state)
{
	struct world w = world_make(lose_the_leader_thread_and_stop);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(find(t, 2)->state, TREE_STOPPED);
	assert_int_equal(find(t, 2)->stop_signal, SIGSTOP);
	assert_true(find(t, 2)->leader_dead);
	tree_free(t);
	world_end(&w);
}

static void make_zombies(void)
{
	for (int code = 0; code < 256; code++) {
		pid_t pid = fork();
		if (pid == 0)
			_exit(code);
		wait_for_zombie(pid);
	}
}

static void every_exit_code_of_a_zombie_is_told(void **state)
{
	struct world w = world_make(make_zombies);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->processes_len, 257);
	for (int code = 0; code < 256; code++) {
		assert_int_equal(find(t, 2 + code)->state, TREE_ZOMBIE);
		assert_int_equal(find(t, 2 + code)->exit_code, code);
		assert_int_equal(find(t, 2 + code)->exit_signal, TREE_ABSENT);
	}
	tree_free(t);
	world_end(&w);
}

static void take_a_bad_name(void)
{
	prctl(PR_SET_NAME, ") Z 1 (\n\\\xff");
}

static void make_bad_names(void)
{
	child(take_a_bad_name);
}

static void a_name_may_hold_anything(void **state)
{
	struct world w = world_make(make_bad_names);
	struct tree *t = dump(w.init);

	(void)state;
	assert_string_equal(find(t, 2)->comm.bytes, ") Z 1 (\n\\\xff");
	assert_int_equal(find(t, 2)->state, TREE_LIVE);
	tree_free(t);
	world_end(&w);
}

/* -------------------------------------------------------------------------------------- namespaces -- */

static void make_two_levels(void)
{
	int ready[2];
	char c;

	if (pipe2(ready, O_CLOEXEC) < 0)
		_exit(1);
	if (SYS5(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0) == 0) {         /* 2, 1 */
		if (SYS5(SYS_clone, CLONE_NEWPID | SIGCHLD, 0, 0, 0, 0) == 0) { /* 3, 2, 1 */
			setsid();
			child(NULL); /* 4, 3, 2 */
			if (write(ready[1], "x", 1) != 1)
				_exit(1);
		}
		sleep_for_ever();
	}
	if (read(ready[0], &c, 1) != 1)
		_exit(1);
}

static void every_level_of_nested_namespaces_is_told(void **state)
{
	static const int32_t deepest[] = { 4, 3, 2 };
	struct world w = world_make(make_two_levels);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(t->processes_len, 4);
	assert_int_equal(t->namespaces_len, 3);
	assert_int_equal(find(t, 4)->levels, 3);
	assert_memory_equal(find(t, 4)->nspid, deepest, sizeof deepest);
	assert_int_equal(find(t, 4)->sid, 3);
	assert_null(find(t, 4)->ns_label.bytes);
	tree_free(t);
	world_end(&w);
}

/* A procfs of the world's own namespace: a process in it mounts one and hands it over by /proc/PID/fd. */
static pid_t in_namespace_of(pid_t init, void (*fn)(pid_t root, int answer), int answer)
{
	pid_t pid = fork();

	if (pid == 0) {
		char path[64];
		snprintf(path, sizeof path, "/proc/%d/ns/pid", (int)init);
		int ns = open(path, O_RDONLY | O_CLOEXEC);
		if (ns < 0 || setns(ns, CLONE_NEWPID) < 0)
			_exit(1);
		pid_t inside = fork();
		if (inside == 0) {
			fn(1, answer);
			_exit(0);
		}
		int status = 0;
		waitpid(inside, &status, 0);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 1);
	}
	return pid;
}

static int text_of(const struct tree *t, char *out, size_t size)
{
	FILE *f = fmemopen(out, size, "w");

	if (!f)
		return -1;
	tree_write_json(t, f);
	fclose(f);
	return 0;
}

static void dump_from_inside(pid_t root, int answer)
{
	struct tree *t = NULL;
	static char text[65536];

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, NULL) < 0)
		_exit(2);
	if (tree_dump(root, &(struct tree_dump_options){ .proc_fd = -1 }, &t, NULL) < 0)
		_exit(3);
	if (text_of(t, text, sizeof text) < 0 || write(answer, text, sizeof text) != (ssize_t)sizeof text)
		_exit(4);
}

static void dumps_through_the_outer_and_through_its_own_procfs_are_the_same(void **state)
{
	static char inside[65536], outside[65536];
	char path[] = "/tmp/settid-dump-XXXXXX";
	struct world w = world_make(make_two_levels);
	int file = mkostemp(path, O_CLOEXEC), status;

	(void)state;
	assert_true(file >= 0);
	unlink(path);
	pid_t pid = in_namespace_of(w.init, dump_from_inside, file);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_int_equal(pread(file, inside, sizeof inside, 0), sizeof inside);
	struct tree *t = dump(w.init);
	assert_int_equal(text_of(t, outside, sizeof outside), 0);
	assert_string_equal(inside, outside);
	tree_free(t);
	close(file);
	world_end(&w);
}

static void unshare_and_wait(void)
{
	if (unshare(CLONE_NEWPID) < 0)
		_exit(94);
}

static void make_an_empty_namespace(void)
{
	child(unshare_and_wait); /* 2 */
}

static void an_unshared_namespace_without_anybody_is_told(void **state)
{
	struct world w = world_make(make_an_empty_namespace);
	struct tree *t = dump(w.init);
	const struct tree_process *p = find(t, 2);

	(void)state;
	assert_int_equal(p->levels, 1);
	assert_non_null(p->children_ns_label.bytes);
	assert_int_not_equal(p->children_ns, p->ns);
	tree_free(t);
	world_end(&w);
}

static void unshare_and_fill(void)
{
	unshare_and_wait();
	child(NULL); /* 3, 1 */
	child(NULL); /* 4, 2 */
}

static void make_an_unshared_namespace(void)
{
	child(unshare_and_fill); /* 2 */
}

static void the_second_child_born_into_an_unshared_namespace_is_in_it(void **state)
{
	struct world w = world_make(make_an_unshared_namespace);
	struct tree *t = dump(w.init);

	(void)state;
	assert_int_equal(find(t, 3)->nspid[1], 1);
	assert_int_equal(find(t, 4)->nspid[1], 2);
	assert_int_equal(find(t, 3)->ns, find(t, 4)->ns);
	assert_int_equal(find(t, 2)->children_ns, find(t, 3)->ns);
	assert_int_equal(find(t, 2)->ns, 0);
	tree_free(t);
	world_end(&w);
}

static void stay(pid_t root, int answer)
{
	(void)root;
	if (write(answer, "x", 1) != 1)
		_exit(5);
	sleep_for_ever();
}

static void a_process_put_in_from_outside_belongs_to_its_inits_tree(void **state)
{
	struct world w = world_make(make_zombies);
	int ready[2];
	char c;

	(void)state;
	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid_t outside = in_namespace_of(w.init, stay, ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	struct tree *t = dump(w.init);
	assert_int_equal(t->processes_len, 258);
	assert_int_equal(find(t, 258)->ppid, 0);
	assert_int_equal(find(t, 258)->parent, TREE_NONE);
	tree_free(t);
	world_end(&w);
	assert_int_equal(waitpid(outside, NULL, 0), outside);
	close(ready[0]);
	close(ready[1]);
}

/* ---------------------------------------------------------------------------------------- refusals -- */

static void the_process_that_dumps_is_left_out(void **state)
{
	struct tree *t = dump(getppid());

	(void)state;
	for (size_t i = 0; i < t->processes_len; i++)
		assert_int_not_equal(t->processes[i].nspid[t->processes[i].levels - 1], getpid());
	tree_free(t);
	struct tree_error err = { 0 };
	assert_int_equal(tree_dump(getpid(), NULL, &t, &err), -EINVAL);
	assert_non_null(strstr(err.text, "the process that dumps"));
}

static void a_number_that_nobody_has_is_refused(void **state)
{
	struct tree_error err = { 0 };
	struct tree *t = NULL;

	(void)state;
	assert_int_equal(tree_dump(4194303, NULL, &t, &err), -ESRCH);
	assert_null(t);
	assert_non_null(strstr(err.text, "4194303"));
}

static void a_thread_is_refused_with_the_number_of_its_process(void **state)
{
	struct world w = world_make(lose_the_leader_thread);
	struct tree *t = NULL;
	struct tree_error err = { 0 };
	char path[64], want[64], text[64] = "";

	(void)state;
	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)w.init, (int)w.init);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(read(fd, text, sizeof text - 1) > 0);
	close(fd);
	long pid = strtol(text, NULL, 10);
	snprintf(want, sizeof want, "a thread of process %ld", pid);
	snprintf(path, sizeof path, "/proc/%ld/task", pid);
	int dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_true(dir >= 0);
	struct proc_reader r = { .buf = malloc(4096), .buf_size = 4096 };
	struct proc_pool tids = { 0 };
	assert_int_equal(proc_list_numbers(&r, dir, ".", &tids), 0);
	assert_int_equal(tids.len, 2 * sizeof(int32_t));
	assert_int_equal(tree_dump(((int32_t *)tids.at)[1], NULL, &t, &err), -EINVAL);
	assert_non_null(strstr(err.text, want));
	close(dir);
	free(tids.at);
	free(r.buf);
	world_end(&w);
}

/* In a child, which has no way back: gives up root and counts what is then closed to it. */
static int unreadable_as_nobody(pid_t root, int *absent)
{
	struct tree *t = NULL;

	if (setgid(65534) < 0 || setuid(65534) < 0)
		return -1;
	if (tree_dump(root, &(struct tree_dump_options){ .proc_fd = -1 }, &t, NULL) < 0)
		return -1;
	*absent = 0;
	for (size_t i = 0; i < t->processes_len; i++) {
		const struct tree_process *p = &t->processes[i];
		*absent += p->state == TREE_ZOMBIE && p->exit_code == TREE_ABSENT &&
			   p->exit_signal == TREE_ABSENT;
	}
	return (int)t->unreadable;
}

static void what_another_user_cannot_read_is_absent_and_counted(void **state)
{
	struct world w = world_make(make_zombies);
	int ends[2], answer[2] = { 0, 0 };

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	pid_t pid = fork();
	if (pid == 0) {
		answer[0] = unreadable_as_nobody(w.init, &answer[1]);
		_exit(write(ends[1], answer, sizeof answer) == sizeof answer ? 0 : 1);
	}
	assert_int_equal(read(ends[0], answer, sizeof answer), sizeof answer);
	waitpid(pid, NULL, 0);
	assert_int_equal(answer[1],
			 256); /* exit(0) is not mistaken for what cannot be read, nor the other way */
	assert_in_range(answer[0], 257, 300); /* and the living one's children's namespace */
	close(ends[0]);
	close(ends[1]);
	world_end(&w);
}

/* In a child: a procfs that hides others' processes, looked at without rights over them. */
static int dump_hidden(pid_t root, const char *hidepid)
{
	struct tree *t = NULL;

	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("proc", "/proc", "proc", 0, hidepid) < 0)
		return 101;
	if (setgid(65534) < 0 || setuid(65534) < 0)
		return 102;
	int e = tree_dump(root, &(struct tree_dump_options){ .proc_fd = -1 }, &t, NULL);
	return e < 0 ? -e : 0;
}

static void a_hidden_process_is_no_such_process(void **state)
{
	struct world w = world_make(make_bad_names);
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0)
		_exit(dump_hidden(w.init, "hidepid=2"));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), ESRCH);
	world_end(&w);
}

static void nobody_else(void)
{
}

/* The machine may have thousands: of each but the first one link is read. */
static void the_namespace_of_strangers_is_known_once_one_of_them_was_read(void **state)
{
	struct world w = world_make(nobody_else);
	int proc_fd = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int64_t ours = proc_ns_link(proc_fd, "self/ns/pid");
	struct proc_pass pass = { 0 };
	struct proc_reader r;
	struct tree_error err;

	(void)state;
	assert_int_equal(proc_reader_init(&r, proc_fd, w.init, &err), 0);
	assert_int_equal(proc_pass_read(&r, &pass, &err), 0);
	const struct proc_ns *known = proc_ns_find(&r, (uint64_t)ours);
	assert_non_null(known);
	assert_false(known->inside);
	assert_int_equal(proc_pass_len(&pass), 1);
	proc_pass_done(&pass);
	proc_reader_done(&r);
	close(proc_fd);
	world_end(&w);
}

static void the_procfs_of_another_namespace_is_refused(void **state)
{
	int status;

	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		if (unshare(CLONE_NEWPID) < 0)
			_exit(101);
		pid_t inside = fork(); /* sees our /proc */
		if (inside == 0) {
			struct tree *t = NULL;
			_exit(-tree_dump(1, NULL, &t, NULL));
		}
		waitpid(inside, &status, 0);
		_exit(WEXITSTATUS(status));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), EXDEV);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_group_whose_leader_was_reaped_has_a_ghost),
		cmocka_unit_test(a_session_whose_leader_was_reaped_has_one_ghost_for_session_and_group),
		cmocka_unit_test(a_ghost_has_numbers_only_at_levels_where_a_member_shows_one),
		cmocka_unit_test(a_job_of_a_shell_is_in_group_and_session_0),
		cmocka_unit_test(a_dead_leader_thread_is_told_from_a_zombie),
		cmocka_unit_test(a_process_without_leader_thread_can_be_stopped),
		cmocka_unit_test(every_exit_code_of_a_zombie_is_told),
		cmocka_unit_test(a_name_may_hold_anything),
		cmocka_unit_test(every_level_of_nested_namespaces_is_told),
		cmocka_unit_test(dumps_through_the_outer_and_through_its_own_procfs_are_the_same),
		cmocka_unit_test(an_unshared_namespace_without_anybody_is_told),
		cmocka_unit_test(the_second_child_born_into_an_unshared_namespace_is_in_it),
		cmocka_unit_test(a_process_put_in_from_outside_belongs_to_its_inits_tree),
		cmocka_unit_test(the_process_that_dumps_is_left_out),
		cmocka_unit_test(a_number_that_nobody_has_is_refused),
		cmocka_unit_test(a_thread_is_refused_with_the_number_of_its_process),
		cmocka_unit_test(what_another_user_cannot_read_is_absent_and_counted),
		cmocka_unit_test(a_hidden_process_is_no_such_process),
		cmocka_unit_test(the_namespace_of_strangers_is_known_once_one_of_them_was_read),
		cmocka_unit_test(the_procfs_of_another_namespace_is_refused),
	};

	if (geteuid() != 0) {
		puts("1..0 # SKIP making PID namespaces needs root");
		return 0;
	}
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
