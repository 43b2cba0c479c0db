/* SPDX-License-Identifier: MIT */
/*
 * test_reserve_life.c: who may end while numbers are reserved, and what becomes of them; and the socket.
 */
#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static const pid_t wanted[] = { 500, 501, 4711 };

static struct settid_reservation *reserve(void)
{
	const struct settid_reserve_args args = {
		.size = sizeof args, .numbers = wanted, .numbers_len = 3, .levels = 1
	};
	struct settid_reservation *r = NULL;
	struct settid_error err = { .text = "" };

	if (settid_reserve(&args, &r, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "no reservation: %s", err.text);
	return r;
}

static struct settid_reserve_info info_of(const struct settid_reservation *r)
{
	struct settid_reserve_info info = { .size = sizeof info };

	CHECK_INT(settid_reserve_info(r, &info), 0);
	return info;
}

static bool is_free(pid_t number)
{
	return settid_who(number, NULL) == 0;
}

static bool all_free(void)
{
	return is_free(500) && is_free(501) && is_free(4711);
}

/* Until all are free: whoever frees them does so on his own. */
static void expect_free_soon(void)
{
	for (int tries = 0; tries < 1000 && !all_free(); tries++) {
		while (waitpid(-1, NULL, WNOHANG | __WALL) > 0)
			; /* this world's init is us: orphans are ours to reap */
		usleep(5000);
	}
	CHECK(all_free());
}

/* A holder in a process of its own; returns its PID once it holds. */
static pid_t holder(pid_t *keeper)
{
	int ready[2];
	pid_t pid;

	CHECK_INT(pipe(ready), 0);
	pid = fork();
	if (pid == 0) {
		struct settid_reservation *r = reserve();
		pid_t its = info_of(r).keeper;

		CHECK_INT(write(ready[1], &its, sizeof its), sizeof its);
		for (;;)
			pause();
	}
	CHECK_INT(read(ready[0], keeper, sizeof *keeper), sizeof *keeper);
	CHECK(!is_free(500));
	return pid;
}

/* ------------------------------------------------------------------------------------ ends -- */

static void holder_killed(void)
{
	pid_t keeper, pid = holder(&keeper);

	CHECK_INT(kill(pid, SIGKILL), 0);
	expect_free_soon();
	for (int tries = 0; tries < 1000 && !is_free(keeper); tries++) {
		waitpid(-1, NULL, WNOHANG | __WALL);
		usleep(5000);
	}
	CHECK(is_free(keeper));
}

/* Nobody reaps here but the keeper: the numbers must not need a good init. */
static void holder_killed_below_a_bad_init(void)
{
	pid_t keeper, pid = holder(&keeper);

	CHECK_INT(kill(pid, SIGKILL), 0);
	for (int tries = 0; tries < 1000 && !all_free(); tries++)
		usleep(5000);
	CHECK(all_free());
}

static void keeper_killed(void)
{
	pid_t keeper, pid = holder(&keeper);

	CHECK_INT(kill(keeper, SIGKILL), 0);
	CHECK_INT(kill(pid, SIGKILL), 0);
	expect_free_soon();
}

static void keeper_lost(void)
{
	struct settid_reservation *r = reserve();
	struct settid_error err;

	CHECK_INT(kill(info_of(r).keeper, SIGKILL), 0);
	CHECK_INT(settid_reserve_give(r, &err), -ECANCELED);
	CHECK(err.text[0] != '\0');
	settid_reserve_end(r);
	expect_free_soon();
}

static void placeholder_killed(void)
{
	struct settid_reservation *r = reserve();

	CHECK_INT(kill(501, SIGKILL), 0);
	for (int tries = 0; tries < 20; tries++) {
		CHECK(!is_free(501));
		usleep(1000);
	}
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK(all_free());
	settid_reserve_end(r);
}

static void placeholder_stopped(void)
{
	struct settid_reservation *r = reserve();

	CHECK_INT(kill(500, SIGSTOP), 0);
	CHECK_INT(settid_reserve_give(r, NULL), 0);
	CHECK(all_free());
	settid_reserve_end(r);
}

static void not_the_callers_children(void)
{
	struct world_census before = world_census();
	struct settid_reservation *r = reserve();

	CHECK_INT(waitpid(-1, NULL, WNOHANG), -1);
	CHECK_INT(errno, ECHILD);
	settid_reserve_end(r);
	world_census_check(before, "a reservation that has ended");
}

/* Through a fork of the holder's, or a descriptor that it had open, nothing is kept alive or open. */
static void forgets_descriptors(void)
{
	int ends[2];
	char byte;

	CHECK_INT(pipe(ends), 0);
	struct settid_reservation *r = reserve();

	close(ends[1]);
	CHECK_INT(read(ends[0], &byte, 1), 0);
	settid_reserve_end(r);
}

static void outlived_by_a_child(void)
{
	int ready[2];
	char byte;

	CHECK_INT(pipe(ready), 0);
	pid_t pid = fork();

	if (pid == 0) {
		reserve();
		if (fork() == 0) {
			CHECK_INT(write(ready[1], "r", 1), 1);
			for (;;)
				pause();
		}
		for (;;)
			pause();
	}
	CHECK_INT(read(ready[0], &byte, 1), 1);
	CHECK_INT(kill(pid, SIGKILL), 0);
	expect_free_soon();
}

/* ------------------------------------------------------------------------------------ the socket -- */

struct served {
	char path[80];
	int go[2];
	pid_t pid;
};

/* A holder that serves until it is told END, or killed. */
static struct served serve(void)
{
	struct served s = { .path = "" };
	char byte;

	snprintf(s.path, sizeof s.path, "/tmp/settid-test-reserve.%d.%lx", (int)getpid(),
		 (unsigned long)time(NULL) ^ (unsigned long)(uintptr_t)&s);
	unlink(s.path);
	CHECK_INT(pipe(s.go), 0);
	s.pid = fork();
	if (s.pid == 0) {
		struct settid_reservation *r = reserve();
		enum settid_reserve_request what = SETTID_RESERVE_NOTHING;
		int fd = settid_reserve_listen(s.path, NULL);

		CHECK(fd >= 0);
		CHECK_INT(write(s.go[1], "r", 1), 1);
		while (what != SETTID_RESERVE_END) {
			struct pollfd p = { .fd = fd, .events = POLLIN };

			CHECK_INT(poll(&p, 1, -1), 1);
			CHECK_INT(settid_reserve_serve(r, fd, &what, NULL), 0);
		}
		settid_reserve_end(r);
		unlink(s.path);
		_exit(0);
	}
	CHECK_INT(read(s.go[0], &byte, 1), 1);
	return s;
}

static struct settid_reserve_info ask(const struct served *s, enum settid_reserve_request what)
{
	struct settid_reserve_info info = { .size = sizeof info };
	struct settid_error err = { .text = "" };

	if (settid_reserve_ask(s->path, what, 1000, &info, &err) < 0)
		world_check_failed(__FILE__, __LINE__, "request %d: %s", (int)what, err.text);
	return info;
}

static void asked(void)
{
	struct served s = serve();

	CHECK_INT(ask(&s, SETTID_RESERVE_STATUS).held, 3);
	CHECK_INT(ask(&s, SETTID_RESERVE_GIVE).held, 0);
	CHECK(all_free());
	CHECK_INT(ask(&s, SETTID_RESERVE_TAKE).held, 3);
	CHECK(!is_free(4711));
	ask(&s, SETTID_RESERVE_END);
	CHECK_INT(world_reap(s.pid), 0);
	CHECK(all_free());
}

static void told_of_a_loss(void)
{
	struct served s = serve();
	struct settid_error err;

	ask(&s, SETTID_RESERVE_GIVE);
	struct settid_child thief = world_child(WISH(NUMBERS(501)));

	CHECK_INT(settid_reserve_ask(s.path, SETTID_RESERVE_TAKE, 0, NULL, &err), -EEXIST);
	CHECK_INT(err.number, 501);
	CHECK_INT(err.holder, SETTID_HOLDER_PROCESS);
	world_end(&thief);
	ask(&s, SETTID_RESERVE_END);
	CHECK_INT(world_reap(s.pid), 0);
}

static void mode(void)
{
	struct served s = serve();
	struct stat st;

	CHECK_INT(stat(s.path, &st), 0);
	CHECK_INT(st.st_mode & 07777, 0600);
	ask(&s, SETTID_RESERVE_END);
	CHECK_INT(world_reap(s.pid), 0);
}

/* Even where the file lets a stranger in, the peer does not. */
static void stranger(void)
{
	struct served s = serve();

	CHECK_INT(chmod(s.path, 0666), 0);
	pid_t pid = fork();

	if (pid == 0) {
		struct sockaddr_un at = { .sun_family = AF_UNIX };
		const uint32_t give[] = { 0x73657431, SETTID_RESERVE_GIVE, 0 };
		char byte;
		int fd;

		world_become_nobody();
		fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
		snprintf(at.sun_path, sizeof at.sun_path, "%s", s.path);
		CHECK_INT(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
		(void)!send(fd, give, sizeof give, MSG_NOSIGNAL);
		CHECK(recv(fd, &byte, 1, 0) <= 0);
		_exit(0);
	}
	CHECK_INT(world_reap(pid), 0);
	CHECK_INT(ask(&s, SETTID_RESERVE_STATUS).held, 3);
	ask(&s, SETTID_RESERVE_END);
	CHECK_INT(world_reap(s.pid), 0);
}

static void silent_peer(void)
{
	struct served s = serve();
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	snprintf(at.sun_path, sizeof at.sun_path, "%s", s.path);
	CHECK_INT(connect(fd, (const struct sockaddr *)&at, sizeof at), 0);
	CHECK_INT(ask(&s, SETTID_RESERVE_STATUS).held, 3); /* after its second */
	CHECK_INT(send(fd, "x", 1, MSG_NOSIGNAL) < 0 ? 0 : recv(fd, &(char){ 0 }, 1, 0), 0);
	ask(&s, SETTID_RESERVE_END);
	CHECK_INT(world_reap(s.pid), 0);
}

static void nobody_there(void)
{
	struct settid_error err;
	char long_path[200];

	CHECK_INT(settid_reserve_ask("/no/such/socket", SETTID_RESERVE_STATUS, 0, NULL, &err), -ENOENT);
	memset(long_path, 'x', sizeof long_path - 1);
	long_path[sizeof long_path - 1] = '\0';
	CHECK_INT(settid_reserve_ask(long_path, SETTID_RESERVE_STATUS, 0, NULL, &err), -ENAMETOOLONG);
	CHECK_INT(settid_reserve_listen(long_path, &err), -ENAMETOOLONG);
	CHECK_INT(settid_reserve_listen("/", &err), -EADDRINUSE);
	CHECK_INT(settid_reserve_ask("/", (enum settid_reserve_request)77, 0, NULL, &err), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WORLD_ROW("a holder that is killed sets its numbers free", holder_killed),
		WORLD_ROW("... also where nobody else reaps", holder_killed_below_a_bad_init),
		WORLD_ROW("a keeper that is killed with its holder sets them free", keeper_killed),
		WORLD_ROW("a keeper's death is told to its owner", keeper_lost),
		WORLD_ROW("a placeholder that is killed still holds its number", placeholder_killed),
		WORLD_ROW("a placeholder that is stopped gives its number all the same", placeholder_stopped),
		WORLD_ROW("the caller's waits do not see them", not_the_callers_children),
		WORLD_ROW("the keeper keeps no descriptor of the caller's open", forgets_descriptors),
		WORLD_ROW("a child of the holder's does not keep them", outlived_by_a_child),
		WORLD_ROW("a holder does what it is asked to", asked),
		WORLD_ROW("a number that cannot be taken again is told to who asked", told_of_a_loss),
		WORLD_ROW("the socket is its user's alone", mode),
		WORLD_ROW("a stranger is not served", stranger),
		WORLD_ROW("a peer that says nothing is dropped", silent_peer),
		WORLD_ROW("nobody to ask is an error that says so", nobody_there),
	};
	const char *missing = world_missing();

	if (missing || geteuid() != 0) {
		printf("1..0 # SKIP %s\n", missing ? missing : "strangers and signals to them need root");
		return 0;
	}
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reserve_life", tests, NULL, NULL);
}
