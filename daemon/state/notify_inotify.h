/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify_inotify.h - changes that other processes make, where fanotify does not tell: no privilege
 * for it, or a file system without file handles. For notify_local.c.
 *
 * inotify watches single folders and does not say whose an event is. So a subtree is walked, by the
 * listening thread, and NOTIFY_INOTIFY_MAX folders of all watches together are watched; events that
 * match what this process just told are dropped, and with them, for two seconds, what a local
 * program writes to the same file.
 */
#ifndef KH_NOTIFY_INOTIFY_H
#define KH_NOTIFY_INOTIFY_H

#include "state/change.h"

#define NOTIFY_INOTIFY_MAX 2048

/* What the thread is to poll; -1: not possible. Once. */
int notify_inotify_start(void);
void notify_inotify_stop(void);
/* A folder, and all below it. wake: the thread is to call notify_inotify_walk(). False: no. */
bool notify_inotify_add(int fd, bool subtree, bool *wake);
void notify_inotify_remove(int fd, bool subtree);

/* The listening thread: subtrees that were added; what the fd has. */
void notify_inotify_walk(void);
void notify_inotify_read(int fd);

/* This process told it itself; c by absolute path. One load while there are no watches. */
extern _Atomic unsigned int notify_inotify_watches;
void notify_inotify_own_slow(const struct change *c);
static inline void notify_inotify_own(const struct change *c)
{
	if (unlikely(atomic_load_explicit(&notify_inotify_watches, memory_order_relaxed)))
		notify_inotify_own_slow(c);
}

#endif /* KH_NOTIFY_INOTIFY_H */
