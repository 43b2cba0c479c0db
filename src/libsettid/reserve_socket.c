/* SPDX-License-Identifier: MIT */
/*
 * reserve_socket.c: a reservation asked from another process: one packet there, one back.
 *
 * Keeps:   (Q1) nobody is served, and nobody's answer believed, but the same user's or root's (SO_PEERCRED);
 *          (Q2) the socket's file is 0600 from its first moment; (Q3) a peer that says nothing, or too little,
 *          is dropped after a second.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "reserve.h"

#define VERSION 0x73657431 /* "set1": both packets begin with it */
#define SPEAK_SECONDS 1

struct request {
	uint32_t version;
	uint32_t what; /* enum settid_reserve_request */
	uint32_t wait_ms;
};

struct answer {
	uint32_t version;
	int32_t code;
	struct settid_reserve_info info;
	struct settid_error err;
};

static int system_error(struct settid_error *err, long code, const char *doing, const char *path)
{
	return settid__fail(err, (int)code, SETTID_REASON_SYSTEM, "cannot %s %s: %s", doing, path,
			    settid__errno_text((int)code));
}

static int address(const char *path, struct sockaddr_un *out, struct settid_error *err)
{
	size_t len = strlen(path);

	*out = (struct sockaddr_un){ .sun_family = AF_UNIX };
	if (len == 0 || len >= sizeof out->sun_path)
		return system_error(err, len ? -ENAMETOOLONG : -ENOENT, "use the socket", path);
	memcpy(out->sun_path, path, len + 1);
	return 0;
}

/* Same user or root: the kernel noted it when the connection was made. */
static bool peer_is_ours(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (SYS5(SYS_getsockopt, fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return false;
	return peer.uid == 0 || peer.uid == (uid_t)SYS0(SYS_geteuid);
}

int settid_reserve_listen(const char *path, struct settid_error *err)
{
	struct sockaddr_un at;
	autoclose int fd = -1;
	long code = address(path, &at, err);

	if (code < 0)
		return (int)code;
	fd = (int)SYS3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return system_error(err, fd, "make the socket", path);
	/* before bind: the file is made with the mode that the socket has, unix(7) */
	code = SYS2(SYS_fchmod, fd, 0600);
	if (code == 0)
		code = SYS3(SYS_bind, fd, &at, sizeof at);
	if (code == 0)
		code = SYS2(SYS_listen, fd, 16);
	if (code < 0)
		return system_error(err, code, "listen at", path);
	return settid__take_fd(&fd);
}

/* ------------------------------------------------------------------------------------ the holder -- */

static bool hear(int fd, struct request *q)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	const struct timespec patience = { .tv_sec = SPEAK_SECONDS };

	if (SYS5(SYS_ppoll, &p, 1, &patience, 0, 8) != 1)
		return false;
	return SYS6(SYS_recvfrom, fd, q, sizeof *q, MSG_DONTWAIT, 0, 0) == (long)sizeof *q &&
	       q->version == VERSION && q->what > SETTID_RESERVE_NOTHING && q->what <= SETTID_RESERVE_END;
}

static int do_request(struct settid_reservation *r, const struct request *q, struct settid_error *err)
{
	switch (q->what) {
	case SETTID_RESERVE_GIVE:
		return settid_reserve_give(r, err);
	case SETTID_RESERVE_TAKE:
		return settid_reserve_take(r, q->wait_ms, err);
	default:
		return 0;
	}
}

int settid_reserve_serve(struct settid_reservation *r, int listen_fd, enum settid_reserve_request *request,
			 struct settid_error *err)
{
	struct answer a = { .version = VERSION, .info = { .size = sizeof a.info } };
	struct request q;
	autoclose int fd = (int)SYS4(SYS_accept4, listen_fd, 0, 0, SOCK_CLOEXEC);

	*request = SETTID_RESERVE_NOTHING;
	if (fd == -EAGAIN || fd == -EINTR || fd == -ECONNABORTED)
		return 0;
	if (fd < 0)
		return system_error(err, fd, "take a caller from", "the socket");
	if (!peer_is_ours(fd) || !hear(fd, &q))
		return 0;
	a.code = do_request(r, &q, &a.err);
	settid_reserve_info(r, &a.info);
	SYS6(SYS_sendto, fd, &a, sizeof a, MSG_NOSIGNAL | MSG_DONTWAIT, 0, 0);
	*request = (enum settid_reserve_request)q.what;
	if (a.code < 0 && err)
		*err = a.err;
	return a.code == -ECANCELED ? a.code : 0;
}

/* ------------------------------------------------------------------------------------ the asker -- */

static int connect_to(const char *path, int *out, struct settid_error *err)
{
	struct sockaddr_un at;
	autoclose int fd = -1;
	long code = address(path, &at, err);

	if (code < 0)
		return (int)code;
	fd = (int)SYS3(SYS_socket, AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return system_error(err, fd, "make a socket for", path);
	do
		code = SYS3(SYS_connect, fd, &at, sizeof at);
	while (code == -EINTR);
	if (code < 0)
		return system_error(err, code == -EACCES ? -EPERM : code, "reach a reservation at", path);
	if (!peer_is_ours(fd))
		return settid__fail(err, -EPERM, SETTID_REASON_SYSTEM,
				    "whoever listens at %s is another user", path);
	*out = settid__take_fd(&fd);
	return 0;
}

static long receive(int fd, struct answer *a)
{
	long n;

	do
		n = SYS6(SYS_recvfrom, fd, a, sizeof *a, 0, 0, 0);
	while (n == -EINTR);
	return n;
}

int settid_reserve_ask(const char *path, enum settid_reserve_request request, unsigned wait_ms,
		       struct settid_reserve_info *info, struct settid_error *err)
{
	const struct request q = { VERSION, request, wait_ms };
	struct answer a;
	autoclose int fd = -1;
	int code;
	long n;

	if (request <= SETTID_RESERVE_NOTHING || request > SETTID_RESERVE_END ||
	    (info && info->size != sizeof *info))
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "this library knows no such request, or another settid_reserve_info");
	code = connect_to(path, &fd, err);
	if (code < 0)
		return code;
	n = SYS6(SYS_sendto, fd, &q, sizeof q, MSG_NOSIGNAL, 0, 0);
	if (n == (long)sizeof q)
		n = receive(fd, &a);
	if (n == 0 || n == -EPIPE || n == -ECONNRESET)
		return settid__fail(
			err, -EPERM, SETTID_REASON_SYSTEM,
			"the reservation at %s gives no answer: it takes the caller for a stranger", path);
	if (n != (long)sizeof a || a.version != VERSION)
		return settid__fail(err, n < 0 ? (int)n : -EPROTO, SETTID_REASON_SYSTEM,
				    "the reservation at %s speaks otherwise", path);
	if (info)
		*info = a.info;
	if (a.code < 0 && err) {
		a.err.text[sizeof a.err.text - 1] = '\0';
		a.err.holder_comm[sizeof a.err.holder_comm - 1] = '\0';
		*err = a.err;
	}
	return a.code;
}
