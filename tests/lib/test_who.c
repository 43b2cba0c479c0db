/* SPDX-License-Identifier: MIT */
/*
 * test_who.c: who holds a number, in a namespace whose processes are all known: each kind of holder is made and
 * must be named, by settid_who() and by the error of a settid_fork() that wanted the number.
 */
#include "who.h"

#include <errno.h>
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

static void live_process(void)
{
	busy(42, "sleeper", NULL);
	CHECK_INT(ask(42, SETTID_HOLDER_PROCESS, "42 is held by a live process, 42 (sleeper)").holder_pid,
		  42);
	end(42);
}

static void zombie(void)
{
	busy(42, "doomed", NULL);
	name_myself("bash");
	CHECK_INT(kill(42, SIGKILL), 0);
	world_wait_zombie(42);
	struct settid_error e = ask(42, SETTID_HOLDER_ZOMBIE, "42 is held by a zombie, child of 1 (bash)");

	CHECK_INT(e.holder_parent, 1);
	CHECK_INT(e.holder_pid, 42);
	world_reap(42);
}

static void *wait_for_ever(void *arg)
{
	struct settid_clone_args *unused = arg;

	(void)unused;
	for (;;)
		pause();
	return NULL;
}

static void start_thread(void)
{
	pthread_t thread;

	CHECK(world_write("/proc/sys/kernel/ns_last_pid", "76"));
	CHECK_INT(pthread_create(&thread, NULL, wait_for_ever, NULL), 0);
}

static void thread(void)
{
	busy(42, "java", start_thread);
	CHECK_INT(ask(77, SETTID_HOLDER_THREAD, "77 is held by a thread of 42 (java)").holder_pid, 42);
	end(42);
}

static void *leave_the_leader_dead(void *arg)
{
	int fd = *(int *)arg;

	usleep(50000); /* the leader is on its way out; looked at again below */
	if (write(fd, "r", 1) != 1)
		_exit(1);
	return wait_for_ever(NULL);
}

static void dead_leader(void)
{
	int ready[2];
	char byte, state = '?', line[128];
	const pid_t number = 42;

	CHECK_INT(pipe(ready), 0);
	pid_t pid = settid_fork(WISH(.set_tid = &number, .set_tid_len = 1), NULL, NULL);

	if (pid == 0) {
		pthread_t t;

		name_myself("orphanage");
		CHECK_INT(pthread_create(&t, NULL, leave_the_leader_dead, &ready[1]), 0);
		syscall(SYS_exit, 0); /* this thread alone */
	}
	CHECK_INT(pid, 42);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	for (int tries = 0; tries < 200 && state != 'Z'; tries++) {
		FILE *f = fopen("/proc/42/status", "re");

		CHECK(f != NULL);
		while (fgets(line, sizeof line, f))
			sscanf(line, "State: %c", &state);
		fclose(f);
		usleep(10000);
	}
	CHECK_INT(state, 'Z');
	ask(42, SETTID_HOLDER_DEAD_LEADER,
	    "42 is held by the dead leader of 42 (orphanage), whose other threads live");
	end(42);
}

static void join_42(void)
{
	CHECK_INT(setpgid(0, 42), 0);
}

static void group_of_dead_leader(void)
{
	busy(42, "leader", found_group);
	busy(50, "sleep", join_42);
	end(42);
	struct settid_error e = ask(42, SETTID_HOLDER_GROUP,
				    "42 is still a process group's number: 50 (sleep) is its only member");

	CHECK_INT(e.holder_members, 1);
	CHECK_INT(e.holder_pid, 50);
	end(50);
	CHECK_INT(settid_who(42, &e), 0);
	CHECK_INT(e.holder, SETTID_HOLDER_NONE);
}

static void group_members_are_counted(void)
{
	struct settid_error e;

	busy(42, "leader", found_group);
	busy(50, "sleep", join_42);
	busy(51, "cat", join_42);
	busy(52, "cat", join_42);
	end(42);
	e = ask(42, SETTID_HOLDER_GROUP,
		"42 is still a process group's number: 50 (sleep) and 2 more are its members");
	CHECK_INT(e.holder_members, 3);
	end(50);
	end(51);
	end(52);
}

static void found_session(void)
{
	CHECK_INT(setsid(), 42);
	pid_t pid = fork();

	if (pid == 0) {
		const pid_t number = 60;
		pid_t inner = settid_fork(WISH(.set_tid = &number, .set_tid_len = 1), NULL, NULL);

		if (inner == 0) {
			name_myself("member");
			CHECK_INT(setpgid(0, 0), 0); /* so that only the session keeps 42 */
			for (;;)
				pause();
		}
		_exit(inner == 60 ? 0 : 1);
	}
	CHECK_INT(world_reap(pid), 0); /* 60 is an orphan now: init's, which is us */
}

static void session_of_dead_leader(void)
{
	busy(42, "leader", found_session);
	for (int tries = 0; tries < 200 && getpgid(60) != 60; tries++)
		usleep(10000);
	end(42);
	ask(42, SETTID_HOLDER_SESSION, "42 is still a session's number: 60 (member) is its only member");
	end(60);
}

static void free_number(void)
{
	struct settid_error e;

	CHECK_INT(settid_who(4242, &e), 0);
	CHECK_INT(e.holder, SETTID_HOLDER_NONE);
	expect_text(e.text, "4242 looks free");
	CHECK_INT(settid_who(0, &e), -EINVAL);
	CHECK_INT(settid_who(-42, &e), -EINVAL);
	CHECK_INT(settid_who(42, NULL), 0);
}
IN_WORLD(live_process, WORLD_PROC)
IN_WORLD(zombie, WORLD_PROC)
IN_WORLD(thread, WORLD_PROC)
IN_WORLD(dead_leader, WORLD_PROC)
IN_WORLD(group_of_dead_leader, WORLD_PROC)
IN_WORLD(group_members_are_counted, WORLD_PROC)
IN_WORLD(session_of_dead_leader, WORLD_PROC)
IN_WORLD(free_number, WORLD_PROC)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ROW("a live process is named", live_process),
		ROW("a zombie is named by its parent", zombie),
		ROW("a thread is named by its process", thread),
		ROW("a dead leader is told from a zombie", dead_leader),
		ROW("a group that outlives its leader is named by its member", group_of_dead_leader),
		ROW("a group's members are counted", group_members_are_counted),
		ROW("a session that outlives its leader is named by its member", session_of_dead_leader),
		ROW("a free number looks free", free_number),
	};
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("who", tests, NULL, NULL);
}
