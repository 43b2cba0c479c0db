/* SPDX-License-Identifier: MIT */
/*
 * forker.c: forks and reaps without a pause until its parent ends, and prints how often at SIGTERM: a busy machine.
 */
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile sig_atomic_t done;
static unsigned long forks; /* in no register that a child of vfork could spoil */

static void on_term(int sig)
{
	(void)sig;
	done = 1;
}

int main(void)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
	signal(SIGTERM, on_term);
	while (!done) {
		pid_t pid = vfork();

		if (pid == 0)
			_exit(0);
		if (pid < 0 || waitpid(pid, NULL, 0) != pid)
			continue;
		forks++;
	}
	printf("%lu\n", forks);
	return 0;
}
