// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * open_paths.c - opens by their path: what a rename changes, and what is in its way.
 *
 * There is no index by path. A file's own opens are found by its inode. For what is open below a
 * folder there are counters, one for each hash of a folder's path, raised by every open for each
 * folder above it: 0 says that nothing is there. Otherwise, because something is, or another folder
 * has the same hash, all opens are looked at. Counters follow open.path, under open.lock.
 */
#include "core/entry.h"
#include "kernel/handles.h"
#include "state/lease.h"
#include "state/state.h"

#define COUNTER_BITS 20

static _Atomic uint32_t below[1u << COUNTER_BITS];

/* What paths of the share count from: the folder, as two snapshots of the configuration share it.
 */
static uint64_t seed_of(const struct vfs_share *s)
{
	return ((FNV1A_SEED ^ s->ino) * FNV1A_PRIME ^ s->dev) | 1;
}

static _Atomic uint32_t *counter(uint64_t h)
{
	return &below[(h * 0x9E3779B97F4A7C15ull) >> (64 - COUNTER_BITS)];
}

/* For each folder above, but for the root of the share. */
static void count(uint64_t h, const char *path, int n)
{
	for (const char *p = path; *p; p++) {
		if (*p == '/')
			atomic_fetch_add_explicit(counter(h), (uint32_t)n, memory_order_relaxed);
		h = fnv1a_byte(h, *p);
	}
}

static bool maybe_below(const struct vfs_share *s, const char *dir)
{
	uint64_t h = seed_of(s);

	if (!*dir)
		return true;
	h = fnv1a(h, dir, strlen(dir));
	return atomic_load_explicit(counter(h), memory_order_relaxed);
}

void open_path_set(struct open *o, const char *path)
{
	pthread_mutex_lock(&o->lock);
	o->path = xstrdup(path);
	o->path_seed = seed_of(o->tree->vfs);
	count(o->path_seed, path, 1);
	lease_dir_path(o);
	pthread_mutex_unlock(&o->lock);
}

void open_path_gone(struct open *o)
{
	if (o->path_seed)
		count(o->path_seed, o->path, -1);
	o->path_seed = 0;
}

/* Is path below dir, or dir itself? Both share-relative; "" is above everything. */
static bool path_within(const char *path, const char *dir, size_t len)
{
	return len == 0 || (strncmp(path, dir, len) == 0 && (path[len] == 0 || path[len] == '/'));
}

/* ---- renames ---- */

struct rename_arg {
	const struct vfs_share *share;
	const char *from, *to;
	size_t from_len;
	struct lease *holder; /* reference */
};

static bool in_share(const struct open *o, const struct vfs_share *s)
{
	return o->tree && o->tree->vfs == s;
}

static void rename_one(void *arg, struct open *o)
{
	struct rename_arg *a = arg;

	if (!in_share(o, a->share))
		return;
	pthread_mutex_lock(&o->lock);
	if (o->path && path_within(o->path, a->from, a->from_len)) {
		char *p = xasprintf("%s%s", a->to, o->path + a->from_len);

		if (o->path_seed) {
			count(o->path_seed, p, 1);
			count(o->path_seed, o->path, -1);
		}
		free(o->path);
		o->path = p;
		if (o->parent >= 0)
			close(steal_fd(&o->parent));
		lease_dir_path(o);
		entry_open_name(o);
	}
	pthread_mutex_unlock(&o->lock);
}

void opens_renamed(struct open *o, const char *old_path, const char *new_path)
{
	struct rename_arg a = { o->tree->vfs, old_path, new_path, strlen(old_path), NULL };
	_cleanup_free_ struct open **same = NULL;
	size_t n;

	same = ofile_opens(o->file_dev, o->file_ino, &n);
	for (size_t i = 0; i < n; i++) {
		rename_one(&a, same[i]);
		open_put(same[i]);
	}
	if (o->kind == OPEN_DIR && maybe_below(a.share, old_path))
		open_each(rename_one, &a);
}

static bool is_below(void *arg, struct open *o)
{
	struct rename_arg *a = arg;
	bool found;

	if (!in_share(o, a->share) || open_is_gone(o))
		return false;
	pthread_mutex_lock(&o->lock);
	found = o->path && strlen(o->path) > a->from_len &&
		path_within(o->path, a->from, a->from_len);
	pthread_mutex_unlock(&o->lock);
	return found;
}

bool opens_below(const struct vfs_share *share, const char *path)
{
	struct rename_arg a = { share, path, NULL, strlen(path), NULL };

	return maybe_below(share, path) && open_any(is_below, &a);
}

/* All are asked at once, and one of them is waited for. */
static void break_one(void *arg, struct open *o)
{
	struct rename_arg *a = arg;
	struct lease *holder = NULL;
	struct ofile *f;

	if (!(open_caching(o) & SMB2_LEASE_HANDLE_CACHING) || !is_below(a, o))
		return;
	f = ofile_lock(o);
	if (f)
		holder = oplock_break_handle(f, NULL);
	ofile_unlock(o, f);
	if (a->holder)
		lease_put(holder);
	else
		a->holder = holder;
}

struct lease *opens_below_break(const struct vfs_share *share, const char *path)
{
	struct rename_arg a = { share, path, NULL, strlen(path), NULL };

	if (maybe_below(share, path))
		open_each(break_one, &a);
	return a.holder;
}
