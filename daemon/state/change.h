/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * change.h - what happened to the files of a share, told once by whoever did it, for all who have a
 * reason to know: CHANGE_NOTIFY (state/notify.c) and directory leases (state/lease_dir.c).
 *
 * Told after it happened and before the answer goes out. A local program's changes come in here
 * too, with by == NULL.
 */
#ifndef KH_CHANGE_H
#define KH_CHANGE_H

#include "state/state.h"

/* MS-FSCC 2.7.1 */
#define FILE_ACTION_ADDED	     1u
#define FILE_ACTION_REMOVED	     2u
#define FILE_ACTION_MODIFIED	     3u
#define FILE_ACTION_RENAMED_OLD_NAME 4u
#define FILE_ACTION_RENAMED_NEW_NAME 5u
#define FILE_ACTION_ADDED_STREAM     6u
#define FILE_ACTION_REMOVED_STREAM   7u
#define FILE_ACTION_MODIFIED_STREAM  8u

/* MS-SMB2 2.2.35 */
#define FILE_NOTIFY_CHANGE_FILE_NAME	0x001u
#define FILE_NOTIFY_CHANGE_DIR_NAME	0x002u
#define FILE_NOTIFY_CHANGE_ATTRIBUTES	0x004u
#define FILE_NOTIFY_CHANGE_SIZE		0x008u
#define FILE_NOTIFY_CHANGE_LAST_WRITE	0x010u
#define FILE_NOTIFY_CHANGE_LAST_ACCESS	0x020u
#define FILE_NOTIFY_CHANGE_CREATION	0x040u
#define FILE_NOTIFY_CHANGE_EA		0x080u
#define FILE_NOTIFY_CHANGE_SECURITY	0x100u
#define FILE_NOTIFY_CHANGE_STREAM_NAME	0x200u
#define FILE_NOTIFY_CHANGE_STREAM_SIZE	0x400u
#define FILE_NOTIFY_CHANGE_STREAM_WRITE 0x800u
#define FILE_NOTIFY_CHANGE_ALL		0xFFFu

struct change {
	const struct vfs_share *share;
	const char *path;     /* share-relative, as on disk, of what changed; "" never */
	const char *new_path; /* RENAMED_OLD_NAME alone: the other name; told as a pair */
	const char *stream;   /* *_STREAM: its name; else NULL */
	uint32_t action;      /* FILE_ACTION_*; a rename: RENAMED_OLD_NAME */
	uint32_t filter;      /* FILE_NOTIFY_CHANGE_*: who watches for one of them is told */
	bool is_dir;
	bool writing; /* data goes in, and more may: the handle's close is the end of it */
	/*
	 * The open through which it was done (its parent lease key keeps its own directory lease);
	 * NULL: a local program. Borrowed.
	 */
	const struct open *by;
};

/* Any thread, no lock held but a reactor's; does not block; one load when nobody watches. */
void change_raise(const struct change *c);

/*
 * Does anybody want to be told? Who does counts himself in before he looks at the state that
 * changes are to be told of. One load.
 */
extern _Atomic unsigned int change_listeners;
static inline bool change_wanted(void)
{
	return unlikely(atomic_load_explicit(&change_listeners, memory_order_acquire));
}
static inline void change_listen(int n)
{
	atomic_fetch_add(&change_listeners, (unsigned int)n);
}

/*
 * The same for what an open stands for, path and kind are its own: FILE_NAME becomes DIR_NAME of a
 * folder, and of a stream ADDED, REMOVED, and MODIFIED with SIZE become what streams have. Takes
 * open.lock.
 */
void change_raise_open(struct open *o, uint32_t action, uint32_t filter);
static inline void change_open(struct open *o, uint32_t action, uint32_t filter)
{
	if (change_wanted())
		change_raise_open(o, action, filter);
}
/*
 * Data went in through o: told at the first time, then once a second at most, and when somebody
 * asks for it to be seen (change_written() with `last`: close, flush).
 */
void change_raise_written(struct open *o, bool last);
static inline void change_written(struct open *o, bool last)
{
	if (change_wanted())
		change_raise_written(o, last);
}

#endif /* KH_CHANGE_H */
