// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * namecache.c - for each folder in use, an index from names without regard to case to the spelling
 * on disk. An index is right as long as the folder's mtime, ctime and size are those of when it
 * was read; our own changes take it along (namecache_begin() to _end()). A change by another
 * program within the very bracket of ours, or on kernels before 6.13 within one clock tick of it,
 * can be missed until the folder changes again: then a name is found in its exact spelling only.
 *
 * Locks: a shard's mutex guards its list and the reference counts of its folders; a folder's mutex
 * guards its index, and is never held while a folder is read. Folder before shard, never two
 * shards; two folders in the order of addresses.
 */
#include "vfs/internal.h"

#include "core/utf16.h"

#include <pthread.h>

#define SHARDS	    16
#define EMPTY	    0u
#define TOMB	    UINT32_MAX
#define MIN_SLOTS   32u
#define SHARD_DIRS  256u /* more folders than this go, also when they are small */
#define DEFAULT_MAX (64u << 20)

struct stamp {
	struct statx_timestamp mtime, ctime;
	uint64_t size;
};

struct slot {
	uint32_t hash;
	uint32_t at; /* offset in names + 1, EMPTY or TOMB */
};

struct nc_dir {
	struct list_head lru; /* in its shard, most recently used last */
	struct vfs_id id;
	unsigned int refs; /* one for the shard's list */

	pthread_mutex_t fill_lock; /* of who reads the folder; before lock */
	pthread_mutex_t lock;
	bool filled;
	struct stamp stamp;
	struct slot *slots;
	uint32_t nslots, used, live; /* nslots: power of two; used counts tombs */
	char *names;
	size_t names_len, names_cap;
	size_t charged; /* bytes that count for this folder */
};

static struct {
	pthread_mutex_t lock;
	struct list_head lru;
	_Atomic unsigned int dirs;
} shards[SHARDS];

static _Atomic size_t total_bytes;
static _Atomic size_t limit_bytes = DEFAULT_MAX;

static void init_shards(void)
{
	int i;

	for (i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		list_init(&shards[i].lru);
	}
}

static unsigned int shard_of(struct vfs_id id)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init_shards);
	return (unsigned int)((id.ino ^ id.dev) * 0x9E3779B97F4A7C15ull >> 60) % SHARDS;
}

/* ---- the index of one folder; its lock is held ---- */

static void charge(struct nc_dir *d)
{
	size_t now = d->nslots * sizeof(*d->slots) + d->names_cap + sizeof(*d);

	total_bytes += now - d->charged;
	d->charged = now;
}

static void index_clear(struct nc_dir *d)
{
	free(d->slots);
	free(d->names);
	d->slots = NULL;
	d->names = NULL;
	d->nslots = d->used = d->live = 0;
	d->names_len = d->names_cap = 0;
	d->filled = false;
	charge(d);
}

/* Names that differ on disk and not for clients have one key. */
static uint32_t name_hash(const char *wire)
{
	uint64_t h = utf8_hash_nocase(wire, strlen(wire));

	return (uint32_t)(h ^ h >> 32);
}

static struct slot *index_find(struct nc_dir *d, const char *wire, uint32_t hash, const char *exact)
{
	char buf[VFS_NAME_WIRE_MAX];
	uint32_t i;

	if (!d->nslots)
		return NULL;
	for (i = hash & (d->nslots - 1);; i = (i + 1) & (d->nslots - 1)) {
		struct slot *s = &d->slots[i];
		const char *name;

		if (s->at == EMPTY)
			return NULL;
		if (s->at == TOMB || s->hash != hash)
			continue;
		name = d->names + s->at - 1;
		if (exact ? !strcmp(name, exact)
			  : utf8_equal_nocase(vfs_name_to_wire(name, buf), wire))
			return s;
	}
}

static void slots_put(struct slot *slots, uint32_t n, struct slot v)
{
	uint32_t i = v.hash & (n - 1);

	while (slots[i].at != EMPTY && slots[i].at != TOMB)
		i = (i + 1) & (n - 1);
	slots[i] = v;
}

static bool index_grow(struct nc_dir *d)
{
	uint32_t n = MIN_SLOTS, i;
	struct slot *slots;

	while (n < d->live * 3)
		n *= 2;
	slots = calloc(n, sizeof(*slots));
	if (!slots)
		return false;
	for (i = 0; i < d->nslots; i++)
		if (d->slots[i].at != EMPTY && d->slots[i].at != TOMB)
			slots_put(slots, n, d->slots[i]);
	free(d->slots);
	d->slots = slots;
	d->nslots = n;
	d->used = d->live;
	return true;
}

static bool index_add(struct nc_dir *d, const char *disk)
{
	size_t n = strlen(disk) + 1, cap;
	char buf[VFS_NAME_WIRE_MAX];
	char *names;

	if ((uint64_t)d->used * 4 >= (uint64_t)d->nslots * 3 && !index_grow(d))
		return false;
	if (d->names_len + n > d->names_cap) {
		cap = MAX(d->names_cap * 2, (size_t)512);
		names = cap < UINT32_MAX / 2 ? realloc(d->names, cap) : NULL;
		if (!names)
			return false;
		d->names = names;
		d->names_cap = cap;
	}
	memcpy(d->names + d->names_len, disk, n);
	slots_put(d->slots, d->nslots,
		  (struct slot) { name_hash(vfs_name_to_wire(disk, buf)),
				  (uint32_t)d->names_len + 1 });
	d->names_len += n;
	d->used++;
	d->live++;
	charge(d);
	return true;
}

static void index_del(struct nc_dir *d, const char *disk)
{
	char buf[VFS_NAME_WIRE_MAX];
	const char *wire = vfs_name_to_wire(disk, buf);
	struct slot *s = index_find(d, wire, name_hash(wire), disk);

	if (!s)
		return;
	s->at = TOMB;
	d->live--;
	/* Names of removed files stay until the index is read again: not for ever. */
	if (d->names_len > 65536 && d->live * 64ull < d->names_len / 4)
		d->filled = false;
}

static int stamp_get(int fd, struct stamp *st, struct vfs_id *id)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH, STATX_MTIME | STATX_CTIME | STATX_SIZE | STATX_INO, &sx))
		return -errno;
	memset(st, 0, sizeof(*st));
	st->mtime.tv_sec = sx.stx_mtime.tv_sec;
	st->mtime.tv_nsec = sx.stx_mtime.tv_nsec;
	st->ctime.tv_sec = sx.stx_ctime.tv_sec;
	st->ctime.tv_nsec = sx.stx_ctime.tv_nsec;
	st->size = sx.stx_size;
	if (id)
		*id = (struct vfs_id) { (uint64_t)sx.stx_dev_major << 32 | sx.stx_dev_minor,
					sx.stx_ino };
	return 0;
}

static bool stamp_equal(const struct stamp *a, const struct stamp *b)
{
	return !memcmp(a, b, sizeof(*a));
}

/* FAT and the like count seconds: what changed just now may change again without a trace. */
static bool stamp_is_coarse(const struct stamp *st)
{
	return !st->mtime.tv_nsec && !st->ctime.tv_nsec && time(NULL) - st->mtime.tv_sec < 3;
}

/* Who may pass through a folder but not list it may still be unsure of a name's case. */
static int open_for_reading(int dirfd)
{
	int fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 && errno == EACCES && !identity_root_begin()) {
		fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		identity_root_end();
	}
	return fd < 0 ? -errno : fd;
}

/* Reads the folder into an index of its own, for index_take(). */
static int index_read(struct nc_dir *d, int dirfd)
{
	_cleanup_close_ int fd = open_for_reading(dirfd);
	struct readdir_entry e;
	struct readdir rd;
	int r;

	if (fd < 0)
		return fd;
	readdir_begin(&rd, fd);
	while ((r = readdir_next(&rd, &e)) > 0)
		if (!name_is_dots(e.name) && !index_add(d, e.name)) {
			r = -ENOMEM;
			break;
		}
	readdir_end(&rd);
	return r;
}

/* The stamp was taken before it was read: a change meanwhile makes the index stale. */
static void index_take(struct nc_dir *d, struct nc_dir *from, const struct stamp *before)
{
	index_clear(d);
	d->slots = steal_ptr(&from->slots);
	d->names = steal_ptr(&from->names);
	d->nslots = from->nslots;
	d->used = from->used;
	d->live = from->live;
	d->names_len = from->names_len;
	d->names_cap = from->names_cap;
	d->stamp = *before;
	d->filled = true;
	total_bytes -= from->charged;
	charge(d);
}

/* ---- the folders ---- */

static void dir_free(struct nc_dir *d)
{
	index_clear(d);
	total_bytes -= d->charged;
	pthread_mutex_destroy(&d->lock);
	pthread_mutex_destroy(&d->fill_lock);
	free(d);
}

static void dir_put(struct nc_dir *d)
{
	unsigned int sh = shard_of(d->id);
	unsigned int left;

	pthread_mutex_lock(&shards[sh].lock);
	left = --d->refs;
	pthread_mutex_unlock(&shards[sh].lock);
	if (!left)
		dir_free(d);
}

/* Takes the oldest folder off a shard's list; false when it has none. */
static bool evict_one(unsigned int sh)
{
	struct nc_dir *d = NULL;
	unsigned int left = 1;

	pthread_mutex_lock(&shards[sh].lock);
	if (!list_empty(&shards[sh].lru)) {
		d = list_first(&shards[sh].lru, struct nc_dir, lru);
		list_del(&d->lru);
		shards[sh].dirs--;
		left = --d->refs;
	}
	pthread_mutex_unlock(&shards[sh].lock);
	if (!left)
		dir_free(d);
	return d != NULL;
}

static void evict_over_limit(unsigned int sh)
{
	unsigned int empty = 0;

	/* Other shards first: the folder just used is the youngest of its own. */
	if (shards[sh].dirs > SHARD_DIRS)
		evict_one(sh);
	while (total_bytes > limit_bytes && empty < SHARDS) {
		sh = (sh + 1) % SHARDS;
		empty = evict_one(sh) ? 0 : empty + 1;
	}
}

/* The folder with a reference, or NULL when it is not known and create is false. */
static struct nc_dir *dir_get(struct vfs_id id, bool create)
{
	unsigned int sh = shard_of(id);
	struct list_head *l;
	struct nc_dir *found = NULL;

	pthread_mutex_lock(&shards[sh].lock);
	for (l = shards[sh].lru.prev; l != &shards[sh].lru && !found; l = l->prev)
		if (vfs_id_equal(container_of(l, struct nc_dir, lru)->id, id))
			found = container_of(l, struct nc_dir, lru);
	if (found) {
		list_del(&found->lru);
	} else if (create) {
		found = xcalloc(1, sizeof(*found));
		found->id = id;
		found->refs = 1;
		shards[sh].dirs++;
		pthread_mutex_init(&found->lock, NULL);
		pthread_mutex_init(&found->fill_lock, NULL);
	}
	if (found) {
		list_add_tail(&found->lru, &shards[sh].lru);
		found->refs++;
	}
	pthread_mutex_unlock(&shards[sh].lock);
	return found;
}

/*
 * Under its lock: is the index that of the folder? seen is a stamp from before the lock was taken,
 * which a change of ours that was waited for has made old. 1, 0, -errno.
 */
static int is_current(const struct nc_dir *d, int fd, const struct stamp *seen)
{
	struct stamp now;
	int r;

	if (stamp_equal(&d->stamp, seen))
		return 1;
	r = stamp_get(fd, &now, NULL);
	return r ? r : stamp_equal(&d->stamp, &now);
}

/* 1 and the spelling on disk, 0; -ESTALE: the index has to be read first. */
static int dir_lookup(struct nc_dir *d, int dirfd, const struct stamp *seen, const char *name,
		      char disk[NAME_MAX + 1])
{
	struct slot *s;
	int r;

	pthread_mutex_lock(&d->lock);
	r = d->filled && !stamp_is_coarse(seen) ? is_current(d, dirfd, seen) : 0;
	if (r >= 0)
		r = r ? 0 : -ESTALE;
	s = r ? NULL : index_find(d, name, name_hash(name), NULL);
	if (s) {
		memccpy(disk, d->names + s->at - 1, 0, NAME_MAX + 1);
		r = 1;
	}
	pthread_mutex_unlock(&d->lock);
	return r;
}

/*
 * Reads the folder, without its lock, and looks there: what changes meanwhile makes the index stale
 * for others. One thread at a time; others find what it has read.
 */
static int dir_fill(struct nc_dir *d, int dirfd, const char *name, char disk[NAME_MAX + 1])
{
	struct nc_dir fresh = { .id = d->id };
	struct stamp before;
	struct slot *s;
	int r;

	pthread_mutex_lock(&d->fill_lock);
	r = stamp_get(dirfd, &before, NULL);
	if (!r)
		r = dir_lookup(d, dirfd, &before, name, disk);
	if (r == -ESTALE) {
		r = index_read(&fresh, dirfd);
		s = r ? NULL : index_find(&fresh, name, name_hash(name), NULL);
		if (s)
			memccpy(disk, fresh.names + s->at - 1, 0, NAME_MAX + 1);
		if (!r) {
			pthread_mutex_lock(&d->lock);
			index_take(d, &fresh, &before);
			pthread_mutex_unlock(&d->lock);
			r = s != NULL;
		} else {
			index_clear(&fresh);
			total_bytes -= fresh.charged;
		}
	}
	pthread_mutex_unlock(&d->fill_lock);
	return r;
}

int namecache_lookup(int dirfd, const char *name, char disk[NAME_MAX + 1])
{
	struct stamp now;
	struct nc_dir *d;
	struct vfs_id id;
	int r = stamp_get(dirfd, &now, &id);

	if (r)
		return r;
	d = dir_get(id, true);
	r = dir_lookup(d, dirfd, &now, name, disk);
	if (r == -ESTALE)
		r = vfs_quick() ? vfs_later() : dir_fill(d, dirfd, name, disk);
	dir_put(d);
	evict_over_limit(shard_of(id));
	return r;
}

/* ---- our own changes ---- */

void namecache_begin(struct namecache_change *c, const struct vfs_share *s, int dir1, int dir2)
{
	struct stamp now[2];
	struct vfs_id id;
	int i;

	*c = (struct namecache_change) { .fd = { dir1, dir2 } };
	for (i = 0; i < 2 && !s->opt.case_sensitive; i++)
		if (c->fd[i] >= 0 && !stamp_get(c->fd[i], &now[i], &id))
			c->dir[i] = dir_get(id, false);
	if (c->dir[0] && c->dir[0] == c->dir[1]) {
		c->same = true;
		dir_put(c->dir[1]);
		c->dir[1] = NULL;
	}
	if (c->dir[0] && c->dir[1] && (uintptr_t)c->dir[1] < (uintptr_t)c->dir[0]) {
		pthread_mutex_lock(&c->dir[1]->lock);
		pthread_mutex_lock(&c->dir[0]->lock);
	} else {
		for (i = 0; i < 2; i++)
			if (c->dir[i])
				pthread_mutex_lock(&c->dir[i]->lock);
	}
	for (i = 0; i < 2; i++) {
		struct nc_dir *d = c->dir[i];

		if (d && d->filled)
			c->valid[i] = is_current(d, c->fd[i], &now[i]) > 0;
	}
}

/* A rename within one folder has its index in the first place only. */
static int place(const struct namecache_change *c, int i)
{
	return c->same ? 0 : i;
}

bool namecache_has(struct namecache_change *c, int i, const char *disk)
{
	char buf[VFS_NAME_WIRE_MAX];
	const char *wire = vfs_name_to_wire(disk, buf);
	struct slot *s;
	struct stat st;

	i = place(c, i);
	s = c->valid[i] ? index_find(c->dir[i], wire, name_hash(wire), NULL) : NULL;
	if (!s)
		return false;
	/* Made and removed by others within a tick of the clock, it left the stamp as it was. */
	if (!fstatat(c->fd[i], c->dir[i]->names + s->at - 1, &st, AT_SYMLINK_NOFOLLOW) ||
	    errno != ENOENT)
		return true;
	c->dir[i]->filled = false;
	c->valid[i] = false;
	return false;
}

void namecache_add(struct namecache_change *c, int i, const char *disk)
{
	i = place(c, i);
	if (c->valid[i] && !index_add(c->dir[i], disk))
		c->dir[i]->filled = false;
}

void namecache_del(struct namecache_change *c, int i, const char *disk)
{
	i = place(c, i);
	if (c->valid[i])
		index_del(c->dir[i], disk);
}

void namecache_end(struct namecache_change *c)
{
	int i;

	for (i = 0; i < 2; i++) {
		struct nc_dir *d = c->dir[i];

		if (!d)
			continue;
		if (c->valid[i] && stamp_get(c->fd[i], &d->stamp, NULL))
			d->filled = false;
		pthread_mutex_unlock(&d->lock);
		dir_put(d);
		c->dir[i] = NULL;
	}
}

size_t namecache_bytes(void)
{
	return total_bytes;
}

void namecache_set_limit(size_t bytes)
{
	limit_bytes = bytes;
}
