// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * removal.c - files whose last open has left, and whose name is about to be removed. Who opens such
 * a name meanwhile must not get the file that goes: he waits, and looks again. Who had looked
 * before and joins after the end of it looks again, too: the last removal of each inode is
 * remembered, by its number, together with those that share its place.
 */
#include "state/state.h"

#define PLACES 1024

static struct {
	pthread_mutex_t lock; /* innermost */
	pthread_cond_t end;
	struct list_head files;
	_Atomic unsigned int n;
	_Atomic uint64_t ended;
	_Atomic uint64_t last[PLACES]; /* of removals.ended */
} removals = { .lock = PTHREAD_MUTEX_INITIALIZER,
	       .end = PTHREAD_COND_INITIALIZER,
	       .files = { &removals.files, &removals.files } };

void removal_begin(struct open *o)
{
	pthread_mutex_lock(&removals.lock);
	list_add_tail(&o->removal_node, &removals.files);
	o->removing = true;
	atomic_fetch_add(&removals.n, 1);
	pthread_mutex_unlock(&removals.lock);
}

static _Atomic uint64_t *last_of(uint64_t dev, uint64_t ino)
{
	return &removals.last[((dev ^ ino) * 0x9E3779B97F4A7C15ull) >> 54];
}

uint64_t removal_count(void)
{
	return atomic_load(&removals.ended);
}

void removal_end(struct open *o)
{
	if (likely(!o->removing))
		return;
	pthread_mutex_lock(&removals.lock);
	/* Before it leaves the list: removal_is() finds one or the other. */
	atomic_store(last_of(o->file_dev, o->file_ino), atomic_fetch_add(&removals.ended, 1) + 1);
	list_del(&o->removal_node);
	o->removing = false;
	atomic_fetch_sub(&removals.n, 1);
	pthread_cond_broadcast(&removals.end);
	pthread_mutex_unlock(&removals.lock);
}

static bool find(uint64_t dev, uint64_t ino)
{
	struct open *o;

	list_for_each (o, &removals.files, removal_node)
		if (o->file_dev == dev && o->file_ino == ino)
			return true;
	return false;
}

bool removal_is(uint64_t dev, uint64_t ino, uint64_t since)
{
	bool found = false;

	if (unlikely(atomic_load(&removals.n))) {
		pthread_mutex_lock(&removals.lock);
		found = find(dev, ino);
		pthread_mutex_unlock(&removals.lock);
	}
	return found || atomic_load(last_of(dev, ino)) > since;
}

void removal_wait(uint64_t dev, uint64_t ino)
{
	pthread_mutex_lock(&removals.lock);
	while (find(dev, ino))
		pthread_cond_wait(&removals.end, &removals.lock);
	pthread_mutex_unlock(&removals.lock);
}
