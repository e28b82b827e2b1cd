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

#define CHANGE_NAMES (FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME)

/*
 * The listening thread. path, and new_path of a rename, are absolute; CHANGE_NAMES is the one of
 * the two that fits.
 */
void change_raise_local(const char *path, const char *new_path, uint32_t action, uint32_t filter,
			bool is_dir);
/* Somebody closed a file that he had open for writing: listings show it. */
void change_raise_local_closed(const char *path);
/* Does anybody want to know that? */
bool change_local_wanted(void);

#endif /* KH_CHANGE_LOCAL_H */
