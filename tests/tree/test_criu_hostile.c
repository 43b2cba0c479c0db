/* SPDX-License-Identifier: MIT */
/*
 * test_criu_hostile.c FOLDER: images that are cut, stretched, twisted and made up.
 *
 * Each row breaks the form of a dump that is right; what makes no sense in a right form is test_criu_refused.c's.  Then real
 * images of FOLDER are cut at every length and lose every bit.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "criu_images.h"

static const char *folder;

static void nothing(struct images *i)
{
	(void)i;
}

static void magic_of_another_kind(struct images *i)
{
	images_get(i, "core-11.img")->at[4] ^= 1;
}

static void service_file(struct images *i)
{
	struct bytes *b = images_get(i, "pstree.img");

	b->len = 0;
	bytes_u32(b, 0x55105940);
}

static void entry_past_the_end(struct images *i)
{
	images_get(i, "core-11.img")->at[8]++;
}

static void entry_of_4_gib(struct images *i)
{
	memset(images_get(i, "core-11.img")->at + 8, 0xff, 4);
}

static void something_behind(struct images *i)
{
	bytes_u32(images_get(i, "core-11.img"), 0);
}

static void image_too_large(struct images *i)
{
	void *zeros = calloc(1, 2 << 20);

	bytes_add(images_get(i, "ids-11.img"), zeros, 2 << 20);
	free(zeros);
}

static void no_entry(struct images *i)
{
	images_get(i, "core-11.img")->len = 8;
}

static void no_process(struct images *i)
{
	images_get(i, "pstree.img")->len = 8;
}

static void empty_message(struct images *i)
{
	struct bytes m = { 0 };

	images_begin(i, "pstree.img", MAGIC_PSTREE, true);
	images_entry(images_get(i, "pstree.img"), &m);
}

static void number_of_33_bits(struct images *i)
{
	PSTREE_BYTES(i, 5 << 3, 0x80, 0x80, 0x80, 0x80, 0x10);
}

static void number_of_eleven_bytes(struct images *i)
{
	PSTREE_BYTES(i, 7 << 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0);
}

static void number_of_65_bits(struct images *i)
{
	PSTREE_BYTES(i, 7 << 3, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 2);
}

static void number_cut_off(struct images *i)
{
	PSTREE_BYTES(i, 5 << 3, 0x80);
}

static void key_of_six_bytes(struct images *i)
{
	PSTREE_BYTES(i, 0xa8, 0x80, 0x80, 0x80, 0x80, 0, 11);
}

static void field_0(struct images *i)
{
	PSTREE_BYTES(i, 0, 0);
}

static void group_of_old(struct images *i)
{
	PSTREE_BYTES(i, 7 << 3 | 3, 7 << 3 | 4);
}

static void field_twice(struct images *i)
{
	PSTREE_BYTES(i, 5 << 3, 11, 2 << 3, 10);
}

static void number_is_bytes(struct images *i)
{
	struct bytes m = { 0 };

	field_number(&m, 1, 10);
	field_text(&m, 2, "x");
	images_entry(images_begin(i, "pstree.img", MAGIC_PSTREE, true), &m);
	bytes_done(&m);
}

static void number_is_missing(struct images *i)
{
	struct bytes m = { 0 };

	field_number(&m, 1, 10);
	field_number(&m, 2, 0);
	field_number(&m, 3, 10);
	images_entry(images_begin(i, "pstree.img", MAGIC_PSTREE, true), &m);
	bytes_done(&m);
}

static void bytes_past_the_end(struct images *i)
{
	PSTREE_BYTES(i, 7 << 3 | 2, 0x7f);
}

static void fixed_past_the_end(struct images *i)
{
	PSTREE_BYTES(i, 7 << 3 | 1, 1, 2, 3, 4, 5, 6, 7);
}

/* Threads in one field, and unknown fields of all wire types. */
static void packed_and_unknown(struct images *i)
{
	PSTREE_BYTES(i, 5 << 3 | 2, 1, 11, 0x88, 1, 1, 7 << 3 | 2, 2, 'x', 'y', 7 << 3 | 1, 1, 2, 3, 4, 5, 6,
		     7, 8, 7 << 3 | 5, 1, 2, 3, 4);
}

static void too_many_fields(struct images *i)
{
	struct bytes tc = { 0 };

	task(&tc, ALIVE, 0, "name");
	for (int k = 0; k < 5000; k++)
		field_number(&tc, 100, 1);
	put_core_of(i, 11, &tc, NULL);
	bytes_done(&tc);
}

static void nested_message_cut(struct images *i)
{
	struct bytes tc = { 0 };

	task(&tc, ALIVE, 0, "name");
	tc.len--;
	put_core_of(i, 11, &tc, NULL);
	bytes_done(&tc);
}

/* Everything but the inventory loses its first magic. */
static void format_1(struct images *i)
{
	put_inventory(i, 1, 9);
	for (size_t k = 0; k < i->len; k++) {
		struct bytes *b = &i->at[k].b;
		if (strcmp(i->at[k].name, "inventory.img") == 0)
			continue;
		memmove(b->at, b->at + 4, b->len - 4);
		b->len -= 4;
	}
}

static const struct row rows[] = {
	{ "a right dump is read", nothing, NULL },
	{ "images of format 1 are read", format_1, NULL },
	{ "threads in one field and unknown fields are read", packed_and_unknown, NULL },
	{ "another kind's magic is refused", magic_of_another_kind,
	  "core-11.img: offset 4: the magic 0x55053846 is not that of this kind of image (0x55053847)" },
	{ "a service file is refused", service_file,
	  "pstree.img: offset 0: a service file of CRIU, not an image" },
	{ "an entry that is longer than its image is refused", entry_past_the_end,
	  "core-11.img: offset 8: an entry of 36 bytes, but the image has 35 more" },
	{ "an entry of 4 GiB is refused", entry_of_4_gib,
	  "core-11.img: offset 8: an entry of 4294967295 bytes; none of this kind has more than 67108864" },
	{ "a second entry where one is due is refused", something_behind,
	  "core-11.img: offset 47: something follows the only entry" },
	{ "an image that is too large is refused", image_too_large,
	  "ids-11.img: offset 1048588: the image goes on; none of its kind is longer" },
	{ "an image without its entry is refused", no_entry,
	  "core-11.img: offset 8: the image has no entry" },
	{ "a dump without a process is refused", no_process,
	  "pstree.img: offset 8: the image has no process" },
	{ "an empty message is refused", empty_message, "pstree.img: offset 12: field 'pid': it is missing" },
	{ "a number of 33 bits is refused", number_of_33_bits,
	  "pstree.img: offset 34: field 'threads': a number of more than 32 bits" },
	{ "a number of eleven bytes is refused", number_of_eleven_bytes,
	  "pstree.img: offset 34: a number of more than 64 bits" },
	{ "a number of 65 bits is refused", number_of_65_bits,
	  "pstree.img: offset 34: a number of more than 64 bits" },
	{ "a message that ends within a number is refused", number_cut_off,
	  "pstree.img: offset 34: field 'threads': the message ends within a number" },
	{ "a key of six bytes is refused", key_of_six_bytes,
	  "pstree.img: offset 34: a number of too many bytes" },
	{ "field 0 is refused", field_0, "pstree.img: offset 34: a key of no possible field" },
	{ "groups are refused", group_of_old, "pstree.img: offset 34: a key of no known wire type" },
	{ "a field that stands twice is refused", field_twice,
	  "pstree.img: offset 36: field 'ppid': it stands twice" },
	{ "bytes in a number's place are refused", number_is_bytes,
	  "pstree.img: offset 14: field 'ppid': it is a number, and something else stands there" },
	{ "a missing field is refused", number_is_missing,
	  "pstree.img: offset 12: field 'sid': it is missing" },
	{ "bytes that go on behind their message are refused", bytes_past_the_end,
	  "pstree.img: offset 34: it runs past the end of its message" },
	{ "fixed numbers that go on behind their message are refused", fixed_past_the_end,
	  "pstree.img: offset 34: it runs past the end of its message" },
	{ "a message with too many fields is refused", too_many_fields,
	  "core-11.img: offset 12316: a message with too many fields" },
	{ "a message within one that is cut is refused", nested_message_cut,
	  "core-11.img: offset 33: field 'comm': it runs past the end of its message" },
};
enum { ROWS = sizeof rows / sizeof *rows };

/* -------------------------------------------------------------------------------------- by the byte -- */

static bool is_pstree(const struct images *i, size_t k)
{
	return strcmp(i->at[k].name, "pstree.img") == 0;
}

/* Read; whatever is wrong is one line that begins with the folder. */
static int read_and_check(struct images *i, struct tree_error *err)
{
	struct tree *t = NULL;
	int r;

	*err = (struct tree_error){ 0 };
	r = images_read(i, &t, err);
	if (r == 0) {
		tree_free(t);
		return 0;
	}
	assert_int_equal(err->code, r);
	assert_int_equal(strncmp(err->text, "dump", 4), 0);
	assert_null(strchr(err->text, '\n'));
	return r;
}

static void load_folder(struct images *i, const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", folder, name);
	assert_true(images_of_folder(i, path));
}

/* A pstree cut between two entries is a smaller one. */
static void every_cut_is_noticed(void **state)
{
	struct images i = { 0 };
	struct tree_error err;
	unsigned whole = 0;

	(void)state;
	load_folder(&i, "zombie-leaders");
	for (size_t k = 0; k < i.len; k++) {
		size_t len = i.at[k].b.len;
		for (i.at[k].b.len = 0; i.at[k].b.len < len; i.at[k].b.len++) {
			if (read_and_check(&i, &err) == 0) {
				assert_true(is_pstree(&i, k));
				whole++;
			} else if (!is_pstree(&i, k)) {
				assert_non_null(strstr(err.text, i.at[k].name));
				assert_non_null(strstr(err.text, ": offset "));
			}
		}
	}
	assert_true(whole >= 1 && whole < 5);
	images_done(&i);
}

static void no_lost_bit_is_harmful(void **state)
{
	struct images i = { 0 };
	struct tree_error err;
	unsigned refused = 0;

	(void)state;
	load_folder(&i, "threads");
	for (size_t k = 0; k < i.len; k++) {
		struct bytes *b = &i.at[k].b;
		for (size_t bit = 0; bit < b->len * 8; bit++) {
			b->at[bit / 8] ^= (uint8_t)(1U << bit % 8);
			refused += read_and_check(&i, &err) < 0;
			b->at[bit / 8] ^= (uint8_t)(1U << bit % 8);
		}
	}
	assert_true(refused > 1000);
	assert_int_equal(read_and_check(&i, &err), 0);
	images_done(&i);
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[ROWS + 2];

	folder = argc == 2 ? argv[1] : ".";
	for (size_t k = 0; k < ROWS; k++)
		tests[k] = (struct CMUnitTest){ .name = rows[k].name,
						.test_func = run_row,
						.initial_state = (void *)(uintptr_t)&rows[k] };
	tests[ROWS] = (struct CMUnitTest)cmocka_unit_test(every_cut_is_noticed);
	tests[ROWS + 1] = (struct CMUnitTest)cmocka_unit_test(no_lost_bit_is_harmful);
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("criu, hostile", tests, NULL, NULL);
}
