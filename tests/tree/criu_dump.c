/* SPDX-License-Identifier: MIT */
/*
 * criu_dump.c: a dump of two processes with nothing wrong in it, and a test that breaks it in one way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "criu_images.h"

void put_inventory(struct images *i, uint32_t version, uint32_t ns)
{
	struct bytes ids = { 0 }, m = { 0 };

	field_number(&ids, 5, ns);
	field_number(&m, 1, version);
	field_message(&m, 3, &ids);
	images_entry(images_begin(i, "inventory.img", MAGIC_INVENTORY, false), &m);
	bytes_done(&ids);
	bytes_done(&m);
}

void put_ids(struct images *i, uint32_t pid, uint32_t ns)
{
	struct bytes m = { 0 };
	char name[32];

	for (uint32_t field = 1; field <= 4; field++)
		field_number(&m, field, field);
	field_number(&m, 5, ns);
	snprintf(name, sizeof name, "ids-%u.img", pid);
	images_entry(images_begin(i, name, MAGIC_IDS, true), &m);
	bytes_done(&m);
}

void add_process(struct images *i, uint32_t pid, uint32_t ppid, uint32_t pgid, uint32_t sid, uint32_t thread)
{
	struct bytes m = { 0 };

	field_number(&m, 1, pid);
	field_number(&m, 2, ppid);
	field_number(&m, 3, pgid);
	field_number(&m, 4, sid);
	field_number(&m, 5, thread);
	images_entry(images_get(i, "pstree.img"), &m);
	bytes_done(&m);
}

void task(struct bytes *tc, uint32_t state, uint32_t status, const char *comm)
{
	field_number(tc, 1, state);
	field_number(tc, 2, status);
	field_number(tc, 3, 0);
	field_text(tc, 6, comm);
}

void put_core_of(struct images *i, uint32_t pid, const struct bytes *tc, const struct bytes *thread)
{
	struct bytes m = { 0 };
	char name[32];

	field_number(&m, 1, 1);
	field_text(&m, 2, "registers");
	if (tc)
		field_message(&m, 3, tc);
	if (thread)
		field_message(&m, 5, thread);
	snprintf(name, sizeof name, "core-%u.img", pid);
	images_entry(images_begin(i, name, MAGIC_CORE, true), &m);
	bytes_done(&m);
}

void put_core(struct images *i, uint32_t pid, uint32_t state, uint32_t status, const char *comm)
{
	struct bytes tc = { 0 }, thread = { 0 };

	task(&tc, state, status, comm);
	field_text(&thread, 13, comm);
	put_core_of(i, pid, &tc, state == DEAD ? NULL : &thread);
	bytes_done(&tc);
	bytes_done(&thread);
}

void right_dump(struct images *i)
{
	put_inventory(i, 2, 9);
	images_begin(i, "pstree.img", MAGIC_PSTREE, true);
	add_process(i, 10, 0, 10, 10, 10);
	add_process(i, 11, 10, 10, 10, 11);
	for (uint32_t pid = 10; pid <= 11; pid++) {
		put_core(i, pid, ALIVE, 0, "name");
		put_ids(i, pid, 9);
	}
}

void pstree_bytes(struct images *i, const void *more, size_t len)
{
	struct bytes m = { 0 };

	images_begin(i, "pstree.img", MAGIC_PSTREE, true);
	add_process(i, 10, 0, 10, 10, 10);
	for (uint32_t field = 1; field <= 4; field++)
		field_number(&m, field, field == 1 ? 11 : 10);
	bytes_add(&m, more, len);
	images_entry(images_get(i, "pstree.img"), &m);
	bytes_done(&m);
}

void run_row(void **state)
{
	const struct row *row = *state;
	struct images i = { 0 };
	struct tree_error err = { 0 };
	struct tree *t = NULL;
	char want[256];

	right_dump(&i);
	row->change(&i);
	int r = images_read(&i, &t, &err);
	snprintf(want, sizeof want, "dump/%s", row->says ? row->says : "");
	images_done(&i);
	tree_free(r == 0 ? t : NULL);
	if (r < 0 && (!row->says || strncmp(err.text, want, strlen(want)) != 0))
		fail_msg("it says: %s", err.text);
	assert_int_equal(r == 0, row->says == NULL);
	assert_int_equal(err.code, r);
}
