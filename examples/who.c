/* SPDX-License-Identifier: MIT */
/*
 * who.c: who holds a number?  A process, a thread, a zombie, or only the name of a group or session.
 *
 *	cc who.c $(pkg-config --cflags --libs settid) && ./a.out 1
 */
#include <settid.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	const pid_t number = argc > 1 ? atoi(argv[1]) : 1;
	struct settid_error who;

	int held = settid_who(number, &who);
	if (held < 0) {
		fprintf(stderr, "/proc cannot be read here\n");
		return 1;
	}
	printf("%s\n", held ? who.text : "it looks free");
	if (held)
		printf("holder: %s\n", settid_holder_name(who.holder));
	return 0;
}
