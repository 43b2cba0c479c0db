/* SPDX-License-Identifier: MIT */
/*
 * test_show_shapes.c FILE: every shape that a tree can have is told apart in its pictures.
 *
 * FILE is docs/pictures/shapes.json, the tree that the README shows.
 */
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

static const char *file;

static struct tree *read_tree(const char *json)
{
	struct tree *t = NULL;
	struct tree_error err = { 0 };
	int r = json ? tree_read_buffer(json, strlen(json), "test", &t, &err)
		     : tree_read_file(file, &t, &err);

	if (r < 0)
		fail_msg("%s", err.text);
	return t;
}

/* Of the file, or of `json`; width 0 = no terminal, -1 = svg, -2 = dot.  To be freed. */
static char *picture_of(const char *json, int width)
{
	struct tree *t = read_tree(json);
	char *bytes = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&bytes, &size);
	int r;

	assert_non_null(out);
	if (width == -1)
		r = tree_show_svg(t, out);
	else if (width == -2)
		r = tree_show_dot(t, out);
	else
		r = tree_show_text(t, &(struct tree_show_options){ .width = width }, out);
	assert_int_equal(r, 0);
	fclose(out);
	tree_free(t);
	return bytes;
}

static void holds(const char *picture, const char *part)
{
	if (!strstr(picture, part))
		fail_msg("no '%s' in:\n%s", part, picture);
}

static void lacks(const char *picture, const char *part)
{
	if (strstr(picture, part))
		fail_msg("'%s' in:\n%s", part, picture);
}

static void text_tells_all_shapes_apart(void **state)
{
	static const char *const lines[] = {
		"500                500* 500* live                supervisor     subreaper\n",
		"512                511  510  live                | |-uniq\n",
		"514                514* 510  stopped SIGTSTP     | `-vi\n",
		"520                520* 520* live                |-server       +3 threads: 521 522 523\n",
		"524                520  520  leader dead         | |-worker     +1 thread: 525\n",
		"526                520  520  zombie exit 1       | |-done\n",
		"527                520  520  zombie SIGSEGV core | `-crashed\n",
		"531                530+ 530+ live                |-orphan\n",
		"533                513+ 510  live                |-left behind\n",
		"610     11      1  610* 610* live                | `-inner init init of level 2\n",
		"540     20         500  500  live                `-nsenter      put into level 1 of 600\n",
		"530                          ghost               dead leader    1 in its group; 2 in its "
		"session\n",
		"603      9                   ghost               dead leader    1 in its group; 1 in its "
		"session\n",
	};
	char *picture = picture_of(NULL, 0);

	(void)state;
	for (size_t k = 0; k < sizeof lines / sizeof *lines; k++)
		holds(picture, lines[k]);
	free(picture);
}

/* --------------------------------------------------------------------------------- levels as columns -- */

/* A namespace in each, so deep as asked for. */
static char *nested(int levels)
{
	char *text = malloc((size_t)levels * 400);
	int n = sprintf(text, "{\"settid\":1,\"processes\":[");

	for (int level = 0; level < levels; level++) {
		n += sprintf(text + n, "%s{\"nspid\":[%d", level ? "," : "", 5000 + level);
		for (int k = 1; k <= level; k++)
			n += sprintf(text + n, ",%d", k == level ? 1 : 100 + level - k);
		n += sprintf(text + n,
			     "],\"ppid\":%d,\"pgid\":5000,\"sid\":5000,\"state\":\"live\",\"comm\":\"i%d\"}",
			     level ? 4999 + level : 0, level);
	}
	strcpy(text + n, "]}");
	return text;
}

static void a_file_has_a_column_for_each_of_33_levels(void **state)
{
	char *json = nested(33), *picture = picture_of(json, 0);

	(void)state;
	holds(picture, " LEVEL31 LEVEL32 PGID");
	holds(picture, "5003    102    101      1  ");
	lacks(picture, "left out");
	free(picture);
	free(json);
}

static void a_terminal_that_is_narrow_has_short_headings(void **state)
{
	char *json = nested(4), *wide = picture_of(json, 100), *narrow = picture_of(json, 76);

	(void)state;
	holds(wide, " PID LEVEL1 LEVEL2 LEVEL3 PGID");
	holds(narrow, " PID  L1  L2 L3 PGID");
	holds(narrow, "5003 102 101  1 5000");
	free(wide);
	free(narrow);
	free(json);
}

static void a_terminal_without_room_has_the_innermost_number_and_its_level(void **state)
{
	char *json = nested(33), *picture = picture_of(json, 80);

	(void)state;
	holds(picture, " PID LEVEL OWN PGID");
	holds(picture, "5032    32   1 5000");
	holds(picture, "numbers of levels between left out: no room");
	free(picture);
	free(json);
}

static void who_is_led_from_outside_is_explained(void **state)
{
	static const char outside[] =
		"{\"settid\": 1, \"processes\": [{\"nspid\": [5], \"ppid\": 0, \"pgid\": 0, "
		"\"sid\": 0, \"state\": \"live\"}]}";
	char *none = picture_of(NULL, 0), *some = picture_of(outside, 0);

	(void)state;
	lacks(none, "outside");
	holds(some, ", - its leader is outside\n");
	free(none);
	free(some);
}

/* ------------------------------------------------------------------------------------------------ svg -- */

static int attribute(const char *at, const char *name)
{
	const char *value = strstr(at, name);

	assert_non_null(value);
	return atoi(value + strlen(name));
}

/* The frame that `words` stand in: the last one before them that is no bar. */
static const char *frame_of(const char *picture, const char *words)
{
	const char *at = strstr(picture, words);

	if (!at)
		fail_msg("no '%s'", words);
	do
		at--;
	while (strncmp(at, "<rect class=\"", 13) != 0 || at[13] == 'k');
	return at;
}

static bool is_within(const char *inner, const char *outer)
{
	int left = attribute(outer, " x=\""), top = attribute(outer, " y=\"");
	int x = attribute(inner, " x=\""), y = attribute(inner, " y=\"");

	return x >= left && y >= top &&
	       x + attribute(inner, " width=\"") <= left + attribute(outer, " width=\"") &&
	       y + attribute(inner, " height=\"") <= top + attribute(outer, " height=\"");
}

static void a_ghost_stands_in_the_box_of_its_namespace(void **state)
{
	char *picture = picture_of(NULL, -1);
	const char *box = strstr(picture, "class=\"n n1\""), *inner = strstr(picture, "class=\"n n2\"");

	(void)state;
	assert_non_null(box);
	assert_non_null(inner);
	assert_true(is_within(frame_of(picture, ">603 9  dead leader: "), box));
	assert_false(is_within(frame_of(picture, ">603 9  dead leader: "), inner));
	assert_false(is_within(frame_of(picture, ">530  dead leader: "), box));
	assert_true(is_within(inner, box));
	free(picture);
}

static void svg_shows_what_text_shows(void **state)
{
	static const char *const parts[] = { ">subreaper<",
					     ">+3 threads: 521 522 523<",
					     ">leader dead<",
					     ">zombie SIGSEGV core<",
					     ">stopped SIGTSTP<",
					     ">put into level 1 of 600<",
					     ">group 530+ session 530+<" };
	char *picture = picture_of(NULL, -1);

	(void)state;
	for (size_t k = 0; k < sizeof parts / sizeof *parts; k++)
		holds(picture, parts[k]);
	free(picture);
}

/* The class of the bar that is the `nth` of a card. */
static int color_of(const char *picture, const char *card, int nth)
{
	const char *at = frame_of(picture, card);

	for (int k = 0; k <= nth; k++)
		at = strstr(at, "<rect class=\"k") + 1;
	return atoi(strstr(at, "\"k") + 2);
}

static void those_of_one_leader_have_one_colour(void **state)
{
	enum { SESSION, GROUP };
	char *picture = picture_of(NULL, -1);

	(void)state;
	assert_int_equal(color_of(picture, ">510<", SESSION), color_of(picture, ">510<", GROUP));
	assert_int_equal(color_of(picture, ">511<", SESSION), color_of(picture, ">510<", SESSION));
	assert_int_equal(color_of(picture, ">511<", GROUP), color_of(picture, ">512<", GROUP));
	assert_int_equal(color_of(picture, ">531<", SESSION),
			 color_of(picture, ">530  dead leader", SESSION));
	assert_int_equal(color_of(picture, ">533<", SESSION), color_of(picture, ">510<", SESSION));
	assert_int_not_equal(color_of(picture, ">511<", GROUP), color_of(picture, ">510<", GROUP));
	assert_int_not_equal(color_of(picture, ">520<", SESSION), color_of(picture, ">510<", SESSION));
	free(picture);
}

static void dot_has_ghosts_in_their_cluster(void **state)
{
	char *picture = picture_of(NULL, -2);
	const char *cluster = strstr(picture, "subgraph cluster_1"), *ghost = strstr(picture, "g2 ["),
		   *outer = strstr(picture, "g0 [");

	(void)state;
	assert_true(cluster && ghost && outer);
	assert_true(outer < cluster && ghost > cluster);
	holds(picture, "\\nsubreaper\"");
	free(picture);
}

int main(int argc, char **argv)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(text_tells_all_shapes_apart),
		cmocka_unit_test(a_file_has_a_column_for_each_of_33_levels),
		cmocka_unit_test(a_terminal_that_is_narrow_has_short_headings),
		cmocka_unit_test(a_terminal_without_room_has_the_innermost_number_and_its_level),
		cmocka_unit_test(who_is_led_from_outside_is_explained),
		cmocka_unit_test(a_ghost_stands_in_the_box_of_its_namespace),
		cmocka_unit_test(svg_shows_what_text_shows),
		cmocka_unit_test(those_of_one_leader_have_one_colour),
		cmocka_unit_test(dot_has_ghosts_in_their_cluster),
	};

	file = argc == 2 ? argv[1] : "docs/pictures/shapes.json";
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
