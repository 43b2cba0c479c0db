/* SPDX-License-Identifier: MIT */
/*
 * probe.c: ask what is possible here before promising it to anybody.
 *
 *	cc probe.c $(pkg-config --cflags --libs settid) && ./a.out
 */
#include <settid.h>
#include <stdio.h>

int main(void)
{
	struct settid_probe probe = { .size = sizeof probe };
	struct settid_error err;

	if (settid_probe(&probe, &err) < 0) {
		fprintf(stderr, "%s\n", err.text);
		return 1;
	}
	printf("libsettid %s: %s\n", settid_version(), probe.why);
	for (int i = 0; i < probe.levels; i++)
		printf("level %d: numbers below %d, %s to choose\n", i, probe.level[i].pid_max,
		       probe.level[i].may_set == SETTID_YES ? "ours" : "not ours");
	return 0;
}
