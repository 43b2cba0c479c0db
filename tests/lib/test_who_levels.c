/* SPDX-License-Identifier: MIT */
/*
 * test_who_levels.c: who holds a number at another level than the asker's, as far as it can be seen from there.
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

/* ------------------------------------------------------------------------------------ other levels -- */

/* Inside the namespace that the caller's children go to, seen through the caller's own /proc. */
static void held_in_an_entered_namespace(void)
{
	name_myself("tester");
	struct settid_child init = world_child(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID));
	struct settid_child twin = world_child(WISH(NUMBERS(1, 41), .flags = CLONE_NEWPID));
	struct settid_error err;

	/* the same inner number in a sibling namespace must not be taken for the holder */
	CHECK_INT(setns(twin.pidfd, CLONE_NEWPID), 0);
	struct settid_child decoy = world_child(WISH(NUMBERS(600, 699)));

	CHECK_INT(setns(init.pidfd, CLONE_NEWPID), 0);
	struct settid_child leader = world_child(WISH(NUMBERS(600, 700)));
	struct settid_child member = world_child(WISH(NUMBERS(601, 701)));

	CHECK_INT(settid_fork(WISH(NUMBERS(600, 702)), NULL, &err), -EEXIST);
	expect_text(err.text, "set_tid[0] = 600 is held by a live process, 700 (tester)");
	CHECK_INT(setpgid(leader.pid, 0), 0);
	CHECK_INT(setpgid(member.pid, leader.pid), 0);
	CHECK_INT(kill(700, SIGKILL), 0);
	world_wait_zombie(700);
	name_myself("mother");
	CHECK_INT(settid_fork(WISH(NUMBERS(600, 702)), NULL, &err), -EEXIST);
	expect_text(err.text, "set_tid[0] = 600 is held by a zombie, child of 1 (mother)");
	world_reap(700);
	CHECK_INT(settid_fork(WISH(NUMBERS(600, 702)), NULL, &err), -EEXIST);
	expect_text(err.text,
		    "set_tid[0] = 600 is still a process group's number: 701 (tester) is its only member");
	CHECK_INT(settid_fork(WISH(NUMBERS(602, 700)), NULL, &err), -EEXIST);
	expect_text(err.text,
		    "set_tid[1] = 700 is still a process group's number: 701 (tester) is its only member");
	world_end(&member);
	world_end(&decoy);
	world_end(&init);
	world_end(&twin);
}

/* From inside, with the outer namespace's /proc mounted: its groups can be told too. */
static void held_in_an_outer_namespace(void)
{
	int ready[2];
	char byte;
	struct settid_error err;

	busy(900, "leader", found_group);
	CHECK_INT(pipe(ready), 0);
	pid_t pid = settid_fork(WISH(NUMBERS(1, 50), .flags = CLONE_NEWPID), NULL, NULL);

	if (pid == 0) {
		setsid();
		CHECK_INT(read(ready[0], &byte, 1), 1);
		CHECK_INT(settid_fork(WISH(NUMBERS(1, 60, 900), .flags = CLONE_NEWPID), NULL, &err), -EEXIST);
		CHECK_INT(err.level, 2);
		CHECK_INT(err.holder, SETTID_HOLDER_GROUP);
		expect_text(err.text, "set_tid[2] = 900 is still a process group's number: sleep (no number "
				      "here) is its only member");
		_exit(0);
	}
	busy(901, "sleep", found_group);
	CHECK_INT(setpgid(901, 900), 0);
	end(900);
	CHECK_INT(write(ready[1], "g", 1), 1);
	CHECK_INT(world_reap(pid), 0);
	end(901);
}

/* The two sentences that the manual shows, from two levels: the caller's children live below its own namespace. */
static void zombie_of_another(void)
{
	int ready[2];
	char byte;
	struct settid_error err;

	CHECK_INT(pipe(ready), 0);
	pid_t bash = settid_fork(WISH(NUMBERS(17)), NULL, NULL);

	if (bash == 0) {
		name_myself("bash");
		pid_t child = settid_fork(WISH(NUMBERS(42)), NULL, NULL);

		if (child == 0)
			_exit(0);
		world_wait_zombie(42);
		CHECK_INT(write(ready[1], "r", 1), 1);
		for (;;)
			pause();
	}
	CHECK_INT(bash, 17);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(settid_fork(WISH(NUMBERS(1, 42), .flags = CLONE_NEWPID), NULL, &err), -EEXIST);
	expect_text(err.text, "set_tid[1] = 42 is held by a zombie, child of 17 (bash)");
	CHECK_INT(err.level, 1);
	CHECK_INT(err.holder_parent, 17);
	end(17);
	world_reap(42); /* ours since its parent died */
}

static void join_31496(void)
{
	CHECK_INT(setpgid(0, 31496), 0);
}

/* The init of a namespace two levels down, as a pidfd of ours. */
static int init_two_levels_down(struct settid_child *outer)
{
	int ready[2], pidfd;
	char byte;

	CHECK_INT(pipe(ready), 0);
	pid_t pid = settid_fork(WISH(NUMBERS(1, 40), .flags = CLONE_NEWPID), outer, NULL);

	if (pid == 0) {
		setsid();
		world_child(WISH(NUMBERS(1, 2, 41), .flags = CLONE_NEWPID));
		CHECK_INT(write(ready[1], "r", 1), 1);
		for (;;)
			pause();
	}
	CHECK_INT(pid, 40);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	pidfd = (int)syscall(SYS_pidfd_open, 41, 0);
	CHECK(pidfd >= 0);
	return pidfd;
}

static void group_two_levels_up(void)
{
	struct settid_child outer;
	struct settid_error err;

	busy(31496, "leader", found_group);
	busy(31500, "sleep", join_31496);
	busy(31501, "cat", join_31496);
	busy(31502, "cat", join_31496);
	end(31496);
	CHECK_INT(setns(init_two_levels_down(&outer), CLONE_NEWPID), 0);
	CHECK_INT(settid_fork(WISH(NUMBERS(600, 601, 31496)), NULL, &err), -EEXIST);
	expect_text(err.text,
		    "set_tid[2] = 31496 is still a process group's number: 31500 (sleep) and 2 more are "
		    "its members");
	CHECK_INT(err.level, 2);
	CHECK_INT(err.holder_pid, 31500);
	CHECK_INT(err.holder_members, 3);
	end(31500);
	end(31501);
	end(31502);
	world_end(&outer);
}

/* ------------------------------------------------------------------------------------ unseen -- */

/* Outside our world somebody holds 1 for certain; our own /proc cannot show who. */
static void outer_level_is_unseen(void)
{
	struct settid_error err;

	CHECK_INT(settid_fork(WISH(NUMBERS(500, 1)), NULL, &err), -EEXIST);
	CHECK_INT(err.level, 1);
	CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
	expect_text(err.text, "set_tid[1] = 1 is taken by somebody who is not visible from here");
}

/* With the outer namespace's /proc it can be told, but the holder has no number here. */
static void outer_level_is_seen_through_its_proc(void)
{
	struct settid_error err;

	CHECK_INT(settid_fork(WISH(NUMBERS(500, 1)), NULL, &err), -EEXIST);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	CHECK_INT(err.holder_pid, 0);
	CHECK(err.holder_comm[0] != '\0');
}

/*
 * A user who may choose numbers (his own namespace) but not see: hidepid=2, and everybody else is somebody else.
 * The rest of the world is root's; the asker is nobody with CAP_CHECKPOINT_RESTORE alone.
 */
static void hidepid(void)
{
	struct settid_error err;

	busy(42, "hidden", NULL);
	CHECK_INT(mount("proc", "/proc", "proc", MS_REMOUNT, "hidepid=2"), 0);
	pid_t pid = fork();

	if (pid == 0) {
		CHECK_INT(prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0), 0);
		world_become_nobody();
		world_keep_capability(40 /* CAP_CHECKPOINT_RESTORE */);
		CHECK_INT(settid_fork(WISH(NUMBERS(42)), NULL, &err), -EEXIST);
		CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
		expect_text(err.text, "set_tid[0] = 42 is taken by somebody who is not visible from here");
		CHECK_INT(settid_who(42, &err), 1);
		CHECK_INT(err.holder, SETTID_HOLDER_UNSEEN);
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
	end(42);
}
IN_WORLD(held_in_an_entered_namespace, WORLD_PROC)
IN_WORLD(held_in_an_outer_namespace, WORLD_PROC)
IN_WORLD(zombie_of_another, WORLD_PROC)
IN_WORLD(group_two_levels_up, WORLD_PROC)
IN_WORLD(outer_level_is_unseen, WORLD_PROC)
IN_WORLD(outer_level_is_seen_through_its_proc, 0)
IN_WORLD(hidepid, WORLD_PROC)

int main(void)
{
	struct CMUnitTest tests[8] = {
		ROW("a holder in an entered namespace is named, its double next door is not",
		    held_in_an_entered_namespace),
		ROW("a group of an outer namespace is named through that namespace's /proc",
		    held_in_an_outer_namespace),
		ROW("a zombie of another process, one level up, is named by its parent", zombie_of_another),
		ROW("a group two levels up is named by its members", group_two_levels_up),
	};
	size_t len = 4;
	const char *missing = world_missing();

	if (missing) {
		printf("1..0 # SKIP %s\n", missing);
		return 0;
	}
	if (geteuid() == 0) {
		tests[len++] = (struct CMUnitTest)ROW("a holder of an outer level is not guessed",
						      outer_level_is_unseen);
		tests[len++] = (struct CMUnitTest)ROW(
			"a holder of an outer level is named through that level's /proc",
			outer_level_is_seen_through_its_proc);
		tests[len++] = (struct CMUnitTest)ROW("hidepid=2 makes the holder unseen, not free", hidepid);
	} else {
		puts("# SKIP outer levels' holders and hidepid: need root");
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("who-levels", tests, len, NULL, NULL);
}
