// SPDX-License-Identifier: GPL-2.0-or-later
/* inode_set.c - a short list with a lock, and waiting for those in it. */
#include "state/inode_set.h"

void inode_set_add(struct inode_set *s, struct inode_mark *m, uint64_t dev, uint64_t ino)
{
	m->set = s;
	m->dev = dev;
	m->ino = ino;
	pthread_mutex_lock(&s->lock);
	list_add_tail(&m->node, &s->marks);
	atomic_fetch_add(&s->n, 1);
	pthread_mutex_unlock(&s->lock);
}

void inode_set_del_slow(struct inode_mark *m)
{
	struct inode_set *s = m->set;

	pthread_mutex_lock(&s->lock);
	list_del(&m->node);
	atomic_fetch_sub(&s->n, 1);
	pthread_cond_broadcast(&s->out);
	pthread_mutex_unlock(&s->lock);
	m->set = NULL;
}

static bool find(const struct inode_set *s, uint64_t dev, uint64_t ino)
{
	const struct inode_mark *m;

	list_for_each (m, &s->marks, node)
		if (m->dev == dev && m->ino == ino)
			return true;
	return false;
}

bool inode_set_has(struct inode_set *s, uint64_t dev, uint64_t ino)
{
	bool found;

	if (likely(!atomic_load(&s->n)))
		return false;
	pthread_mutex_lock(&s->lock);
	found = find(s, dev, ino);
	pthread_mutex_unlock(&s->lock);
	return found;
}

void inode_set_wait(struct inode_set *s, uint64_t dev, uint64_t ino)
{
	pthread_mutex_lock(&s->lock);
	while (find(s, dev, ino))
		pthread_cond_wait(&s->out, &s->lock);
	pthread_mutex_unlock(&s->lock);
}
