/* SPDX-License-Identifier: MIT */
/*
 * test_criu_refused.c: images of the right form that no dump can have, and some that look so and are right.
 *
 * Each row breaks one thing of a dump that is right, and says how the complaint has to go on after "dump/"; a row without
 * says that it is no mistake.
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

static void version_3(struct images *i)
{
	put_inventory(i, 3, 9);
}

/* The pstree of the root and one more, made of the given fields. */
static void pstree(struct images *i, uint32_t pid, uint32_t ppid, uint32_t pgid, uint32_t sid,
		   uint32_t thread)
{
	images_begin(i, "pstree.img", MAGIC_PSTREE, true);
	add_process(i, 10, 0, 10, 10, 10);
	add_process(i, pid, ppid, pgid, sid, thread);
}

static void two_roots(struct images *i)
{
	pstree(i, 11, 0, 10, 10, 11);
}

static void root_is_second(struct images *i)
{
	images_begin(i, "pstree.img", MAGIC_PSTREE, true);
	add_process(i, 11, 10, 10, 10, 11);
	add_process(i, 10, 0, 10, 10, 10);
}

static void number_0(struct images *i)
{
	pstree(i, 0, 10, 10, 10, 0);
}

static void number_too_high(struct images *i)
{
	pstree(i, 4194304, 10, 10, 10, 4194304);
}

static void group_too_high(struct images *i)
{
	pstree(i, 11, 10, 0xffffffff, 10, 11);
}

static void same_number_twice(struct images *i)
{
	pstree(i, 10, 10, 10, 10, 10);
}

static void parent_of_nobody(struct images *i)
{
	pstree(i, 11, 12, 10, 10, 11);
}

static void leader_is_not_first(struct images *i)
{
	pstree(i, 11, 10, 10, 10, 12);
}

static void core_with(struct images *i, uint32_t state, uint32_t status, const char *comm)
{
	put_core(i, 11, state, status, comm);
}

static void state_6(struct images *i)
{
	core_with(i, 6, 0, "x");
}

static void status_of_both_kinds(struct images *i)
{
	core_with(i, DEAD, 0x0109, "x");
}

static void status_of_a_stop(struct images *i)
{
	core_with(i, DEAD, 0x137f, "x");
}

static void signal_that_never_kills(struct images *i)
{
	core_with(i, DEAD, 18, "x");
}

static void name_too_long(struct images *i)
{
	core_with(i, ALIVE, 0, "sixteen bytes...");
}

static void name_cut_within_a_character(struct images *i)
{
	core_with(i, ALIVE, 0, "f\xc3");
}

static void stopped_by(struct images *i, uint32_t signal)
{
	struct bytes tc = { 0 }, thread = { 0 };

	task(&tc, STOPPED, 0, "x");
	field_number(&tc, 21, signal);
	put_core_of(i, 11, &tc, &thread);
	bytes_done(&tc);
}

static void stop_signal_200(struct images *i)
{
	stopped_by(i, 200);
}

static void stop_signal_that_kills(struct images *i)
{
	stopped_by(i, 9);
}

static void core_of_a_thread(struct images *i)
{
	struct bytes thread = { 0 };

	field_text(&thread, 13, "t");
	put_core_of(i, 11, NULL, &thread);
	bytes_done(&thread);
}

static void second_thread(struct images *i)
{
	PSTREE_BYTES(i, 5 << 3, 11, 5 << 3, 12);
}

static void second_thread_without_its_part(struct images *i)
{
	second_thread(i);
	put_core(i, 12, DEAD, 0, "x");
}

static void second_thread_named(struct images *i)
{
	second_thread(i);
	put_core(i, 12, ALIVE, 0, "x");
}

static void zombie_with_leftovers(struct images *i)
{
	pstree(i, 11, 10, 10, 10, 3982331008);
	core_with(i, DEAD, 7 << 8, "x");
	images_remove(i, "ids-11.img");
}

static void root_is_a_zombie(struct images *i)
{
	put_core(i, 10, DEAD, 0, "x");
}

static void child_in_another_namespace(struct images *i)
{
	put_ids(i, 11, 8);
}

static void namespace_of_its_own(struct images *i)
{
	put_inventory(i, 2, 1);
}

static void namespace_joined(struct images *i)
{
	struct bytes m = { 0 };

	namespace_of_its_own(i);
	field_text(&m, 1, "label");
	images_entry(images_begin(i, "pidns-9.img", MAGIC_PIDNS, true), &m);
	bytes_done(&m);
}

static void ids_in_core(struct images *i)
{
	struct bytes ids = { 0 }, m = { 0 };

	field_number(&ids, 5, 9);
	field_message(&m, 4, &ids);
	bytes_add(images_get(i, "core-11.img"), m.at, m.len);
	images_get(i, "core-11.img")->at[8] = (uint8_t)(images_get(i, "core-11.img")->at[8] + m.len);
	images_remove(i, "ids-11.img");
	bytes_done(&ids);
	bytes_done(&m);
}

static void no_ids(struct images *i)
{
	images_remove(i, "ids-11.img");
}

static const struct row rows[] = {
	{ "a name that is no UTF-8 is read", name_cut_within_a_character, NULL },
	{ "what a zombie's threads were is not looked at", zombie_with_leftovers, NULL },
	{ "ids within the core image are read", ids_in_core, NULL },
	{ "a namespace that was joined is read", namespace_joined, NULL },
	{ "a second thread is read", second_thread_named, NULL },
	{ "another version is refused", version_3,
	  "inventory.img: offset 8: field 'img_version': 3; 1 and 2 are known" },
	{ "two roots are refused", two_roots,
	  "pstree.img: offset 26: field 'ppid': 0, but this is not the first process: two roots" },
	{ "a root that is not first is refused", root_is_second,
	  "pstree.img: offset 12: field 'ppid': not 0, but this is the first process: no root" },
	{ "number 0 is refused", number_0,
	  "pstree.img: offset 26: field 'pid': 0 is no number from 1 to 4194303" },
	{ "a number that is too high is refused", number_too_high,
	  "pstree.img: offset 26: field 'pid': 4194304 is no number from 1 to 4194303" },
	{ "a group that is too high is refused", group_too_high,
	  "pstree.img: offset 26: field 'pgid': 4294967295 is no number from 0 to 4194303" },
	{ "a number that two processes have is refused", same_number_twice,
	  "pstree.img: offset 26: process 10: field 'ppid': 10 is its own parent" },
	{ "a parent that is nobody is refused with the entry's offset", parent_of_nobody,
	  "pstree.img: offset 26: process 11: field 'ppid': 12 is no process of this tree, or 0" },
	{ "a process whose first thread is not its leader is refused", leader_is_not_first,
	  "pstree.img: offset 26: process 11: field 'threads': 12 is first and not its leader" },
	{ "another state is refused", state_6,
	  "core-11.img: offset 12: field 'task_state': 6 is none that a dump has (1, 2 or 3)" },
	{ "a status that is exit and signal is refused", status_of_both_kinds,
	  "core-11.img: offset 12: field 'exit_code': 0x109 is no zombie's wait status" },
	{ "a status of a stop is refused", status_of_a_stop,
	  "core-11.img: offset 12: field 'exit_code': 0x137f is no zombie's wait status" },
	{ "a zombie of a signal that never kills is refused", signal_that_never_kills,
	  "pstree.img: offset 26: process 11: field 'exit_signal': signal 18 never kills" },
	{ "a name that is too long is refused", name_too_long,
	  "core-11.img: offset 12: a name of 16 bytes; the kernel keeps 15" },
	{ "a stop by no signal is refused", stop_signal_200,
	  "core-11.img: offset 12: field 'stop_signo': 200 is no signal" },
	{ "a stop by a signal that kills is refused", stop_signal_that_kills,
	  "pstree.img: offset 26: process 11: field 'stop_signal': signal 9 does not stop" },
	{ "a thread's image in a process's place is refused", core_of_a_thread,
	  "core-11.img: offset 12: field 'tc': it is missing" },
	{ "a thread without its image is refused", second_thread, "core-12.img is missing" },
	{ "a zombie's image in a thread's place is refused", second_thread_without_its_part,
	  "core-12.img: offset 12: field 'thread_core': it is missing" },
	{ "a root that is a zombie is refused", root_is_a_zombie,
	  "core-10.img: offset 12: field 'task_state': the root is a zombie" },
	{ "two PID namespaces are refused", child_in_another_namespace,
	  "ids-11.img: offset 12: field 'pid_ns_id': 8, and the root's is 9" },
	{ "a namespace without its first process is refused", namespace_of_its_own,
	  "pidns-9.img is missing: the root 10 is in a PID namespace that is not the dumper's" },
	{ "a missing ids image is refused", no_ids, "ids-11.img is missing" },
};
enum { ROWS = sizeof rows / sizeof *rows };

int main(void)
{
	struct CMUnitTest tests[ROWS];

	for (size_t k = 0; k < ROWS; k++)
		tests[k] = (struct CMUnitTest){ .name = rows[k].name,
						.test_func = run_row,
						.initial_state = (void *)(uintptr_t)&rows[k] };
	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("criu, refused", tests, NULL, NULL);
}
