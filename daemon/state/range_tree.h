/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * range_tree.h - the byte-range locks of one file as a balanced tree, for state/lock.c alone.
 *
 * An AVL tree by (start, length, owner, kind) in which every node knows how far its subtree
 * reaches, so a conflict is found in O(log n + own locks that are passed over). Nodes belong to the
 * caller; nothing here allocates, locks or fails.
 */
#ifndef KH_RANGE_TREE_H
#define KH_RANGE_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct range {
	struct range *child[2]; /* lower, higher */
	uint64_t start, length; /* start + length - 1 does not overflow */
	const void *owner;
	uint64_t reach;	     /* last byte of any range of the subtree */
	uint64_t reach_excl; /* the same of the exclusive ones, if there are any */
	uint8_t height;
	bool exclusive, has_excl;
	bool local; /* the kernel has it too; not the tree's */
};

/* What a range is looked for (MS-FSA 2.1.4.10). */
enum range_use {
	RANGE_SHARED,	 /* shared lock, or reading: others' exclusive locks are in the way */
	RANGE_WRITE,	 /* writing: all shared locks, and others' exclusive ones */
	RANGE_EXCLUSIVE, /* exclusive lock: every lock */
};

/* start, length, owner and exclusive are set. Equal ranges may be there many times. */
void range_insert(struct range **root, struct range *r);
/* r is in the tree. */
void range_remove(struct range **root, struct range *r);
/* Exactly this one, the exclusive one first; NULL: none. */
struct range *range_find(struct range *root, uint64_t start, uint64_t length, const void *owner);
/* Some range that is in the way of this use by owner; NULL: none. */
struct range *range_conflict(struct range *root, uint64_t start, uint64_t length, const void *owner,
			     enum range_use use);

/* All that overlap with this one, by their start; fn false: enough. */
void range_each(struct range *root, uint64_t start, uint64_t length,
		bool (*fn)(void *arg, struct range *r), void *arg);

/*
 * MS-FSA 2.1.4.10: do two ranges overlap? One of length 0 is a point between two bytes, which is
 * inside a range only if it is not at its edge; the one at offset 0 is nowhere.
 */
static inline bool range_overlap(uint64_t start1, uint64_t length1, uint64_t start2,
				 uint64_t length2)
{
	if (!(start1 | length1) || !(start2 | length2))
		return false;
	return start1 <= start2 + length2 - 1 && start2 <= start1 + length1 - 1;
}

#endif /* KH_RANGE_TREE_H */
