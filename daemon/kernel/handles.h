/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * handles.h - open files that the kernel module serves, and what it may do with them (the
 * capabilities of uapi/kh_maps.h).
 *
 * An open is offered once: its record goes out with a reply, and from then on its slot in
 * kh_handles is the daemon's word on it. What the module may do is worked out of the open's state
 * by one function, handle_allowed(), under the lock of the file's bucket, where oplocks, write time
 * and deletion live; so what forbids something is always set before or together with the new
 * capabilities, and no later look gives them back.
 *
 * Taking one away has two steps: the slot is stored to under the bucket's lock, then, without a
 * lock, HANDLE_BARRIER waits for those in the module that saw the old value. A rule that others
 * rely on takes effect after that:
 *   byte-range lock   the file is marked (lock_file.holds), READ and WRITE are taken and waited
 *                     for, the lock is taken, the mark goes: handles_lock_begin(), _end()
 *   caching granted   the oplock is granted under the bucket's lock, WRITE is taken with it and
 *                     waited for before ofile_join() returns, so before the CREATE is answered
 *   deletion          delete_pending is set under the bucket's lock, CLOSE is taken with it and
 *                     waited for before the answer; who closed meanwhile is closed here too
 * Two at once: while anybody waits, anybody else who takes the same away waits too, although he
 * finds it taken (`draining` in handles.c).
 * Where only an answer would be another, the store is enough: who is in flight came first (FLUSH
 * and CLOSE, when a write time begins to be kept, or attributes change).
 *
 * Without the module handles_enabled is false, and each of these is one branch.
 */
#ifndef KH_HANDLES_H
#define KH_HANDLES_H

#include "kernel/bpf_link.h"
#include "kh_channel.h"
#include "state/state.h"

/* Of the netlink family; 0, or -errno: -ENOENT, the module does not have it. Both may block. */
struct handle_ops {
	int (*del)(uint64_t vol);
	int (*barrier)(uint64_t vol, uint32_t caps);
};

/* Constant once the reactors have connections. */
extern bool handles_enabled;

/* The module is there and has the maps; before connections come. */
void handles_start(const struct handle_ops *ops);

/* Has the module any file now? Else nothing of this waits for it. Any thread, a moment's answer. */
bool handles_any(void);

/* ---- giving (transport) ---- */

/*
 * Any thread; o is published. True: out is filled, and the module is to get it with the next reply;
 * a reference to o is taken, which handle_sent() puts: exactly once, when the channel took the
 * record, or dropped it.
 */
bool handle_offer(struct open *o, uint64_t conn_id, struct kh_reply_handle *out);
void handle_sent(struct open *o);
/*
 * Reactor, in the order of the channel: the module answered the client's CLOSE. The id is gone when
 * this returns; a worker does the rest.
 */
void handle_closed_by_client(uint64_t opaque);

/* ---- one open ---- */

/* All handles of its file get what they may now. Any thread, no lock. */
void handles_update(struct open *o);
/* The same, and what they lost is done by nobody any more. Worker. */
void handles_drain(struct open *o);

/* Was it ever offered? Then closing it, and taking capabilities away, may block. */
static inline bool handle_given(const struct open *o)
{
	return unlikely(atomic_load_explicit(&o->handle, memory_order_acquire) != NULL);
}

/* The client's CLOSE was answered by the module, and open_close() is still to come. */
static inline bool handle_is_closed(const struct open *o)
{
	struct kh_handle_slot *s = atomic_load_explicit(&o->handle, memory_order_acquire);

	return unlikely(s != NULL) &&
	       __atomic_load_n(&s->state, __ATOMIC_ACQUIRE) == KH_HANDLE_CLOSED;
}

/* Does it still count for others, although its client closed it? Any thread. */
static inline bool open_is_gone(const struct open *o)
{
	return atomic_load_explicit(&o->client_closed, memory_order_relaxed) || handle_is_closed(o);
}

/* Worker, unless it was not given: the module lets go of it, and nothing is in flight any more. */
void handle_close(struct open *o);
/* Data went in through o, by the daemon. */
static inline void handle_wrote(struct open *o)
{
	if (!atomic_exchange_explicit(&o->wrote, true, memory_order_relaxed))
		handles_update(o);
}

/*
 * Under the bucket's lock; o was closed by handle_close() and nobody else has a reference: it may
 * be offered again, to another connection.
 */
void handle_reset(struct open *o);

/* FilePositionInformation: of whoever did the last READ or WRITE. */
void handle_position_seen(struct open *o);
static inline void handle_position_set(struct open *o, uint64_t position)
{
	atomic_store_explicit(&o->position, position, memory_order_relaxed);
	if (handle_given(o))
		handle_position_seen(o);
}
uint64_t handle_position(const struct open *o);

/* ---- all opens of a file ---- */

/* What one change took away; to be waited for without a lock. */
struct handles_taken {
	uint64_t *vols;
	unsigned int n, max;
	uint32_t caps;
};
#define HANDLES_TAKEN(mask)    \
	{                      \
		.caps = (mask) \
	}

/*
 * Under the bucket's lock: all handles of f get what they may now. t, NULL for none, collects those
 * that lost some of t->caps, or are losing it: handles_wait() then, always. It frees.
 */
void handles_refresh(struct ofile *f, struct handles_taken *t);
void handles_wait(struct handles_taken *t);
/*
 * Around taking a byte-range lock: between the two nobody gets READ or WRITE of the file. False: on
 * a reactor, and there is somebody to wait for.
 */
bool handles_lock_begin(struct open *o, bool on_worker);
void handles_lock_end(struct open *o);

/* Attributes or name of the inode are about to change: the module's record of them is stale. */
void handles_attr_change(struct open *o);

/*
 * Files of which somebody is in open_close_rest() with an open that its client closed: in before
 * o->leaving is set, so whoever finds that set finds this too.
 */
extern struct inode_set handles_leaving;
/*
 * Worker, no lock: opens of the inode that the client knows to be closed are closed, which may
 * delete it. back: the identity that the thread goes on with, NULL: none; false: it cannot.
 */
bool handles_reap(uint64_t dev, uint64_t ino, struct identity *back);

#endif /* KH_HANDLES_H */
