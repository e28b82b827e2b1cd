// SPDX-License-Identifier: GPL-2.0-or-later
/* replay.c - see replay.h. Records are found by client and CreateGuid in a sharded table. */
#include "state/replay.h"

#include <sys/random.h>

#define SHARDS 4096 /* 12 bits of the hash */

struct replay {
	struct list_head node; /* shard.list; the shard's lock, as all of it */
	uint8_t client[16], guid[16];
	const struct request *holder; /* NULL: it is no more */
	struct lease *blocker;	      /* of an orphan; reference */
	uint64_t vol;		      /* otherwise: of the open that it made */
};

static struct shard {
	pthread_mutex_t lock;
	struct list_head list;
} shards[SHARDS];
static uint64_t secret[2]; /* odd: clients choose the GUIDs */
static _Atomic unsigned int orphans;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	for (unsigned int i = 0; i < SHARDS; i++) {
		pthread_mutex_init(&shards[i].lock, NULL);
		list_init(&shards[i].list);
	}
	if (getrandom(secret, sizeof(secret), 0) != sizeof(secret))
		secret[0] = 0x9E3779B97F4A7C15ull;
	secret[0] |= 1;
	secret[1] |= 1;
}

static struct shard *shard_of(const uint8_t guid[16])
{
	uint64_t h;

	pthread_once(&once, table_init);
	h = kh_get_le64(guid) * secret[0];
	h ^= h >> 32;
	h = (h + kh_get_le64(guid + 8)) * secret[1];
	return &shards[h >> 52];
}

static struct replay *find(struct shard *s, const uint8_t client[16], const uint8_t guid[16])
{
	struct replay *r;

	list_for_each (r, &s->list, node)
		if (!memcmp(r->guid, guid, 16) && !memcmp(r->client, client, 16))
			return r;
	return NULL;
}

static struct replay *reserve(struct shard *s, struct request *rq, const uint8_t client[16],
			      const uint8_t guid[16])
{
	struct replay *r = xcalloc(1, sizeof(*r));

	memcpy(r->client, client, 16);
	memcpy(r->guid, guid, 16);
	r->holder = rq;
	list_add_tail(&r->node, &s->list);
	return r;
}

/* Off the table, if it is one whose break is over. */
static bool orphan_over(struct replay *r)
{
	if (!r->blocker || atomic_load(&r->blocker->breaking))
		return false;
	list_del(&r->node);
	atomic_fetch_sub(&orphans, 1);
	lease_put(r->blocker);
	free(r);
	return true;
}

ntstatus replay_begin(struct request *rq, const uint8_t client[16], const uint8_t guid[16],
		      struct open **found)
{
	struct shard *s = shard_of(guid);
	ntstatus status = NT_STATUS_SUCCESS;
	struct replay *r;

	*found = NULL;
	if (rq->create) /* it waited, and runs again */
		return NT_STATUS_SUCCESS;
	pthread_mutex_lock(&s->lock);
	r = find(s, client, guid);
	if (r && orphan_over(r))
		r = NULL;
	if (!r) {
		rq->create = reserve(s, rq, client, guid);
	} else if (r->holder || r->blocker) {
		status = NT_STATUS_FILE_NOT_AVAILABLE;
	} else if (!(rq->hdr.flags & SMB2_FLAGS_REPLAY_OPERATION)) {
		status = NT_STATUS_DUPLICATE_OBJECTID;
	} else {
		*found = open_find_vol(r->vol);
		if (!*found) /* it is being closed */
			status = NT_STATUS_FILE_NOT_AVAILABLE;
	}
	pthread_mutex_unlock(&s->lock);
	return status;
}

void replay_done(struct request *rq, struct open *o)
{
	struct replay *r = steal_ptr(&rq->create);
	struct shard *s;

	if (!r)
		return;
	s = shard_of(r->guid);
	pthread_mutex_lock(&s->lock);
	r->holder = NULL;
	r->vol = o->vol;
	atomic_store(&o->replay, r);
	pthread_mutex_unlock(&s->lock);
}

void replay_orphan(struct request *rq, struct lease *blocker)
{
	struct replay *r = steal_ptr(&rq->create);
	struct shard *s = shard_of(r->guid);

	pthread_mutex_lock(&s->lock);
	r->holder = NULL;
	r->blocker = lease_get(blocker);
	atomic_fetch_add(&orphans, 1);
	pthread_mutex_unlock(&s->lock);
	ticks_want();
}

bool replay_tick(void)
{
	if (likely(!atomic_load_explicit(&orphans, memory_order_relaxed)))
		return false;
	for (unsigned int i = 0; i < SHARDS; i++) {
		struct shard *s = &shards[i];
		struct replay *r, *next;

		pthread_mutex_lock(&s->lock);
		list_for_each_safe (r, next, &s->list, node)
			(void)orphan_over(r);
		pthread_mutex_unlock(&s->lock);
	}
	return atomic_load(&orphans);
}

void replay_release(struct replay *r)
{
	struct shard *s = shard_of(r->guid);

	pthread_mutex_lock(&s->lock);
	list_del(&r->node);
	pthread_mutex_unlock(&s->lock);
	free(r);
}

void replay_forget_slow(struct open *o)
{
	struct replay *r = atomic_exchange(&o->replay, NULL);

	if (r)
		replay_release(r);
}
