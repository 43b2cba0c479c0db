/* SPDX-License-Identifier: MIT */
/* who.c: see who.h. */
#include "who.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

void expect_text(const char *got, const char *want)
{
	if (strcmp(got, want) != 0)
		world_check_failed(__FILE__, __LINE__, "\"%s\", not \"%s\"", got, want);
}

struct settid_error ask(pid_t number, enum settid_holder holder, const char *sentence)
{
	struct settid_error who, err;

	CHECK_INT(settid_who(number, &who), 1);
	CHECK_INT(settid_fork(WISH(.set_tid = &number, .set_tid_len = 1), NULL, &err), -EEXIST);
	expect_text(settid_holder_name(who.holder), settid_holder_name(holder));
	expect_text(settid_holder_name(err.holder), settid_holder_name(holder));
	expect_text(who.text, sentence);
	CHECK(strncmp(err.text, "set_tid[0] = ", 13) == 0);
	expect_text(err.text + 13, sentence);
	CHECK_INT(err.holder_pid, who.holder_pid);
	return who;
}

void name_myself(const char *name)
{
	CHECK_INT(prctl(PR_SET_NAME, name, 0, 0, 0), 0);
}

pid_t busy(pid_t number, const char *name, void (*first)(void))
{
	int ready[2];
	char byte;
	pid_t pid;

	CHECK_INT(pipe(ready), 0);
	pid = settid_fork(WISH(.set_tid = &number, .set_tid_len = 1), NULL, NULL);
	if (pid == 0) {
		name_myself(name);
		if (first)
			first();
		if (write(ready[1], "r", 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	CHECK_INT(pid, number);
	close(ready[1]);
	CHECK_INT(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	return pid;
}

void end(pid_t pid)
{
	CHECK_INT(kill(pid, SIGKILL), 0);
	world_reap(pid);
}

void found_group(void)
{
	CHECK_INT(setpgid(0, 0), 0);
}
