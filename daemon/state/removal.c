// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * removal.c - files whose last open has left, and whose name is about to be removed. Who opens such
 * a name meanwhile must not get the file that goes: he waits, and looks again. Who had looked
 * before and joins after the end of it looks again, too: the last removal of each inode is
 * remembered, by its number, together with those that share its place.
 */
#include "state/state.h"

#define PLACES 1024

static struct inode_set going = INODE_SET_INIT(&going);
static _Atomic uint64_t ended;
static _Atomic uint64_t last[PLACES]; /* of `ended` */

void removal_begin(struct open *o)
{
	inode_set_add(&going, &o->removal, o->file_dev, o->file_ino);
}

static _Atomic uint64_t *last_of(uint64_t dev, uint64_t ino)
{
	return &last[((dev ^ ino) * 0x9E3779B97F4A7C15ull) >> 54];
}

uint64_t removal_count(void)
{
	return atomic_load(&ended);
}

void removal_end(struct open *o)
{
	_Atomic uint64_t *place;
	uint64_t n, was;

	if (likely(!o->removal.set))
		return;
	place = last_of(o->file_dev, o->file_ino);
	n = atomic_fetch_add(&ended, 1) + 1;
	was = atomic_load(place);
	while (was < n && !atomic_compare_exchange_weak(place, &was, n))
		;		    /* a later one of this place may be first */
	inode_set_del(&o->removal); /* at last: removal_is() finds one or the other */
}

bool removal_is(uint64_t dev, uint64_t ino, uint64_t since)
{
	return inode_set_has(&going, dev, ino) || atomic_load(last_of(dev, ino)) > since;
}

void removal_wait(uint64_t dev, uint64_t ino)
{
	inode_set_wait(&going, dev, ino);
}
