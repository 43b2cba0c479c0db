/* SPDX-License-Identifier: MIT */
/*
 * test_show.c: the pictures of a tree: what must be in them, what must never get into them, and what they cost.
 */
#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tree/tree.h"

static const char shell_job[] =
	"{\"settid\": 1, \"processes\": [\n"
	"{\"nspid\": [100], \"ppid\": 0, \"pgid\": 100, \"sid\": 100, \"state\": \"live\", \"argv\": "
	"[\"-bash\"],"
	" \"comm\": \"bash\"},\n"
	"{\"nspid\": [101], \"ppid\": 100, \"pgid\": 101, \"sid\": 100, \"state\": \"live\", \"comm\": "
	"\"worker\","
	" \"threads\": [{\"nspid\": [101]}, {\"nspid\": [43]}, {\"nspid\": [44]}, {\"nspid\": [45]}]},\n"
	"{\"nspid\": [102], \"ppid\": 101, \"pgid\": 101, \"sid\": 100, \"state\": \"stopped\", "
	"\"stop_signal\": 20},\n"
	"{\"nspid\": [103], \"ppid\": 100, \"pgid\": 90, \"sid\": 100, \"state\": \"zombie\", "
	"\"exit_signal\": 11,"
	" \"core_dumped\": true, \"comm\": \"crash\"},\n"
	"{\"nspid\": [105, 1], \"ppid\": 100, \"pgid\": 105, \"sid\": 105, \"state\": \"live\", \"comm\": "
	"\"init\"},\n"
	"{\"nspid\": [106, 2], \"ppid\": 105, \"pgid\": 105, \"sid\": 105, \"state\": \"live\","
	" \"argv\": [\"sleep\", \"1 h\", \"it's\"]}\n"
	"], \"ghosts\": [{\"nspid\": [90]}]}\n";

/* Escapes, a newline, a quote of each language, markup, a character that turns the line, and no UTF-8. */
static const char hostile[] =
	"{\"settid\": 1, \"processes\": [\n"
	"{\"nspid\": [100], \"ppid\": 0, \"pgid\": 100, \"sid\": 100, \"state\": \"live\","
	" \"comm\": \"\\u001b]0;x\\u0007\\u009b\", \"ns\": \"<&\\\\\\\"\\u001b\","
	" \"argv\": [\"\\\"];evil->b\\\\\", \"</text><script>\", \"a\\nb\", \"\\u202egpj.exe\", {\"hex\": "
	"\"66c328\"}]},\n"
	"{\"nspid\": [101], \"ppid\": 100, \"pgid\": 100, \"sid\": 100, \"state\": \"live\",\n"
	" \"comm\": \"</text><i>&\"}\n"
	"]}\n";

enum format { TEXT, TEXT_COLOR, TEXT_UTF8, TEXT_NARROW, DOT, SVG };

static struct tree *read_text(const char *text)
{
	struct tree *t = NULL;
	struct tree_error err = { 0 };

	if (tree_read_buffer(text, strlen(text), "test", &t, &err) < 0)
		fail_msg("%s", err.text);
	return t;
}

static int draw(const struct tree *t, enum format format, FILE *out)
{
	const struct tree_show_options options = {
		.color = format == TEXT_COLOR,
		.unicode = format == TEXT_UTF8,
		.width = format == TEXT_NARROW ? 60 : 0,
	};

	if (format == DOT)
		return tree_show_dot(t, out);
	return format == SVG ? tree_show_svg(t, out) : tree_show_text(t, &options, out);
}

/* The picture as a string, to be freed. */
static char *picture_of(const char *json, enum format format)
{
	struct tree *t = read_text(json);
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	assert_non_null(out);
	assert_int_equal(draw(t, format, out), 0);
	fclose(out);
	tree_free(t);
	return bytes;
}

static void assert_holds(const char *picture, const char *part)
{
	if (!strstr(picture, part))
		fail_msg("no '%s' in:\n%s", part, picture);
}

static void assert_lacks(const char *picture, const char *part)
{
	if (strstr(picture, part))
		fail_msg("'%s' in:\n%s", part, picture);
}

/* ----------------------------------------------------------------------------------------- as text -- */

static void text_shows_every_fact_of_a_tree(void **state)
{
	(void)state;
	static const char want[] =
		"PID LEVEL1 PGID  SID  STATE               COMMAND\n"
		"100         100* 100* live                -bash\n"
		"101         101* 100  live                |-worker                  +3 threads: 43 44 45\n"
		"102         101  100  stopped SIGTSTP     | `-?\n"
		"103          90+ 100  zombie SIGSEGV core |-crash\n"
		"105      1  105* 105* live                `-init                    init of level 1\n"
		"106      2  105  105  live                  `-sleep '1 h' 'it'\\''s'\n"
		" 90                   ghost               dead leader               1 in its group\n"
		"\n"
		"6 processes, 1 zombie, 1 stopped, 3 more threads, 1 dead leader, 2 PID namespaces;"
		" * leads it, + its leader is dead\n";
	char *picture = picture_of(shell_job, TEXT);

	assert_string_equal(picture, want);
	free(picture);
}

static void text_has_tree_lines_of_the_locale(void **state)
{
	(void)state;
	char *picture = picture_of(shell_job, TEXT_UTF8);

	assert_holds(picture, "\u251c\u2500worker");
	assert_holds(picture, "\u2514\u2500init");
	free(picture);
}

static void text_is_coloured_only_when_asked(void **state)
{
	(void)state;
	char *plain = picture_of(shell_job, TEXT), *coloured = picture_of(shell_job, TEXT_COLOR);

	assert_lacks(plain, "\033");
	assert_holds(coloured, "\033[31mzombie SIGSEGV core");
	assert_holds(coloured, "\033[33mstopped SIGTSTP");
	free(plain);
	free(coloured);
}

static void no_line_is_wider_than_the_terminal(void **state)
{
	(void)state;
	char *picture = picture_of(shell_job, TEXT_NARROW);

	char *end = strstr(picture, "\n\n"); /* the summary is a sentence and may wrap */
	assert_non_null(end);
	*end = '\0';
	for (char *line = strtok(picture, "\n"); line; line = strtok(NULL, "\n"))
		assert_true(strlen(line) <= 60);
	free(picture);
}

static char *on_a_terminal(int width)
{
	struct tree *t = read_text(shell_job);
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);

	assert_non_null(out);
	assert_int_equal(tree_show_text(t, &(struct tree_show_options){ .width = width }, out), 0);
	fclose(out);
	tree_free(t);
	return bytes;
}

static void a_terminal_has_the_notes_right_behind_the_command(void **state)
{
	(void)state;
	char *picture = on_a_terminal(80);

	assert_holds(picture, "|-worker (+3 threads: 43 44 45)\n");
	assert_holds(picture, "`-init (init of level 1)\n");
	free(picture);
}

static void a_narrow_terminal_cuts_notes_between_numbers(void **state)
{
	(void)state;
	char *some = on_a_terminal(72), *none = on_a_terminal(50);

	assert_holds(some, "|-worker (+3 threads: 43 ...)\n");
	assert_holds(none, "|-worker\n");
	free(some);
	free(none);
}

static char *chain(int len)
{
	char *text = malloc((size_t)len * 100 + 100);
	int n = sprintf(text, "{\"settid\":1,\"processes\":[");

	for (int i = 0; i < len; i++)
		n += sprintf(text + n,
			     "%s{\"nspid\":[%d],\"ppid\":%d,\"pgid\":10,\"sid\":10,\"state\":\"live\"}",
			     i ? "," : "", 10 + i, i ? 9 + i : 0);
	strcpy(text + n, "]}");
	return text;
}

static void a_deep_chain_goes_on_below_with_a_note_on_both_ends(void **state)
{
	(void)state;
	char *json = chain(100), *picture = picture_of(json, TEXT);

	assert_holds(picture, "goes on below\n");
	assert_holds(picture, "child of 49, above\n");
	assert_holds(picture, "child of 89, above\n");
	assert_holds(picture, "\n109 ");
	free(json);
	free(picture);
}

/* What grows with the square of the depth would be gigabytes here. */
static void a_chain_of_30000_is_drawn_in_all_formats(void **state)
{
	(void)state;
	static const enum format formats[] = { TEXT, DOT, SVG };
	char *json = chain(30000);

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		char *picture = picture_of(json, formats[i]);
		assert_true(strlen(picture) < (size_t)30000 * 600);
		assert_holds(picture, "30009");
		free(picture);
	}
	free(json);
}

/* ---------------------------------------------------------------------------------- hostile strings -- */

static void assert_no_control_characters(const char *picture)
{
	for (const unsigned char *p = (const unsigned char *)picture; *p; p++) {
		assert_true(*p == '\n' || *p >= 0x20);
		assert_int_not_equal(*p, 0x7f);
		assert_false(*p == 0xc2 && p[1] < 0xa0); /* C1 */
	}
	assert_lacks(picture, "\u202e");
}

static void no_name_reaches_a_terminal_unescaped(void **state)
{
	(void)state;
	for (enum format format = TEXT; format <= SVG; format++) {
		if (format == TEXT_COLOR)
			continue;
		char *picture = picture_of(hostile, format);
		assert_no_control_characters(picture);
		assert_holds(picture, "x1b]0;x");
		free(picture);
	}
}

static void a_newline_in_a_name_makes_no_new_line(void **state)
{
	(void)state;
	char *picture = picture_of(hostile, TEXT);
	int lines = 0;

	for (const char *p = picture; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 5); /* headings, the processes, a blank one, the summary */
	free(picture);
}

static void text_outside_utf8_is_ascii(void **state)
{
	(void)state;
	static const char accent[] =
		"{\"settid\": 1, \"processes\": [{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, "
		"\"sid\": 0, \"state\": \"live\", \"comm\": \"caf\\u00e9\"}]}";
	char *ascii = picture_of(accent, TEXT), *utf8 = picture_of(accent, TEXT_UTF8);

	assert_holds(ascii, "caf\\xc3\\xa9");
	assert_holds(utf8, "caf\u00e9");
	free(ascii);
	free(utf8);
}

static void no_name_adds_markup_to_an_svg(void **state)
{
	(void)state;
	char *picture = picture_of(hostile, SVG);

	assert_lacks(picture, "<i>");
	assert_holds(picture, ">&lt;/text&gt;&lt;i&gt;&amp;</text>");
	assert_lacks(picture, "http://www.w3.org/1999/xlink");
	free(picture);
}

/* Outside of quotes a dot file holds nothing that a process named. */
static void no_name_adds_statements_to_a_dot_file(void **state)
{
	(void)state;
	char *picture = picture_of(hostile, DOT), outside[4096] = "";
	size_t n = 0;
	bool quoted = false;

	for (const char *p = picture; *p; p++) {
		if (quoted && *p == '\\')
			p++;
		else if (*p == '"')
			quoted = !quoted;
		else if (!quoted && n + 1 < sizeof outside)
			outside[n++] = *p;
	}
	assert_false(quoted);
	assert_holds(picture, "evil");
	assert_lacks(outside, "evil");
	free(picture);
}

/* ---------------------------------------------------------------------------------- dot, svg shapes -- */

static void dot_has_a_cluster_per_namespace_and_an_edge_per_child(void **state)
{
	(void)state;
	char *picture = picture_of(shell_job, DOT);

	assert_holds(picture, "subgraph cluster_1");
	assert_holds(picture, "p0 -> p1;");
	assert_holds(picture, "p4 -> p5;");
	assert_holds(picture, "g0 [");
	const char *inner = strstr(picture, "subgraph cluster_1"), *child = strstr(picture, "p5 [label");
	assert_true(inner && child && inner < child);
	free(picture);
}

static int attribute(const char *at, const char *name)
{
	const char *value = strstr(at, name);

	assert_non_null(value);
	return atoi(value + strlen(name));
}

/* Every rectangle within the picture, whatever the tree. */
static void assert_fits(const char *json)
{
	char *picture = picture_of(json, SVG);
	int width = attribute(picture, " width=\""), height = attribute(picture, " height=\"");

	for (const char *at = strstr(picture, "<rect class=\""); at; at = strstr(at + 1, "<rect class=\"")) {
		if (strncmp(at, "<rect class=\"bg", 15) == 0)
			continue;
		assert_true(attribute(at, " x=\"") >= 0);
		assert_true(attribute(at, " x=\"") + attribute(at, " width=\"") <= width);
		assert_true(attribute(at, " y=\"") + attribute(at, " height=\"") <= height);
	}
	free(picture);
}

static void an_svg_is_as_large_as_what_it_holds(void **state)
{
	(void)state;
	char *one = chain(1), *many = chain(1000);

	assert_fits(one);
	assert_fits(many);
	assert_fits(shell_job);
	assert_fits(hostile);
	free(one);
	free(many);
}

static void an_svg_boxes_a_namespace_around_its_processes(void **state)
{
	(void)state;
	char *picture = picture_of(shell_job, SVG);
	const char *box = strstr(picture, "class=\"n n1\"");

	assert_non_null(box);
	int left = attribute(box, " x=\""), right = left + attribute(box, " width=\"");
	int top = attribute(box, " y=\""), bottom = top + attribute(box, " height=\"");
	const char *card = strstr(picture, ">106 2<");
	assert_non_null(card);
	while (strncmp(card, "<rect", 5) != 0)
		card--;
	assert_in_range(attribute(card, " x=\""), left, right);
	assert_in_range(attribute(card, " x=\"") + attribute(card, " width=\""), left, right);
	assert_in_range(attribute(card, " y=\"") + attribute(card, " height=\""), top, bottom);
	card = strstr(picture, ">103<");
	assert_non_null(card);
	while (strncmp(card, "<rect", 5) != 0)
		card--;
	assert_true(attribute(card, " y=\"") + attribute(card, " height=\"") <= top);
	free(picture);
}

static void a_full_disk_is_an_error(void **state)
{
	(void)state;
	static const enum format formats[] = { TEXT, DOT, SVG };
	struct tree *t = read_text(shell_job);

	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
		FILE *full = fopen("/dev/full", "w");
		assert_non_null(full);
		setvbuf(full, NULL, _IONBF, 0);
		assert_true(draw(t, formats[i], full) < 0);
		fclose(full);
	}
	tree_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_shows_every_fact_of_a_tree),
		cmocka_unit_test(text_has_tree_lines_of_the_locale),
		cmocka_unit_test(text_is_coloured_only_when_asked),
		cmocka_unit_test(no_line_is_wider_than_the_terminal),
		cmocka_unit_test(a_terminal_has_the_notes_right_behind_the_command),
		cmocka_unit_test(a_narrow_terminal_cuts_notes_between_numbers),
		cmocka_unit_test(a_deep_chain_goes_on_below_with_a_note_on_both_ends),
		cmocka_unit_test(a_chain_of_30000_is_drawn_in_all_formats),
		cmocka_unit_test(no_name_reaches_a_terminal_unescaped),
		cmocka_unit_test(a_newline_in_a_name_makes_no_new_line),
		cmocka_unit_test(text_outside_utf8_is_ascii),
		cmocka_unit_test(no_name_adds_markup_to_an_svg),
		cmocka_unit_test(no_name_adds_statements_to_a_dot_file),
		cmocka_unit_test(dot_has_a_cluster_per_namespace_and_an_edge_per_child),
		cmocka_unit_test(an_svg_is_as_large_as_what_it_holds),
		cmocka_unit_test(an_svg_boxes_a_namespace_around_its_processes),
		cmocka_unit_test(a_full_disk_is_an_error),
	};

	setlocale(LC_CTYPE, "C.UTF-8"); /* libsmartcols measures text in it */
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
