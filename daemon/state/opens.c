// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * opens.c - the slot table of opens, without a lock on the way to an open.
 *
 * A slot's word is generation << 32 | LIVE or KEPT | references. Finding is a compare-and-swap that
 * adds a reference if the generation is the one asked for and the slot is live; so an id that was
 * closed, or belongs to an earlier life of the slot, finds nothing. Chunks of slots are never
 * freed.
 */
#include <sys/random.h>

#include "core/entry.h"
#include "kernel/handles.h"
#include "state/lease.h"
#include "smb2/smb2.h"
#include "state/durable.h"
#include "state/notify.h"
#include "state/replay.h"

#define CHUNK	   1024u
#define CHUNKS	   1024u
#define LIVE	   0x80000000u
#define KEPT	   0x40000000u /* disconnected: open_each() finds it, its id does not */
#define REFS(word) ((uint32_t)(word) & ~(LIVE | KEPT))

struct slot {
	_Atomic uint64_t word;
	struct open *open;
	uint32_t next_free; /* slot + 1; 0: end */
	uint32_t home;	    /* its shard */
};

static struct slot *_Atomic chunks[CHUNKS];

/*
 * Free slots are kept in shards, one or a few threads to each, and come back to the one that they
 * were taken from: the lock of a shard is hardly ever waited for. New slots come in blocks.
 */
#define SHARDS		 16u
#define BLOCK		 64u
#define PERSISTENT_BLOCK 1024u

static struct shard {
	pthread_mutex_t lock;
	uint32_t head;		/* slot + 1; 0: none */
	_Atomic uint32_t nfree; /* read without the lock, as a hint */
	uint64_t persistent, persistent_end;
} __attribute__((aligned(64))) shards[SHARDS] = {
	[0 ... SHARDS - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER },
};
static pthread_mutex_t grow_lock = PTHREAD_MUTEX_INITIALIZER;
static _Atomic uint32_t nslots; /* that exist; all of their chunks do */

static struct shard *my_shard(void)
{
	static _Atomic unsigned int threads;
	static _Thread_local struct shard *mine;

	if (unlikely(!mine))
		mine = &shards[atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed) %
			       SHARDS];
	return mine;
}

static struct slot *slot_at(uint32_t i)
{
	struct slot *c;

	if (i >= CHUNK * CHUNKS)
		return NULL;
	c = atomic_load_explicit(&chunks[i / CHUNK], memory_order_acquire);
	return c ? &c[i % CHUNK] : NULL;
}

/* Under the shard's lock. */
static void shard_push(struct shard *h, struct slot *s, uint32_t index)
{
	s->next_free = h->head;
	h->head = index + 1;
	atomic_fetch_add_explicit(&h->nfree, 1, memory_order_relaxed);
}

static struct slot *shard_pop(struct shard *h, uint32_t *index)
{
	struct slot *s;

	if (!h->head)
		return NULL;
	*index = h->head - 1;
	s = slot_at(*index);
	h->head = s->next_free;
	atomic_fetch_sub_explicit(&h->nfree, 1, memory_order_relaxed);
	return s;
}

/* Under its lock: a block of slots that never were used, the lowest on top. */
static void shard_grow(struct shard *h)
{
	uint32_t first;

	pthread_mutex_lock(&grow_lock);
	first = atomic_load_explicit(&nslots, memory_order_relaxed);
	if (first < CHUNK * CHUNKS && first % CHUNK == 0) {
		struct slot *c = calloc(CHUNK, sizeof(*c));

		for (unsigned int i = 0; c && i < CHUNK; i++)
			atomic_init(&c[i].word, 1ull << 32);
		atomic_store_explicit(&chunks[first / CHUNK], c, memory_order_release);
	}
	if (slot_at(first)) {
		for (uint32_t i = first + BLOCK; i-- > first;) {
			slot_at(i)->home = (uint32_t)(h - shards);
			shard_push(h, slot_at(i), i);
		}
		atomic_store_explicit(&nslots, first + BLOCK, memory_order_release);
	}
	pthread_mutex_unlock(&grow_lock);
}

static struct slot *shard_take(struct shard *h, uint32_t *index, bool grow)
{
	struct slot *s;

	pthread_mutex_lock(&h->lock);
	if (!h->head && grow)
		shard_grow(h);
	s = shard_pop(h, index);
	pthread_mutex_unlock(&h->lock);
	return s;
}

/* One of a shard that has at least so many. */
static struct slot *slot_borrow(uint32_t *index, uint32_t least)
{
	struct slot *s = NULL;

	for (unsigned int i = 0; i < SHARDS && !s; i++)
		if (atomic_load_explicit(&shards[i].nfree, memory_order_relaxed) >= least)
			s = shard_take(&shards[i], index, false);
	return s;
}

/* Low slots are worth more, they have entries in the maps: no new ones while some lie idle. */
static struct slot *slot_take(uint32_t *index)
{
	struct shard *h = my_shard();
	struct slot *s = shard_take(h, index, false);

	if (!s)
		s = slot_borrow(index, 2 * BLOCK);
	if (!s)
		s = shard_take(h, index, true);
	return s ? s : slot_borrow(index, 1);
}

static void slot_give(struct slot *s, uint32_t index)
{
	uint32_t generation = (uint32_t)(atomic_load(&s->word) >> 32) + 1;
	struct shard *h = &shards[s->home];

	if (generation == 0 || generation == UINT32_MAX) /* never all ones: that is "no FileId" */
		generation = 1;
	s->open = NULL;
	atomic_store_explicit(&s->word, (uint64_t)generation << 32, memory_order_release);
	pthread_mutex_lock(&h->lock);
	shard_push(h, s, index);
	pthread_mutex_unlock(&h->lock);
}

/*
 * Where they begin is chance: a client that reconnects by what the daemon told it before a restart
 * finds nothing, and not what has the same number now.
 */
static _Atomic uint64_t next_persistent;

static void persistent_init(void)
{
	uint64_t from;

	if (getrandom(&from, sizeof(from), 0) != sizeof(from))
		from = now_ns();
	atomic_store(&next_persistent, (from >> 2 & ~(uint64_t)(PERSISTENT_BLOCK - 1)) + 1);
}

/* Never given twice; in blocks to the shards. */
static uint64_t persistent_new(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct shard *h = my_shard();
	uint64_t id;

	pthread_once(&once, persistent_init);
	pthread_mutex_lock(&h->lock);
	if (h->persistent == h->persistent_end) {
		h->persistent = atomic_fetch_add(&next_persistent, PERSISTENT_BLOCK);
		h->persistent_end = h->persistent + PERSISTENT_BLOCK;
	}
	id = h->persistent++;
	pthread_mutex_unlock(&h->lock);
	return id;
}

struct open *open_alloc(void)
{
	struct open *o = zalloc(sizeof(*o));
	uint32_t index;
	struct slot *s;

	if (!o)
		return NULL;
	s = slot_take(&index);
	if (!s) {
		free(o);
		return NULL;
	}
	o->vol = (atomic_load(&s->word) & ~(uint64_t)UINT32_MAX) | index;
	o->persistent = persistent_new();
	o->handle_entry = maps_handle(index);
	o->fd = o->replaced_fd = o->parent = -1;
	o->looked = UINT64_MAX;
	o->dir_first = true;
	pthread_mutex_init(&o->lock, NULL);
	pthread_mutex_init(&o->dir_lock, NULL);
	list_init(&o->session_node);
	list_init(&o->file_node);
	list_init(&o->handle_node);
	list_init(&o->waiting);
	list_init(&o->locks_held);
	list_init(&o->locks_waiting);
	list_init(&o->oplock.node);
	list_init(&o->durable.id_node);
	list_init(&o->durable.wheel_node);
	list_init(&o->durable.age_node);
	s->open = o;
	atomic_fetch_add(&s->word, 1);
	maps_count(&maps.server->opens, 1);
	return o;
}

bool open_publish(struct open *o, struct session *s)
{
	bool ok = false;

	entry_open_new(o, s);
	pthread_mutex_lock(&o->lock); /* a rename may have found it, on its file */
	entry_open_name(o);
	pthread_mutex_unlock(&o->lock);
	pthread_mutex_lock(&s->lock);
	if (atomic_load(&s->state) == SESSION_VALID && !list_empty(&o->tree->node)) {
		o->session = session_get(s);
		list_add_tail(&o->session_node, &s->opens);
		s->nopens++;
		entry_session(s);
		entry_open_seen(o);
		atomic_fetch_add(&o->tree->nopens, 1);
		atomic_fetch_add_explicit(&slot_at((uint32_t)o->vol)->word, LIVE + 1ull,
					  memory_order_release);
		ok = true;
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

struct open *open_find_vol(uint64_t vol)
{
	struct slot *s = slot_at((uint32_t)vol);
	uint64_t word;

	if (!s)
		return NULL;
	word = atomic_load_explicit(&s->word, memory_order_relaxed);
	do {
		if (word >> 32 != vol >> 32 || !((uint32_t)word & LIVE))
			return NULL;
	} while (!atomic_compare_exchange_weak_explicit(
		&s->word, &word, word + 1, memory_order_acquire, memory_order_relaxed));
	return s->open;
}

struct open *open_find(uint64_t vol, uint64_t persistent)
{
	struct open *o = open_find_vol(vol);

	if (o && o->persistent != persistent) {
		open_put(o);
		return NULL;
	}
	return o;
}

struct open *open_get(struct open *o)
{
	atomic_fetch_add_explicit(&slot_at((uint32_t)o->vol)->word, 1, memory_order_relaxed);
	return o;
}

void open_put(struct open *o)
{
	uint32_t index = (uint32_t)o->vol;
	struct slot *s = slot_at(index);

	if (REFS(atomic_fetch_sub_explicit(&s->word, 1, memory_order_acq_rel)) != 1)
		return;
	entry_open_gone(o);
	open_path_gone(o);
	slot_give(s, index);
	maps_count(&maps.server->opens, -1);
	notify_free(o);
	if (o->fd >= 0)
		close(o->fd);
	if (o->replaced_fd >= 0)
		close(o->replaced_fd);
	if (o->parent >= 0)
		close(o->parent);
	vfs_dir_close(o->dir);
	ipc_release(o);
	lock_file_put(o->locks);
	lease_put(o->oplock.lease);
	if (o->tree)
		tree_put(o->tree);
	session_put(o->session);
	durable_former_free(o->durable.former);
	replay_forget(o);
	pthread_mutex_destroy(&o->lock);
	pthread_mutex_destroy(&o->dir_lock);
	free(o->pattern);
	free(o->app_instance);
	free(o->path);
	free(o->stream_name);
	for (unsigned int i = 0; i < o->nold_names; i++)
		free(o->old_names[i]);
	free(o);
}

bool open_unpublish(struct open *o)
{
	struct slot *sl = slot_at((uint32_t)o->vol);
	struct session *s = o->session;
	bool mine;

	if (!s)
		return false;
	pthread_mutex_lock(&s->lock);
	mine = atomic_fetch_and_explicit(&sl->word, ~(uint64_t)LIVE, memory_order_acq_rel) & LIVE;
	if (mine) {
		list_del(&o->session_node);
		s->nopens--;
		entry_session(s);
		if (!handle_given(o)) /* else when the module has let go of it */
			entry_open_gone(o);
		atomic_fetch_sub(&o->tree->nopens, 1);
	}
	pthread_mutex_unlock(&s->lock);
	return mine;
}

bool open_disconnect(struct open *o)
{
	_Atomic uint64_t *word = &slot_at((uint32_t)o->vol)->word;
	struct session *s = o->session;
	uint64_t old = atomic_load(word);

	pthread_mutex_lock(&s->lock);
	do {
		if (!((uint32_t)old & LIVE)) {
			pthread_mutex_unlock(&s->lock);
			return false;
		}
	} while (!atomic_compare_exchange_weak(word, &old, (old & ~(uint64_t)LIVE) | KEPT));
	list_del(&o->session_node);
	s->nopens--;
	entry_session(s);
	atomic_fetch_sub(&o->tree->nopens, 1);
	atomic_store(&o->disconnected, true);
	pthread_mutex_unlock(&s->lock);
	return true;
}

bool open_reconnect(struct open *o, struct session *s, struct tree *t)
{
	_Atomic uint64_t *word = &slot_at((uint32_t)o->vol)->word;
	bool ok;

	pthread_mutex_lock(&s->lock);
	ok = atomic_load(&s->state) == SESSION_VALID && !list_empty(&t->node);
	if (ok) {
		tree_get(t);
		o->session = session_get(s);
		o->tree = t;
		entry_open_new(o, s);
		entry_open_seen(o);
		list_add_tail(&o->session_node, &s->opens);
		s->nopens++;
		entry_session(s);
		atomic_fetch_add(&t->nopens, 1);
		atomic_store(&o->disconnected, false);
		/* LIVE for KEPT; the table's reference goes on */
		atomic_fetch_add_explicit(word, (uint64_t)LIVE - KEPT, memory_order_release);
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

void open_disconnected_gone(struct open *o)
{
	atomic_fetch_and(&slot_at((uint32_t)o->vol)->word, ~(uint64_t)KEPT);
}

bool open_is_quiet(struct open *o)
{
	return REFS(atomic_load(&slot_at((uint32_t)o->vol)->word)) <= 2;
}

/* With a reference, if it is live, or disconnected. */
static struct open *slot_get(struct slot *s)
{
	uint64_t word = atomic_load_explicit(&s->word, memory_order_relaxed);

	while ((uint32_t)word & (LIVE | KEPT))
		if (atomic_compare_exchange_weak_explicit(
			    &s->word, &word, word + 1, memory_order_acquire, memory_order_relaxed))
			return s->open;
	return NULL;
}

bool open_any(bool (*fn)(void *arg, struct open *o), void *arg)
{
	uint32_t n = atomic_load_explicit(&nslots, memory_order_acquire);
	bool found = false;

	for (uint32_t i = 0; i < n && !found; i++) {
		struct open *o = slot_get(slot_at(i));

		if (!o)
			continue;
		found = fn(arg, o);
		open_put(o);
	}
	return found;
}

struct each {
	void (*fn)(void *arg, struct open *o);
	void *arg;
};

static bool each_one(void *arg, struct open *o)
{
	const struct each *e = arg;

	e->fn(e->arg, o);
	return false;
}

void open_each(void (*fn)(void *arg, struct open *o), void *arg)
{
	struct each e = { fn, arg };

	(void)open_any(each_one, &e);
}

unsigned int open_count(void)
{
	return maps_count(&maps.server->opens, 0);
}
