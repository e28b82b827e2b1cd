// SPDX-License-Identifier: GPL-2.0-or-later
/* lock.c - byte-range locks: alone where exclusive, respected by READ and WRITE, handed on. */
#include "chaos.h"

struct lock *lock_new(struct open *o, uint64_t start, uint64_t length, bool exclusive)
{
	struct lock *k = xcalloc(1, sizeof(*k));

	*k = (struct lock) { .open = open_ref(o),
			     .start = start,
			     .length = length,
			     .exclusive = exclusive,
			     .asked = true,
			     .blocked_at = now };
	list_add_tail(&k->node, &o->inode->locks);
	return k;
}

static void lock_free(struct lock *k)
{
	list_del(&k->node);
	open_unref(k->open);
	free(k);
}

static bool overlap(const struct lock *a, uint64_t start, uint64_t length)
{
	return a->start < start + length && start < a->start + a->length;
}

static bool conflict(const struct lock *a, const struct lock *b)
{
	return a != b && a->open != b->open && (a->exclusive || b->exclusive) &&
	       overlap(a, b->start, b->length);
}

void lock_done(struct request *q, const struct answer *a)
{
	struct lock *k = q->lock, *other;
	struct inode *i = q->open->inode;

	k->asked = false;
	if (a && a->h.status != NT_STATUS_SUCCESS) {
		lock_free(k);
		return;
	}
	if (!a || !q->open->certain) /* it ends with the open, wherever that is now */
		return;
	k->held = true;
	k->held_at = now;
	story(i, "s%u lock %llu+%llu %s held", q->session->n, (unsigned long long)k->start,
	      (unsigned long long)k->length, k->exclusive ? "exclusive" : "shared");
	list_for_each (other, &i->locks, node)
		if (other->held && conflict(k, other))
			violation(i, "locks", "s%u and s%u hold %llu+%llu and %llu+%llu",
				  k->open->session->n, other->open->session->n,
				  (unsigned long long)k->start, (unsigned long long)k->length,
				  (unsigned long long)other->start,
				  (unsigned long long)other->length);
}

void unlock_done(struct request *q, const struct answer *a)
{
	struct lock *k = q->lock;

	if (!a) /* perhaps still there: nothing is said of it, until the open ends */
		return;
	if (a->h.status != NT_STATUS_SUCCESS && q->open->certain)
		violation(q->open->inode, "locks", "s%u: unlocking what is held: %s", q->session->n,
			  nt_name(a->h.status));
	lock_free(k);
}

/* Is there one that is held, or may be? Those that wait, too, do not count. */
static bool in_the_way(const struct lock *k)
{
	const struct lock *other;

	list_for_each (other, &k->open->inode->locks, node)
		if (!other->asked && conflict(k, other))
			return true;
	return false;
}

/* The open's locks are not certain any more. */
void lock_open_ends(struct open *o)
{
	struct lock *k;

	if (!o->inode)
		return;
	list_for_each (k, &o->inode->locks, node)
		if (k->open == o)
			k->held = false;
}

void lock_io(const struct open *o, uint64_t offset, uint64_t length, bool write, uint64_t sent)
{
	const struct lock *k;

	list_for_each (k, &o->inode->locks, node)
		if (k->held && k->open != o && k->held_at < sent && (k->exclusive || write) &&
		    overlap(k, offset, length))
			violation(o->inode, "locks", "s%u: %s of %llu+%llu in spite of s%u's lock",
				  o->session ? o->session->n : 0, write ? "WRITE" : "READ",
				  (unsigned long long)offset, (unsigned long long)length,
				  k->open->session->n);
}

/* Of equal ranges of an open an unlock takes one, which it is for the server to say. */
static bool has_twin(const struct lock *k)
{
	const struct lock *other;

	list_for_each (other, &k->open->inode->locks, node)
		if (other != k && other->open == k->open && other->start == k->start &&
		    other->length == k->length)
			return true;
	return false;
}

struct lock *lock_of(const struct open *o, uint64_t *random)
{
	struct lock *k, *found = NULL;
	unsigned int n = 0;

	list_for_each (k, &o->inode->locks, node)
		if (k->open == o && k->held && !has_twin(k) && below(random, ++n) == 0)
			found = k;
	return found;
}

/* A lock whose open is gone, and whose answer came or never will, does not count any more. */
static bool is_dead(const struct lock *k)
{
	return k->open->gone && !k->open->inflight && !k->asked;
}

void lock_tick(void)
{
	struct inode *i;
	struct lock *k, *next;
	struct link *l;

	list_for_each (i, &inodes, node)
		list_for_each_safe (k, next, &i->locks, node)
			if (is_dead(k))
				lock_free(k);
	for (l = links; l < links + LINKS_MAX; l++) {
		struct request *q;

		if (!l->session)
			continue;
		list_for_each (q, &l->requests, node) {
			if (q->command != SMB2_LOCK || !q->lock || !q->lock->asked)
				continue;
			k = q->lock;
			if (!q->open->certain || q->cancelled_at || in_the_way(k))
				k->blocked_at = now;
			if (now > k->blocked_at + 2 * set.grace_ns) {
				violation(i = k->open->inode, "waiting",
					  "s%u waits for lock %llu+%llu, and nothing is in the way",
					  q->session->n, (unsigned long long)k->start,
					  (unsigned long long)k->length);
				k->blocked_at = NEVER - 4 * set.grace_ns;
			}
		}
	}
}
