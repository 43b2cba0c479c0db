/* SPDX-License-Identifier: MIT */
/*
 * keeper.c: runs a command and, when told to stop, ends everything that descends from it; used by demo.sh.
 *
 * Owns:  all descendants: orphans come to the keeper (a child subreaper), so none escapes.
 * Keeps: only the keeper's own children are signalled.  They are unreaped while that happens, so their
 * numbers cannot have passed to somebody else. usage: keeper COMMAND [ARG...]   It stops on SIGTERM, SIGINT
 * or SIGHUP, when its parent dies, or when the command ends.
 */
#include <dirent.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

/* The parent of `pid`, from the field after the state in /proc/PID/stat; 0 when it is gone. */
static pid_t parent_of(pid_t pid)
{
	char path[64], stat[512];
	snprintf(path, sizeof path, "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");
	size_t len = f ? fread(stat, 1, sizeof stat - 1, f) : 0;
	if (f)
		fclose(f);
	stat[len] = '\0';
	const char *after_name = strrchr(stat, ')');
	return after_name && strlen(after_name) > 4 ? (pid_t)strtol(after_name + 4, NULL, 10) : 0;
}

static void kill_children(void)
{
	DIR *proc = opendir("/proc");
	for (struct dirent *entry; proc && (entry = readdir(proc));) {
		pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);
		if (pid > 0 && parent_of(pid) == getpid())
			kill(pid, SIGKILL);
	}
	if (proc)
		closedir(proc);
}

/* The children of a killed child become ours: until there is nobody left. */
static void end_all(void)
{
	do {
		kill_children();
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		usleep(2000);
	} while (waitpid(-1, NULL, WNOHANG) >= 0);
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fputs("usage: keeper COMMAND [ARG...]\n", stderr);
		return 125;
	}
	/* Blocked and waited for, so that none can arrive between a look and a sleep. */
	sigset_t wanted, before;
	sigemptyset(&wanted);
	sigaddset(&wanted, SIGTERM);
	sigaddset(&wanted, SIGINT);
	sigaddset(&wanted, SIGHUP);
	sigaddset(&wanted, SIGCHLD);
	sigprocmask(SIG_BLOCK, &wanted, &before);

	const pid_t parent = getppid();
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != parent)
		return 125;
	pid_t child = fork();
	if (child < 0)
		return 125;
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		setsid();
		execvp(argv[1], argv + 1);
		perror(argv[1]);
		_exit(127);
	}
	for (int sig = SIGCHLD, ended = 0; sig == SIGCHLD && ended != child;) {
		sigwait(&wanted, &sig);
		while (ended != child && (ended = waitpid(-1, NULL, WNOHANG)) > 0)
			;
	}
	end_all();
	return 0;
}
