/* SPDX-License-Identifier: MIT */
/*
 * reserve_layout.c: a reservation as one mapping, and where a forker is best sent before it is given up.
 *
 * Costs:   a placeholder's share of the mapping is its stack, its PID, its row: 520 to 650 bytes.
 */
#include <string.h>
#include <sys/mman.h>

#include "reserve.h"

#define FIRST_CYCLIC 300 /* where the kernel's count begins again (spec R3.1) */

static void *map(size_t size)
{
	long at = SYS6(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
		       -1, 0);

	return at < 0 && at > -4096 ? NULL : (void *)(uintptr_t)at;
}

/* ------------------------------------------------------------------------------------ the mapping -- */

static uint8_t row_len(const pid_t *row, size_t levels)
{
	while (levels && !row[levels - 1])
		levels--;
	return (uint8_t)levels;
}

/* Rows with most levels first: a level that a row leaves to the kernel must not get what another one wants. */
static void copy_rows(const struct settid_reserve_args *args, pid_t *numbers, uint8_t *lens)
{
	size_t done = 0;

	for (size_t len = args->levels; len > 0; len--)
		for (size_t i = 0; i < args->numbers_len; i++) {
			const pid_t *row = args->numbers + i * args->levels;

			if (row_len(row, args->levels) != len)
				continue;
			memcpy(numbers + done * args->levels, row, args->levels * sizeof *row);
			lens[done++] = (uint8_t)len;
		}
}

struct settid__keeper *settid__keeper_lay_out(const struct settid_reserve_args *args)
{
	size_t n = args->numbers_len;
	size_t stacks = n * SETTID__PLACEHOLDER_STACK + SETTID__KEEPER_STACK;
	size_t row_size = args->levels * sizeof(pid_t);
	size_t size = sizeof(struct settid__keeper) + 64 + stacks + n * (row_size + sizeof(pid_t) + 1);
	struct settid__keeper *k = map(size);
	char *at;

	if (!k)
		return NULL;
	SYS3(SYS_madvise, k, size, MADV_DONTFORK); /* the caller's children have nothing to do with it */
	at = (char *)k + (sizeof *k + 63) / 64 * 64;
	k->size = size;
	k->rows = n;
	k->levels = args->levels;
	k->stacks = at;
	k->pids = (pid_t *)(void *)(at + stacks);
	k->numbers = k->pids + n;
	k->lens = (uint8_t *)(void *)(k->pids + n + n * args->levels);
	k->control_fd = k->caller_pidfd = k->last_pid_fd = -1;
	copy_rows(args, k->pids + n, (uint8_t *)(void *)(k->pids + n + n * args->levels));
	return k;
}

/* ------------------------------------------------------------------------------------ the aim -- */

/*
 * The kernel counts round and round through FIRST_CYCLIC .. max - 1.  Of the wanted numbers there the one with
 * the widest gap behind it is where the count had best begin; most often that is the highest.
 */
static pid_t before_widest_gap(const uint8_t *wanted, pid_t max)
{
	pid_t best = 0, last = 0, first = 0;
	long widest = -1, gap;

	for (pid_t n = FIRST_CYCLIC; n < max; n++) {
		if (!(wanted[n / 8] & (1u << n % 8)))
			continue;
		if (!last)
			first = n;
		else if (n - last > widest) {
			widest = n - last;
			best = last;
		}
		last = n;
	}
	gap = last ? (long)(max - last) + (first - FIRST_CYCLIC) : 0;
	return gap >= widest ? last : best;
}

pid_t settid__keeper_aim(const struct settid__keeper *k, size_t level, int pid_max)
{
	size_t size = (size_t)pid_max / 8 + 1;
	uint8_t *wanted = pid_max > FIRST_CYCLIC ? map(size) : NULL;
	pid_t aim;
	bool any = false;

	if (!wanted)
		return 0;
	for (size_t i = 0; i < k->rows; i++) {
		pid_t n = k->numbers[i * k->levels + level];

		any = any || n > 0;
		if (n > 0 && n < pid_max)
			wanted[n / 8] |= (uint8_t)(1u << n % 8);
	}
	aim = before_widest_gap(wanted, pid_max);
	if (!aim && any) /* only low numbers, which the count never comes back to */
		aim = FIRST_CYCLIC - 1;
	SYS2(SYS_munmap, wanted, size);
	return aim;
}
