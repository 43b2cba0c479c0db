/* SPDX-License-Identifier: MIT */
/*
 * cmd_inventory.c: `settid inventory`: what this machine holds and allows, for `settid check --against`.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cmd.h"
#include "out.h"
#include "tree/machine.h"

static const char help[] =
	"Usage: settid inventory [--json]\n"
	"Write which numbers are taken here, and what this user may do and has left, so that\n"
	"another place can tell which trees could be restored here.\n"
	"\n"
	"  -j, --json  the whole of it, for 'settid check --against'\n"
	"  -h, --help  this text\n"
	"\n"
	"Exit status: 0 done, 1 it could not be found out.  See settid-inventory(1).\n";

static void add(struct libscols_table *t, const char *what, const char *value)
{
	(void)out_table_row(t, (const char *[]){ what, value }, 2);
}

static void add_number(struct libscols_table *t, const char *what, int64_t value)
{
	char text[32];

	snprintf(text, sizeof text, "%" PRId64, value);
	add(t, what, value == MACHINE_UNKNOWN ? "?" : value == MACHINE_UNLIMITED ? "no limit" : text);
}

static int print_table(const struct inventory *inv)
{
	static const char *const holders[] = {
		[SETTID_HOLDER_PROCESS] = "processes",
		[SETTID_HOLDER_THREAD] = "threads beside them",
		[SETTID_HOLDER_ZOMBIE] = "zombies",
		[SETTID_HOLDER_DEAD_LEADER] = "dead leaders with threads",
		[SETTID_HOLDER_GROUP] = "groups of dead leaders",
		[SETTID_HOLDER_SESSION] = "sessions of dead leaders",
	};
	const struct machine *m = &inv->machine;
	int64_t count[SETTID_HOLDER_UNSEEN + 1] = { 0 };
	struct libscols_table *t = out_table_new();

	for (size_t i = 0; i < inv->taken_len; i++)
		count[inv->taken[i].holder]++;
	(void)out_table_column(t, "WHAT", OUT_LEFT);
	(void)out_table_column(t, "HERE", OUT_LEFT);
	add(t, "machine", m->host);
	add(t, "kernel", m->kernel);
	add(t, "choosing numbers", m->why);
	for (size_t h = SETTID_HOLDER_PROCESS; h <= SETTID_HOLDER_SESSION; h++)
		add_number(t, holders[h], count[h]);
	add_number(t, "numbers left", inventory_left(inv));
	add_number(t, "processes left: user", m->user_left);
	add_number(t, "processes left: cgroup", m->cgroup_left);
	add_number(t, "processes left: machine", m->threads_left);
	add_number(t, "PID namespaces left", m->namespaces_left);
	add_number(t, "memory left, MiB", m->memory_left > 0 ? m->memory_left >> 20 : m->memory_left);
	return out_table_print(t);
}

int cmd_inventory(int argc, char **argv)
{
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct tree_error err = { 0 };
	struct inventory inv;
	bool json = false;
	int c, r;

	while ((c = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		if (c == 'h')
			return cmd_help(help);
		if (c != 'j')
			return cmd_usage_hint();
		json = true;
	}
	if (argv[optind])
		return cmd_usage_error("'%s': nothing is expected here", argv[optind]);
	if (inventory_read(&inv, &err) < 0)
		return cmd_fail(CMD_FAILED, "%s", err.text);
	r = json ? inventory_write(&inv, stdout) : print_table(&inv);
	inventory_done(&inv);
	return r < 0 ? cmd_fail(CMD_FAILED, "cannot write the inventory") : CMD_OK;
}
