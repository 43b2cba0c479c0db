/* SPDX-License-Identifier: MIT */
/*
 * test_spawn.c: each field, flag and file action of settid_spawn(), one row each: what it asks for is so in the
 * program, or the call fails at the right step with the right errno.  Every row runs by clone3, by ns_last_pid, and
 * behind a filter that hides clone3.
 *
 * After every row, whatever its end: the caller's signal mask, handlers and descriptors are as before, no child is
 * left, the number is the child's or free, and SIGCHLD came from a program that ran and from nobody else.
 */
#include "spawn_rows.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

char spawn_dir[64];

/* A copy of SPAWN_TARGET where any user can run it: the build directory may be in somebody's private home. */
static char target[] = "/tmp/settid-target-XXXXXX";

static bool copy_target(void)
{
	char bytes[4096];
	ssize_t n = -1;
	int from = open(SPAWN_TARGET, O_RDONLY | O_CLOEXEC), to = mkstemp(target);

	while (from >= 0 && to >= 0 && (n = read(from, bytes, sizeof bytes)) > 0)
		if (write(to, bytes, (size_t)n) != n)
			break;
	bool whole = n == 0 && fchmod(to, 0755) == 0;
	close(from);
	close(to); /* before anybody executes it: else it is busy */
	return whole;
}

const char *spawn_in_dir(const char *name)
{
	static char path[8][128];
	static unsigned at;
	char *p = path[at++ % 8];

	snprintf(p, sizeof path[0], "%s/%s", spawn_dir, name);
	return p;
}

void spawn_make_file(const char *name, mode_t mode, const char *text)
{
	int fd = open(spawn_in_dir(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	CHECK(fd >= 0);
	CHECK(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	CHECK_INT(fchmod(fd, mode), 0);
	close(fd);
}

void spawn_link_target(const char *name)
{
	CHECK_INT(symlink(target, spawn_in_dir(name)), 0);
}

void spawn_as_it_is(struct settid_spawn_args *a)
{
	(void)a;
}

/* ----------------------------------------------------------------------------------------------- running -- */

enum way { BY_CLONE3, BY_LAST_PID, WITHOUT_CLONE3, WAYS };
static const char *const way_names[] = { "", " (by ns_last_pid)", " (without clone3)" };

struct test {
	const struct spawn_row *row;
	enum way way;
	char name[160];
};
static const struct test *current;

static _Atomic int children_ended, handled;

static void count_child(int sig)
{
	(void)sig;
	children_ended++;
}

static void handle(int sig)
{
	(void)sig;
	handled++;
}

static void hide_clone3(void)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 435 /* clone3 */, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	CHECK_INT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
	CHECK_INT(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program, 0, 0), 0);
}

/* PIDs of pidfds are in fdinfo(5) since they exist. */
static pid_t pid_of(int pidfd)
{
	char path[64], line[128];
	int pid = -1;

	snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
	FILE *f = fopen(path, "re");

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		sscanf(line, "Pid: %d", &pid);
	fclose(f);
	return pid;
}

static void expect_program(const struct settid_child *child, pid_t number, enum settid_method method)
{
	int status = -1;

	if (number)
		CHECK_INT(child->pid, number);
	CHECK_INT(child->method, method);
	CHECK_INT(fcntl(child->pidfd, F_GETFD), FD_CLOEXEC);
	CHECK_INT(pid_of(child->pidfd), child->pid);
	CHECK_INT(waitpid(child->pid, &status, 0), child->pid); /* SIGCHLD's: no __WALL */
	CHECK(WIFEXITED(status));
	CHECK_INT(WEXITSTATUS(status), 0);
	CHECK_INT(children_ended, 1);
	close(child->pidfd);
}

static void expect_failure(const struct spawn_row *row, int want, int got, const struct settid_error *err)
{
	if (got != want || err->code != want)
		world_check_failed(__FILE__, __LINE__, "%s: %d, not %d (%s)", row->name, got, want,
				   got < 0 ? err->text : "started");
	CHECK(err->text[0] && !strchr(err->text, '\n'));
	CHECK_INT(children_ended, 0);
	if (want != row->want)
		return;
	CHECK_INT(err->step, row->step);
	if (row->step)
		CHECK_INT(err->reason, SETTID_REASON_STEP);
	if (row->step_index != ANY_INDEX)
		CHECK_INT(err->step_index, row->step_index);
}

/* What the caller had, and must have again. */
struct before {
	struct world_census census;
	void (*handler)(int);
};

static struct before look(void)
{
	struct sigaction act;

	CHECK_INT(sigaction(SIGUSR1, NULL, &act), 0);
	return (struct before){ world_census(), act.sa_handler };
}

static void expect_unchanged(struct before before, const char *name)
{
	world_census_check(before.census, name);
	CHECK(look().handler == before.handler);
	CHECK_INT(handled, 0);
}

static void fill_in(const struct spawn_row *row, enum way way, struct settid_spawn_args *a, const char **argv)
{
	static const pid_t number = SPAWN_NUMBER;
	size_t at = 0;

	*a = (struct settid_spawn_args){ .size = sizeof *a, .file = target };
	argv[at++] = "target";
	if (row->flags & SCRIPT) {
		a->file = "/bin/sh";
		argv[at++] = "-c";
	}
	for (size_t i = 0; i < sizeof row->question / sizeof *row->question && row->question[i]; i++)
		argv[at++] = row->question[i];
	a->argv = (char *const *)(uintptr_t)argv;
	if (!(row->flags & (NO_NUMBER | PLAIN_USER))) {
		a->set_tid = &number;
		a->set_tid_len = 1;
	}
	if (way == BY_LAST_PID)
		a->method = SETTID_METHOD_NS_LAST_PID;
}

/* What comes out of it this way. */
static int wanted(const struct spawn_row *row, enum way way)
{
	if (way == WITHOUT_CLONE3 && (row->flags & NEEDS_CLONE3))
		return -EOPNOTSUPP;
	return row->want;
}

static void run_row(void)
{
	const struct spawn_row *row = current->row;
	struct settid_child child, untouched;
	struct settid_error err = { .text = "" };
	struct settid_spawn_args a;
	const char *argv[10] = { NULL };

	signal(SIGCHLD, count_child);
	signal(SIGUSR1, handle);
	if (row->flags & PLAIN_USER)
		world_become_nobody();
	fill_in(row, current->way, &a, argv);
	row->prepare(&a);
	if (current->way == WITHOUT_CLONE3)
		hide_clone3();
	memset(&child, 0xee, sizeof child);
	untouched = child;

	int want = wanted(row, current->way);
	struct before before = look();
	int r = settid_spawn(&a, &child, &err);

	if (want == 0 && r != 0)
		world_check_failed(__FILE__, __LINE__, "%s: %s", row->name, err.text);
	if (r == 0 && want == 0) {
		bool by_number = current->way == BY_LAST_PID || (current->way == WITHOUT_CLONE3);
		pid_t number = row->flags & (NO_NUMBER | PLAIN_USER) ? 0 : SPAWN_NUMBER;

		expect_program(&child, number, by_number ? SETTID_METHOD_NS_LAST_PID : SETTID_METHOD_CLONE3);
	} else {
		expect_failure(row, want, r, &err);
		CHECK(memcmp(&child, &untouched, sizeof child) == 0);
	}
	expect_unchanged(before, row->name);
	if (spawn_group_leader.pid)
		world_end(&spawn_group_leader);
	CHECK_INT(settid_who(SPAWN_NUMBER, NULL), 0);
}

/* The files go with the test, whatever became of the world. */
static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st, (void)type, (void)ftw;
	return remove(path);
}

static void test_row(void **state)
{
	current = *state;
	snprintf(spawn_dir, sizeof spawn_dir, "/tmp/settid-spawn.XXXXXX");
	assert_non_null(mkdtemp(spawn_dir));
	assert_int_equal(chmod(spawn_dir, 0755), 0);
	world_run(WORLD_PROC, run_row);
	assert_int_equal(nftw(spawn_dir, remove_one, 8, FTW_DEPTH | FTW_PHYS), 0);
}

static size_t add_row(const struct spawn_row *row, enum way way, struct test *t, struct CMUnitTest *unit)
{
	*t = (struct test){ .row = row, .way = way };
	snprintf(t->name, sizeof t->name, "spawn: %s%s", row->name, way_names[way]);
	*unit = (struct CMUnitTest){ t->name, test_row, NULL, NULL, t };
	return 1;
}

int main(void)
{
	enum { MOST = 600 };
	static struct test tests[MOST];
	static struct CMUnitTest units[MOST];
	const struct {
		const struct spawn_row *rows;
		size_t len;
	} tables[] = {
		{ spawn_rows_program, spawn_rows_program_len },
		{ spawn_rows_files, spawn_rows_files_len },
		{ spawn_rows_places, spawn_rows_places_len },
	};
	const struct spawn_row *cgroup;
	const char *missing = world_missing();
	bool have_last_pid = access("/proc/sys/kernel/ns_last_pid", F_OK) == 0;
	size_t len = 0;
	int r;

	if (missing || geteuid() != 0) {
		printf("1..0 # SKIP %s\n",
		       missing ? missing : "other users' ids are needed, and this is not root");
		return 0;
	}
	cgroup = spawn_cgroup_row();
	if (!cgroup)
		puts("# SKIP spawn: INTO_CGROUP: no cgroup v2 hierarchy can be written here");
	if (!have_last_pid)
		puts("# SKIP spawn by ns_last_pid: no such file in this kernel");
	for (int way = 0; way < (have_last_pid ? WAYS : 1); way++) {
		for (size_t i = 0; i < sizeof tables / sizeof *tables; i++)
			for (size_t k = 0; k < tables[i].len && len < MOST - 1; k++)
				len += add_row(&tables[i].rows[k], (enum way)way, &tests[len], &units[len]);
		if (cgroup)
			len += add_row(cgroup, (enum way)way, &tests[len], &units[len]);
	}
	if (!copy_target()) {
		printf("Bail out! %s cannot be copied to %s\n", SPAWN_TARGET, target);
		return 1;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	r = _cmocka_run_group_tests("settid_spawn", units, len, NULL, NULL);
	unlink(target);
	spawn_cgroup_remove();
	return r;
}
