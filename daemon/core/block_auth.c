// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * block_auth.c - failed logins by source, in a bounded table: each source has the times of its last
 * failures, as many as block it. When the table is full, the source whose last failure is the
 * longest ago is forgotten.
 */
#include "core/block.h"
#include "server.h"

#define SOURCES_MAX 4096u
#define BUCKETS	    1024u
#define SECOND	    1000000000ull

struct failing {
	struct list_head node; /* bucket */
	struct list_head age;  /* the last failure: oldest first */
	struct kh_block_key key;
	unsigned int cap, next; /* of at: a ring */
	uint64_t at[];		/* 0: none yet */
};

static struct {
	pthread_mutex_t lock;
	struct list_head buckets[BUCKETS], by_age;
	unsigned int n;
	bool made;
} table = { .lock = PTHREAD_MUTEX_INITIALIZER };

static _Atomic uint64_t blocked;

uint64_t block_auth_count(void)
{
	return atomic_load(&blocked);
}

static void make_table(void)
{
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&table.buckets[i]);
	list_init(&table.by_age);
	table.made = true;
}

static struct list_head *bucket_of(const struct kh_block_key *k)
{
	uint64_t h = 0;

	for (unsigned int i = 0; i < 4; i++)
		h = (h ^ k->addr[i]) * 0x9E3779B97F4A7C15ull;
	return &table.buckets[h >> 54];
}

static void forget(struct failing *s)
{
	list_del(&s->node);
	list_del(&s->age);
	table.n--;
	free(s);
}

/* cap: failures that block; another number (a reload) begins anew. */
static struct failing *source_of(const struct kh_block_key *k, unsigned int cap)
{
	struct list_head *bucket = bucket_of(k);
	struct failing *s, *next;

	list_for_each_safe (s, next, bucket, node)
		if (memcmp(&s->key, k, sizeof(*k)) == 0) {
			if (s->cap == cap)
				return s;
			forget(s);
		}
	if (table.n >= SOURCES_MAX)
		forget(list_first(&table.by_age, struct failing, age));
	s = xcalloc(1, sizeof(*s) + cap * sizeof(s->at[0]));
	s->key = *k;
	s->cap = cap;
	list_add_tail(&s->node, bucket);
	list_init(&s->age);
	table.n++;
	return s;
}

/* True: that was one too many; the source begins anew. */
static bool one_more(const struct kh_block_key *k, const struct conf_auth_block *b)
{
	uint64_t now = now_ns();
	struct failing *s;
	bool full;

	pthread_mutex_lock(&table.lock);
	if (!table.made)
		make_table();
	s = source_of(k, b->failures);
	list_del(&s->age);
	list_add_tail(&s->age, &table.by_age);
	s->at[s->next] = now;
	s->next = (s->next + 1) % s->cap;
	/* The oldest of the ring is the one that the next failure replaces. */
	full = s->at[s->next] && now - s->at[s->next] < b->window * SECOND;
	if (full)
		forget(s);
	pthread_mutex_unlock(&table.lock);
	return full;
}

bool block_login_failed(const struct conf *f, const struct sockaddr_storage *peer,
			const struct sockaddr_storage *local)
{
	const struct conf_auth_block *b = &f->auth_block;
	struct kh_block_key k;
	char text[BLOCK_TEXT_MAX];
	int err;

	if (!b->failures || block_is_exempt(peer, local) || !block_key_of(peer, &k) ||
	    conf_host_in_list(&f->auth_block_allow, (const struct sockaddr *)peer))
		return false;
	if (block_is_here(&k))
		return false;
	block_key_shorten(&k, f->ipv6_source_bits);
	if (!one_more(&k, b))
		return false;
	err = block_add(&k, KH_BLOCK_AUTH, b->duration);
	if (err < 0) {
		log_notice("%s is not blocked after %u failed logins: the block list is full",
			   block_text(&k, text), b->failures);
		return false;
	}
	atomic_fetch_add(&blocked, 1);
	log_notice("%s is blocked for %u s: %u failed logins within %u s", block_text(&k, text),
		   b->duration, b->failures, b->window);
	return true;
}

void block_auth_stop(void)
{
	pthread_mutex_lock(&table.lock);
	while (table.made && !list_empty(&table.by_age))
		forget(list_first(&table.by_age, struct failing, age));
	pthread_mutex_unlock(&table.lock);
}
