/* SPDX-License-Identifier: MIT */
/*
 * test_restore_faults.c: every system call of a restore fails in turn, whichever process makes it (restorer, guard,
 * helper init, placeholders): what follows is an error with a sentence or the right tree, and then nothing is left.
 *
 * SETTID_FAULTS=all tries all codes on all trees in all places; else each tree meets the likeliest code in one place
 * or two.  Each attempt is a process of its own, so that a hang is seen (attempt.h).
 */
#include "world.h"

#include "attempt.h"
#include "fault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum phase { BUILD, END, PROGRAMS };

struct row {
	struct attempt a;
	enum phase phase; /* PROGRAMS: of a tree whose root exits with 9 */
	int code;
	/* of one attempt */
	struct tree *tree;
	struct plan *plan;
	unsigned nth;
};
static const struct row *current;

static char pidfile[32]; /* two runs may share a directory */

static int shared_mappings(void)
{
	char line[512];
	int n = 0;
	FILE *f = fopen("/proc/self/maps", "re");

	CHECK(f != NULL);
	while (fgets(line, sizeof line, f))
		n += strstr(line, "rw-s") != NULL;
	fclose(f);
	return n;
}

static void arm(const struct row *row, enum phase phase)
{
	if (row->phase == phase)
		fault_arm(row->nth, row->code);
}

static int build(const struct row *row, const struct restore_options *o, struct restore **r,
		 struct tree_error *err)
{
	int rc;

	arm(row, BUILD);
	rc = restore_begin(row->tree, row->plan, o, r, err);
	if (rc == 0)
		rc = restore_wait_stands(*r, -1, 0, NULL, NULL, err);
	if (rc == 0)
		rc = restore_pidfile(*r, err);
	return rc;
}

static int run_programs(const struct row *row, struct restore *r, struct tree_error *err)
{
	int status = -1, rc;

	arm(row, PROGRAMS);
	rc = restore_release(r, err);
	if (rc == 0)
		rc = restore_wait_end(r, -1, &status, err);
	if (rc == 0)
		CHECK_INT(status, 9 << 8);
	return rc;
}

static void attempt(void *arg)
{
	const struct row *row = arg;
	struct restore_options o = attempt_options(&row->a);
	struct world_census before = world_census();
	struct tree_error err = { 0 };
	struct restore *r = NULL;
	int mappings = shared_mappings(), rc;

	o.pidfile = pidfile;
	fault_arm(0, 0);
	rc = build(row, &o, &r, &err);
	if (row->phase == BUILD)
		fault_disarm();
	if (rc == 0 && !row->a.exec)
		CHECK_INT(attempt_differences(row->tree, restore_root(r)), 0);
	if (rc == 0 && row->a.exec)
		rc = run_programs(row, r, &err);
	if (rc < 0) {
		CHECK_INT(err.code, rc);
		CHECK(err.text[0] != '\0' && fault_syscall() >= 0);
	}
	arm(row, END);
	restore_end(r);
	fault_disarm();
	world_census_check(before, "the restorer");
	CHECK_INT(shared_mappings(), mappings);
	CHECK(access(pidfile, F_OK) < 0);
	attempt_options_done();
}

static void describe(void *arg, char *buf, size_t size)
{
	const struct row *row = arg;

	snprintf(buf, size, "%s: call %u, system call %ld, failing with %d", row->a.tree, row->nth,
		 fault_syscall(), row->code);
}

/* nth = 1, 2, ... until a run meets no fault. */
static void fail_each_call(void)
{
	struct row row = *current;
	unsigned met = 0, longest = row.phase == BUILD ? 5 : 1;

	attempt_step_aside();
	fault_arm(0, 0);
	row.tree = attempt_read(&row.a);
	row.plan = attempt_plan(&row.a, row.tree);
	for (row.nth = 1; row.nth < 3000; row.nth++) {
		attempt_run(attempt, &row, describe);
		if (fault_syscall() < 0)
			break;
		met++;
	}
	CHECK(met >= longest && row.nth < 3000);
	printf("# %s: %u calls failed, one after the other\n", row.a.tree, met);
	fflush(stdout);
}

static void test_row(void **state)
{
	current = *state;
	world_run(WORLD_PROC, fail_each_call);
}

/* ------------------------------------------------------------------------------------ rows -- */

#define ROWS_MAX 800

static struct row rows[ROWS_MAX];
static struct CMUnitTest tests[ROWS_MAX];
static size_t rows_len;

static void add_attempt(struct attempt a, enum phase phase, int code)
{
	static const char *const places[] = { "a new namespace", "the current one", "another one" };
	static const char *const phases[] = { "built", "undone", "released" };
	struct row *row = &rows[rows_len];
	char *name = malloc(160), which[16] = "likeliest";

	row->a = a;
	row->a.exec = phase == PROGRAMS;
	row->phase = phase;
	row->code = code;
	if (code < 0)
		snprintf(which, sizeof which, "%d", code);
	snprintf(name, 160, "any call of '%s' may fail (%s) while it is %s in %s%s%s", a.tree, which,
		 phases[phase], places[a.into], a.user ? ", by --user" : "",
		 a.last_pid ? ", by ns_last_pid" : "");
	tests[rows_len++] = (struct CMUnitTest){ .name = name, .test_func = test_row, .initial_state = row };
}

static void add(const char *tree, enum restore_into into, enum phase phase, int code)
{
	add_attempt((struct attempt){ .tree = tree, .into = into }, phase, code);
}

static void add_by_user(const char *tree, int code)
{
	add_attempt((struct attempt){ .tree = tree, .into = RESTORE_NEW, .user = true }, BUILD, code);
}

static void add_by_last_pid(const char *tree, enum restore_into into, int code)
{
	add_attempt((struct attempt){ .tree = tree, .into = into, .last_pid = true }, BUILD, code);
}

static void add_shape(const char *tree, int code)
{
	for (enum restore_into into = RESTORE_NEW; into <= RESTORE_PID; into++) {
		add(tree, into, BUILD, code);
		add(tree, into, END, code);
	}
}

static void add_all(void)
{
	static const char *const fresh[] = { "init",
					     "dead-init",
					     "stopped-init",
					     "entered-from-outside",
					     "orphan-at-subreaper",
					     "moved-from-outside",
					     "strays-after-execve",
					     "strays-stopped-by-zombies",
					     "init-back-outside" };
	static const int codes[] = { FAULT_LIKELY, -EPERM, -EINTR, -ENOMEM };

	for (size_t c = 0; c < sizeof codes / sizeof *codes; c++) {
		for (const char *const *shape = attempt_shapes; *shape; shape++)
			add_shape(*shape, codes[c]);
		add_shape("leaderless-parent-of-another-session", codes[c]);
		for (size_t k = 0; k < sizeof fresh / sizeof *fresh; k++)
			add(fresh[k], RESTORE_NEW, BUILD, codes[c]);
		for (enum restore_into into = RESTORE_NEW; into <= RESTORE_PID; into++) {
			add("programs", into, BUILD, codes[c]);
			add("programs", into, PROGRAMS, codes[c]);
			add("programs", into, END, codes[c]);
			add_by_last_pid("groups", into, codes[c]);
			add_by_last_pid("threads", into, codes[c]);
		}
		add_by_user("nested", codes[c]);
		add_by_user("zombies", codes[c]);
		add_by_user("signal-lost-by-execve", codes[c]);
	}
}

static void add_some(void)
{
	add("single", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("single", RESTORE_PID, BUILD, FAULT_LIKELY);
	add("groups", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("sessions", RESTORE_CURRENT, BUILD, -EPERM);
	add("threads", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("stopped", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("entered", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("nested", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("stopped-init", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("notify", RESTORE_CURRENT, BUILD, -EINTR);
	add("entered-from-outside", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("children-elsewhere", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("dead-leaders-on-one-way-up", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("orphan-at-subreaper", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("leaderless-family", RESTORE_CURRENT, BUILD, -EPERM);
	add("core", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("moved-from-outside", RESTORE_NEW, BUILD, FAULT_LIKELY);
	add("leaders-in-each-others-sessions", RESTORE_NEW, BUILD, -EPERM);
	add("signal-lost-by-execve", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("strays-after-execve", RESTORE_NEW, BUILD, -EPERM);
	add("back-outside", RESTORE_PID, BUILD, -EPERM);
	add("parents-stopped-by-zombies", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add("nested", RESTORE_NEW, END, FAULT_LIKELY);
	add("entered", RESTORE_CURRENT, END, FAULT_LIKELY);
	add("programs", RESTORE_NEW, PROGRAMS, FAULT_LIKELY);
	add("programs", RESTORE_CURRENT, PROGRAMS, FAULT_LIKELY);
	add("programs", RESTORE_CURRENT, BUILD, FAULT_LIKELY);
	add_by_user("nested", FAULT_LIKELY);
	add_by_last_pid("threads", RESTORE_CURRENT, FAULT_LIKELY);
}

int main(int argc, char **argv)
{
	const char *missing = world_missing(), *which = getenv("SETTID_FAULTS");

	if (missing || argc < 2) {
		printf("1..0 # SKIP %s\n", missing ? missing : "no folder of trees is named");
		return 0;
	}
	snprintf(pidfile, sizeof pidfile, "settid-fault-%d.pid", (int)getpid());
	attempt_trees(argv[1]);
	if (which && strcmp(which, "all") == 0)
		add_all();
	else
		add_some();
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return _cmocka_run_group_tests("faults of restore", tests, rows_len, NULL, NULL);
}
