/* SPDX-License-Identifier: MIT */
/*
 * reserve.h: what the two sides of a reservation share: the caller's (reserve.c) and the keeper's.
 *
 * Owns:    struct settid__keeper, one mapping with the rows, the placeholders' PIDs and their stacks.
 * Keeps:   (V1) the keeper and all placeholders share the caller's memory (CLONE_VM) and use nothing of it but
 *               this mapping, by raw system calls only: no libc, no TLS, whose thread may be gone;
 *          (V2) a placeholder is a child of the keeper, which alone reaps it, and only to free its number:
 *               one that somebody killed holds its number as a zombie;
 *          (V3) an order is one byte through the control socket, and has one byte as its answer; what is
 *               written before one is read after it.
 */
#ifndef SETTID_RESERVE_H
#define SETTID_RESERVE_H

#include "internal.h"

#define SETTID__PLACEHOLDER_STACK 512 /* bytes; a placeholder calls two system calls from one frame */
#define SETTID__KEEPER_STACK 16384
#define SETTID__KEEPER_NAME "settid-reserve"

enum settid__order { SETTID__ORDER_TAKE = 'T', SETTID__ORDER_GIVE = 'G' };

struct settid__keeper {
	/* written before it starts */
	size_t size;          /* of the mapping */
	const pid_t *numbers; /* rows, those with most levels first */
	const uint8_t *lens;  /* numbers of each row that are wanted */
	size_t rows, levels;
	char *stacks;                              /* of the placeholders; the keeper's own is behind them */
	int control_fd, caller_pidfd, last_pid_fd; /* as they are in its own table */
	/* written by the caller before an order */
	uint64_t patience_ns; /* TAKE: how long to try again */
	pid_t aim;            /* GIVE: written to ns_last_pid first; 0 = not */
	/* the answer */
	int code;
	size_t failed_row;
	unsigned retries;
	bool moved;
	size_t held;
	uint64_t free_since_ns, give_ns;
	/* the keeper's */
	pid_t alive;       /* its TID; the kernel clears it when the keeper ends */
	pid_t free_number; /* the last one that was taken where a row has 0 before another number */
	pid_t *pids;       /* of the placeholders, as the keeper sees them; 0 = not held */
};

/* reserve_keeper.c: the keeper's life, for clone3; arg is the struct. */
int settid__keeper_run(void *arg);
/* Is this number wanted at that level (index into the rows)? */
bool settid__keeper_wants(const struct settid__keeper *k, size_t level, pid_t number);

/* reserve_counts.c: ns_last_pid of the namespaces from the caller's own to the one around the innermost. */
struct settid__counts {
	int inner;                    /* index of the caller's own; those below it, but for 0, are between */
	int last_pid_fd;              /* -1 = it cannot be written */
	int fds[SETTID_LEVEL_MAX];    /* the namespaces between; -1 = not known */
	pid_t aims[SETTID_LEVEL_MAX]; /* what goes there; 0 = nothing is wanted there */
};
/* Finds out what can be moved; c is all 0 and -1 before; the descriptor is given later.  `inner` as in struct settid__levels. */
void settid__counts_open(struct settid__counts *c, const struct settid__keeper *k, int inner, int pid_max);
/* At how many levels it moved one, or a negative errno: the caller's children live elsewhere now. */
int settid__counts_move(const struct settid__counts *c);
void settid__counts_close(struct settid__counts *c);

/* reserve_layout.c: the mapping, with the rows in it; NULL = no memory. */
struct settid__keeper *settid__keeper_lay_out(const struct settid_reserve_args *args);
/* What ns_last_pid is best set to for that level's numbers, below pid_max; 0 = nothing is wanted there. */
pid_t settid__keeper_aim(const struct settid__keeper *k, size_t level, int pid_max);

#endif
