// SPDX-License-Identifier: GPL-2.0-or-later
/* tree.c - tree connects of a session (MS-SMB2 3.3.1.9): ids, lookup, the end. */
#include "core/entry.h"
#include "smb2/smb2.h"
#include "state/state.h"

#define TREE_ID_NONE 0xFFFFFFFFu /* what related elements write for "as before" */

/* session.lock held */
static struct tree *find_locked(struct session *s, uint32_t id)
{
	struct tree *t;

	list_for_each (t, &s->trees, node)
		if (t->id == id)
			return t;
	return NULL;
}

struct tree *tree_find(struct session *s, uint32_t id)
{
	struct tree *t;

	pthread_mutex_lock(&s->lock);
	t = find_locked(s, id);
	if (t)
		tree_get(t);
	pthread_mutex_unlock(&s->lock);
	return t;
}

void tree_get(struct tree *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
}

struct tree *tree_new(void)
{
	struct tree *t = xcalloc(1, sizeof(*t));

	atomic_init(&t->refs, 1);
	list_init(&t->node);
	t->created_ns = now_ns();
	return t;
}

void tree_put(struct tree *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (t->left)
		share_close_left(t->vfs);
	else
		share_close(t->vfs);
	identity_put(t->identity);
	token_free(t->own_token);
	free(t->name);
	if (t->conf)
		conf_put(t->conf);
	free(t);
}

/* session.lock held. The ids of a session are not used again before 2^32 others were. */
static uint32_t next_id(struct session *s)
{
	do {
		s->next_tree_id++;
	} while (s->next_tree_id == 0 || s->next_tree_id == TREE_ID_NONE ||
		 find_locked(s, s->next_tree_id));
	return s->next_tree_id;
}

bool tree_add(struct session *s, struct tree *t, unsigned int max)
{
	bool ok = false;

	pthread_mutex_lock(&s->lock);
	if (atomic_load(&s->state) != SESSION_GONE && (!max || s->ntrees < max)) {
		t->id = next_id(s);
		tree_get(t);
		list_add_tail(&t->node, &s->trees);
		s->ntrees++;
		entry_session(s);
		ok = true;
	}
	pthread_mutex_unlock(&s->lock);
	return ok;
}

/* An open of the tree that nobody is closing yet, with a reference. */
static struct open *next_open(struct session *s, const struct tree *t)
{
	struct open *o, *found = NULL;

	pthread_mutex_lock(&s->lock);
	list_for_each (o, &s->opens, session_node)
		if (o->tree == t) {
			found = open_get(o);
			break;
		}
	pthread_mutex_unlock(&s->lock);
	return found;
}

void tree_destroy(struct session *s, struct tree *t)
{
	struct open *o;
	bool mine;

	pthread_mutex_lock(&s->lock);
	mine = !list_empty(&t->node);
	if (mine) {
		list_del(
			&t->node); /* open_publish() sees the lone node: no open comes after this */
		s->ntrees--;
		entry_session(s);
	}
	pthread_mutex_unlock(&s->lock);
	if (!mine)
		return;
	/* open_unpublish() takes an open off the list under session.lock, so this ends. */
	while ((o = next_open(s, t))) {
		open_close(o);
		open_put(o);
	}
	if (t->vfs) { /* durable opens keep the tree, but do not count for `max connections` */
		share_leave(t->vfs);
		t->left = true;
	}
	tree_put(t);
}
