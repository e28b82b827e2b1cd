// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The order of taking capabilities away, against a module that is played by threads: each counts
 * itself in flight, looks at the slot, acts, as kmod/handle.c does. While somebody holds a lock, or
 * caches, or after a close, none of them may be acting by what that forbids.
 */
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/lease.h"
#include "fixture.h"
#include "tap.h"

#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>

#define SLOTS	16
#define SECONDS 1

static struct kh_handle_slot slots[SLOTS];
static _Atomic uint32_t in_flight[SLOTS][4];
static _Atomic bool present[SLOTS], stop;
static _Atomic unsigned int locked, caching, acting[4];
static _Atomic unsigned int acted[4], wrong_lock, wrong_cache, wrong_close, rounds[3];

/* ---- the module ---- */

static void drain(uint32_t slot, uint32_t uses)
{
	atomic_thread_fence(memory_order_seq_cst);
	for (unsigned int use = 0; use < 4; use++)
		while (uses & 1u << use && atomic_load(&in_flight[slot][use]))
			sched_yield();
}

static int fake_del(uint64_t vol)
{
	atomic_store(&present[(uint32_t)vol], false);
	drain((uint32_t)vol, KH_CAPS_ALL);
	return 0;
}

static int fake_barrier(uint64_t vol, uint32_t caps)
{
	drain((uint32_t)vol, caps);
	return 0;
}

static const struct handle_ops fake = { fake_del, fake_barrier };

/* Reads and writes wherever it may; what is forbidden then must stay so until it is done. */
static void *client(void *arg)
{
	uint32_t n = 0;

	while (!atomic_load(&stop)) {
		uint32_t slot = n++ % SLOTS, use = n / SLOTS % 2;

		atomic_fetch_add(&in_flight[slot][use], 1);
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load(&present[slot]) &&
		    __atomic_load_n(&slots[slot].caps, __ATOMIC_ACQUIRE) & 1u << use) {
			atomic_fetch_add(&acting[use], 1);
			for (int i = 0; i < 20; i++) {
				wrong_lock += atomic_load(&locked) != 0;
				wrong_cache += use == 1 && atomic_load(&caching);
				wrong_close += !__atomic_load_n(&slots[slot].vol, __ATOMIC_RELAXED);
			}
			atomic_fetch_sub(&acting[use], 1);
			atomic_fetch_add(&acted[use], 1);
		}
		atomic_fetch_sub(&in_flight[slot][use], 1);
	}
	return NULL;
}

/* ---- the daemon ---- */

static struct open *do_open(uint8_t oplock)
{
	struct open *o = open_alloc();
	struct lease_want want;
	struct vfs_attr a;

	o->kind = OPEN_FILE;
	o->fd = openat(tree->vfs->root, "file", O_RDWR | O_CREAT, 0600);
	vfs_attr_get(tree->vfs, o->fd, "", &a);
	o->access = FILE_READ_DATA | FILE_WRITE_DATA;
	o->share_access = FILE_SHARE_READ | FILE_SHARE_WRITE;
	o->path = xstrdup("file");
	o->entry = a.id;
	lease_want_oplock(&want, oplock, true);
	o->oplock.want = &want;
	tree_get(tree);
	o->tree = tree;
	if (ofile_join(o, a.id.dev, a.id.ino, NULL, false) != NT_STATUS_SUCCESS ||
	    !open_publish(o, session))
		abort();
	return o;
}

static void put(struct open *o)
{
	open_close(o);
	open_put(o);
}

static void give(struct open *o)
{
	struct kh_reply_handle r;

	write_time_begin(o);
	handle_wrote(o);
	if (!handle_offer(o, 1, &r))
		return;
	atomic_store(&present[(uint32_t)r.vol], true);
	handle_sent(o);
}

static void *opener(void *arg)
{
	while (!atomic_load(&stop)) {
		struct open *o = do_open(SMB2_OPLOCK_LEVEL_NONE);

		give(o);
		sched_yield();
		put(o);
		rounds[0]++;
	}
	return NULL;
}

static void *locker(void *arg)
{
	struct lock_range r = { (uint64_t)(uintptr_t)arg * 100, 10, true };
	struct open *o = do_open(SMB2_OPLOCK_LEVEL_NONE);

	while (!atomic_load(&stop)) {
		bool got;

		if (!handles_lock_begin(o, false)) /* as LOCK: on a reactor, then on a worker */
			handles_lock_begin(o, true);
		got = lock_take(o, &r, 1) == NT_STATUS_SUCCESS;
		locked += got;
		handles_lock_end(o);
		sched_yield();
		locked -= got;
		if (got)
			lock_drop(o, r.start, r.length);
		handles_update(o);
		rounds[1]++;
		usleep(50);
	}
	put(o);
	return NULL;
}

static void *cacher(void *arg)
{
	while (!atomic_load(&stop)) {
		struct open *o = do_open(SMB2_OPLOCK_LEVEL_II);
		bool cached = atomic_load(&o->oplock.level) == SMB2_OPLOCK_LEVEL_II;

		caching += cached;
		sched_yield();
		caching -= cached;
		put(o);
		rounds[2]++;
		usleep(50);
	}
	return NULL;
}

int main(void)
{
	void *(*const threads[])(void *) = { client, client, opener, opener,
					     locker, locker, cacher, cacher };
	pthread_t t[ARRAY_SIZE(threads)];
	struct open *constant;

	if (!fixture_begin())
		return 1;
	maps.handles = slots;
	maps.nhandles = SLOTS;
	handles_start(&fake);
	constant = do_open(SMB2_OPLOCK_LEVEL_NONE);
	give(constant);
	for (uintptr_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&t[i], NULL, threads[i], (void *)i);
	sleep(SECONDS);
	atomic_store(&stop, true);
	for (unsigned int i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(t[i], NULL);
	diag("%u reads, %u writes; %u opens, %u locks, %u oplocks", acted[0], acted[1], rounds[0],
	     rounds[1], rounds[2]);
	ok(acted[0] && acted[1] && rounds[0] && rounds[1] && rounds[2], "everybody did something");
	is_int(wrong_lock, 0, "no read or write by the module while a lock is held");
	is_int(wrong_cache, 0, "no write by the module while somebody caches");
	is_int(wrong_close, 0, "nothing by the module after a close");
	is_int(slots[(uint32_t)constant->vol].caps & (KH_CAP_READ | KH_CAP_WRITE),
	       KH_CAP_READ | KH_CAP_WRITE, "in the end all is given back");
	put(constant);
	if (!fixture_end())
		return 1;
	return done_testing();
}
