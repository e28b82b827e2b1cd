/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * notify.h - folders that clients watch (MS-SMB2 3.3.5.19, 3.3.1.3, MS-FSA 2.1.5.11).
 *
 * The first CHANGE_NOTIFY on an open makes a watch of it: what it asks for (filter, subtree, size
 * of the answer) stays for the life of the open, and from then on changes are kept for it, whether
 * a request waits or not. Each change answers the oldest request that waits, with everything that
 * is queued. What does not fit the size of the first request is given up: NOTIFY_ENUM_DIR.
 *
 * Found by the absolute path of the folder, so that shares that overlap see each other: for a
 * change, each folder above it is looked up. A rename of the folder moves the watch.
 *
 * Locks: the table's (changes read it, watches come and go under it) → open.lock, and the bucket of
 * the folder, which notify_deleting() is called with → watch → reactor's queue.
 */
#ifndef KH_NOTIFY_H
#define KH_NOTIFY_H

#include "state/change.h"
#include "state/state.h"

struct notify_watch;

/* An answer: FILE_NOTIFY_INFORMATION records, MS-FSCC 2.7.1. free() it. */
struct notify_events {
	size_t len;
	uint8_t data[];
};

/* ---- the request's side; reactor ---- */

/* The watch of o, with these parameters if there is none yet. NULL: no memory. */
struct notify_watch *notify_watch(struct open *o, uint32_t filter, bool subtree, uint32_t max);
/* What is queued: SUCCESS and *ev, NOTIFY_ENUM_DIR, DELETE_PENDING; PENDING: nothing. */
ntstatus notify_take(struct notify_watch *w, struct notify_events **ev);
/*
 * The same, and with PENDING rq is queued: request_resume() will come with resume_status as
 * notify_take() gives it, and rq->priv the events; or NOTIFY_CLEANUP.
 */
ntstatus notify_wait(struct notify_watch *w, struct request *rq, struct notify_events **ev);
/* True: it was queued, and is not any more: nobody resumes it. */
bool notify_wait_cancel(struct notify_watch *w, struct request *rq);

/* ---- what happens to watches; any thread ---- */

/* The open is being closed, after open.closing was set: NOTIFY_CLEANUP. */
void notify_close(struct open *o);
void notify_free(struct open *o); /* with the last reference */
/* The file that o has open is marked for deletion: DELETE_PENDING. The bucket's lock is held. */
void notify_deleting(struct open *o);
/* After opens_renamed(): a folder, and so all that is below it, has another path. */
void notify_renamed(const struct vfs_share *s, const char *from, const char *to);

void notify_raise(const struct change *c);

/* For notify_event.c, which knows absolute paths ("" for "/") and no shares. */
void notify_raise_absolute(const struct change *c);
void notify_renamed_absolute(const char *from, const char *to);
/* A folder was removed: who watches it gets DELETE_PENDING. */
void notify_gone(const char *path);
/* Changes of local programs were lost: all watches get NOTIFY_ENUM_DIR. */
void notify_lost(void);

#endif /* KH_NOTIFY_H */
