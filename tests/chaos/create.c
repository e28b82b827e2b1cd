// SPDX-License-Identifier: GPL-2.0-or-later
/* create.c - opens: their answers, their end, share modes, and the reconnect of durable ones. */
#include "chaos.h"

#define LOST_FOR_NS (20 * NS_PER_S)

struct open *open_ref(struct open *o)
{
	o->refs++;
	return o;
}

void open_unref(struct open *o)
{
	if (!o || --o->refs)
		return;
	cache_unref(o->cache);
	free(o);
}

struct open *open_find(struct link *l, struct smb2_fid fid)
{
	struct open *o;

	list_for_each (o, &l->session->opens, session_node)
		if (o->fid.vol == fid.vol && o->fid.persistent == fid.persistent)
			return o;
	return NULL;
}

bool open_is_stat(const struct open *o)
{
	return !(o->access & ~(FILE_READ_ATTRIBUTES | FILE_WRITE_ATTRIBUTES));
}

void open_ends(struct open *o)
{
	if (!o->certain)
		return;
	o->certain = false;
	list_del(&o->inode_node);
	lock_open_ends(o);
	if (o->cache)
		cache_open_ends(o->cache, o);
}

void open_drop(struct open *o)
{
	open_ends(o);
	o->gone = true;
	list_del(&o->session_node);
	if (o->session)
		o->session->nopens--;
	open_unref(o);
}

/* ---- two opens of a file ---- */

static bool shares(const struct open *o, const struct open *with)
{
	if (o->access & (FILE_READ_DATA | FILE_EXECUTE) && !(with->share & FILE_SHARE_READ))
		return false;
	if (o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA) && !(with->share & FILE_SHARE_WRITE))
		return false;
	return !(o->access & 0x10000 && !(with->share & FILE_SHARE_DELETE));
}

static void becomes_certain(struct open *o)
{
	struct inode *i = o->inode;
	const struct open *other;

	list_for_each (other, &i->opens, inode_node)
		if (!open_is_stat(o) && !open_is_stat(other) &&
		    (!shares(o, other) || !shares(other, o)))
			violation(i, "sharing", "s%u (%x/%u) beside s%u (%x/%u)", o->session->n,
				  o->access, o->share, other->session->n, other->access,
				  other->share);
	o->certain = true;
	list_add_tail(&o->inode_node, &i->opens);
	if (!open_is_stat(o))
		i->seen[i->nseen++ % ARRAY_SIZE(i->seen)] =
			(struct seen_open) { now, o->cache, o->client };
}

/* ---- the answer ---- */

struct reply {
	uint8_t level;
	uint32_t action;
	struct smb2_fid fid;
	uint64_t file_id;
	bool has_id, has_lease;
	uint8_t durable, lease_key[16];
	uint32_t lease;
	bool breaking;
	uint16_t epoch;
};

static void take_context(struct reply *r, const uint8_t *tag, struct smb2_rd d)
{
	if (!memcmp(tag, "QFid", 4)) {
		r->file_id = rd_le64(&d);
		r->has_id = rd_ok(&d);
	} else if (!memcmp(tag, "RqLs", 4)) {
		rd_copy(&d, r->lease_key, 16);
		r->lease = rd_le32(&d);
		r->has_lease = rd_ok(&d);
		r->breaking = rd_le32(&d) & SMB2_LEASE_FLAG_BREAK_IN_PROGRESS;
		rd_skip(&d, 24);
		r->epoch = rd_le16(&d);
	} else if (!memcmp(tag, "DHnQ", 4)) {
		r->durable = 1;
	} else if (!memcmp(tag, "DH2Q", 4)) {
		r->durable = 2;
	}
}

static bool parse(const struct answer *a, struct reply *r)
{
	struct smb2_rd d = rd_init(a->p, a->len), list;
	uint32_t off, len, next, at = 0;

	*r = (struct reply) { 0 };
	rd_skip(&d, SMB2_HDR_SIZE + 2);
	r->level = rd_u8(&d);
	rd_skip(&d, 1);
	r->action = rd_le32(&d);
	rd_skip(&d, 56);
	r->fid = rd_fid(&d);
	off = rd_le32(&d);
	len = rd_le32(&d);
	list = rd_sub(&d, off, len);
	while (len && rd_ok(&list)) {
		struct smb2_rd c = rd_sub(&list, at, len - at), data;
		uint16_t name_off, data_off;
		const uint8_t *tag;
		uint32_t n;

		next = rd_le32(&c);
		name_off = rd_le16(&c);
		rd_skip(&c, 4);
		data_off = rd_le16(&c);
		n = rd_le32(&c);
		tag = rd_sub(&c, name_off, 4).buf;
		data = rd_sub(&c, data_off, n);
		if (!rd_ok(&c))
			return false;
		take_context(r, tag, data);
		if (!next)
			break;
		at += next;
	}
	return rd_ok(&d) && rd_ok(&list);
}

static uint8_t state_of_level(uint8_t level)
{
	return level == SMB2_OPLOCK_LEVEL_BATCH	      ? R | W | H
	       : level == SMB2_OPLOCK_LEVEL_EXCLUSIVE ? R | W
	       : level == SMB2_OPLOCK_LEVEL_II	      ? R
						      : 0;
}

static bool overwrites(const struct request *q)
{
	return q->disposition == FILE_SUPERSEDE || q->disposition == FILE_OVERWRITE ||
	       q->disposition == FILE_OVERWRITE_IF;
}

/* What it did to the file is so, whatever became of the open. */
static void overwritten(struct request *q, const struct reply *r, struct inode *i)
{
	if (r->action == FILE_CREATED)
		watch_created(q->name, q->sent);
	if (r->action != FILE_SUPERSEDED && r->action != FILE_OVERWRITTEN)
		return;
	event_end(i, event_begin(i, 0, BLOCKS * BLOCK, 0, q->sent), true, now);
	cache_changed(i, q->cache, q->sent, "overwriting CREATE");
}

static void caches(struct request *q, struct open *o, const struct reply *r)
{
	if (q->cache && r->has_lease) {
		o->cache = cache_ref(q->cache);
		if (memcmp(r->lease_key, q->cache->key, 16) != 0)
			violation(o->inode, "form", "s%u: another lease key", o->session->n);
	} else if (r->level != SMB2_OPLOCK_LEVEL_NONE) {
		if (r->level > q->level || q->cache)
			violation(o->inode, "form", "s%u: level %u instead of %u", o->session->n,
				  r->level, q->level);
		o->cache = cache_new(o->client, false, NULL);
	}
}

static struct open *open_new(struct request *q, const struct reply *r, struct inode *i)
{
	struct open *o = xcalloc(1, sizeof(*o));

	o->refs = 1;
	o->session = q->session;
	o->client = q->session->client;
	o->inode = i;
	o->fid = r->fid;
	strcpy(o->name, q->name);
	o->user = q->link->as.user;
	o->access = q->access;
	o->share = q->share;
	o->dir = q->options & FILE_DIRECTORY_FILE;
	o->durable = r->durable;
	memcpy(o->guid, q->guid, 16);
	list_init(&o->inode_node);
	list_add_tail(&o->session_node, &o->session->opens);
	o->session->nopens++;
	caches(q, o, r);
	return o;
}

static void granted(struct request *q, struct open *o, const struct reply *r)
{
	if (!o->cache)
		holders_check(o->inode);
	else if (o->cache->lease)
		cache_granted(o->cache, o,
			      /* the state from which it is broken is not there to be relied on */
			      r->breaking ? o->cache->state & r->lease : (uint8_t)r->lease,
			      r->epoch, q->sent);
	else
		cache_granted(o->cache, o, state_of_level(r->level), 0, q->sent);
	cache_early(o);
}

/* Whoever caches writes again did so all the time. */
static void check_absence(const struct open *o)
{
	const struct inode *i = o->inode;

	if (!o->cache || !(o->cache->state & W))
		return;
	for (unsigned int k = 0; k < MIN(i->nseen, ARRAY_SIZE(i->seen)); k++)
		if (i->seen[k].at > o->lost_at && i->seen[k].by != o->cache)
			violation(i, "holders",
				  "c%u has its durable open again, caching writes; c%u had one",
				  o->client->n, i->seen[k].client->n);
}

static void reconnected(struct request *q, const struct reply *r)
{
	struct open *o = q->old;

	count_thing("durable opens reconnected");
	o->fid = r->fid;
	o->session = q->session;
	list_add_tail(&open_ref(o)->session_node, &q->session->opens);
	q->session->nopens++;
	check_absence(o);
	becomes_certain(o);
	story(o->inode, "s%u durable open again", q->session->n);
	granted(q, o, r);
	check_absence(o);
}

void create_done(struct request *q, const struct answer *a)
{
	struct session *s = q->session;
	struct inode *i;
	struct open *o;
	struct reply r;

	if (q->cache)
		q->cache->creating--;
	/* LOGOFF may overtake it, at the last step. */
	if ((!a || (a->h.status && s->ending)) && overwrites(q))
		event_wild_zero(q->sent);
	if (!a || a->h.status) {
		story(NULL, "s%u CREATE %s disposition %u fails: %s", s->n, q->name, q->disposition,
		      a ? nt_name(a->h.status) : "connection lost");
		if (q->old)
			q->old->gone = true;
		if (q->old && a) {
			count_thing("durable opens refused");
			story(q->old->inode,
			      "s%u durable v%u of %s refused after %.3f s: %s, it had %u", s->n,
			      q->old->durable, q->name, (double)(now - q->old->lost_at) / NS_PER_S,
			      nt_name(a->h.status), q->old->had);
		}
		return;
	}
	if (!parse(a, &r) || (!r.has_id && !q->old)) {
		violation(NULL, "form", "s%u: CREATE without a file id", s->n);
		return;
	}
	if (q->old) {
		if (!s->ending)
			reconnected(q, &r);
		return;
	}
	i = inode_get(r.file_id, r.action == FILE_CREATED);
	overwritten(q, &r, i);
	if (s->ending)
		return;
	o = open_new(q, &r, i);
	story(i, "s%u open %s %x/%u disposition %u action %u%s", s->n, q->name, q->access, q->share,
	      q->disposition, r.action, r.durable ? " durable" : "");
	becomes_certain(o);
	granted(q, o, &r);
}

/* ---- durable ---- */

static void reconnect(struct session *s, struct open *o)
{
	struct request *q = request_new(session_link(s), SMB2_CREATE, NULL, create_done);

	q->old = open_ref(o);
	strcpy(q->name, o->name);
	q->access = o->access;
	q->share = o->share;
	q->disposition = FILE_OPEN;
	q->level = SMB2_OPLOCK_LEVEL_BATCH;
	if (o->cache && o->cache->lease) {
		q->cache = cache_ref(o->cache);
		q->cache->creating++;
		q->level = o->had;
	}
	say_create(session_link(s), q);
}

void reconnect_some(struct session *s)
{
	struct open *o, *next;

	list_for_each_safe (o, next, &s->client->lost, session_node) {
		/* 2.x knows no version 2, and would open the file anew */
		if (o->durable == 2 && s->m.dialect < SMB2_DIALECT_300)
			continue;
		list_del(&o->session_node);
		if (chance(&s->random, 80) && now < o->lost_at + LOST_FOR_NS)
			reconnect(s, o);
		else
			o->gone = true;
		if (o->gone)
			story(o->inode, "s%u forgets its durable open", s->n);
		open_unref(o);
	}
}
