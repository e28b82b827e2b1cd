/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change_local.h - what others than this process changed, by absolute path ("" for "/"): to who
 * watches (notify.h), and to directory leases of the shares that the path is in.
 */
#ifndef KH_CHANGE_LOCAL_H
#define KH_CHANGE_LOCAL_H

#include "state/change.h"

struct change_local;

/*
 * From now on what others change in this folder is told to lease_dir_change(). NULL: it cannot be
 * seen. Any thread; does not wait for a disk.
 */
struct change_local *change_local_begin(struct vfs_share *s, int fd);
void change_local_end(struct change_local *l); /* NULL is fine */

/* c->share is NULL, c->path and new_path absolute. The listening thread. */
void change_raise_local(const struct change *c);
/* Somebody closed a file that he had open for writing: listings show it. */
void change_raise_local_closed(const char *path);
/* Does anybody want to know that? */
bool change_local_wanted(void);

#endif /* KH_CHANGE_LOCAL_H */
