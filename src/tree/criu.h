/* SPDX-License-Identifier: MIT */
/*
 * criu.h: process trees out of the images that `criu dump` writes.
 *
 * Read are inventory.img, pstree.img, core-N.img, ids-N.img and pidns-ID.img of one directory; docs/tree-file.md says
 * what each becomes.
 */
#ifndef SETTID_TREE_CRIU_H
#define SETTID_TREE_CRIU_H

#include "tree/tree.h"

/* Images cannot tell a leader that is dead from one that lives outside the tree.  These say it, number by number; what is
 * not named follows the rule in docs/tree-file.md. */
struct tree_criu_options {
	const int32_t *outside; /* groups and sessions that become 0 */
	size_t outside_len;
	const int32_t *ghosts; /* groups and sessions whose leader is dead */
	size_t ghosts_len;
};

/* The result is validated.  options may be NULL.  Errors name image and offset. */
int tree_read_criu(const char *directory, const struct tree_criu_options *options, struct tree **out,
		   struct tree_error *err);

#endif
