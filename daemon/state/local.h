/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * local.h - local programs that use the files of a share: their locks, and their opens.
 *
 *   local_lock.c    byte-range locks are also the kernel's, so that programs and NFS meet them
 *                   (`posix locking`)
 *   local_lease.c   what a client caches is backed by a lease of the kernel's on the file, so that
 *                   who opens it waits until the client has given its cache up (`kernel oplocks`)
 *   local_share.c   share modes, as far as the kernel knows any (`kernel share modes`)
 *   local_thread.c  the thread that hears of the second, and asks again for what the kernel tells
 *                   nobody: that a lock is free, that somebody else's lease is gone
 */
#ifndef KH_LOCAL_H
#define KH_LOCAL_H

#include "state/state.h"

struct range;

/* ---- local_thread.c ---- */

#define LOCAL_POLL_NS 50000000ull

/* Asked every LOCAL_POLL_NS. Any thread, any lock may be held. */
void local_poll_add(struct local_poll *p);
/* The thread's id, for F_SETOWN_EX; and the signal. 0: there is no thread. */
pid_t local_thread_tid(void);
int local_signal(void);

/* ---- local_lock.c: by lock.c, under the lock_file's lock ---- */

/* The kernel has the locks of a file in a list: so many of them are its too, the others ours alone.
 */
#define LOCAL_LOCKS_MAX 1024u

/* Does the share of o want its locks to be the kernel's too? */
bool local_lock_wanted(const struct open *o);
/* r is in the tree. False: a local program has a lock that is in its way. */
bool local_lock_take(struct open *o, const struct range *r);
/* r is not in the tree any more. */
void local_lock_drop(struct open *o, const struct range *r);
/* All that o holds. */
void local_lock_close(struct open *o);
/* Is o's I/O to heed local programs' locks (`strict locking = yes`)? */
bool local_lock_asks(const struct open *o);
/* Are these bytes free of local programs' locks that are in the way? A look, no lock needed. */
bool local_lock_free(const struct open *o, uint64_t off, uint64_t len, bool write);

/* ---- local_lease.c ---- */

/*
 * Worker, no bucket's lock; o has its fd, and has joined: backs what it caches with the kernel's
 * lease, or takes it away.
 */
void local_lease_begin(struct open *o);
/* Bucket's lock: the client caches that much now, SMB2_LEASE_*. By lease.c. */
void local_lease_follow_slow(struct open *o, uint8_t state);
static inline void local_lease_follow(struct open *o, uint8_t state)
{
	if (unlikely(o->kernel_lease))
		local_lease_follow_slow(o, state);
}
/* The thread: somebody wants to open the file that fd has, or had, a lease on. */
void local_lease_broken(int fd);
/* ... or any that has one. */
void local_lease_look(void);

/* ---- local_share.c ---- */

/* o has its fd. False: a local program's flock() is in the way, SHARING_VIOLATION. */
bool local_share_enter(struct open *o);
/* Before it leaves its file. */
void local_share_leave(struct open *o);

#endif /* KH_LOCAL_H */
