/* SPDX-License-Identifier: MIT */
/*
 * pidns_numbers.c: the figures of one namespace with so many numbers held, all subjects taking turns.
 *
 *	pidns_numbers LIVE ROUNDS PASSES
 *
 * In a round every subject is filled, then all loops run PASSES times, subject by subject within a loop, so that neighbours in
 * time are what gets compared.  Memory stays the program's from one round to the next: what the kernel needs to find a page is no
 * subject's cost from the second on.  A line per sample: SUBJECT/FIGURE, nanoseconds for one operation (bytes for `bytes`).
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "pidns_subject.h"

static const struct subject *const subjects[] = {
	&subject_pidns,   &subject_bare,
#ifdef WITH_RADIX
	&subject_radix,
#endif
#ifdef WITH_UTHASH
	&subject_uthash,
#endif
#ifdef WITH_JUDY
	&subject_judy,
#endif
#ifdef WITH_ROARING
	&subject_roaring,
#endif
};
enum { SUBJECTS = sizeof subjects / sizeof *subjects };

static const char *const names[] = FIGURE_NAMES;

/* About a millisecond each. */
static const uint32_t ops[FIGURES] = {
	[PAIR] = 40000, [WISHED] = 20000,   [HOT] = 300000,  [RANDOM] = 100000,
	[GET] = 60000,  [LAST_FREE] = 3000, [NEXT] = 100000,
};

static void say(const struct subject *s, const char *figure, double value)
{
	printf("%s/%s %.4f\n", s->name, figure, value);
}

static void run_passes(void *self[SUBJECTS], uint32_t live, unsigned passes)
{
	double ns;

	for (unsigned pass = 0; pass < passes; pass++)
		for (int figure = 0; figure < FIGURES; figure++)
			for (unsigned k = 0; k < SUBJECTS; k++) {
				unsigned at = pass % 2 ? SUBJECTS - 1 - k : k;
				loop_fn *loop = subjects[at]->loop[figure];

				if (!loop)
					continue;
				/* a first time brings into the caches what the others have pushed out */
				loop(self[at], live, ops[figure]);
				ns = loop(self[at], live, ops[figure]);
				if (pass && ns > 0)
					say(subjects[at], names[figure], ns);
			}
}

static void run_round(uint32_t live, unsigned passes)
{
	void *self[SUBJECTS];
	double ns_each;

	for (unsigned k = 0; k < SUBJECTS; k++) {
		self[k] = subjects[k]->fill(live, &ns_each);
		say(subjects[k], "fill", ns_each);
		say(subjects[k], "bytes", subjects[k]->bytes(self[k], live));
	}
	run_passes(self, live, passes);
	for (unsigned k = 0; k < SUBJECTS; k++)
		subjects[k]->done(self[k], live);
}

int main(int argc, char **argv)
{
	uint32_t live = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 0;

	if (argc != 4 || live < 1 || live > 4000000) {
		fputs("usage: pidns_numbers LIVE ROUNDS PASSES\n", stderr);
		return 2;
	}
	mallopt(M_MMAP_MAX, 0);
	mallopt(M_TRIM_THRESHOLD, INT32_MAX);
	for (unsigned round = (unsigned)atoi(argv[2]); round > 0; round--)
		run_round(live, (unsigned)atoi(argv[3]) + 1);
	return 0;
}
