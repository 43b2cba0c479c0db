/* SPDX-License-Identifier: MIT */
/*
 * test_dump_namespaces.c: dumps of nested namespaces, and what is refused, hidden or unreadable for whoever dumps.
 */
#include "dump_world.h"

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
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "libsettid/sys.h"
#include "settid.h"
#include "tree/proc_read.h"

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

	return world_tests(tests, sizeof tests / sizeof *tests);
}
