/* SPDX-License-Identifier: MIT */
/*
 * test_random.c: random operations on libpidns and on the running kernel at once; any difference is printed as a short script.
 *
 *     test-random [--ops N] [--seed S] [--list N] [--workers N] [--model] [--profile 6.1]
 *                 [--no-pid-max] [--no-last-pid] [--no-page-end] [--no-ns-info]
 *
 * --ops      how many operations in all; default 20000
 * --seed     the first list's seed; it is printed, and each difference with its own
 * --list     operations of one list at the most
 * --model    libpidns alone: only pidns_check() judges
 * --profile  the version of Linux that libpidns is to be, where the kernel is not the newest
 * --no-…     leave out writes of pid_max, where it is the machine's own (before 6.14), or all of ns_last_pid, where there is none,
 *            or records that end where memory does: user-mode Linux reads on
 */
#include "random.h"

#include "../cases/puppet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* A list differs when it does so each time: RUNS in a row. */
enum { LIST_MAX = DUEL_STEPS, RUNS = 10 };

struct options {
	uint64_t ops, seed;
	uint32_t list, workers;
	bool live;
};

struct outcome {
	struct random_tally tally;
	uint32_t differences;
	uint64_t first_seed; /* of a list that differs */
	int error;
};

static struct random_op list[LIST_MAX];

static struct random_rng seeded(uint64_t seed)
{
	struct random_rng rng = { seed * 0x9e3779b97f4a7c15ULL + 0x1234567 };

	if (!rng.state)
		rng.state = 1;
	for (int i = 0; i < 8; i++)
		rng_next(&rng);
	return rng;
}

/* In one piece: several workers may have something to say at once. */
static void report(uint64_t seed, char why[512], size_t len, bool live)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	fprintf(stderr, "# seed=%llu: %s\n", (unsigned long long)seed, why);
	if (!out)
		return;
	len = random_shrink(list, len, live, why);
	fprintf(out, "# shrunk to %zu: %s\n", len, why);
	random_print(out, list, len);
	if (fclose(out) == 0)
		fwrite(text, 1, size, stderr);
	free(text);
}

/* One list in one world.  False: stop. */
static bool run_list(const struct options *o, uint64_t seed, struct outcome *out)
{
	struct random_rng rng = seeded(seed);
	enum random_verdict v = RANDOM_SAME;
	static struct duel d;
	size_t len = 0;

	out->error = duel_open(&d, o->live);
	if (out->error < 0) {
		fprintf(stderr, "# no world: %s\n", d.why);
		return false;
	}
	out->tally.worlds++;
	while (len < o->list && len < LIST_MAX && v == RANDOM_SAME) {
		random_op_make(&rng, &d, &list[len]);
		v = duel_step(&d, &list[len++], &out->tally);
	}
	if (v == RANDOM_DIFFERS || v == RANDOM_BROKEN) {
		char why[512];

		duel_close(&d);
		if (!random_differs(list, len, o->live, RUNS, why)) {
			fprintf(stderr, "# seen once: seed=%llu, operation %zu: %s\n",
				(unsigned long long)seed, len, d.why);
			out->tally.unrepeated++;
			return true;
		}
		if (out->differences++ == 0)
			out->first_seed = seed;
		report(seed, why, len, o->live);
		return out->differences < 3;
	}
	if (duel_close(&d) < 0) {
		out->error = -ETIME;
		fprintf(stderr, "# seed=%llu: the kernel's world did not end\n", (unsigned long long)seed);
		return false;
	}
	return true;
}

static void work(const struct options *o, uint32_t worker, struct outcome *out)
{
	uint64_t share = o->ops / o->workers;

	for (uint64_t n = worker; out->tally.ops < share; n += o->workers)
		if (!run_list(o, o->seed + n, out))
			return;
}

static void add(struct outcome *sum, const struct outcome *one)
{
	uint64_t *to = (uint64_t *)(void *)&sum->tally;
	const uint64_t *from = (const uint64_t *)(const void *)&one->tally;

	for (size_t i = 0; i < sizeof sum->tally / sizeof *to; i++)
		to[i] += from[i];
	sum->differences += one->differences;
	if (one->differences && !sum->first_seed)
		sum->first_seed = one->first_seed;
	if (one->error < 0)
		sum->error = one->error;
}

/* A process for each worker: the driver's side of a world is not shared. */
static bool run(const struct options *o, struct outcome *sum)
{
	pid_t pid[16];
	int fd[16][2];

	for (uint32_t i = 0; i < o->workers; i++) {
		if (pipe(fd[i]) < 0)
			return false;
		fflush(NULL);
		pid[i] = fork();
		if (pid[i] < 0)
			return false;
		if (pid[i] == 0) {
			static struct outcome own;
			int high = fcntl(fd[i][1], F_DUPFD_CLOEXEC,
					 500); /* out of the way: puppets inherit the rest in a row */

			for (int other = 3; other < 100; other++)
				close(other);

			work(o, i, &own);
			exit(write(high, &own, sizeof own) == (ssize_t)sizeof own
				     ? 0
				     : 1); /* what coverage has counted is written down */
		}
		close(fd[i][1]);
	}
	for (uint32_t i = 0; i < o->workers; i++) {
		static struct outcome one;
		size_t got = 0;
		ssize_t n;

		while (got < sizeof one && (n = read(fd[i][0], (char *)&one + got, sizeof one - got)) > 0)
			got += (size_t)n;
		close(fd[i][0]);
		waitpid(pid[i], NULL, 0);
		if (got != sizeof one) {
			fprintf(stderr, "# worker %u died\n", i);
			sum->error = -ECHILD;
			continue;
		}
		add(sum, &one);
	}
	return true;
}

static bool read_options(struct options *o, int argc, char **argv)
{
	bool known = true;

	for (int i = 1; i < argc; i++) {
		bool more = i + 1 < argc;

		if (strcmp(argv[i], "--model") == 0)
			o->live = false;
		else if (strcmp(argv[i], "--no-pid-max") == 0)
			random_left_out |= RANDOM_PID_MAX;
		else if (strcmp(argv[i], "--no-last-pid") == 0)
			random_left_out |= RANDOM_LAST_PID;
		else if (strcmp(argv[i], "--no-page-end") == 0)
			random_left_out |= RANDOM_PAGE_END;
		else if (strcmp(argv[i], "--no-ns-info") == 0)
			random_left_out |= RANDOM_NS_INFO;
		else if (strcmp(argv[i], "--profile") == 0 && more)
			duel_features = pidns_profile(argv[++i], &known);
		else if (strcmp(argv[i], "--ops") == 0 && more)
			o->ops = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--seed") == 0 && more)
			o->seed = strtoull(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--list") == 0 && more)
			o->list = (uint32_t)strtoul(argv[++i], NULL, 0);
		else if (strcmp(argv[i], "--workers") == 0 && more)
			o->workers = (uint32_t)strtoul(argv[++i], NULL, 0);
		else
			return false;
	}
	return known && o->workers >= 1 && o->workers <= 16 && o->list >= 1;
}

static void judge(const struct options *o, const struct outcome *sum, double seconds)
{
	char room[64];
	const char *missing = tally_missing(&sum->tally, room);

	printf("# seed=%llu, %.1f s, %.0f operations a second\n", (unsigned long long)o->seed, seconds,
	       (double)sum->tally.ops / seconds);
	tally_print(stdout, &sum->tally);
	printf("1..3\n");
	printf("%sok 1 - libpidns and %s never differ\n", sum->differences || sum->error < 0 ? "not " : "",
	       o->live ? "the kernel" : "its invariants");
	if (missing && duel_features != UINT32_MAX)
		printf("ok 2 - every operation and every error has occurred # SKIP not all of them exist "
		       "there\n");
	else if (missing && o->ops >= 200000)
		printf("not ok 2 - every operation and every error has occurred\n# missing: %s\n", missing);
	else
		printf("ok 2 - every operation and every error has occurred%s\n",
		       missing ? " # SKIP too few operations to ask" : "");
	printf("%sok 3 - not one operation in 100 needs another order of turns than the library's own\n",
	       (sum->tally.open + sum->tally.unrepeated) * 100 > sum->tally.ops ? "not " : "");
}

int main(int argc, char **argv)
{
	struct options o = { .ops = 20000, .seed = 1, .list = 120, .workers = 2, .live = true };
	static struct outcome sum;
	struct timespec from, to;

	if (argc == 4 && strcmp(argv[1], PUPPET_ARGUMENT) == 0)
		return puppet_main(argv);
	if (!read_options(&o, argc, argv)) {
		fprintf(stderr, "usage: test-random [--ops N] [--seed S] [--list N] [--workers N] [--model]\n"
				"                   [--profile V] [--no-pid-max] [--no-last-pid] "
				"[--no-page-end] [--no-ns-info]\n");
		return 2;
	}
	setvbuf(stdout, NULL, _IOLBF, 0);
	clock_gettime(CLOCK_MONOTONIC, &from);
	if (!run(&o, &sum))
		sum.error = -errno;
	clock_gettime(CLOCK_MONOTONIC, &to);
	judge(&o, &sum, (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9);
	return sum.differences || sum.error < 0;
}
