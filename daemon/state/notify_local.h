/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify_local.h - changes that others than this process make: local programs, NFS, and the kernel
 * module, whose writes are those of kernel threads. One thread listens to fanotify and raises them
 * (change.h), without what this process did: an event names the process, whichever of its threads,
 * io_uring's included, it was.
 *
 * Only what is watched is marked: a folder, or, for a whole subtree, its file system. Bounded by
 * the kernel's queue: when it overflows, all watches get NOTIFY_ENUM_DIR. Without the privilege
 * (CAP_SYS_ADMIN, CAP_DAC_READ_SEARCH), or on a file system without file handles, it is inotify
 * (notify_inotify.h).
 */
#ifndef KH_NOTIFY_LOCAL_H
#define KH_NOTIFY_LOCAL_H

#include "state/change.h"

struct notify_mark;

/* For filter: all that a listing shows (change_local.h). */
#define NOTIFY_LOCAL_LISTING 0x80000000u

/*
 * Begins to listen for what filter says in the folder fd (O_PATH is fine), or everywhere below it.
 * NULL: not possible. Any thread; does not wait for a disk.
 */
struct notify_mark *notify_local_mark(int fd, uint32_t filter, bool subtree);
void notify_local_unmark(struct notify_mark *m); /* NULL is fine */
/* Before the reactors are drained: the thread ends, and posts nothing more. */
void notify_local_stop(void);

#endif /* KH_NOTIFY_LOCAL_H */
