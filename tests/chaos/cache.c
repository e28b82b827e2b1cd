// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * cache.c - oplocks and leases: what a client may rely on, breaks and how they are answered. A
 * level II oplock is R, exclusive RW, batch RWH.
 */
#include "chaos.h"

#define BELIEVED_NS (20 * NS_PER_S) /* after a break; the server waits for 35 seconds */

struct cache *cache_new(struct client *c, bool lease, const uint8_t key[16])
{
	struct cache *k = xcalloc(1, sizeof(*k));

	k->refs = 1;
	k->client = c;
	k->lease = lease;
	k->must_hear = NEVER;
	list_init(&k->client_node);
	list_init(&k->inode_node);
	if (lease) {
		memcpy(k->key, key, 16);
		list_add_tail(&k->client_node, &c->leases);
	}
	return k;
}

struct cache *cache_find(struct client *c, const uint8_t key[16])
{
	struct cache *k;

	list_for_each (k, &c->leases, client_node)
		if (memcmp(k->key, key, 16) == 0)
			return k;
	return NULL;
}

struct cache *cache_ref(struct cache *c)
{
	c->refs++;
	return c;
}

void cache_unref(struct cache *c)
{
	if (!c || --c->refs)
		return;
	list_del(&c->client_node);
	list_del(&c->inode_node);
	free(c);
}

static struct open *other_open(const struct cache *c, const struct open *but)
{
	struct open *o;

	if (c->inode)
		list_for_each (o, &c->inode->opens, inode_node)
			if (o->cache == c && o != but)
				return o;
	return NULL;
}

static const char *letters(uint8_t state)
{
	static const char *const names[8] = { "-", "R", "H", "RH", "W", "RW", "WH", "RWH" };

	return names[state & 7];
}

/* ---- what is certain ---- */

void cache_lower(struct cache *c, uint8_t state)
{
	c->state &= state;
	if (!(c->state & R)) {
		c->must_hear = NEVER;
		memset(c->has_view, 0, sizeof(c->has_view));
	}
	if (!c->state)
		c->doubt = 0;
}

static void bind(struct cache *c, struct open *o)
{
	if (c->inode == o->inode)
		return;
	if (other_open(c, o))
		violation(o->inode, "holders", "c%u has one lease key on two files", c->client->n);
	list_del(&c->inode_node);
	c->inode = o->inode;
	list_add_tail(&c->inode_node, &o->inode->caches);
	cache_lower(c, 0);
}

void cache_granted(struct cache *c, struct open *o, uint8_t state, uint16_t epoch, uint64_t sent)
{
	bind(c, o);
	story(o->inode, "s%u %s granted %s epoch %u%s", o->session->n,
	      c->lease ? "lease" : "oplock", letters(state), epoch,
	      c->breaking ? " (breaking)" : "");
	if (c->breaking || c->doubt)
		return; /* it cannot have become more */
	if (c->v2 && (int16_t)(epoch - c->epoch) < 0)
		return;			   /* older than the break that came before */
	if (!c->v2 && c->broken_at > sent) /* which of them came first? */
		state &= c->state;
	if (state & R && !(c->state & R))
		c->since = now;
	cache_lower(c, state);
	c->state = state;
	c->epoch = epoch;
	holders_check(o->inode);
}

void cache_open_ends(struct cache *c, struct open *o)
{
	if (other_open(c, o))
		return;
	cache_lower(c, 0);
	c->breaking = c->breaking && c->lease && c->creating;
}

void holders_check(struct inode *i)
{
	const struct cache *c;
	const struct open *o;

	list_for_each (c, &i->caches, inode_node) {
		if (!(c->state & W))
			continue;
		list_for_each (o, &i->opens, inode_node)
			if (o->cache != c && !open_is_stat(o))
				violation(i, "holders", "c%u caches %s beside the open of s%u",
					  c->client->n, letters(c->state), o->session->n);
	}
}

void cache_changed(struct inode *i, const struct cache *by, uint64_t sent, const char *how)
{
	struct cache *c;

	list_for_each (c, &i->caches, inode_node) {
		bool told = c->breaking && !(c->break_to & R);

		if (c == by || !(c->state & R) || c->since >= sent || c->doubt || told ||
		    c->must_hear != NEVER)
			continue;
		story(i, "c%u must hear of a %s", c->client->n, how);
		c->must_hear = now + set.grace_ns;
	}
}

/* ---- breaks ---- */

static void decide(struct cache *c)
{
	uint64_t *d = &set.seed;
	unsigned int p = below(d, 100);

	c->how = p < 4 ? ANSWER_WRONG : p < 14 ? ANSWER_CLOSE : ANSWER_RIGHT;
	p = below(d, 100);
	if (p < 45)
		c->answer_at = now;
	else if (p < 92)
		c->answer_at = now + below(d, 300) * 1000000ull;
	else if (p < 99 || !set.never)
		c->answer_at = now + below(d, 2000) * 1000000ull;
	else
		c->answer_at = NEVER;
	if (c->answer_at == NEVER)
		count_thing("breaks that are never answered");
}

/* Dirty pages go out before the answer. */
static void write_back(struct cache *c)
{
	struct open *o;

	list_for_each (o, &c->inode->opens, inode_node)
		if (o->cache == c && o->access & FILE_WRITE_DATA && o->session &&
		    !o->session->ending) {
			say_write(o, below(&set.seed, BLOCKS) * BLOCK, BLOCK);
			count_thing("WRITEs before the answer to a break");
			return;
		}
}

static void broken(struct cache *c, uint8_t to, bool ack)
{
	if (c->inode)
		story(c->inode, "c%u %s broken from %s to %s%s", c->client->n,
		      c->lease ? "lease" : "oplock", letters(c->state), letters(to),
		      ack ? ", to be answered" : "");
	c->must_hear = to & R ? c->must_hear : NEVER;
	if (!ack) {
		c->broken_at = now;
		cache_lower(c, to);
		c->breaking = false;
		return;
	}
	c->break_to = to;
	if (!c->breaking)
		decide(c);
	c->breaking = true;
	c->broken_at = now;
	if (c->state & W && c->inode && chance(&set.seed, 40))
		write_back(c);
}

static void oplock_broken(struct link *l, const struct answer *a)
{
	struct smb2_rd r = rd_init(a->p, a->len);
	struct smb2_fid fid;
	struct open *o;
	uint8_t level;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	level = rd_u8(&r);
	rd_skip(&r, 5);
	fid = rd_fid(&r);
	if (!rd_ok(&r)) {
		violation(NULL, "form", "a short OPLOCK_BREAK");
		return;
	}
	count_thing("oplock breaks");
	if (level > SMB2_OPLOCK_LEVEL_II)
		violation(NULL, "form", "an oplock is broken to level %u", level);
	o = open_find(l, fid);
	if (!o)
		l->session->early[l->session->nearly++ % ARRAY_SIZE(l->session->early)] =
			(struct early_break) { fid, level, now };
	else if (o->cache && !o->cache->lease)
		broken(o->cache, level == SMB2_OPLOCK_LEVEL_II ? R : 0, o->cache->state & W);
}

void cache_early(struct open *o)
{
	struct session *s = o->session;

	for (unsigned int i = 0; i < ARRAY_SIZE(s->early); i++) {
		struct early_break *e = &s->early[i];

		if (!e->at || e->fid.vol != o->fid.vol || e->fid.persistent != o->fid.persistent)
			continue;
		e->at = 0;
		count_thing("breaks that came before the answer, by another channel");
		if (!s->bound)
			violation(o->inode, "holders", "s%u: a break comes before the answer",
				  s->n);
		if (o->cache && !o->cache->lease)
			broken(o->cache, e->level == SMB2_OPLOCK_LEVEL_II ? R : 0,
			       o->cache->state & W);
	}
}

/* Nobody claims it: should the open exist, it is closed. */
static void early_tend(struct session *s)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(s->early); i++) {
		struct early_break *e = &s->early[i];

		if (!e->at || now < e->at + 2 * NS_PER_S)
			continue;
		e->at = 0;
		count_thing("oplock breaks of what was closed, or lost");
		if (s->nlinks && !s->ending)
			say_close_unknown(session_link(s), e->fid);
	}
}

static void lease_broken(struct link *l, const struct answer *a)
{
	struct smb2_rd r = rd_init(a->p, a->len);
	uint32_t flags, from, to;
	uint16_t epoch;
	uint8_t key[16];
	struct cache *c;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	epoch = rd_le16(&r);
	flags = rd_le32(&r);
	rd_copy(&r, key, 16);
	from = rd_le32(&r);
	to = rd_le32(&r);
	if (!rd_ok(&r)) {
		violation(NULL, "form", "a short lease break");
		return;
	}
	count_thing("lease breaks");
	c = cache_find(l->session->client, key);
	if (!c) {
		violation(NULL, "form", "s%u: break of a lease that was not asked for",
			  l->session->n);
		return;
	}
	if (to & ~from)
		violation(c->inode, "form", "a lease is broken from %x to %x", from, to);
	if (c->v2)
		c->epoch = epoch;
	broken(c, (uint8_t)to, flags & SMB2_NOTIFY_BREAK_LEASE_ACK_NEEDED);
}

void cache_broken(struct link *l, const struct answer *a)
{
	if (a->len >= SMB2_HDR_SIZE + 2 && kh_get_le16(a->p + SMB2_HDR_SIZE) == 44)
		lease_broken(l, a);
	else
		oplock_broken(l, a);
}

/* ---- answers ---- */

static struct session *session_of(const struct cache *c)
{
	const struct open *o = other_open(c, NULL);

	if (o)
		return o->session;
	for (unsigned int i = 0; i < nsessions; i++)
		if (sessions[i].client == c->client && session_link(&sessions[i]))
			return &sessions[i];
	return NULL;
}

static void close_all(struct cache *c)
{
	struct open *o;

	while ((o = other_open(c, NULL)))
		say_close(o);
}

static void answer(struct cache *c)
{
	struct session *s = session_of(c);
	struct open *o = other_open(c, NULL);
	bool wrong = c->how == ANSWER_WRONG;
	uint8_t to = c->break_to;

	/*
	 * With its opens closed meanwhile there is nothing to answer; but the break may be of an
	 * open whose CREATE is not answered yet. An answer too many could be taken for that of the
	 * next break.
	 */
	if (!o && s && c->creating) {
		c->answer_at = now + 20000000;
		return;
	}
	if (!s || !o) {
		c->breaking = false;
		return;
	}
	if (s->ending)
		return;
	if (c->how == ANSWER_CLOSE && o) {
		count_thing("breaks answered by CLOSE");
		close_all(c);
		return;
	}
	count_thing(wrong ? "breaks answered wrongly" : "breaks answered");
	story(c->inode, "c%u answers %s%s", c->client->n, letters(to), wrong ? ", wrongly" : "");
	if (!c->lease) {
		c->breaking = false;
		cache_lower(c, wrong ? 0 : to);
		say_oplock_answer(o,
				  wrong ? SMB2_OPLOCK_LEVEL_BATCH
					: (to & R ? SMB2_OPLOCK_LEVEL_II : SMB2_OPLOCK_LEVEL_NONE));
		return;
	}
	c->breaking = wrong;
	c->how = ANSWER_RIGHT;
	c->answer_at = now + below(&set.seed, 500) * 1000000ull;
	if (!wrong)
		cache_lower(c, to);
	say_lease_answer(s, c, wrong ? R | W | H : to);
}

void cache_answered(struct request *q, const struct answer *a)
{
	struct cache *c = q->cache;

	if (!a || a->h.status == NT_STATUS_SUCCESS)
		return;
	story(c->inode, "c%u answer to a break: %s", c->client->n, nt_name(a->h.status));
}

static void cache_tend(struct cache *c)
{
	if (now > c->must_hear) {
		violation(c->inode, "lost break", "c%u caches %s, and was not told of a change",
			  c->client->n, letters(c->state));
		c->must_hear = NEVER;
	}
	if (c->doubt && now > c->doubt + BELIEVED_NS)
		cache_lower(c, 0);
	if (!c->breaking)
		return;
	if (now > c->broken_at + BELIEVED_NS) {
		cache_lower(c, 0);
		c->breaking = false;
	} else if (now >= c->answer_at && (!c->writing || now > c->broken_at + 5 * NS_PER_S)) {
		answer(c);
	}
}

static void each(void (*fn)(struct cache *c))
{
	struct inode *i;
	struct cache *c, *next;

	list_for_each (i, &inodes, node)
		list_for_each_safe (c, next, &i->caches, inode_node) {
			cache_ref(c);
			fn(c);
			/* what follows stays on the list: fn changes no other cache's refs */
			cache_unref(c);
		}
}

void cache_tick(void)
{
	each(cache_tend);
	for (unsigned int i = 0; i < nsessions; i++)
		early_tend(&sessions[i]);
}

static void hurry(struct cache *c)
{
	c->answer_at = now;
	c->how = ANSWER_RIGHT;
}

void cache_answer_all(void)
{
	each(hurry);
}
