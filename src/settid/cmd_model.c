/* SPDX-License-Identifier: MIT */
/*
 * cmd_model.c: `settid model`: what Linux's PID subsystem would answer, asked line by line.
 *
 * Keeps:   (L1) a script ends at its first wrong line, with the answers before it printed; a person gets another try;
 *          (L2) whoever talks through pipes has each answer before the next line is read.
 */
#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cmd.h"
#include "model_edit.h"
#include "model_script.h"
#include "out.h"

static const char help[] = "Usage: settid model [OPTION...] [SCRIPT]\n"
			   "Ask what Linux's PID subsystem would do, without a kernel.\n"
			   "\n"
			   "SCRIPT is a file of lines like these; - is standard input, and so is none:\n"
			   "  a = init clone3 flags=NEWPID set_tid=1,42,31496\n"
			   "  init clone3 set_tid=42         # answered: 2: error EEXIST index=0 ...\n"
			   "  a exit_group status=3\n"
			   "  init wait4 pid=-1  ? exit3     # a check\n"
			   "The line 'help' explains the language, 'help clone3' one operation.\n"
			   "\n"
			   "  -p, --profile VERSION  answer as that Linux, 5.5 to 6.18; default 6.18\n"
			   "  -l, --levels K         the actor init is K levels deep, 0 to 32; default 1:\n"
			   "                         there is a machine around it\n"
			   "  -j, --json             one JSON object a line\n"
			   "  -q, --quiet            only what tree, draw and help print, and failed checks\n"
			   "  -h, --help             this text\n"
			   "\n"
			   "On a terminal it is a conversation; the end is quit or Ctrl-D.\n";

static const char help_end[] =
	"\n"
	"Exit status: 0; 1 a check failed; 125 wrong usage, or a wrong line, which is\n"
	"named with its column.  See settid-model(1).\n";

/* -------------------------------------------------------------------------------------------- lines -- */

/* CMD_OK goes on. */
static int tell(const struct script *s, enum script_result r, const char *file,
		const struct script_complaint *wrong)
{
	int line = script_next_line(s) - 1;

	switch (r) {
	case SCRIPT_WRONG:
		if (!file)
			return cmd_fail(CMD_USAGE, "%d:%d: %s", line, wrong->column, wrong->text);
		return cmd_fail(CMD_USAGE, "%s:%d:%d: %s", file, line, wrong->column, wrong->text);
	case SCRIPT_NO_MEMORY:
		return cmd_fail(CMD_USAGE, "line %d: out of memory", line);
	case SCRIPT_BROKEN:
		return cmd_fail(CMD_USAGE, "line %d: a state that cannot be; please report this script",
				line);
	default:
		return CMD_OK;
	}
}

static int converse(struct script *s)
{
	struct editor *e = editor_new(s);
	struct script_complaint wrong;
	enum script_result r = SCRIPT_OK;
	int status = CMD_OK;
	const char *text = NULL;

	if (!e)
		return cmd_fail(CMD_USAGE,
				"this terminal cannot be used for editing lines; try: cat | settid model");
	while (r != SCRIPT_QUIT && (status == CMD_OK || r == SCRIPT_WRONG) && (text = editor_line(e))) {
		r = script_line(s, text, &wrong);
		status = tell(s, r, NULL, &wrong);
		fflush(stdout);
	}
	if (!text)
		putchar('\n');
	editor_free(e);
	return r == SCRIPT_WRONG ? CMD_OK : status;
}

static int run_lines(struct script *s, FILE *in, const char *file)
{
	struct script_complaint wrong;
	enum script_result r = SCRIPT_OK;
	struct stat st;
	bool flushes = fstat(fileno(in), &st) < 0 || !S_ISREG(st.st_mode);
	char *text = NULL;
	size_t room = 0;
	int status = CMD_OK;
	ssize_t len;

	while (r == SCRIPT_OK && (len = getline(&text, &room, in)) >= 0) {
		if (len > 0 && text[len - 1] == '\n')
			text[--len] = '\0';
		if (strlen(text) != (size_t)len) {
			status = cmd_fail(CMD_USAGE, "%s:%d:%zu: a NUL byte", file, script_next_line(s),
					  strlen(text) + 1);
			break;
		}
		r = script_line(s, text, &wrong);
		status = tell(s, r, file, &wrong);
		if (flushes)
			fflush(stdout);
	}
	if (ferror(in))
		status = cmd_fail(CMD_USAGE, "%s: %s", file, strerror(errno));
	free(text);
	return status;
}

static int run_file(struct script *s, const char *path)
{
	FILE *in;
	int status;

	if (strcmp(path, "-") == 0)
		return run_lines(s, stdin, "-");
	in = fopen(path, "re");
	if (!in)
		return cmd_fail(CMD_USAGE, "%s: %s", path, strerror(errno));
	status = run_lines(s, in, path);
	fclose(in);
	return status;
}

/* ------------------------------------------------------------------------------------------- options -- */

static int parse_profile(const char *text, uint32_t *features)
{
	bool known = false;

	*features = pidns_profile(text, &known);
	if (known)
		return CMD_OK;
	return cmd_usage_error("--profile: '%s' is no Linux version from 5.5 to 6.18", text);
}

static int parse_options(int argc, char **argv, struct script_config *config)
{
	static const struct option options[] = {
		{ "profile", required_argument, NULL, 'p' }, { "levels", required_argument, NULL, 'l' },
		{ "json", no_argument, NULL, 'j' },          { "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },          { NULL, 0, NULL, 0 },
	};
	uint64_t number;
	int option, r = CMD_OK;

	while (r == CMD_OK && (option = getopt_long(argc, argv, "p:l:jqh", options, NULL)) != -1) {
		switch (option) {
		case 'p':
			r = parse_profile(optarg, &config->features);
			break;
		case 'l':
			r = arg_number("--levels", optarg, 0, PIDNS_LEVEL_MAX, &number);
			config->levels = r == CMD_OK ? (int)number : 0;
			break;
		case 'j':
			config->json = true;
			break;
		case 'q':
			config->quiet = true;
			break;
		case 'h':
			config->out = NULL;
			return CMD_OK;
		default:
			return cmd_usage_hint();
		}
	}
	if (r == CMD_OK && argc - optind > 1)
		return cmd_usage_error("one script at a time: '%s' is too many", argv[optind + 1]);
	return r;
}

static int say_help(void)
{
	fputs(help, stdout);
	fputs(model_edit_about, stdout);
	return cmd_help(help_end);
}

int cmd_model(int argc, char **argv)
{
	struct script_config config = { .features = pidns_profile("6.18", NULL),
					.levels = 1,
					.out = stdout,
					.show = out_show_options(stdout) };
	int status = parse_options(argc, argv, &config);
	const char *path = argv[optind];
	struct script *s;

	if (status != CMD_OK)
		return status;
	if (!config.out)
		return say_help();
	if (script_new(&s, &config) < 0)
		return cmd_fail(CMD_USAGE, "out of memory");
	if (!path && isatty(STDIN_FILENO) && isatty(STDOUT_FILENO))
		status = converse(s);
	else
		status = run_file(s, path ? path : "-");
	if (status == CMD_OK && script_failed_checks(s) > 0)
		status = CMD_FAILED;
	script_free(s);
	return status;
}
