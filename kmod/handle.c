// SPDX-License-Identifier: GPL-2.0-only
/*
 * handle.c - files that the daemon gave, and who uses them.
 *
 * A use counts itself in flight, then looks at `gone` and at the capabilities; who takes them away
 * stores first and then waits for the count (both with full barriers). So either the use sees the
 * new value, or it is waited for. The memory of a handle goes after an RCU grace period, because a
 * use may find it on its last way out.
 */
#include <linux/file.h>
#include <linux/log2.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>
#include <linux/wait_bit.h>

#include "kmod.h"

struct kh_handle *kh_handle_use(struct kh_server *s, const struct smb2_fid *fid, enum kh_use use)
{
	u32 slot = (u32)fid->vol;
	struct kh_handle *h;

	if (slot >= s->maps.nhandles)
		return NULL;
	rcu_read_lock();
	h = rcu_dereference(s->handles[slot]);
	if (!h || h->vol != fid->vol || h->persistent != fid->persistent) {
		rcu_read_unlock();
		return NULL;
	}
	atomic_inc(&h->inflight[use]);
	smp_mb__after_atomic(); /* pairs with the one in stop() */
	if (atomic_read(&h->gone) || !(smp_load_acquire(&h->slot->caps) & BIT(use))) {
		kh_handle_done(h, use);
		h = NULL;
	}
	rcu_read_unlock();
	return h;
}

void kh_handle_done(struct kh_handle *h, enum kh_use use)
{
	rcu_read_lock(); /* afterwards who waited may free it */
	/* Fully ordered: either the waiter sees the count, or this sees the waiter. */
	if (atomic_dec_and_test(&h->inflight[use]) && READ_ONCE(h->waited))
		wake_up_var(&h->inflight[use]);
	rcu_read_unlock();
}

/* What was stored before is seen by every new use; the old ones end here. */
static int stop(struct kh_handle *h, u32 uses)
{
	int use, err = 0;

	WRITE_ONCE(h->waited, true);
	smp_mb(); /* pairs with the ones in kh_handle_use() and kh_handle_done() */
	for (use = 0; use < KH_USES && !err; use++)
		if (uses & BIT(use))
			err = wait_var_event_killable(&h->inflight[use],
						      !atomic_read(&h->inflight[use]));
	return err;
}

bool kh_handle_close(struct kh_handle *h)
{
	if (atomic_cmpxchg(&h->gone, 0, 1))
		return false;
	/* The daemon sees what was counted before, and this before the client has the answer. */
	smp_store_release(&h->slot->state, KH_HANDLE_CLOSED);
	return true;
}

static void free_handle(struct kh_handle *h)
{
	fput(h->file);
	kh_count(KH_OBJ_HANDLE, -1);
	kfree_rcu(h, rcu);
}

/* Regular files, opened for what the client may do with them, and for nothing unusual. */
static int check_file(const struct file *f, u32 access)
{
	if (!S_ISREG(file_inode(f)->i_mode) || f->f_flags & (O_APPEND | O_DIRECT))
		return -EINVAL;
	if (access & (FILE_READ_DATA | FILE_EXECUTE) && !(f->f_mode & FMODE_READ))
		return -EINVAL;
	if (access & (FILE_WRITE_DATA | FILE_APPEND_DATA) && !(f->f_mode & FMODE_WRITE))
		return -EINVAL;
	return 0;
}

static int insert(struct kh_server *s, struct kh_handle *h, u32 slot)
{
	int err = 0;

	mutex_lock(&s->lock);
	if (s->dead || !s->has_maps) {
		err = -ENODEV;
	} else if (rcu_access_pointer(s->handles[slot])) {
		err = -EBUSY;
	} else {
		h->slot->reads = h->slot->read_bytes = h->slot->writes = 0;
		h->slot->write_bytes = h->slot->end = h->slot->last_ns = 0;
		rcu_assign_pointer(s->handles[slot], h);
		atomic_inc(&s->nhandles);
		/* The daemon sees the counters as they begin. */
		smp_store_release(&h->slot->state, KH_HANDLE_OPEN);
	}
	mutex_unlock(&s->lock);
	return err;
}

int kh_handle_add(struct kh_server *s, const struct kh_reply_handle *a,
		  struct netlink_ext_ack *extack)
{
	struct kh_handle_slot *slot = s->has_maps ? kh_maps_handle(&s->maps, (u32)a->vol) : NULL;
	struct kh_handle *h;
	int err;

	if (!slot) {
		NL_SET_ERR_MSG(extack, "the slot of the file id is outside the map of handles");
		return -ENOSPC;
	}
	h = kzalloc(sizeof(*h), GFP_KERNEL_ACCOUNT);
	if (!h)
		return -ENOMEM;
	h->file = fget(a->fd);
	if (!h->file) {
		NL_SET_ERR_MSG(extack, "fd is not an open file");
		err = -EBADF;
		goto free;
	}
	err = check_file(h->file, a->access);
	if (err) {
		NL_SET_ERR_MSG(extack, "fd is not a regular file opened for this access");
		goto put;
	}
	h->slot = slot;
	h->vol = a->vol;
	h->persistent = a->persistent;
	h->session_id = a->session_id;
	h->opaque = a->opaque;
	h->create_time = a->create_time;
	h->tree_id = a->tree_id;
	h->access = a->access;
	h->flags = a->flags;
	h->attributes = a->attributes;
	h->alloc_unit = a->alloc_unit && is_power_of_2(a->alloc_unit) ? a->alloc_unit : 1;
	kh_count(KH_OBJ_HANDLE, 1);
	err = insert(s, h, (u32)a->vol);
	if (!err)
		return 0;
	kh_count(KH_OBJ_HANDLE, -1);
	if (err == -EBUSY)
		NL_SET_ERR_MSG(extack, "the slot of the file id is in use");
	else
		NL_SET_ERR_MSG(extack, "the server is ending, or has no maps");
put:
	fput(h->file);
free:
	kfree(h);
	return err;
}

/* The handle of that id; server.lock is held. */
static struct kh_handle *find_locked(struct kh_server *s, u64 vol)
{
	struct kh_handle *h;

	if (!s->has_maps || (u32)vol >= s->maps.nhandles)
		return NULL;
	h = rcu_dereference_protected(s->handles[(u32)vol], lockdep_is_held(&s->lock));
	return h && h->vol == vol ? h : NULL;
}

/* Returns the slot and frees the handle when nobody uses it or waits for it any more. */
static void end(struct kh_server *s, struct kh_handle *h)
{
	int use;

	WRITE_ONCE(h->waited, true);
	smp_mb(); /* pairs with the one in kh_handle_done() */
	for (use = 0; use < KH_USES; use++)
		wait_var_event(&h->inflight[use], !atomic_read(&h->inflight[use]));
	mutex_lock(&s->lock);
	while (atomic_read(&h->barriers)) { /* they begin under the lock */
		mutex_unlock(&s->lock);
		wait_var_event(&h->barriers, !atomic_read(&h->barriers));
		mutex_lock(&s->lock);
	}
	RCU_INIT_POINTER(s->handles[(u32)h->vol], NULL);
	atomic_dec(&s->nhandles);
	/* The daemon sees the last of the counters, and nobody has the slot yet. */
	smp_store_release(&h->slot->state, KH_HANDLE_FREE);
	mutex_unlock(&s->lock);
	free_handle(h);
}

static int barrier_end(struct kh_handle *h, u32 uses)
{
	int err = stop(h, uses);

	if (atomic_dec_and_test(&h->barriers))
		wake_up_var(&h->barriers);
	return err;
}

/* Until it is drained the handle has its slot, so whoever else asks for it waits, too. */
int kh_handle_del(struct kh_server *s, u64 vol)
{
	struct kh_handle *h;
	bool first = false;

	mutex_lock(&s->lock);
	h = find_locked(s, vol);
	if (h && !h->ending) {
		first = h->ending = true;
		atomic_set(&h->gone, 1);
		smp_mb(); /* pairs with the one in kh_handle_use() */
	} else if (h) {
		atomic_inc(&h->barriers);
	}
	mutex_unlock(&s->lock);
	if (first) {
		end(s, h);
		return 0;
	}
	if (h)
		barrier_end(h, KH_CAPS_ALL);
	return -ENOENT;
}

int kh_handle_barrier(struct kh_server *s, u64 vol, u32 caps)
{
	struct kh_handle *h;

	mutex_lock(&s->lock);
	h = find_locked(s, vol);
	if (h)
		atomic_inc(&h->barriers);
	mutex_unlock(&s->lock);
	return h ? barrier_end(h, caps & KH_CAPS_ALL) : -ENOENT;
}

/* Nobody else has the server: the handles that are there stay until they are deleted here. */
void kh_handles_drop(struct kh_server *s)
{
	u32 slot;

	for (slot = 0; s->has_maps && slot < s->maps.nhandles; slot++) {
		struct kh_handle *h = rcu_access_pointer(s->handles[slot]);

		if (h)
			kh_handle_del(s, h->vol);
	}
}
