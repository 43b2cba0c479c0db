/* SPDX-License-Identifier: MIT */
/*
 * plan.c: how long a tree file takes to read, its plan to be made, and to be proven on the model.
 *
 *	plan ROUNDS FILE...
 *
 * A line per step: "FILE's index-the step, nanoseconds" of processor time: nothing of it waits for anybody.  The files
 * take turns.
 */
#include "tree/plan.h"
#include "samples.h"

static uint64_t cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static void say(int file, const char *step, uint64_t start)
{
	printf("%d-%s %llu\n", file, step, (unsigned long long)(cpu_ns() - start));
}

static void once(int file, const char *path)
{
	const struct plan_options o = { .new_namespace = true };
	struct tree_error err = { 0 };
	struct plan_proof proof;
	struct tree *t = NULL;
	struct plan *p = NULL;
	uint64_t start = cpu_ns();

	if (tree_read_file(path, &t, &err) < 0)
		die(err.text, -err.code);
	say(file, "read", start);
	start = cpu_ns();
	if (plan_make(t, &o, &p, &err) < 0)
		die(err.text, -err.code);
	say(file, "plan", start);
	start = cpu_ns();
	if (plan_prove(p, t, &o, 0, &proof, &err) < 0)
		die(err.text, -err.code);
	say(file, "prove", start);
	plan_free(p);
	tree_free(t);
}

int main(int argc, char **argv)
{
	unsigned rounds = number_argument(argc, argv, 1, 0);

	if (argc < 3)
		die("usage: plan ROUNDS FILE...", EINVAL);
	for (unsigned round = 0; round < rounds; round++)
		for (int k = 2; k < argc; k++)
			once(k - 2, argv[k]);
	return 0;
}
