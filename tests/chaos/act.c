// SPDX-License-Identifier: GPL-2.0-or-later
/* act.c - what a session does next, by its dice. */
#include "chaos.h"

#define OPENS_MAX 3u
#define BUSY	  6u /* requests in flight on a connection */

#define FILE_WRITE_ALL (FILE_WRITE_DATA | FILE_APPEND_DATA)
#define DELETE_ACCESS  0x10000u

void nth_name(unsigned int n, char name[NAME_MAX_CH])
{
	snprintf(name, NAME_MAX_CH, n % 2 ? "d%2$u/f%1$u" : "f%u", n, n / 2 % 2);
}

static bool file_name(struct session *s, char name[NAME_MAX_CH])
{
	unsigned int p = below(&s->random, 100);

	/* Most are everybody's; now and then one that others leave alone, mostly. */
	nth_name(p < 70	  ? below(&s->random, set.files)
		 : p < 75 ? set.files + below(&s->random, nsessions)
			  : set.files + s->n,
		 name);
	return true;
}

static uint32_t some_access(uint64_t *d)
{
	unsigned int p = below(d, 100);
	uint32_t a = FILE_READ_ATTRIBUTES;

	if (p < 10)
		return a;
	if (p < 95)
		a |= FILE_READ_DATA;
	if (p > 35)
		a |= FILE_WRITE_ALL;
	if (chance(d, 25))
		a |= DELETE_ACCESS;
	return a;
}

static void ask_lease(struct session *s, struct request *q)
{
	static const uint8_t states[] = { R, R | H, R | W, R | W | H, R | W | H, 0 };
	uint8_t key[16] = "chaos";
	const char *f = strrchr(q->name, 'f');

	/* one key per client and name; some names have two */
	kh_put_le32(key + 8, s->client->n);
	kh_put_le32(key + 12, (uint32_t)atoi(f ? f + 1 : "0") * 2 + chance(&s->random, 10));
	q->cache = cache_find(s->client, key);
	if (!q->cache) {
		q->cache = cache_new(s->client, true, key);
		q->cache->v2 = s->m.dialect >= SMB2_DIALECT_300 && s->client->n % 3;
	}
	if (q->cache->v2 && s->m.dialect < SMB2_DIALECT_300) {
		q->cache = NULL;
		return;
	}
	cache_ref(q->cache)->creating++;
	q->level = states[below(&s->random, ARRAY_SIZE(states))];
}

static void ask_durable(struct session *s, struct request *q)
{
	q->durable = s->m.dialect >= SMB2_DIALECT_300 && chance(&s->random, 70) ? 2 : 1;
	for (unsigned int i = 0; i < 16; i++)
		q->guid[i] = (uint8_t)dice_raw(&s->random);
}

static void act_open(struct session *s)
{
	static const uint8_t levels[] = { SMB2_OPLOCK_LEVEL_NONE, SMB2_OPLOCK_LEVEL_II,
					  SMB2_OPLOCK_LEVEL_EXCLUSIVE, SMB2_OPLOCK_LEVEL_BATCH,
					  SMB2_OPLOCK_LEVEL_BATCH };
	static const uint8_t dispositions[] = { FILE_OPEN_IF,	   FILE_OPEN_IF,   FILE_OPEN_IF,
						FILE_OPEN_IF,	   FILE_OPEN_IF,   FILE_OPEN_IF,
						FILE_OPEN,	   FILE_OPEN,	   FILE_CREATE,
						FILE_OVERWRITE_IF, FILE_OPEN_IF,   FILE_OVERWRITE,
						FILE_OVERWRITE_IF, FILE_SUPERSEDE, FILE_OPEN_IF };
	struct link *l = session_link(s);
	struct request *q = request_new(l, SMB2_CREATE, NULL, create_done);
	uint64_t *d = &s->random;

	file_name(s, q->name);
	q->access = some_access(d);
	q->share = chance(d, 70) ? 7 : below(d, 8);
	q->disposition = q->access == FILE_READ_ATTRIBUTES
				 ? FILE_OPEN
				 : dispositions[below(d, ARRAY_SIZE(dispositions))];
	q->options = FILE_NON_DIRECTORY_FILE |
		     (chance(d, 3) && q->access & DELETE_ACCESS ? FILE_DELETE_ON_CLOSE : 0);
	if (set.leases && chance(d, 55))
		ask_lease(s, q);
	if (!q->cache)
		q->level = set.oplocks ? levels[below(d, ARRAY_SIZE(levels))] : 0;
	if (set.durable && chance(d, 70))
		ask_durable(s, q);
	say_create(l, q);
}

static void open_dir(struct session *s)
{
	static const char *const dirs[] = { "", "d0", "d1" };
	struct request *q = request_new(session_link(s), SMB2_CREATE, NULL, create_done);

	strcpy(q->name, dirs[below(&s->random, 3)]);
	q->access = FILE_LIST_DIRECTORY | FILE_READ_ATTRIBUTES;
	q->share = 7;
	q->disposition = *q->name ? FILE_OPEN_IF : FILE_OPEN;
	q->options = FILE_DIRECTORY_FILE;
	say_create(q->link, q);
}

static struct open *some_open(struct session *s)
{
	struct open *o;
	unsigned int n = s->nopens ? below(&s->random, s->nopens) : 0;

	list_for_each (o, &s->opens, session_node)
		if (n-- == 0)
			return o;
	return NULL;
}

static void range(uint64_t *d, uint64_t *offset, uint32_t *length)
{
	unsigned int first = below(d, BLOCKS);

	*offset = first * BLOCK;
	*length = (1 + below(d, MIN(8u, BLOCKS - first))) * BLOCK;
}

static void act_lock(struct session *s, struct open *o)
{
	struct lock *k = lock_of(o, &s->random);
	uint32_t length;
	uint64_t offset;

	if (k && chance(&s->random, 60)) {
		say_unlock(k);
		return;
	}
	range(&s->random, &offset, &length);
	say_lock(o, offset, length, chance(&s->random, 60), chance(&s->random, 50));
}

static void act_dir(struct session *s, struct open *o)
{
	unsigned int p = below(&s->random, 100);

	if (p < 50 && o->inflight < 2)
		say_watch(o, chance(&s->random, 50));
	else if (p < 80)
		say_list(o);
	else if (o->told_by < now)
		say_close(o);
}

static void act_file(struct session *s, struct open *o)
{
	unsigned int p = below(&s->random, 1000);
	bool writes = o->access & FILE_WRITE_DATA;
	char name[NAME_MAX_CH];
	uint32_t length;
	uint64_t offset;

	range(&s->random, &offset, &length);
	if (p < 270) {
		if (o->access & FILE_READ_DATA)
			say_read(o, offset, length);
	} else if (p < 340) {
		if (o->cache)
			data_from_cache(o->cache, (unsigned int)(offset / BLOCK));
	} else if (p < 560) {
		if (writes)
			say_write(o, offset, length);
	} else if (p < 680) {
		if (o->access & (FILE_READ_DATA | FILE_WRITE_DATA))
			act_lock(s, o);
	} else if (p < 700) {
		if (writes)
			say_size(o, offset);
	} else if (p < 710) {
		say_flush(o);
	} else if (p < 740) {
		if (o->access & DELETE_ACCESS && file_name(s, name))
			say_rename(o, name, chance(&s->random, 50));
	} else if (p < 755) {
		if (o->access & DELETE_ACCESS)
			say_delete(o, chance(&s->random, 60));
	} else if (p < 850) {
		/* Who waits to hear of a change stays to see whether he does. */
		if (!o->cache || o->cache->must_hear == NEVER)
			say_close(o);
	}
}

/* A lock or watch that waits, now and then. */
static bool cancel_some(struct session *s)
{
	struct link *l = session_link(s);
	struct request *q;

	list_for_each (q, &l->requests, node)
		if (q->patient && q->pending_at && !q->cancelled_at && chance(&s->random, 30)) {
			request_cancel(q);
			return true;
		}
	return false;
}

static void come_or_go(struct session *s)
{
	unsigned int p = below(&s->random, 100);

	if (p < 30) {
		session_cut(s);
	} else if (p < 38) {
		say_logoff(s);
	} else if (set.channels && p < 70 && s->m.dialect >= SMB2_DIALECT_300) {
		session_bind(s);
	} else if (s->nlinks > 1) {
		count_thing("channels cut");
		link_cut(s->links[below(&s->random, s->nlinks)]);
	}
}

void act(struct session *s)
{
	struct open *o;
	unsigned int p;

	if (s->ending && s->nlinks) {
		if (s->not_before) /* LOGOFF was answered */
			session_cut(s);
		return;
	}
	if (!s->nlinks) {
		if (now >= s->not_before)
			session_login(s);
		return;
	}
	if (session_link(s)->inflight >= BUSY) {
		if (chance(&s->random, 5))
			cancel_some(s);
		return;
	}
	p = below(&s->random, 1000);
	if (p < 8) {
		come_or_go(s);
	} else if (p < 30) {
		cancel_some(s);
	} else if (s->nopens < 1 + below(&s->random, OPENS_MAX)) {
		if (p < 60)
			open_dir(s);
		else
			act_open(s);
	} else {
		o = some_open(s);
		if (o->dir)
			act_dir(s, o);
		else
			act_file(s, o);
	}
}
