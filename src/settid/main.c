/* SPDX-License-Identifier: MIT */
/*
 * main.c: `settid COMMAND`: the one table of commands, and what is said when none fits.
 *
 * Keeps:   (M1) help, dispatch and suggestions all read the same rows;
 *          (M2) a command's output that could not be written is an error, never a silent success.
 */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>

#include "cmd.h"
#include "out.h"

static int cmd_help_on(int argc, char **argv);

struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *summary;
};

static const struct command commands[] = {
	{ "dump", cmd_dump, "write a live process tree as a tree file" },
	{ "exec", cmd_exec, "run a command with exactly the PIDs you choose" },
	{ "probe", cmd_probe, "show which ways to choose PIDs work here" },
	{ "show", cmd_show, "draw a process tree: a file, or the live one below a PID" },
	{ "convert", cmd_convert, "write a tree, such as the images of a CRIU dump, as a tree file" },
	{ "diff", cmd_diff, "say in words what differs between two trees" },
	{ "restore", cmd_restore, "build a process tree with exactly the numbers of a file" },
	{ "plan", cmd_plan, "print how restore would build a tree" },
	{ "check", cmd_check, "say whether a restore would work, and what is in the way" },
	{ "inventory", cmd_inventory, "write what this machine holds and allows, for check" },
	{ "reserve", cmd_reserve, "hold numbers free for a restore that is about to start" },
	{ "model", cmd_model, "ask what Linux would answer, without a kernel" },
	{ "help", cmd_help_on, "explain a command" },
};
#define COMMANDS_LEN (sizeof commands / sizeof *commands)

static const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < COMMANDS_LEN; i++)
		if (strcmp(commands[i].name, name) == 0)
			return &commands[i];
	return NULL;
}

static int print_help(void)
{
	puts("Usage: settid COMMAND [ARGUMENT...]\n"
	     "Processes and process trees with exactly the PIDs you choose.\n"
	     "\n"
	     "Commands:");
	for (size_t i = 0; i < COMMANDS_LEN; i++)
		printf("  %-10s %s\n", commands[i].name, commands[i].summary);
	puts("\n"
	     "  -h, --help     this text; 'settid COMMAND --help' explains one command\n"
	     "  -V, --version  the version\n"
	     "\n"
	     "Wrong usage ends with status 125.  See settid(1).");
	return CMD_OK;
}

static int print_version(void)
{
	puts("settid " SETTID_VERSION);
	return CMD_OK;
}

/* ----------------------------------------------------------------------------------- suggestions -- */

static unsigned min3(unsigned a, unsigned b, unsigned c)
{
	unsigned m = a < b ? a : b;
	return m < c ? m : c;
}

#define WORD_MAX 24

/* How many letters must be changed, added, dropped or swapped with a neighbour to make b of a. */
static unsigned word_distance(const char *a, const char *b)
{
	unsigned d[WORD_MAX + 1][WORD_MAX + 1];
	size_t al = strlen(a), bl = strlen(b);

	if (al > WORD_MAX || bl > WORD_MAX)
		return WORD_MAX;
	for (size_t i = 0; i <= al; i++)
		d[i][0] = (unsigned)i;
	for (size_t j = 0; j <= bl; j++)
		d[0][j] = (unsigned)j;
	for (size_t i = 1; i <= al; i++) {
		for (size_t j = 1; j <= bl; j++) {
			unsigned other = a[i - 1] != b[j - 1];
			d[i][j] = min3(d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + other);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] &&
			    d[i - 2][j - 2] + 1 < d[i][j])
				d[i][j] = d[i - 2][j - 2] + 1;
		}
	}
	return d[al][bl];
}

/* What was probably meant: a command the word begins or ends short of, or one at most two slips away. */
static const struct command *command_guess(const char *word)
{
	const struct command *best = NULL;
	unsigned best_distance = 3;

	for (size_t i = 0; i < COMMANDS_LEN; i++) {
		const struct command *c = &commands[i];
		unsigned distance = word_distance(word, c->name);
		if (strlen(word) >= 2 && strncmp(word, c->name, strlen(word)) == 0)
			distance = 1;
		if (distance < best_distance && distance < strlen(c->name) - 1) {
			best = c;
			best_distance = distance;
		}
	}
	return best;
}

static int unknown_command(const char *word)
{
	const struct command *guess = command_guess(word);

	if (guess)
		return cmd_usage_error("there is no command '%s'; did you mean '%s'?", word, guess->name);
	return cmd_usage_error("there is no command '%s'", word);
}

/* --------------------------------------------------------------------------------------- running -- */

static int command_run(const struct command *c, int argc, char **argv)
{
	char name[32];

	snprintf(name, sizeof name, "settid %s", c->name);
	cmd_set_prefix(name);
	argv[0] = name;
	int status = c->run(argc, argv);
	cmd_set_prefix("settid"); /* `name` ends here */
	return status;
}

static int cmd_help_on(int argc, char **argv)
{
	cmd_set_prefix("settid");
	if (argc < 2 || strcmp(argv[1], "help") == 0 || strcmp(argv[1], "--help") == 0)
		return print_help();
	if (argc > 2)
		return cmd_usage_error("help: one command at a time");

	const struct command *c = command_find(argv[1]);
	if (!c)
		return unknown_command(argv[1]);

	char help[] = "--help";
	char *ask[] = { argv[0], help, NULL };
	return command_run(c, 2, ask);
}

static int dispatch(int argc, char **argv)
{
	if (argc < 2) {
		fputs("Usage: settid COMMAND [ARGUMENT...]\n", stderr);
		return cmd_usage_hint();
	}
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		return print_help();
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0)
		return print_version();
	if (word[0] == '-')
		return cmd_usage_error("unknown option '%s'", word);

	const struct command *c = command_find(word);
	return c ? command_run(c, argc - 1, argv + 1) : unknown_command(word);
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, ""); /* characters only: numbers stay C's, in JSON and in arguments */
	int status = dispatch(argc, argv);

	int r = out_finish();
	if (r == 0 || status != CMD_OK) /* a command that failed has said why: most likely just this */
		return status;
	cmd_warn("cannot write the output%s%s", r == OUT_LOST ? "" : ": ", r == OUT_LOST ? "" : strerror(-r));
	return CMD_FAILED;
}
