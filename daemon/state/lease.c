// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lease.c - the objects of lease.h: found by their key, joined and left by opens, and what of a
 * file they may cache beside each other (MS-SMB2 3.3.5.9.8, 3.3.5.9.11, MS-FSA 2.1.5.17).
 */
#include "state/lease.h"
#include "core/debug.h"
#include "core/entry.h"
#include "core/utf16.h"
#include "kernel/handles.h"
#include "state/change_local.h"
#include "state/durable.h"
#include "state/local.h"

#include <sys/random.h>

#define R SMB2_LEASE_READ_CACHING
#define W SMB2_LEASE_WRITE_CACHING
#define H SMB2_LEASE_HANDLE_CACHING

/* ---- the table ---- */

#define CHAIN_BITS 20
#define SHARDS	   256 /* each has the lock of CHAINS / SHARDS chains */

static struct lease *chains[1u << CHAIN_BITS];
static pthread_mutex_t shards[SHARDS];
static uint64_t secret[4]; /* odd: clients choose the keys */
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	for (unsigned int i = 0; i < SHARDS; i++)
		pthread_mutex_init(&shards[i], NULL);
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		secret[0] = 0x9E3779B97F4A7C15ull;
	for (unsigned int i = 0; i < ARRAY_SIZE(secret); i++)
		secret[i] |= 1;
}

static uint32_t chain_of(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE])
{
	uint64_t h;

	pthread_once(&once, table_init);
	h = kh_get_le64(client) * secret[0] + kh_get_le64(client + 8) * secret[1];
	h ^= h >> 32;
	h += kh_get_le64(key) * secret[2] + kh_get_le64(key + 8) * secret[3];
	h ^= h >> 29;
	return (uint32_t)(h * secret[0] >> (64 - CHAIN_BITS));
}

static pthread_mutex_t *shard_of(uint32_t chain)
{
	return &shards[chain % SHARDS];
}

/* Under the shard's lock. */
static struct lease *find(uint32_t chain, const uint8_t client[16],
			  const uint8_t key[LEASE_KEY_SIZE])
{
	struct lease *l;

	for (l = chains[chain]; l; l = l->hash_next)
		if (!memcmp(l->key, key, sizeof(l->key)) &&
		    !memcmp(l->client, client, sizeof(l->client)))
			return l;
	return NULL;
}

struct lease *lease_find(const uint8_t client[16], const uint8_t key[LEASE_KEY_SIZE])
{
	uint32_t chain = chain_of(client, key);
	struct lease *l;

	pthread_mutex_lock(shard_of(chain));
	l = find(chain, client, key);
	if (l)
		lease_get(l);
	pthread_mutex_unlock(shard_of(chain));
	return l;
}

/* The one with this key: l, now, or another that was quicker; with a reference then. */
static struct lease *table_add(struct lease *l)
{
	uint32_t chain = chain_of(l->client, l->key);
	struct lease *other;

	pthread_mutex_lock(shard_of(chain));
	other = find(chain, l->client, l->key);
	if (other) {
		lease_get(other);
	} else {
		l->hash_next = chains[chain];
		chains[chain] = l;
		l->hashed = true;
	}
	pthread_mutex_unlock(shard_of(chain));
	return other ? other : l;
}

static void table_remove(struct lease *l)
{
	uint32_t chain;
	struct lease **p;

	if (!l->hashed)
		return;
	chain = chain_of(l->client, l->key);
	pthread_mutex_lock(shard_of(chain));
	for (p = &chains[chain]; *p; p = &(*p)->hash_next)
		if (*p == l) {
			*p = l->hash_next;
			break;
		}
	l->hashed = false;
	pthread_mutex_unlock(shard_of(chain));
}

static bool is_file(const struct ofile *f, uint64_t dev, uint64_t ino, const char *stream)
{
	if (f->dev != dev || f->ino != ino || !f->stream != !stream)
		return false;
	return !stream || utf8_equal_nocase(f->stream, stream);
}

bool lease_key_elsewhere(const struct lease_want *w, uint64_t dev, uint64_t ino, const char *stream)
{
	struct lease *l = w->version ? lease_find(w->client, w->key) : NULL;
	bool elsewhere;

	if (!l)
		return false;
	pthread_mutex_lock(l->lock);
	elsewhere = l->file && !is_file(l->file, dev, ino, stream);
	pthread_mutex_unlock(l->lock);
	lease_put(l);
	return elsewhere;
}

/* ---- objects ---- */

struct lease *lease_get(struct lease *l)
{
	atomic_fetch_add_explicit(&l->refs, 1, memory_order_relaxed);
	return l;
}

void lease_put(struct lease *l)
{
	if (!l || atomic_fetch_sub_explicit(&l->refs, 1, memory_order_acq_rel) != 1)
		return;
	change_local_end(l->dir_local); /* asks the kernel: not in lease_leave(), under the lock */
	free(l);
}

static struct lease *lease_new(struct ofile *f, const struct open *o)
{
	const struct lease_want *w = o->oplock.want;
	struct lease *l = xcalloc(1, sizeof(*l));

	atomic_init(&l->refs, 1);
	l->lock = o->oplock.lock;
	l->version = w->version;
	l->level2_ok = w->level2_ok;
	l->is_dir = w->is_dir;
	memcpy(l->client, w->client, sizeof(l->client));
	memcpy(l->key, w->key, sizeof(l->key));
	l->epoch = w->epoch;
	l->file = f;
	list_init(&l->node);
	list_init(&l->opens);
	list_init(&l->waiters);
	list_init(&l->deadline_node);
	list_init(&l->dir_node);
	return l;
}

/* ---- what is counted in the file, and what opens know of it ---- */

#define COUNT_R	     R
#define COUNT_H	     H
#define COUNT_OPLOCK 0x10u

static uint8_t counts_of(const struct lease *l)
{
	uint8_t state = l->breaking ? l->state & l->break_goal : l->state;

	if (!l->nopens)
		return 0;
	return (state & R ? COUNT_R : 0) | (l->state & H ? COUNT_H : 0) |
	       (!l->version && l->state ? COUNT_OPLOCK : 0);
}

/* Does a change through an open of it disturb its own reads? Level II alone (MS-FSA 2.1.4.12). */
static bool disturbs_itself(const struct lease *l)
{
	return !l->version && !(l->state & W);
}

static void others_cache(struct open *o, uint32_t readers)
{
	const struct lease *l = o->oplock.lease;

	if (l && l->counted & COUNT_R && !disturbs_itself(l))
		readers--;
	atomic_store(&o->oplock.others_cache, readers);
}

/* Those that a CREATE has to look at come first. */
static void in_order(struct lease *l, struct ofile *f)
{
	list_del(&l->node);
	list_add_tail(&l->node, l->breaking || l->state & W ? f->leases.next : &f->leases);
}

static uint8_t level_of(const struct lease *l)
{
	if (l->version)
		return (uint8_t)(KH_OPLOCK_LEASE | l->state);
	if (l->state & W)
		return l->state & H ? SMB2_OPLOCK_LEVEL_BATCH : SMB2_OPLOCK_LEVEL_EXCLUSIVE;
	return l->state & R ? SMB2_OPLOCK_LEVEL_II : SMB2_OPLOCK_LEVEL_NONE;
}

static void show(struct open *o, uint8_t level)
{
	if (atomic_exchange(&o->oplock.level, level) != level)
		entry_open_oplock(o);
}

void lease_account(struct lease *l)
{
	struct ofile *f = l->file;
	uint32_t before = f->caching.readers;
	uint8_t now = counts_of(l), was = l->counted;
	struct open *o;

	l->counted = now;
	f->caching.readers += !!(now & COUNT_R) - !!(was & COUNT_R);
	f->caching.handles += !!(now & COUNT_H) - !!(was & COUNT_H);
	f->caching.oplocks += !!(now & COUNT_OPLOCK) - !!(was & COUNT_OPLOCK);
	list_for_each (o, &l->opens, oplock.node) {
		show(o, level_of(l));
		local_lease_follow(o, l->state);
		others_cache(o, f->caching.readers);
	}
	/* Beyond two, one more or less is the same for everybody else. */
	if (before != f->caching.readers && MIN(before, f->caching.readers) < 2)
		list_for_each (o, &f->opens, file_node)
			others_cache(o, f->caching.readers);
	if (l->nopens)
		in_order(l, f);
	handles_refresh(f, NULL);
}

/* What is left behind by a client lives of H: it goes, though others of the lease are live. */
static void purge_kept(struct lease *l)
{
	struct open *o, *next;

	list_for_each_safe (o, next, &l->opens, oplock.node)
		if (atomic_load(&o->disconnected))
			durable_purge(o);
}

void lease_set_state(struct lease *l, uint8_t state)
{
	if (l->state & H && !(state & H))
		purge_kept(l);
	l->state = state;
	if (l->file)
		lease_account(l);
}

/* ---- granting ---- */

/* Is there nobody else whom W would lock out? */
static bool is_alone(const struct ofile *f, const struct open *o, const struct lease *own)
{
	const struct open *other;

	if (f->refs == 1 + (own ? own->nopens : 0))
		return true;
	list_for_each (other, &f->opens, file_node) {
		const struct lease *l = other->oplock.lease;

		if (other == o || (l && l == own) || open_is_gone(other))
			continue;
		if (!open_is_stat(other) || (l && l->state))
			return false;
	}
	return true;
}

/* The one with W comes first, and nobody is beside it. */
static bool other_writes(const struct ofile *f, const struct lease *own)
{
	const struct lease *l;

	list_for_each (l, &f->leases, node) {
		if (l->state & W)
			return l != own;
		if (!l->breaking)
			break;
	}
	return false;
}

/* Reads from a cache would not meet them. */
static bool has_locks(const struct open *o)
{
	return o->locks && atomic_load(&o->locks->count);
}

/* own: the lease that is there already, or NULL. */
static uint8_t grantable(const struct ofile *f, const struct open *o, const struct lease *own)
{
	const struct lease_want *w = o->oplock.want;
	uint8_t state = w->state;

	if (!(state & R) || has_locks(o) || other_writes(f, own))
		return 0;
	if (state & W && !is_alone(f, o, own))
		state &= R | H;
	if (!w->version && !(state & W)) { /* level II, which goes with R alone */
		state = R;
		if (f->caching.handles)
			state = 0;
	}
	if (w->version && f->caching.oplocks)
		state &= R | W;
	return state & W || w->level2_ok ? state : 0;
}

static void attach(struct lease *l, struct open *o)
{
	const struct lease_want *w = o->oplock.want;

	o->oplock.lease = l;
	o->oplock.told = OPLOCK_UNTOLD;
	list_add_tail(&o->oplock.node, &l->opens);
	l->nopens++;
	l->has_parent_key = w->has_parent_key;
	memcpy(l->parent_key, w->parent_key, sizeof(l->parent_key));
}

/* Only up, all that is asked or nothing, and not while it is broken. */
static void upgrade(struct lease *l, uint8_t wanted, uint8_t granted)
{
	if (l->breaking || granted != wanted || granted == l->state || l->state & ~granted)
		return;
	l->state = granted;
	l->epoch++;
}

static void joined(struct lease *l, struct open *o)
{
	const struct lease_want *w = o->oplock.want;

	lease_account(l);
	debug_open(LOG_OPLOCK, o, "%s wanted=%s granted=%s", l->version ? "lease" : "oplock",
		   smb2_lease_name(w->state), smb2_lease_name(l->state));
}

ntstatus lease_join(struct ofile *f, struct open *o)
{
	const struct lease_want *w = o->oplock.want;
	struct lease *l, *own = NULL;
	uint8_t state;

	others_cache(o, f->caching.readers);
	if (!w || (!w->version && !w->state))
		return NT_STATUS_SUCCESS;
	if (!w->version) {
		state = grantable(f, o, NULL);
		if (!state)
			return NT_STATUS_SUCCESS;
		l = lease_new(f, o);
	} else {
		l = lease_new(f, o);
		own = table_add(l);
		if (own != l) {
			lease_put(l);
			l = own;
		}
		/* Only with this bucket's lock its file may be looked at. */
		if (l->lock != o->oplock.lock || l->file != f) {
			lease_put(l);
			return NT_STATUS_INVALID_PARAMETER;
		}
		state = grantable(f, o, own->nopens ? own : NULL);
	}
	attach(l, o);
	if (l->nopens == 1) {
		l->state = state;
		l->epoch += state != 0;
	} else {
		upgrade(l, w->state, state);
	}
	joined(l, o);
	return NT_STATUS_SUCCESS;
}

void lease_leave(struct ofile *f, struct open *o)
{
	struct lease *l = o->oplock.lease;

	if (!l)
		return;
	list_del(&o->oplock.node);
	l->nopens--;
	l->answered -= o->oplock.told == OPLOCK_ANSWERED;
	l->ntold -= o->oplock.told == OPLOCK_TOLD;
	o->oplock.told = OPLOCK_UNTOLD;
	show(o, SMB2_OPLOCK_LEVEL_NONE);
	local_lease_follow(o, 0);
	if (l->nopens) {
		lease_send_unsent(l);
		return;
	}
	table_remove(l);
	lease_dir_gone(l);
	l->unsent = false;
	l->state = 0;
	lease_account(l);
	list_del(&l->node);
	l->file = NULL;
}

/* ---- looks ---- */

uint8_t open_caching(const struct open *o)
{
	const struct lease *l = o->oplock.lease;

	return l ? atomic_load(&l->state) : 0;
}

bool open_caches_handle(const struct open *o)
{
	const struct lease *l = o->oplock.lease;

	return l && atomic_load(&l->state) & H && !atomic_load(&l->breaking);
}

uint8_t open_lease_key(const struct open *o, uint8_t key[LEASE_KEY_SIZE])
{
	const struct lease *l = o->oplock.lease;

	if (!l || !l->version)
		return 0;
	memcpy(key, l->key, sizeof(l->key));
	return l->version;
}
