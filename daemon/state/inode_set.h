/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * inode_set.h - files that somebody is at, and waiting until he is done.
 *
 * He puts a mark of his own into the set, and takes it out when he is done; several may be at one
 * file. Any thread. Whoever must not miss a mark looks under a lock that it was put in under, or
 * after he saw a flag that was set after it.
 */
#ifndef KH_INODE_SET_H
#define KH_INODE_SET_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/util.h"

struct inode_set {
	pthread_mutex_t lock; /* innermost */
	pthread_cond_t out;   /* a mark was taken out */
	struct list_head marks;
	_Atomic unsigned int n;
};
#define INODE_SET_INIT(s)                                                           \
	{                                                                           \
		.lock = PTHREAD_MUTEX_INITIALIZER, .out = PTHREAD_COND_INITIALIZER, \
		.marks = { .next = &(s)->marks, .prev = &(s)->marks },              \
	}

/* Zeroed: in no set. The owner's, who alone puts it in and out. */
struct inode_mark {
	struct list_head node;
	struct inode_set *set;
	uint64_t dev, ino;
};

void inode_set_add(struct inode_set *s, struct inode_mark *m, uint64_t dev, uint64_t ino);
/* One branch when it is in none. */
void inode_set_del_slow(struct inode_mark *m);
static inline void inode_set_del(struct inode_mark *m)
{
	if (unlikely(m->set != NULL))
		inode_set_del_slow(m);
}

/* Without the lock when the set is empty. */
bool inode_set_has(struct inode_set *s, uint64_t dev, uint64_t ino);
/* Worker, no lock, no mark of the caller's at this file: until it has none. */
void inode_set_wait(struct inode_set *s, uint64_t dev, uint64_t ino);

#endif /* KH_INODE_SET_H */
