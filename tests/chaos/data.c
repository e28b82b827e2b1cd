// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * data.c - what a block of a file may hold. Every WRITE fills its blocks with a number of its own;
 * a truncation or overwriting writes zeros, and so is what lies behind the end. A block may show
 * the number of an event that was sent before the READ was answered, unless another event began
 * after that one was over and was over before the READ was sent.
 */
#include "chaos.h"

struct list_head inodes = { &inodes, &inodes };

/* A READ that shows what it should not, unless an answer that is under way explains it. */
struct doubt {
	struct list_head node;
	struct inode *inode;
	unsigned int block;
	uint64_t value, sent, answered;
	bool from_cache;
};

static struct list_head doubts = { &doubts, &doubts };
static uint64_t last_id, last_value;

struct inode *inode_get(uint64_t id, bool created)
{
	struct inode *i;

	list_for_each (i, &inodes, node)
		if (i->id == id)
			return i;
	i = xcalloc(1, sizeof(*i));
	i->id = id;
	list_init(&i->opens);
	list_init(&i->caches);
	list_init(&i->locks);
	list_add_tail(&i->node, &inodes);
	(void)created;
	event_end(i, event_begin(i, 0, BLOCKS * BLOCK, 0, 0), true, 1);
	return i;
}

uint64_t value_new(void)
{
	return ++last_value << 8 | 0xA5;
}

static void forget(struct block *b)
{
	uint64_t old = now > 60 * NS_PER_S ? now - 60 * NS_PER_S : 0;
	uint64_t newest = 0; /* begin of the last event that was over before `old` */
	unsigned int n = 0;

	for (unsigned int k = 0; k < b->n; k++)
		if (b->events[k].answered < old && b->events[k].sent > newest)
			newest = b->events[k].sent;
	for (unsigned int k = 0; k < b->n; k++)
		if (b->events[k].answered >= newest)
			b->events[n++] = b->events[k];
	b->n = n;
}

uint64_t event_begin(struct inode *i, uint64_t offset, uint64_t length, uint64_t value,
		     uint64_t sent)
{
	uint64_t id = ++last_id;

	for (uint64_t k = offset / BLOCK; k < MIN((offset + length) / BLOCK, BLOCKS); k++) {
		struct block *b = &i->blocks[k];

		if (b->n == b->cap) {
			forget(b);
			b->cap = b->n >= b->cap / 2 ? b->cap * 2 + 16 : b->cap;
			b->events = xrealloc(b->events, b->cap * sizeof(*b->events));
		}
		b->events[b->n++] = (struct event) { id, value, sent, NEVER };
	}
	return id;
}

void event_end(struct inode *i, uint64_t id, bool happened, uint64_t at)
{
	for (unsigned int k = 0; k < BLOCKS; k++) {
		struct block *b = &i->blocks[k];

		for (unsigned int e = b->n; e-- > 0;) {
			if (b->events[e].id != id)
				continue;
			if (happened)
				b->events[e].answered = at;
			else
				b->events[e] = b->events[--b->n];
			break;
		}
	}
}

void event_wild_zero(uint64_t sent)
{
	struct inode *i;

	list_for_each (i, &inodes, node)
		event_end(i, event_begin(i, 0, BLOCKS * BLOCK, 0, sent), true,
			  now + 2 * set.grace_ns);
}

static bool allowed(const struct block *b, uint64_t value, uint64_t sent, uint64_t answered)
{
	uint64_t newest = 0;

	for (unsigned int k = 0; k < b->n; k++)
		if (b->events[k].answered < sent && b->events[k].sent > newest)
			newest = b->events[k].sent;
	for (unsigned int k = 0; k < b->n; k++)
		if (b->events[k].value == value && b->events[k].sent < answered &&
		    b->events[k].answered >= newest)
			return true;
	return false;
}

static void check(struct inode *i, unsigned int block, uint64_t value, uint64_t sent,
		  uint64_t answered, bool from_cache)
{
	struct doubt *d;

	if (allowed(&i->blocks[block], value, sent, answered))
		return;
	d = xcalloc(1, sizeof(*d));
	*d = (struct doubt) { .inode = i,
			      .block = block,
			      .value = value,
			      .sent = sent,
			      .answered = answered,
			      .from_cache = from_cache };
	list_add_tail(&d->node, &doubts);
}

static void tell_events(const struct doubt *d)
{
	const struct block *b = &d->inode->blocks[d->block];

	for (unsigned int k = b->n > 12 ? b->n - 12 : 0; k < b->n; k++)
		printf("#   event %llx [%.6f, %.6f]\n", (unsigned long long)b->events[k].value,
		       (double)b->events[k].sent / NS_PER_S,
		       b->events[k].answered == NEVER ? 0
						      : (double)b->events[k].answered / NS_PER_S);
}

void data_tick(bool end)
{
	struct doubt *d, *next;

	list_for_each_safe (d, next, &doubts, node) {
		if (!allowed(&d->inode->blocks[d->block], d->value, d->sent, d->answered)) {
			if (!end && now < d->answered + set.grace_ns)
				continue;
			violation(d->inode, "data", "%s of block %u at [%.6f, %.6f] shows %llx",
				  d->from_cache ? "a cached view" : "READ", d->block,
				  (double)d->sent / NS_PER_S, (double)d->answered / NS_PER_S,
				  (unsigned long long)d->value);
			tell_events(d);
		} else {
			count_thing("READs explained by a later answer");
		}
		list_del(&d->node);
		free(d);
	}
}

/* Of one handle alone: nothing of the same cache was written meanwhile. */
static bool may_keep(const struct request *q)
{
	const struct cache *c = q->open->cache;

	return c && q->open->certain && c->state & R && !c->breaking && !c->doubt &&
	       c->since < q->sent && !c->writing && c->wrote_at < q->sent;
}

void data_read(struct request *q, const uint8_t *p, uint32_t got)
{
	struct inode *i = q->open->inode;
	bool keep = may_keep(q);

	for (uint32_t off = 0; off < q->length; off += BLOCK) {
		unsigned int block = (unsigned int)((q->offset + off) / BLOCK);
		uint64_t value = off < got ? kh_get_le64(p + off) : 0, word;
		bool torn = false;

		check(i, block, value, q->sent, now, false);
		for (uint32_t k = 8; off + k + 8 <= got && k < BLOCK; k += 8) {
			word = kh_get_le64(p + off + k);
			if (word != value)
				check(i, block, word, q->sent, now, false);
			torn |= word != value;
			value = word;
		}
		if (torn)
			count_thing("blocks torn by a WRITE at the same time");
		if (keep && !torn) {
			q->open->cache->view[block] = value;
			q->open->cache->has_view[block] = true;
		}
	}
}

void data_from_cache(struct cache *c, unsigned int block)
{
	if (!(c->state & R) || c->breaking || c->doubt || !c->has_view[block] || !c->inode)
		return;
	count_thing("reads from a cache");
	if (now > set.grace_ns)
		check(c->inode, block, c->view[block], now - set.grace_ns, now, true);
}
