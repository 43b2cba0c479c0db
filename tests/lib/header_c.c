/* SPDX-License-Identifier: MIT */
/* header_c.c: settid.h compiles alone, as strict C11 with POSIX and nothing of ours. */
#undef _GNU_SOURCE
#define _POSIX_C_SOURCE 200809L
#include <settid.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
	int ok = strcmp(settid_version(), "0.1.0") == 0 &&
		 strcmp(settid_method_name(SETTID_METHOD_CLONE3), "clone3") == 0;

	printf("1..1\n%s 1 - settid.h compiles alone as C11 and links\n", ok ? "ok" : "not ok");
	return !ok;
}
