/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * durable.h - opens that outlive the loss of their client (MS-SMB2 3.3.5.9.6, .7, .10, .12,
 * 3.3.7.1).
 *
 * A durable open whose session ends because its last connection is lost is kept: it stays on its
 * ofile with its oplock or lease, its locks and its fd, but no client finds it by its id.
 *
 *   connected --durable_keep()--> kept --durable_take()--> taken --durable_reconnect()--> connected
 *                                  |                         `----durable_put_back()--> kept
 *                                  `--durable_purge(), time, too many of them--------> closed
 *
 * open.disconnected is true from keep to reconnect or close. It, open.session and open.tree change
 * under the lock of the file's bucket and session.lock only. A disconnected open's session and tree
 * are those that it had, both gone for everybody else: who holds a reference to an open may follow
 * its session and tree at any time, as neither is freed while others than the reconnecting client
 * have references to the open.
 *
 * Opens with a CreateGuid are found by it and the client's GUID while they are connected too, for
 * replays of their CREATE (create_guid.c).
 *
 * Locks: the list of kept opens has a lock of its own, inside those of buckets and sessions.
 */
#ifndef KH_DURABLE_H
#define KH_DURABLE_H

#include "state/state.h"

/* ---- for everybody ---- */

/* A reference to the session that o belongs, or belonged, to. o is published; any thread. */
struct session *open_session_get(struct open *o);

/*
 * Under the bucket's lock, any thread: has a disconnected open closed by a worker, as a conflicting
 * open, or change, cannot coexist with it. Returns at once; the open has left its ofile, and
 * oplock_finish() was called for it, some time after. For an open that is not disconnected, and
 * when called again: nothing.
 */
void durable_purge(struct open *o);

/* ---- keeping and reconnecting ---- */

/*
 * Worker: the client of o is gone without having closed it. True: o was taken from its session, and
 * is kept. False: it is as before, and to be closed.
 */
bool durable_keep(struct open *o);
/* By FileId.Persistent, reference; NULL: none that is kept. */
struct open *durable_find(uint64_t persistent);
/* By FileId.Volatile, as `status` shows it; looks at all that are kept. */
struct open *durable_find_vol(uint64_t vol);
/* The caller, who has a reference, is the one that reconnects it. False: somebody was quicker. */
bool durable_take(struct open *o);
/* After durable_take(): it waits for its client again. */
void durable_put_back(struct open *o);
/*
 * After durable_take(): o belongs to s and t now, and is found by its id. False: it was purged
 * meanwhile, or s or t are gone, and is closed now.
 */
bool durable_reconnect(struct open *o, struct session *s, struct tree *t, uint64_t conn_id);
/* Worker: closes it now, if it is kept (AppInstanceId, control). */
void durable_close(struct open *o);

/* For open_put(). */
void durable_former_free(struct durable_former *f);

/* Reactor 0, once a second: those whose time is over. True: some wait. */
bool durable_tick(uint64_t now);
unsigned int durable_count(void);
/* The end, when no workers run any more: closes them all. */
void durable_end(void);

#endif /* KH_DURABLE_H */
