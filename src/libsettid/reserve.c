/* SPDX-License-Identifier: MIT */
/*
 * reserve.c: a reservation from its owner's side: begin, give, take, end.
 *
 * Owns:    struct settid_reservation, at the end of the keeper's mapping's life: the caller's end of the control
 *          socket, the keeper's pidfd.
 * Keeps:   (O1) the keeper has no number that a row wants; (O2) a failed call leaves nothing: the keeper is ended
 *          and reaped; (O3) the keeper's death is seen while its answer is waited for.
 * Threads: one reservation is one thread's at a time.
 */
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "reserve.h"

#define NUMBER_TRIES 4096
#define PID_MAX_LEAST 301 /* the smallest that can be set (R3.20) */
#define PID_MAX_USUAL 32768

struct settid_reservation {
	struct settid__keeper *k;
	struct settid_child keeper;
	int control_fd;
	struct settid__counts counts;
	int moved;
};

static int killed(struct settid_error *err)
{
	return settid__fail(err, -ECANCELED, SETTID_REASON_SYSTEM,
			    "the process that holds the reserved numbers was killed");
}

/* ------------------------------------------------------------------------------------ orders -- */

static int order(const struct settid_reservation *r, char what, struct settid_error *err)
{
	struct pollfd fds[2] = { { .fd = r->control_fd, .events = POLLIN },
				 { .fd = r->keeper.pidfd, .events = POLLIN } };
	char answer;
	long n;

	if (SYS6(SYS_sendto, r->control_fd, &what, 1, MSG_NOSIGNAL, 0, 0) != 1)
		return killed(err);
	do
		n = SYS5(SYS_ppoll, fds, 2, 0, 0, 8);
	while (n == -EINTR);
	if (n < 0 || !fds[0].revents || SYS3(SYS_read, r->control_fd, &answer, 1) != 1)
		return killed(err);
	return 0;
}

/* What stands in the way of a row, found by asking the kernel again. */
static int refused(const struct settid__keeper *k, struct settid_error *err)
{
	const pid_t *row = k->numbers + k->failed_row * k->levels;
	pid_t numbers[SETTID_LEVEL_MAX];
	struct settid__birth birth = { .set_tid = numbers,
				       .set_tid_len = k->lens[k->failed_row],
				       .method = SETTID_METHOD_CLONE3,
				       .cgroup_fd = -1 };

	if (k->code == -ECANCELED)
		return killed(err);
	for (size_t i = 0; i < birth.set_tid_len; i++)
		numbers[i] = row[i] ? row[i] : k->free_number;
	return settid__diagnose(&birth, k->code, err);
}

int settid_reserve_take(struct settid_reservation *r, unsigned wait_ms, struct settid_error *err)
{
	int code;

	r->k->patience_ns = (uint64_t)wait_ms * 1000000;
	code = order(r, SETTID__ORDER_TAKE, err);
	if (code < 0)
		return code;
	return r->k->code < 0 ? refused(r->k, err) : 0;
}

int settid_reserve_give(struct settid_reservation *r, struct settid_error *err)
{
	int code;

	if (r->k->held == 0)
		return 0;
	r->moved = settid__counts_move(&r->counts);
	if (r->moved < 0)
		return settid__fail(err, r->moved, SETTID_REASON_SYSTEM,
				    "cannot go back to the namespace that children lived in: %s",
				    settid__errno_text(r->moved));
	code = order(r, SETTID__ORDER_GIVE, err);
	r->moved += code == 0 && r->k->moved;
	return code;
}

int settid_reserve_info(const struct settid_reservation *r, struct settid_reserve_info *info)
{
	if (info->size != sizeof *info)
		return -EINVAL;
	*info = (struct settid_reserve_info){
		.size = sizeof *info,
		.numbers_len = r->k->rows,
		.held = r->k->held,
		.keeper = r->keeper.pid,
		.moved = r->moved,
		.retries = r->k->retries,
		.free_since_ns = r->k->free_since_ns,
		.give_ns = r->k->give_ns,
	};
	return 0;
}

/* ------------------------------------------------------------------------------------ begin -- */

static int check_args(const struct settid_reserve_args *args, struct settid_error *err)
{
	if (!args->numbers || !args->numbers_len || !args->levels || args->levels > SETTID_LEVEL_MAX ||
	    args->numbers_len > INT32_MAX / SETTID__PLACEHOLDER_STACK)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "a reservation is of 1 or more numbers at 1 to %d levels",
				    SETTID_LEVEL_MAX);
	for (size_t i = 0; i < args->numbers_len; i++) {
		bool any = false;

		for (size_t l = 0; l < args->levels; l++) {
			pid_t n = args->numbers[i * args->levels + l];

			any = any || n != 0;
			if (n < 0)
				return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
						    "%d is nobody's number", (int)n);
		}
		if (!any)
			return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
					    "row %zu of the reservation wants no number", i);
	}
	return 0;
}

/* The keeper, with a number that is chosen, and no row's.  Where children live elsewhere no file tells that
 * namespace's pid_max: a number beyond it is halved. */
static int birth_keeper(struct settid_reservation *r, int pid_max, struct settid_error *err)
{
	struct settid__keeper *k = r->k;
	pid_t number = pid_max;
	struct settid__birth birth = {
		.set_tid = &number,
		.set_tid_len = 1,
		.flags = CLONE_VM,
		.method = SETTID_METHOD_CLONE3,
		.cgroup_fd = -1,
		.child_tid = &k->alive,
		.stack = k->stacks + k->rows * SETTID__PLACEHOLDER_STACK,
		.stack_size = SETTID__KEEPER_STACK,
		.fn = settid__keeper_run,
		.arg = k,
	};
	pid_t pid = -EEXIST;

	for (int tries = 0; pid == -EEXIST && tries < NUMBER_TRIES && number > 2; tries++) {
		do
			number--;
		while (number > 2 && settid__keeper_wants(k, 0, number));
		pid = settid__clone(&birth, &r->keeper, NULL);
		if (pid == -EINVAL && number > PID_MAX_LEAST) {
			number /= 2;
			pid = -EEXIST;
		}
	}
	k->free_number = number;
	return pid < 0 ? settid__diagnose(&birth, pid, err) : 0;
}

/* What the keeper gets by its birth; the caller closes them afterwards. */
static int open_descriptors(struct settid_reservation *r, struct settid_error *err)
{
	struct settid__last_pid lp;
	int pair[2] = { -1, -1 };
	long code = SYS4(SYS_socketpair, AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair);

	r->control_fd = pair[0];
	r->k->control_fd = pair[1];
	if (code == 0) {
		code = SYS2(SYS_pidfd_open, SYS0(SYS_getpid), 0);
		r->k->caller_pidfd = code < 0 ? -1 : (int)code;
	}
	if (code < 0)
		return settid__fail(err, (int)code, SETTID_REASON_SYSTEM,
				    "no descriptor for a reservation: %s", settid__errno_text((int)code));
	if (settid__last_pid_open(&lp, NULL) == 0)
		r->k->last_pid_fd = lp.fd;
	return 0;
}

static void close_keepers(struct settid_reservation *r)
{
	settid__close_fdp(&r->k->control_fd);
	settid__close_fdp(&r->k->caller_pidfd);
	if (r->k->last_pid_fd != r->counts.last_pid_fd)
		settid__close_fdp(&r->k->last_pid_fd);
}

static int start_keeper(struct settid_reservation *r, const struct settid__levels *where,
			struct settid_error *err)
{
	int max = settid__pid_max(), code;
	uint64_t mask;

	max = max > 0 ? max : PID_MAX_USUAL;
	code = open_descriptors(r, err);
	if (code == 0) {
		r->k->aim = settid__keeper_aim(r->k, 0, max);
		settid__counts_open(&r->counts, r->k, where->inner, max);
		if (where->inner > 0)
			r->counts.last_pid_fd = r->k->last_pid_fd;
		settid__signals_block(&mask); /* the caller's handlers would run in there, on its memory */
		code = birth_keeper(r, max, err);
		settid__signals_restore(&mask);
	}
	close_keepers(r);
	return code;
}

void settid_reserve_end(struct settid_reservation *r)
{
	if (!r)
		return;
	settid__close_fdp(&r->control_fd); /* what the keeper ends by */
	if (r->keeper.pid > 0) {
		settid__reap(r->keeper.pid, r->keeper.pidfd);
		settid__close_fdp(&r->keeper.pidfd);
	}
	settid__counts_close(&r->counts);
	if (r->k)
		SYS2(SYS_munmap, r->k, r->k->size);
	SYS2(SYS_munmap, r, sizeof *r);
}

static struct settid_reservation *reservation_new(void)
{
	long at = SYS6(SYS_mmap, 0, sizeof(struct settid_reservation), PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct settid_reservation *r = (struct settid_reservation *)(uintptr_t)at;

	if (at < 0 && at > -4096)
		return NULL;
	*r = (struct settid_reservation){ .control_fd = -1,
					  .counts.last_pid_fd = -1,
					  .keeper = { .pidfd = -1 } };
	for (int l = 0; l < SETTID_LEVEL_MAX; l++)
		r->counts.fds[l] = -1;
	return r;
}

int settid_reserve(const struct settid_reserve_args *given, struct settid_reservation **out,
		   struct settid_error *err)
{
	struct settid_reserve_args args;
	struct settid_reservation *r = NULL;
	struct settid__levels where;
	int code = settid__copy_args(&args, sizeof args, given, err);

	if (code == 0)
		code = check_args(&args, err);
	if (code < 0)
		return code;
	where = settid__levels_now(0);
	if (where.fresh)
		return settid__fail(err, -EINVAL, SETTID_REASON_ARGUMENT,
				    "the namespace that children go to has no init yet: nobody can take its "
				    "numbers");
	r = reservation_new();
	if (r)
		r->k = settid__keeper_lay_out(&args);
	if (!r || !r->k) {
		settid_reserve_end(r);
		return settid__fail(err, -ENOMEM, SETTID_REASON_SYSTEM, "no memory for a reservation: %s",
				    settid__errno_text(-ENOMEM));
	}
	code = start_keeper(r, &where, err);
	if (code == 0)
		code = settid_reserve_take(r, args.wait_ms, err);
	if (code == 0)
		*out = r;
	else
		settid_reserve_end(r);
	return code;
}
