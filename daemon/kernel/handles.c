// SPDX-License-Identifier: GPL-2.0-or-later
/* handles.c - capabilities of the opens that the kernel module serves; handles.h has the rules. */
#include "kernel/handles.h"
#include "core/entry.h"
#include "smb2/smb2.h"
#include "state/channel_seq.h"
#include "vfs/vfs.h"

bool handles_enabled;
struct inode_set handles_leaving = INODE_SET_INIT(&handles_leaving);

static const struct handle_ops *ops;

/*
 * How many are between storing and the end of the wait. One count for all files: raised under the
 * lock of the file's bucket, so who takes that lock next sees it, and at worst waits for nothing.
 */
static _Atomic unsigned int draining;

/* Opens between handle_offer() and let_go(). */
static _Atomic unsigned int given;

bool handles_any(void)
{
	return atomic_load_explicit(&given, memory_order_relaxed) != 0;
}

void handles_start(const struct handle_ops *o)
{
	ops = o;
	handles_enabled = maps.nhandles != 0;
}

/* ---- the rules; under the bucket's lock ---- */

static bool may_lock_out(const struct open *o)
{
	return o->tree->share->strict_locking != CONF_NO;
}

/* What CLOSE shows is the kernel's, and nothing of the daemon's is to be done for it. */
static bool may_close(const struct ofile *f, const struct open *o)
{
	uint64_t unit = o->tree->vfs->opt.allocation_roundup;

	return !o->wrote && !o->handle_stale && !o->delete_on_close && !f->delete_pending &&
	       f->wtime.state == WRITE_TIME_NONE && !f->wtime.change && !f->alloc &&
	       atomic_load(&o->oplock.level) == SMB2_OPLOCK_LEVEL_NONE && !(unit & (unit - 1)) &&
	       unit <= UINT32_MAX && lock_file_quiet(o->locks);
}

static uint32_t handle_allowed(const struct ofile *f, const struct open *o)
{
	bool quiet = !may_lock_out(o) || (lock_file_quiet(o->locks) && !o->asks_local);
	uint32_t caps = 0;

	if (o->handle_done || channel_seq_moved(o))
		return 0;
	if (o->session && atomic_load_explicit(&o->session->expires_ns, memory_order_relaxed))
		return 0;
	if (quiet && o->access & (FILE_READ_DATA | FILE_EXECUTE))
		caps |= KH_CAP_READ;
	/* The first WRITE is the daemon's: it begins the write time. Not to the end of the file
	 * only. */
	if (quiet && o->access & FILE_WRITE_DATA && !o->append_only && o->wrote &&
	    !atomic_load(&o->oplock.others_cache))
		caps |= KH_CAP_WRITE;
	if (o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA) &&
	    f->wtime.state != WRITE_TIME_PENDING)
		caps |= KH_CAP_FLUSH;
	if (may_close(f, o))
		caps |= KH_CAP_CLOSE;
	return caps;
}

/* ---- taking away and giving back ---- */

static void taken_add(struct handles_taken *t, uint64_t vol)
{
	if (t->n == t->max) {
		t->max = t->max ? 2 * t->max : 8;
		t->vols = xrealloc(t->vols, t->max * sizeof(*t->vols));
	}
	t->vols[t->n++] = vol;
}

static void caps_store(struct open *o, uint32_t caps)
{
	o->handle_undrained |= o->handle_caps & ~caps;
	o->handle_caps = caps;
	__atomic_store_n(&o->handle->caps, caps, __ATOMIC_RELEASE);
}

void handles_refresh(struct ofile *f, struct handles_taken *t)
{
	struct open *o;

	if (!handles_enabled || !f)
		return;
	list_for_each (o, &f->handles, handle_node) {
		uint32_t caps = handle_allowed(f, o);

		if (caps != o->handle_caps)
			caps_store(o, caps);
		if (t && (o->handle_undrained & t->caps || atomic_load(&draining))) {
			o->handle_undrained &= ~t->caps;
			taken_add(t, o->vol);
		}
	}
	if (t && t->n)
		atomic_fetch_add(&draining, 1);
}

/* Without an answer the module must not keep it: the daemon serves it from then on. */
static void wait_one(uint64_t vol, uint32_t caps)
{
	int err = ops->barrier(vol, caps);

	if (err == 0 || err == -ENOENT) /* it has none to be waited for */
		return;
	log_err("the kernel module gives no barrier for handle %016llx: %s",
		(unsigned long long)vol, strerror(-err));
	(void)ops->del(vol);
}

void handles_wait(struct handles_taken *t)
{
	if (likely(!t->n))
		return;
	for (unsigned int i = 0; i < t->n; i++)
		wait_one(t->vols[i], t->caps);
	atomic_fetch_sub(&draining, 1);
	free(t->vols);
	*t = (struct handles_taken) { .caps = t->caps };
}

void handles_update(struct open *o)
{
	struct ofile *f;

	if (!handles_enabled || !o->oplock.lock)
		return;
	f = ofile_lock(o);
	handles_refresh(f, NULL);
	ofile_unlock(o, f);
}

void handles_drain(struct open *o)
{
	struct handles_taken t = HANDLES_TAKEN(KH_CAPS_ALL);
	struct ofile *f = ofile_lock(o);

	handles_refresh(f, &t);
	ofile_unlock(o, f);
	handles_wait(&t);
}

void handles_attr_change(struct open *o)
{
	if (handles_enabled)
		ofile_handles_stale(o->file_dev, o->file_ino);
}

/* ---- byte-range locks ---- */

/* Would taking READ and WRITE away have to wait for anybody? */
static bool must_wait(const struct ofile *f)
{
	const uint32_t io = KH_CAP_READ | KH_CAP_WRITE | KH_CAP_CLOSE;
	struct open *o;

	list_for_each (o, &f->handles, handle_node)
		if ((o->handle_caps | o->handle_undrained) & io || atomic_load(&draining))
			return true;
	return false;
}

bool handles_lock_begin(struct open *o, bool on_worker)
{
	struct handles_taken t = HANDLES_TAKEN(KH_CAP_READ | KH_CAP_WRITE | KH_CAP_CLOSE);
	struct ofile *f;
	bool ok;

	if (!handles_enabled)
		return true;
	f = ofile_lock(o);
	ok = on_worker || !f || !must_wait(f);
	if (ok) {
		lock_file_hold(o->locks, true);
		handles_refresh(f, &t);
	}
	ofile_unlock(o, f);
	handles_wait(&t);
	return ok;
}

void handles_lock_end(struct open *o)
{
	if (!handles_enabled)
		return;
	lock_file_hold(o->locks, false);
	handles_update(o);
}

/* ---- giving ---- */

static uint32_t flags_of(const struct open *o)
{
	return (o->memory ? KH_HANDLE_MEMORY : 0) |
	       (o->write_through ? KH_HANDLE_WRITE_THROUGH : 0) |
	       (o->tree->encrypt ? KH_HANDLE_ENCRYPT : 0) |
	       (o->tree->share->strict_sync ? KH_HANDLE_SYNC : 0);
}

static void record_fill(const struct open *o, const struct vfs_attr *a, struct kh_reply_handle *r)
{
	*r = (struct kh_reply_handle) {
		.vol = o->vol,
		.persistent = o->persistent,
		.session_id = o->session->id,
		.opaque = o->vol,
		.tree_id = o->tree->id,
		.fd = o->fd,
		.access = o->access,
		.flags = flags_of(o),
		.create_time = a->create_time,
		.attributes = a->attributes,
		.alloc_unit = (uint32_t)o->tree->vfs->opt.allocation_roundup,
	};
}

/* The attributes are read before the lock: a change in between has set handle_stale. */
static bool attributes(struct open *o, struct vfs_attr *a)
{
	return o->wrote || open_attr(o, a) == 0;
}

bool handle_offer(struct open *o, uint64_t conn_id, struct kh_reply_handle *out)
{
	struct kh_handle_slot *s = o->handle_entry;
	struct vfs_attr a = { 0 };
	struct ofile *f;
	bool ok;

	if (!handles_enabled || !s || o->kind != OPEN_FILE || handle_given(o) || !attributes(o, &a))
		return false;
	f = ofile_lock(o);
	ok = f && !handle_given(o) && !o->handle_done;
	if (ok) {
		record_fill(o, &a, out);
		__atomic_store_n(&s->conn_id, conn_id, __ATOMIC_RELAXED);
		o->handle_queued = true;
		atomic_store_explicit(&o->handle, s, memory_order_release);
		list_add_tail(&o->handle_node, &f->handles);
		open_get(o);
		atomic_fetch_add(&given, 1);
		caps_store(o, handle_allowed(f, o));
		log_debug(LOG_KERNEL, "conn=%llu session=%016llx handle=%llx offered caps=0x%x",
			  (unsigned long long)conn_id, (unsigned long long)o->session->id,
			  (unsigned long long)o->vol, o->handle_caps);
	}
	ofile_unlock(o, f);
	return ok;
}

/* ---- the position ---- */

static uint64_t module_ops(const struct kh_handle_slot *s)
{
	return __atomic_load_n(&s->reads, __ATOMIC_RELAXED) +
	       __atomic_load_n(&s->writes, __ATOMIC_RELAXED);
}

void handle_position_seen(struct open *o)
{
	atomic_store_explicit(&o->position_ops, module_ops(o->handle), memory_order_relaxed);
}

uint64_t handle_position(const struct open *o)
{
	const struct kh_handle_slot *s = o->handle;

	if (handle_given(o) && !o->handle_done && module_ops(s) != atomic_load(&o->position_ops))
		return __atomic_load_n(&s->end, __ATOMIC_RELAXED);
	return atomic_load_explicit(&o->position, memory_order_relaxed);
}

/* ---- closing ---- */

/* The slot may be another open's afterwards. Once per open, when nothing is in flight. */
static void let_go(struct open *o)
{
	struct kh_handle_slot *s = o->handle;

	(void)ops->del(o->vol); /* ENOENT: the module never had it */
	if (module_ops(s) != atomic_load(&o->position_ops))
		o->position = s->end;
	if (__atomic_load_n(&s->writes, __ATOMIC_RELAXED))
		o->wrote = true;
	if (!atomic_load(&o->disconnected))
		entry_open_gone(o);
	atomic_fetch_sub(&given, 1);
}

/*
 * While it is waited for, the module still knows it, so that whoever takes a lock now waits too: it
 * is taken from the module only then.
 */
void handle_close(struct open *o)
{
	struct ofile *f;
	bool mine, queued;

	if (!handles_enabled || !o->oplock.lock)
		return;
	f = ofile_lock(o);
	mine = handle_given(o) && !o->handle_done;
	queued = o->handle_queued;
	o->handle_done = true;
	if (mine)
		caps_store(o, 0);
	ofile_unlock(o, f);
	if (!mine)
		return;
	wait_one(o->vol, KH_CAPS_ALL);
	if (!queued)
		let_go(o);
}

void handle_reset(struct open *o)
{
	if (o->handle_queued)
		return;
	list_del(&o->handle_node);
	o->handle = NULL;
	o->handle_caps = o->handle_undrained = 0;
	o->handle_done = o->handle_stale = false;
	o->position_ops = 0;
	o->seq_drained = false;
}

/* Closed while its record was on its way: handle_close() left the rest to who carried it. */
struct late {
	struct work work;
	struct open *open; /* reference */
};

static void late_work(struct work *w)
{
	struct late *l = container_of(w, struct late, work);

	let_go(l->open);
	open_put(l->open);
	free(l);
}

void handle_sent(struct open *o)
{
	struct ofile *f = ofile_lock(o);
	bool closed = o->handle_done;
	struct late *l;

	o->handle_queued = false;
	ofile_unlock(o, f);
	if (!closed) {
		open_put(o);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->work.fn = late_work;
	l->open = o;
	worker_post(&l->work);
}

static void closed_work(struct work *w)
{
	struct late *l = container_of(w, struct late, work);

	open_close_rest(l->open);
	open_put(l->open);
	free(l);
}

void handle_closed_by_client(uint64_t opaque)
{
	struct open *o = open_find_vol(opaque);
	struct late *l;

	if (!o)
		return;
	if (!open_unpublish(o)) { /* he who did closes it */
		open_put(o);
		return;
	}
	l = xcalloc(1, sizeof(*l));
	l->work.fn = closed_work;
	l->open = o;
	worker_post(&l->work);
}

bool handles_reap(uint64_t dev, uint64_t ino, struct identity *back)
{
	bool any = false;
	struct open *o;

	if (!handles_enabled)
		return true;
	if (back && vfs_quick() && handles_any()) { /* the first came just now */
		vfs_later();
		return false;
	}
	while (handles_any() && (o = ofile_closed_by_client(dev, ino))) {
		any = true;
		(void)open_unpublish(o);
		open_close_rest(o);
		open_put(o);
	}
	inode_set_wait(&handles_leaving, dev, ino); /* they wait for nobody who could be here */
	return !any || !back || identity_become(back) == 0;
}
