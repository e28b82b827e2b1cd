// SPDX-License-Identifier: GPL-2.0-or-later
/* range_tree.c - an AVL tree of byte ranges, see range_tree.h. */
#include "state/range_tree.h"

static int height(const struct range *n)
{
	return n ? n->height : 0;
}

/* The point {0, 0} overlaps nothing: its reach only costs a look. */
static uint64_t last_byte(const struct range *n)
{
	return n->start | n->length ? n->start + n->length - 1 : 0;
}

static void update(struct range *n)
{
	n->height = 1;
	n->reach = last_byte(n);
	n->has_excl = n->exclusive;
	n->reach_excl = n->exclusive ? n->reach : 0;
	for (int i = 0; i < 2; i++) {
		const struct range *c = n->child[i];

		if (!c)
			continue;
		if (c->height >= n->height)
			n->height = (uint8_t)(c->height + 1);
		if (c->reach > n->reach)
			n->reach = c->reach;
		if (c->has_excl && c->reach_excl > n->reach_excl)
			n->reach_excl = c->reach_excl;
		n->has_excl |= c->has_excl;
	}
}

/* The child on that side comes up. */
static struct range *rotate(struct range *n, int side)
{
	struct range *up = n->child[side];

	n->child[side] = up->child[!side];
	up->child[!side] = n;
	update(n);
	update(up);
	return up;
}

static struct range *balance(struct range *n)
{
	int tilt = height(n->child[1]) - height(n->child[0]);
	int side = tilt > 0;
	struct range *c = n->child[side];

	if (tilt >= -1 && tilt <= 1) {
		update(n);
		return n;
	}
	if (height(c->child[!side]) > height(c->child[side]))
		n->child[side] = rotate(c, !side);
	return rotate(n, side);
}

#define CMP(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_key(uint64_t start, uint64_t length, const void *owner, const struct range *b)
{
	int c = CMP(start, b->start);

	if (!c)
		c = CMP(length, b->length);
	return c ? c : CMP((uintptr_t)owner, (uintptr_t)b->owner);
}

/* Exclusive before shared; equal ranges are told apart by their address. */
static int compare(const struct range *a, const struct range *b)
{
	int c = compare_key(a->start, a->length, a->owner, b);

	if (!c)
		c = b->exclusive - a->exclusive;
	return c ? c : CMP((uintptr_t)a, (uintptr_t)b);
}

static struct range *insert(struct range *n, struct range *r)
{
	int side;

	if (!n)
		return r;
	side = compare(r, n) > 0;
	n->child[side] = insert(n->child[side], r);
	return balance(n);
}

void range_insert(struct range **root, struct range *r)
{
	r->child[0] = r->child[1] = NULL;
	update(r);
	*root = insert(*root, r);
}

/* Takes the lowest node out of n's subtree. */
static struct range *take_lowest(struct range *n, struct range **lowest)
{
	if (!n->child[0]) {
		*lowest = n;
		return n->child[1];
	}
	n->child[0] = take_lowest(n->child[0], lowest);
	return balance(n);
}

static struct range *cut(struct range *n, const struct range *r)
{
	struct range *next, *higher;
	int side;

	if (n != r) {
		side = compare(r, n) > 0;
		n->child[side] = cut(n->child[side], r);
		return balance(n);
	}
	if (!n->child[0] || !n->child[1])
		return n->child[!n->child[0]];
	higher = take_lowest(n->child[1], &next);
	next->child[0] = n->child[0];
	next->child[1] = higher;
	return balance(next);
}

void range_remove(struct range **root, struct range *r)
{
	*root = cut(*root, r);
}

struct range *range_find(struct range *root, uint64_t start, uint64_t length, const void *owner)
{
	struct range *n = root, *found = NULL;

	while (n) {
		int c = compare_key(start, length, owner, n);

		if (c == 0) {
			found = n;
			if (n->exclusive)
				break;
		}
		n = n->child[c > 0];
	}
	return found;
}

/* An inclusive query; what it is looked for decides which reach counts. */
struct query {
	uint64_t start, length, last;
	const void *owner;
	enum range_use use;
};

static bool in_the_way(const struct range *n, const struct query *q)
{
	if (!range_overlap(n->start, n->length, q->start, q->length))
		return false;
	switch (q->use) {
	case RANGE_SHARED:
		return n->exclusive && n->owner != q->owner;
	case RANGE_WRITE:
		return !n->exclusive || n->owner != q->owner;
	default:
		return true;
	}
}

static struct range *search(struct range *n, const struct query *q)
{
	while (n) {
		struct range *found;

		if (q->use == RANGE_SHARED ? !n->has_excl || n->reach_excl < q->start
					   : n->reach < q->start)
			return NULL;
		found = search(n->child[0], q);
		if (found)
			return found;
		if (n->start > q->last)
			return NULL;
		if (in_the_way(n, q))
			return n;
		n = n->child[1];
	}
	return NULL;
}

struct range *range_conflict(struct range *root, uint64_t start, uint64_t length, const void *owner,
			     enum range_use use)
{
	struct query q = { start, length, start + length - 1, owner, use };

	return start | length ? search(root, &q) : NULL;
}

struct walk {
	uint64_t start, length, last;
	bool (*fn)(void *arg, struct range *r);
	void *arg;
};

static bool walk(struct range *n, const struct walk *w)
{
	while (n && n->reach >= w->start) {
		if (!walk(n->child[0], w))
			return false;
		if (n->start > w->last)
			return true;
		if (range_overlap(n->start, n->length, w->start, w->length) && !w->fn(w->arg, n))
			return false;
		n = n->child[1];
	}
	return true;
}

void range_each(struct range *root, uint64_t start, uint64_t length,
		bool (*fn)(void *arg, struct range *r), void *arg)
{
	struct walk w = { start, length, start + length - 1, fn, arg };

	if (start | length)
		(void)walk(root, &w);
}
