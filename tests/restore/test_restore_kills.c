/* SPDX-License-Identifier: MIT */
/*
 * test_restore_kills.c: `settid restore` is killed, interrupted, or loses its guard at a random moment while it
 * builds, verifies or holds: nothing is left, and the exit status is the one that the manual gives.
 *
 * SETTID_KILLS=N kills N restores instead of 200; SETTID_SEED=S repeats a run's choices (not the kernel's timing).
 * Arguments: the command, the folder of trees.
 */
#include "world.h"

#include "attempt.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum victim { RESTORER, GUARD, BOTH, ASKED };

struct row {
	const char *name;
	enum victim victim;
	const char *into, *how;
};

static const struct row rows[] = {
	{ "a restorer killed while it makes a new namespace leaves nothing", RESTORER, "new", "--hold" },
	{ "a restorer killed while it builds in its own namespace leaves nothing", RESTORER, "current",
	  "--hold" },
	{ "a restorer killed while it builds in another namespace leaves nothing", RESTORER, "PID",
	  "--hold" },
	{ "a restorer killed with its programs leaves nothing", RESTORER, "new", "--exec" },
	{ "a restorer killed with programs in its own namespace leaves nothing", RESTORER, "current",
	  "--exec" },
	{ "a guard killed while a new namespace is made leaves nothing", GUARD, "new", "--hold" },
	{ "a guard killed while its own namespace is built in leaves nothing", GUARD, "current", "--hold" },
	{ "a guard killed while another namespace is built in leaves nothing", GUARD, "PID", "--hold" },
	{ "restorer and guard killed together leave nothing of a new namespace", BOTH, "new", "--hold" },
	{ "... nor in their own", BOTH, "current", "--hold" },
	{ "... nor in another one", BOTH, "PID", "--hold" },
	{ "SIGINT and SIGTERM end a restore with 0 when it stands, else with 1, and leave nothing", ASKED,
	  "new", "--hold" },
	{ "... in its own namespace too", ASKED, "current", "--hold" },
};
enum { ROWS = sizeof rows / sizeof *rows };

static const char *settid, *folder;
static char pidfile[32]; /* two runs may share a directory */
static uint64_t seed;
static unsigned rounds;
static const struct row *row;

static uint64_t random_next(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed;
}

static double now_s(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ------------------------------------------------------------------------------------- one restore -- */

struct round {
	char tree[64], into[16];
	pid_t pid, other; /* the restorer, the init of the namespace that --into PID means */
	int pidfd, out;
};

static struct round start(void)
{
	struct round r = { .other = -1 };
	char path[4200];
	int out[2];

	snprintf(r.tree, sizeof r.tree, "%s",
		 strcmp(row->how, "--exec") == 0 ? "programs"
						 : attempt_shapes[random_next() % attempt_shapes_len()]);
	snprintf(path, sizeof path, "%s/%s.json", folder, r.tree);
	snprintf(r.into, sizeof r.into, "%s", row->into);
	if (strcmp(row->into, "PID") == 0) {
		r.other = attempt_namespace();
		snprintf(r.into, sizeof r.into, "%d", (int)r.other);
	}
	CHECK_INT(pipe2(out, O_CLOEXEC), 0);
	r.pid = fork();
	if (r.pid == 0) {
		dup2(out[1], 1);
		dup2(open("/dev/null", O_WRONLY | O_CLOEXEC), 2);
		execl(settid, "settid", "restore", row->how, "--into", r.into, "--pidfile", pidfile, path,
		      (char *)NULL);
		_exit(127);
	}
	CHECK(r.pid > 0);
	close(out[1]);
	r.out = out[0];
	r.pidfd = (int)syscall(SYS_pidfd_open, r.pid, 0);
	CHECK(r.pidfd >= 0);
	return r;
}

static void send(int pidfd, int sig)
{
	syscall(SYS_pidfd_send_signal, pidfd, sig, NULL, 0);
}

/* The restorer's only child, as soon as there is one; -1 = it ended before. */
static int guard_pidfd(const struct round *r)
{
	char path[64], text[64];
	int fd, guard;
	ssize_t n = 0;

	snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)r->pid, (int)r->pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -1;
	text[n] = '\0';
	guard = (int)syscall(SYS_pidfd_open, (pid_t)strtol(text, NULL, 10), 0);
	/* still its child: the number is still the guard's */
	return guard;
}

/* Does what it says on standard output say that the tree stands? */
static bool said_so(const struct round *r)
{
	char text[4096];
	ssize_t n, used = 0;

	while ((n = read(r->out, text + used, sizeof text - 1 - (size_t)used)) > 0)
		used += n;
	text[used] = '\0';
	return strstr(text, "restored") != NULL;
}

static void expect_status(const struct round *r, int status, int sig, double after)
{
	bool stands = said_so(r);

	if (row->victim == RESTORER || row->victim == BOTH || (WIFSIGNALED(status) && !stands))
		return; /* a signal that came before anything was made ends it as it ends any program */
	if (row->victim == GUARD &&
	    (strcmp(row->how, "--hold") != 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 1))
		world_check_failed(__FILE__, __LINE__, "%s, %s: guard killed after %.1f ms: wait status 0x%x",
				   r->tree, r->into, after * 1000, status);
	if (row->victim == ASKED && (!WIFEXITED(status) || WEXITSTATUS(status) != !stands))
		world_check_failed(__FILE__, __LINE__,
				   "%s, %s: signal %d after %.1f ms: wait status 0x%x, %s", r->tree, r->into,
				   sig, after * 1000, status, stands ? "though it stood" : "before it stood");
}

/* Waits as long as a hang takes to be one. */
static int end_of(const struct round *r, double after)
{
	struct pollfd end = { .fd = r->pidfd, .events = POLLIN };

	if (poll(&end, 1, ATTEMPT_SECONDS * 1000) != 1)
		world_check_failed(__FILE__, __LINE__, "%s, %s: after %.1f ms: the restorer does not end",
				   r->tree, r->into, after * 1000);
	return world_reap(r->pid);
}

static void end_other_namespace(const struct round *r, double after)
{
	if (r->other <= 0)
		return;
	if (!attempt_namespace_is_empty(r->other))
		world_check_failed(__FILE__, __LINE__,
				   "%s, --into PID: after %.1f ms: a process is left in there", r->tree,
				   after * 1000);
	/* not waited for by its number: an orphaned guard in there is the world's to reap first (R5.26) */
	CHECK_INT(kill(r->other, SIGKILL), 0);
}

static void one_round(double span)
{
	struct round r = start();
	double after = span * (double)(random_next() % 10000) / 10000;
	int sig = random_next() & 1 ? SIGINT : SIGTERM, guard, status;

	nanosleep(&(struct timespec){ .tv_nsec = (long)(after * 1e9) }, NULL);
	guard = row->victim == GUARD || row->victim == BOTH ? guard_pidfd(&r) : -1;
	if (guard >= 0)
		send(guard, SIGKILL);
	if (row->victim != GUARD || guard < 0)
		send(r.pidfd, row->victim == ASKED ? sig : SIGKILL);
	status = end_of(&r, after);
	if (row->victim != GUARD || guard >= 0)
		expect_status(&r, status, sig, after);
	if (guard >= 0)
		close(guard);
	close(r.pidfd);
	close(r.out);
	end_other_namespace(&r, after);
	if (!attempt_nothing_left(true))
		world_check_failed(__FILE__, __LINE__, "%s, %s: after %.1f ms: a process is left", r.tree,
				   r.into, after * 1000);
	if (row->victim == BOTH)
		unlink(pidfile); /* nobody was there to do it */
	if (access(pidfile, F_OK) == 0)
		world_check_failed(__FILE__, __LINE__, "%s, %s: after %.1f ms: the pidfile is left", r.tree,
				   r.into, after * 1000);
}

/* How long it takes until the tree is said to stand: kills go on for half as long again. */
static double measure(void)
{
	struct round r = start();
	struct pollfd out = { .fd = r.out, .events = POLLIN };
	double begin = now_s(), span;

	CHECK_INT(poll(&out, 1, ATTEMPT_SECONDS * 1000), 1);
	span = now_s() - begin;
	send(r.pidfd, SIGKILL);
	world_reap(r.pid);
	close(r.pidfd);
	close(r.out);
	end_other_namespace(&r, span);
	CHECK(attempt_nothing_left(true));
	return span * 1.5;
}

static void kill_them(void)
{
	double span;

	attempt_step_aside();
	span = measure();
	for (unsigned k = 0; k < (rounds + ROWS - 1) / ROWS; k++)
		one_round(span);
}

static void test_row(void **state)
{
	row = *state;
	world_run(WORLD_PROC, kill_them);
	for (unsigned k = 0; k < 1000; k++) /* the world drew in a process of its own */
		random_next();
}

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text ? strtoull(text, NULL, 0) : otherwise;
}

int main(int argc, char **argv)
{
	const char *missing = world_missing();
	struct CMUnitTest tests[ROWS];

	if (missing || argc < 3) {
		printf("1..0 # SKIP %s\n", missing ? missing : "no command and folder of trees are named");
		return 0;
	}
	snprintf(pidfile, sizeof pidfile, "restore-kills-%d.pid", (int)getpid());
	settid = argv[1];
	folder = argv[2];
	seed = from_environment("SETTID_SEED", (uint64_t)time(NULL) * 2654435761u | 1);
	rounds = (unsigned)from_environment("SETTID_KILLS", 200);
	printf("# seed=0x%" PRIx64 ", %u restores\n", seed, rounds);
	for (size_t k = 0; k < ROWS; k++)
		tests[k] = (struct CMUnitTest){ .name = rows[k].name,
						.test_func = test_row,
						.initial_state = (void *)(uintptr_t)&rows[k] };
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kills of restore", tests, NULL, NULL);
}
