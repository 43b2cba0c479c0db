/* SPDX-License-Identifier: MIT */
/*
 * pty.c: a person at a terminal, for tests: `pty SCRIPT COMMAND...` runs COMMAND as the session leader of a new
 * terminal and does what SCRIPT says, line by line:
 *
 *	expect TEXT   wait until TEXT appears, after whatever was expected before (30 s)
 *	send TEXT     type it; \n, \\ and \xHH as in C (\x1a is Ctrl-Z)
 *	pause MS      do nothing for a while
 *	end           wait for COMMAND to end; its exit status (128 + signal) becomes pty's
 *	hangup        close the terminal, as a lost connection does, and be done
 *
 * The transcript goes to stdout.  The terminal echoes nothing, so that TEXT is found in answers only.
 * Keeps: (Y1) on every way out the command's session leader is killed through its pidfd and reaped;
 *        (Y2) a TEXT that does not appear is exit status 99 and a line that says which.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#define FAILED 99
#define PATIENCE_S 30

static struct {
	int fd;
	pid_t pid;
	char text[1 << 16];
	size_t len, seen;
} term;

/* The leader is our own unreaped child: its number cannot belong to anybody else. */
static _Noreturn void quit(int status)
{
	kill(term.pid, SIGKILL);
	waitpid(term.pid, NULL, 0);
	exit(status);
}

/* Reads what there is within `ms`.  0: the terminal is closed. */
static int listen_for(int ms)
{
	struct pollfd p = { .fd = term.fd, .events = POLLIN };

	if (poll(&p, 1, ms) <= 0)
		return 1;
	ssize_t n = read(term.fd, term.text + term.len, sizeof term.text - 1 - term.len);
	if (n <= 0)
		return 0;
	fwrite(term.text + term.len, 1, (size_t)n, stdout);
	term.len += (size_t)n;
	term.text[term.len] = '\0';
	return 1;
}

static void expect(const char *what)
{
	time_t until = time(NULL) + PATIENCE_S;

	for (;;) {
		char *hit = strstr(term.text + term.seen, what);
		if (hit) {
			term.seen = (size_t)(hit - term.text) + strlen(what);
			return;
		}
		if (time(NULL) > until || !listen_for(100)) {
			printf("\npty: '%s' did not appear\n", what);
			quit(FAILED);
		}
	}
}

static void type(const char *in)
{
	char out[512];
	size_t len = 0;

	while (*in && len < sizeof out) {
		if (in[0] == '\\' && in[1] == 'x') {
			char hex[3] = { in[2], in[3], '\0' };
			out[len++] = (char)strtol(hex, NULL, 16);
			in += 4;
		} else if (in[0] == '\\' && in[1] == 'n') {
			out[len++] = '\n';
			in += 2;
		} else {
			in += in[0] == '\\' && in[1] == '\\';
			out[len++] = *in++;
		}
	}
	if (write(term.fd, out, len) != (ssize_t)len)
		quit(FAILED);
}

static _Noreturn void end(void)
{
	time_t until = time(NULL) + PATIENCE_S;
	int status;

	while (waitpid(term.pid, &status, WNOHANG) == 0) {
		if (time(NULL) > until) {
			printf("\npty: the command did not end\n");
			quit(FAILED);
		}
		if (!listen_for(50))
			usleep(50000);
	}
	while (term.len < sizeof term.text - 1 && listen_for(0) && poll(NULL, 0, 20) == 0 && listen_for(0)) {
		struct pollfd p = { .fd = term.fd, .events = POLLIN };
		if (poll(&p, 1, 50) <= 0)
			break;
	}
	exit(WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
}

static void start(char **argv)
{
	struct termios tio;

	term.pid = forkpty(&term.fd, NULL, NULL, NULL);
	if (term.pid < 0) {
		perror("forkpty");
		exit(FAILED);
	}
	if (term.pid > 0)
		return;
	tcgetattr(0, &tio);
	tio.c_lflag &= ~(tcflag_t)ECHO;
	tio.c_oflag &= ~(tcflag_t)OPOST;
	tcsetattr(0, TCSANOW, &tio);
	execvp(argv[0], argv);
	perror(argv[0]);
	_exit(127);
}

int main(int argc, char **argv)
{
	char line[512];
	FILE *script;

	if (argc < 3 || !(script = fopen(argv[1], "re"))) {
		fprintf(stderr, "usage: pty SCRIPT COMMAND...\n");
		return FAILED;
	}
	setvbuf(stdout, NULL, _IONBF, 0);
	start(argv + 2);
	while (fgets(line, sizeof line, script)) {
		line[strcspn(line, "\n")] = '\0';
		if (strncmp(line, "expect ", 7) == 0)
			expect(line + 7);
		else if (strncmp(line, "send ", 5) == 0)
			type(line + 5);
		else if (strncmp(line, "pause ", 6) == 0)
			usleep((useconds_t)atoi(line + 6) * 1000);
		else if (strcmp(line, "end") == 0)
			end();
		else if (strcmp(line, "hangup") == 0) {
			close(term.fd); /* the command has until the test's own time is over */
			waitpid(term.pid, NULL, 0);
			return 0;
		} else {
			printf("\npty: what is '%s'?\n", line);
			quit(FAILED);
		}
	}
	quit(0);
}
