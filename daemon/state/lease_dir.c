// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lease_dir.c - leases on folders (MS-SMB2 3.3.1.4, MS-FSA 2.1.4.12): R says that the client caches
 * the listing. What changes an entry breaks them all, but for the one that the client of the change
 * has himself, whose key he gave as its parent lease key.
 *
 * They are found by a hash of share and path. Two folders with the same hash cost a break too many.
 */
#include <sys/random.h>

#include "core/debug.h"
#include "state/change_local.h"
#include "state/lease.h"

#define CHAINS 1024

/* Innermost: nothing is called under its lock. */
static struct {
	pthread_mutex_t lock;
	struct list_head chains[CHAINS]; /* lease.dir_node */
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };
static uint64_t secret; /* clients choose the paths */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	for (unsigned int i = 0; i < CHAINS; i++)
		list_init(&table.chains[i]);
	if (getrandom(&secret, sizeof(secret), 0) != sizeof(secret))
		secret = FNV1A_SEED;
}

static struct list_head *chain_of(uint64_t hash)
{
	return &table.chains[(hash * 0x9E3779B97F4A7C15ull) >> 54];
}

/* The share counts by its folder, as snapshots of the configuration share that. */
static uint64_t hash_of(const struct vfs_share *s, const char *path, size_t len)
{
	pthread_once(&once, table_init);
	return fnv1a(secret ^ s->ino ^ s->dev << 32, path, len);
}

void lease_dir_path(struct open *o)
{
	struct lease *l = o->oplock.lease;
	uint64_t hash;
	bool new;

	if (!l || !l->is_dir)
		return;
	hash = hash_of(o->tree->vfs, o->path, strlen(o->path));
	pthread_mutex_lock(&table.lock);
	new = list_empty(&l->dir_node) && !l->dir_gone;
	if (new || (l->dir_hash != hash && !l->dir_gone)) {
		list_del(&l->dir_node);
		l->dir_hash = hash;
		list_add_tail(&l->dir_node, chain_of(hash));
	}
	pthread_mutex_unlock(&table.lock);
	if (new) {
		change_listen(1);
		if (o->tree->share->kernel_change_notify)
			l->dir_local = change_local_begin(o->tree->vfs, o->fd);
	}
}

void lease_dir_gone(struct lease *l)
{
	bool was;

	if (!l->is_dir)
		return;
	pthread_mutex_lock(&table.lock);
	was = !list_empty(&l->dir_node);
	list_del(&l->dir_node);
	l->dir_gone = true;
	pthread_mutex_unlock(&table.lock);
	if (was)
		change_listen(-1);
}

/* ---- changes ---- */

struct found {
	struct lease **leases; /* references */
	size_t n, max;
};

static void find(struct found *all, const struct vfs_share *s, const char *path)
{
	const char *slash = strrchr(path, '/');
	uint64_t hash = hash_of(s, path, slash ? (size_t)(slash - path) : 0);
	struct list_head *chain = chain_of(hash);
	struct lease *l;

	pthread_mutex_lock(&table.lock);
	list_for_each (l, chain, dir_node) {
		if (l->dir_hash != hash)
			continue;
		if (all->n == all->max) {
			all->max = all->max ? 2 * all->max : 8;
			all->leases = xrealloc(all->leases, all->max * sizeof(struct lease *));
		}
		all->leases[all->n++] = lease_get(l);
	}
	pthread_mutex_unlock(&table.lock);
}

/* The key of the folder's lease that the client has, as he says. */
static bool parent_key(const struct open *by, uint8_t key[LEASE_KEY_SIZE])
{
	struct lease *l = by ? by->oplock.lease : NULL;
	bool has;

	if (!l)
		return false;
	pthread_mutex_lock(l->lock);
	has = l->has_parent_key;
	memcpy(key, l->parent_key, LEASE_KEY_SIZE);
	pthread_mutex_unlock(l->lock);
	return has;
}

static void break_found(struct found *all, const struct open *by)
{
	uint8_t own[LEASE_KEY_SIZE];
	bool has = all->n && parent_key(by, own);

	for (size_t i = 0; i < all->n; i++) {
		struct lease *l = all->leases[i];

		pthread_mutex_lock(l->lock);
		if (l->file && !(has && !memcmp(l->key, own, sizeof(own))))
			lease_break(l, SMB2_LEASE_NONE);
		pthread_mutex_unlock(l->lock);
		lease_put(l);
	}
	free(all->leases);
}

void lease_dir_change(const struct change *c)
{
	struct found all = { 0 };

	/* Listings do not show streams, and of what is being written the end only. */
	if (c->writing || c->action >= FILE_ACTION_ADDED_STREAM)
		return;
	find(&all, c->share, c->path);
	if (c->new_path)
		find(&all, c->share, c->new_path);
	break_found(&all, c->by);
}

void lease_dir_closed(struct open *o)
{
	_cleanup_free_ char *path = NULL;
	struct found all = { 0 };

	if (!o->wrote || o->kind != OPEN_FILE || !change_wanted())
		return;
	pthread_mutex_lock(&o->lock);
	path = xstrdup(o->path);
	pthread_mutex_unlock(&o->lock);
	find(&all, o->tree->vfs, path);
	break_found(&all, o);
}
