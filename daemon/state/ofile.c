// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ofile.c - share modes and deletion: what the opens of one file owe each other.
 *
 * A file and each of its streams is an ofile of its own; all of one inode are in one bucket, under
 * one lock, because deletion concerns them together: a file goes when the last open of it and of
 * its streams is closed.
 */
#include "core/utf16.h"
#include "kernel/handles.h"
#include "state/durable.h"
#include "state/lease.h"
#include "state/notify.h"
#include "state/share_modes.h"
#include "state/state.h"

#define BUCKETS 4096

/* A bucket is a hash table of its own, which grows under its lock: no chain gets long. */
static struct bucket {
	pthread_mutex_t lock;
	struct list_head *chains; /* of ofiles; those of one inode are in one of them */
	uint32_t mask, n;
	struct list_head first;
} table[BUCKETS];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++) {
		pthread_mutex_init(&table[i].lock, NULL);
		list_init(&table[i].first);
		table[i].chains = &table[i].first;
	}
}

static uint64_t hash_of(uint64_t dev, uint64_t ino)
{
	return (dev * 31 + ino) * 0x9E3779B97F4A7C15ull;
}

static struct bucket *bucket_of(uint64_t dev, uint64_t ino)
{
	pthread_once(&once, table_init);
	return &table[hash_of(dev, ino) >> 52];
}

static struct list_head *chain_of(struct bucket *b, uint64_t dev, uint64_t ino)
{
	return &b->chains[(hash_of(dev, ino) >> 24) & b->mask];
}

/* Without memory the chains get longer, which is slow and not wrong. */
static void bucket_grow(struct bucket *b)
{
	uint32_t old = b->mask + 1;
	struct list_head *from = b->chains, *to = malloc(2 * old * sizeof(*to));

	if (!to)
		return;
	for (uint32_t i = 0; i < 2 * old; i++)
		list_init(&to[i]);
	b->chains = to;
	b->mask = 2 * old - 1;
	for (uint32_t i = 0; i < old; i++)
		while (!list_empty(&from[i])) {
			struct ofile *f = list_first(&from[i], struct ofile, hash);

			list_del(&f->hash);
			list_add_tail(&f->hash, chain_of(b, f->dev, f->ino));
		}
	if (from != &b->first)
		free(from);
}

static void bucket_add(struct bucket *b, struct ofile *f)
{
	if (++b->n > 2 * (b->mask + 1))
		bucket_grow(b);
	list_add_tail(&f->hash, chain_of(b, f->dev, f->ino));
}

static bool same_inode(const struct ofile *f, uint64_t dev, uint64_t ino)
{
	return f->dev == dev && f->ino == ino;
}

static bool same_stream(const struct ofile *f, const char *stream)
{
	if (!f->stream || !stream)
		return !f->stream && !stream;
	return utf8_equal_nocase(f->stream, stream);
}

static struct ofile *find(struct bucket *b, uint64_t dev, uint64_t ino, const char *stream)
{
	struct ofile *f;

	list_for_each (f, chain_of(b, dev, ino), hash)
		if (same_inode(f, dev, ino) && same_stream(f, stream))
			return f;
	return NULL;
}

static void drop(struct ofile *f)
{
	list_del(&f->hash);
	bucket_of(f->dev, f->ino)->n--;
	identity_put(f->delete_as);
	lock_file_put(f->locks);
	free(f->stream);
	free(f);
}

static ntstatus check(struct bucket *b, const struct open *o, uint64_t dev, uint64_t ino,
		      const char *stream, bool overwrite)
{
	/* Truncation is a write, whatever the handle may do later. */
	uint32_t access = o->access | (overwrite ? FILE_WRITE_DATA : 0);
	struct ofile *f;

	list_for_each (f, chain_of(b, dev, ino), hash) {
		bool same;

		if (!same_inode(f, dev, ino))
			continue;
		same = same_stream(f, stream);
		if (f->delete_pending && (same || !f->stream))
			return NT_STATUS_DELETE_PENDING;
		if (same ? share_modes_conflict(f, o, access)
			 : (f->stream && !stream && share_modes_conflict_delete(f, o)))
			return NT_STATUS_SHARING_VIOLATION;
	}
	return NT_STATUS_SUCCESS;
}

/* Those that clients closed by the kernel module do not count. RETRY: the file may be gone. */
static ntstatus reap(const struct open *o, uint64_t dev, uint64_t ino)
{
	struct bucket *b = bucket_of(dev, ino);
	bool closed = false, pending = false;
	struct open *other;
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	f = find(b, dev, ino, NULL);
	if (f) {
		pending = f->delete_pending;
		list_for_each (other, &f->handles, handle_node)
			closed |= open_is_gone(other);
	}
	pthread_mutex_unlock(&b->lock);
	if (closed && !handles_reap(dev, ino, o->tree->identity))
		return NT_STATUS_ACCESS_DENIED;
	return closed && pending ? NT_STATUS_RETRY : NT_STATUS_SUCCESS;
}

/* It was about to join, and caches nothing. */
static void unjoin(struct ofile *f, struct open *o)
{
	list_del(&o->file_node);
	share_modes_remove(f, o);
	o->file = NULL;
	if (!--f->refs && !f->delete_pending)
		drop(f);
}

ntstatus ofile_join(struct open *o, uint64_t dev, uint64_t ino, const char *stream, bool overwrite)
{
	struct handles_taken taken = HANDLES_TAKEN(KH_CAP_WRITE);
	struct bucket *b = bucket_of(dev, ino);
	struct ofile *f;
	ntstatus status = handles_any() ? reap(o, dev, ino) : NT_STATUS_SUCCESS;

	if (status != NT_STATUS_SUCCESS)
		return status;
	pthread_mutex_lock(&b->lock);
	f = find(b, dev, ino, stream);
	status = check(b, o, dev, ino, stream, overwrite);
	if (f)
		status = oplock_contend(f, o, overwrite, status);
	if (status == NT_STATUS_SUCCESS && unlikely(removal_is(dev, ino, o->looked)))
		status = NT_STATUS_RETRY;
	if (status == NT_STATUS_SUCCESS) {
		if (!f) {
			f = xcalloc(1, sizeof(*f));
			f->dev = dev;
			f->ino = ino;
			f->stream = stream ? xstrdup(stream) : NULL;
			f->locks = lock_file_new();
			list_init(&f->opens);
			list_init(&f->leases);
			list_init(&f->handles);
			bucket_add(b, f);
		}
		f->refs++;
		list_add_tail(&o->file_node, &f->opens);
		share_modes_add(f, o);
		o->file = f;
		o->file_dev = dev;
		o->file_ino = ino;
		o->locks = lock_file_get(f->locks);
		o->oplock.lock = &b->lock;
		status = lease_join(f, o);
		o->oplock.want = NULL; /* the caller's */
		if (status == NT_STATUS_SUCCESS)
			handles_refresh(f, &taken);
		else
			unjoin(f, o);
	}
	pthread_mutex_unlock(&b->lock);
	handles_wait(&taken); /* nobody writes by himself what is cached now */
	return status;
}

void ofile_set_access(struct open *o, uint32_t access)
{
	struct ofile *f;

	if (o->access == access)
		return;
	f = ofile_lock(o);
	if (f)
		share_modes_remove(f, o);
	o->access = access;
	if (f)
		share_modes_add(f, o);
	ofile_unlock(o, f);
}

void ofile_show(struct vfs_attr *a)
{
	struct bucket *b = bucket_of(a->id.dev, a->id.ino);
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	f = find(b, a->id.dev, a->id.ino, NULL);
	if (f)
		write_time_apply(f, a);
	pthread_mutex_unlock(&b->lock);
}

void ofile_set_alloc(struct open *o, uint64_t bytes)
{
	struct ofile *f = ofile_lock(o);

	if (f)
		f->alloc = bytes;
	ofile_unlock(o, f);
}

struct ofile *ofile_lock(struct open *o)
{
	pthread_mutex_lock(&bucket_of(o->file_dev, o->file_ino)->lock);
	return o->file;
}

void ofile_unlock(struct open *o, struct ofile *f)
{
	pthread_mutex_unlock(&bucket_of(o->file_dev, o->file_ino)->lock);
}

struct open *ofile_closed_by_client(uint64_t dev, uint64_t ino)
{
	struct bucket *b = bucket_of(dev, ino);
	struct open *o, *found = NULL;
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	f = find(b, dev, ino, NULL);
	if (f)
		list_for_each (o, &f->handles, handle_node)
			if (handle_is_closed(o) && !atomic_load(&o->leaving)) {
				found = open_get(o);
				break;
			}
	pthread_mutex_unlock(&b->lock);
	return found;
}

void ofile_handles_stale(uint64_t dev, uint64_t ino)
{
	struct bucket *b = bucket_of(dev, ino);
	struct ofile *f;
	struct open *o;

	pthread_mutex_lock(&b->lock);
	f = find(b, dev, ino, NULL);
	if (f) {
		list_for_each (o, &f->opens, file_node)
			o->handle_stale = true;
		handles_refresh(f, NULL);
	}
	pthread_mutex_unlock(&b->lock);
}

static bool others_of_inode(struct bucket *b, const struct ofile *f)
{
	struct ofile *g;

	list_for_each (g, chain_of(b, f->dev, f->ino), hash)
		if (g != f && g->refs && same_inode(g, f->dev, f->ino))
			return true;
	return false;
}

/* It is to be deleted: who watches the folder is told (MS-FSA 2.1.5.14.3). */
static void tell_watchers(struct ofile *f)
{
	struct open *o;

	if (!change_wanted())
		return;
	list_for_each (o, &f->opens, file_node)
		notify_deleting(o);
}

/* Have all who have it open agreed that its name may go before them? */
static bool all_posix(const struct ofile *f)
{
	struct open *o;

	list_for_each (o, &f->opens, file_node)
		if (!o->posix)
			return false;
	return true;
}

/* unlink() and rmdir() of POSIX: the name goes with this close, whoever else has the file open. */
static bool unlinks_now(struct bucket *b, const struct ofile *f, const struct open *o)
{
	return o->posix && f->refs && f->delete_pending && !f->stream && all_posix(f) &&
	       !others_of_inode(b, f);
}

/* A file that is to be deleted is not kept for those alone whose clients are lost. */
static void purge_kept(struct ofile *f)
{
	struct open *o, *next;

	if (!f->delete_pending)
		return;
	list_for_each (o, &f->opens, file_node)
		if (!atomic_load(&o->disconnected))
			return;
	list_for_each_safe (o, next, &f->opens, file_node)
		durable_purge(o);
}

enum ofile_delete ofile_leave(struct open *o, struct identity **as)
{
	struct handles_taken taken = HANDLES_TAKEN(KH_CAP_CLOSE);
	struct ofile *f = o->file, *base;
	enum ofile_delete what = OFILE_KEEP;
	struct bucket *b;

	*as = NULL;
	if (!f)
		return what;
	b = bucket_of(f->dev, f->ino);
	pthread_mutex_lock(&b->lock);
	o->file = NULL;
	list_del(&o->file_node);
	list_del(&o->handle_node);
	share_modes_remove(f, o);
	f->refs--;
	lease_leave(f, o);
	if (o->delete_on_close && !f->delete_pending) {
		f->delete_pending = true;
		f->delete_as = identity_get(o->tree->identity);
		tell_watchers(f);
		lease_put(oplock_break_handle(f, o)); /* others may close what they only cache */
	}
	if (unlinks_now(b, f, o)) {
		f->delete_pending = false;
		what = OFILE_DELETE_FILE;
		*as = steal_ptr(&f->delete_as);
		handles_refresh(f, NULL);
	} else if (!f->refs && f->stream) {
		if (f->delete_pending) {
			what = OFILE_DELETE_STREAM;
			*as = steal_ptr(&f->delete_as);
		}
		base = find(b, f->dev, f->ino, NULL);
		/* The file itself was to go, and waited for this stream. */
		if (base && !base->refs && base->delete_pending && !others_of_inode(b, f)) {
			identity_put(*as);
			what = OFILE_DELETE_FILE;
			*as = steal_ptr(&base->delete_as);
			drop(base);
		}
		drop(f);
	} else if (!f->refs && !(f->delete_pending && others_of_inode(b, f))) {
		if (f->delete_pending) {
			what = OFILE_DELETE_FILE;
			*as = steal_ptr(&f->delete_as);
		}
		drop(f);
	} else {
		purge_kept(f);
		handles_refresh(f, f->delete_pending ? &taken : NULL);
	}
	if (what == OFILE_DELETE_FILE)
		removal_begin(o);
	pthread_mutex_unlock(&b->lock);
	handles_wait(&taken);
	return what;
}

ntstatus ofile_set_delete(struct open *o, bool on)
{
	struct handles_taken taken = HANDLES_TAKEN(KH_CAP_CLOSE);
	struct ofile *f = ofile_lock(o);

	if (f) {
		f->delete_pending = on;
		identity_put(f->delete_as);
		f->delete_as = on ? identity_get(o->tree->identity) : NULL;
		handles_refresh(f, &taken);
		if (on)
			tell_watchers(f);
	}
	ofile_unlock(o, f);
	handles_wait(&taken); /* whoever is last deletes */
	return f ? NT_STATUS_SUCCESS : NT_STATUS_ACCESS_DENIED;
}

bool ofile_delete_pending(struct open *o)
{
	struct ofile *f = ofile_lock(o);
	bool on = f && f->delete_pending;

	ofile_unlock(o, f);
	return on;
}

bool ofile_others_deny_delete(struct open *o)
{
	struct ofile *f = ofile_lock(o);
	bool denied = f && share_modes_others_deny_delete(f, o);

	ofile_unlock(o, f);
	return denied;
}

struct open **ofile_opens(uint64_t dev, uint64_t ino, size_t *n)
{
	struct bucket *b = bucket_of(dev, ino);
	struct open **all = NULL, *o;
	struct ofile *f;
	size_t max = 0;

	*n = 0;
	pthread_mutex_lock(&b->lock);
	list_for_each (f, chain_of(b, dev, ino), hash)
		if (same_inode(f, dev, ino))
			max += f->refs;
	if (max)
		all = xcalloc(max, sizeof(struct open *));
	list_for_each (f, chain_of(b, dev, ino), hash)
		if (same_inode(f, dev, ino))
			list_for_each (o, &f->opens, file_node)
				all[(*n)++] = open_get(o);
	pthread_mutex_unlock(&b->lock);
	return all;
}

bool ofile_inode_open(uint64_t dev, uint64_t ino, bool not_posix)
{
	struct bucket *b = bucket_of(dev, ino);
	struct ofile *f;
	bool open = false;

	pthread_mutex_lock(&b->lock);
	list_for_each (f, chain_of(b, dev, ino), hash)
		if (f->refs && same_inode(f, dev, ino) && !(not_posix && all_posix(f)))
			open = true;
	pthread_mutex_unlock(&b->lock);
	return open;
}

struct lease *ofile_break_handles(uint64_t dev, uint64_t ino, const struct open *by)
{
	struct bucket *b = bucket_of(dev, ino);
	struct lease *blocker = NULL;
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	list_for_each (f, chain_of(b, dev, ino), hash)
		if (!blocker && same_inode(f, dev, ino))
			blocker = oplock_break_handle(f, by);
	pthread_mutex_unlock(&b->lock);
	return blocker;
}

struct lease *ofile_break_caching(uint64_t dev, uint64_t ino, uint8_t keep)
{
	struct bucket *b = bucket_of(dev, ino);
	struct lease *l, *next, *blocker = NULL;
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	list_for_each (f, chain_of(b, dev, ino), hash) {
		if (!same_inode(f, dev, ino))
			continue;
		list_for_each_safe (l, next, &f->leases, node) {
			if (l->state & ~keep)
				lease_break(l, keep);
			if (!blocker && l->breaking)
				blocker = lease_get(l);
		}
	}
	pthread_mutex_unlock(&b->lock);
	return blocker;
}

bool ofile_streams_open(uint64_t dev, uint64_t ino)
{
	struct bucket *b = bucket_of(dev, ino);
	struct ofile *f;
	bool open = false;

	pthread_mutex_lock(&b->lock);
	list_for_each (f, chain_of(b, dev, ino), hash)
		if (f->refs && f->stream && same_inode(f, dev, ino))
			open = true;
	pthread_mutex_unlock(&b->lock);
	return open;
}

ntstatus ofile_may_add_name(const struct open *o, uint64_t dev, uint64_t ino)
{
	struct bucket *b = bucket_of(dev, ino);
	ntstatus status = NT_STATUS_SUCCESS;
	struct ofile *f;

	pthread_mutex_lock(&b->lock);
	f = find(b, dev, ino, NULL);
	if (f && f->delete_pending)
		status = NT_STATUS_DELETE_PENDING;
	else if (f && share_modes_deny_names(f, o))
		status = NT_STATUS_SHARING_VIOLATION;
	pthread_mutex_unlock(&b->lock);
	return status;
}

ntstatus ofile_rename_stream(struct open *o, const char *to)
{
	struct ofile *f = ofile_lock(o), *other;
	ntstatus status = NT_STATUS_ACCESS_DENIED;

	if (f) {
		other = find(bucket_of(f->dev, f->ino), f->dev, f->ino, to);
		if (!other || other == f) {
			free(f->stream);
			f->stream = xstrdup(to);
			status = NT_STATUS_SUCCESS;
		}
	}
	ofile_unlock(o, f);
	return status;
}
