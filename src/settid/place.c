/* SPDX-License-Identifier: MIT */
/* place.c: see place.h. */
#include "place.h"

#include <string.h>

int place_into(struct place *p, const char *text)
{
	if (strcmp(text, "new") == 0)
		p->into = RESTORE_NEW;
	else if (strcmp(text, "current") == 0)
		p->into = RESTORE_CURRENT;
	else if (arg_is_number(text)) {
		p->into = RESTORE_PID;
		return arg_pid("--into", text, &p->into_pid);
	} else
		return cmd_usage_error("--into takes new, current or a PID, not '%s'", text);
	return CMD_OK;
}

int place_option(struct place *p, int c, const char *arg)
{
	switch (c) {
	case PLACE_OPT_INTO:
		return place_into(p, arg);
	case PLACE_OPT_USER:
		p->user = true;
		break;
	case PLACE_OPT_EXEC:
		p->exec = true;
		break;
	case PLACE_OPT_NO_CORE:
		p->no_core = true;
		break;
	default:
		return arg_method("--method", arg, &p->method);
	}
	return CMD_OK;
}

int place_check(const struct place *p)
{
	if (p->user && p->into != RESTORE_NEW)
		return cmd_usage_error("--user makes namespaces of its own, so it goes with --into new only");
	return CMD_OK;
}
