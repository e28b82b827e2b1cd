// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * map.c - a file's pages in the address space, to be written by memcpy().
 *
 * A write() of a megabyte into pages that are there already spends most of its time on finding and
 * touching them one by one: 180 to 260 us, where a copy through a mapping takes 30 to 115. Only the
 * second time, though: to map the pages costs what it saves once.
 *
 * A file may be cut at any time, by anybody: touching what is gone, or what there is no room for,
 * is a SIGBUS, which ends the copy and nothing else.
 */
#include "core/util.h"
#include "vfs/vfs.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_READ
#define MADV_POPULATE_READ 22
#endif

#define MAPPED_MAX    (8ull << 30) /* of all maps together; page tables are 1/512 of it */
#define GRANULE_SHIFT 16	   /* of what is known to be mapped */

struct vfs_map {
	uint8_t *base;
	size_t len;
	uint64_t mapped[(VFS_MAP_MAX >> GRANULE_SHIFT) / 64]; /* a bit per granule */
};

static _Atomic uint64_t mapped_bytes;

/* ---- copies that may fault ---- */

static __thread sigjmp_buf *volatile fault_exit;

static void on_sigbus(int sig)
{
	if (fault_exit)
		siglongjmp(*fault_exit, 1);
	signal(sig, SIG_DFL); /* not of ours: the fault comes again, and ends the process */
}

static void guard_install(void)
{
	/* Not blocked while it is handled: the jump does not restore a mask. */
	struct sigaction sa = { .sa_handler = on_sigbus, .sa_flags = SA_NODEFER };

	sigaction(SIGBUS, &sa, NULL);
}

/* False: there was a fault, some bytes may have been copied. */
static bool copy_guarded(uint8_t *dst, const uint8_t *src, size_t n)
{
	sigjmp_buf out;

	if (sigsetjmp(out, 0)) {
		fault_exit = NULL;
		return false;
	}
	fault_exit = &out;
	memcpy(dst, src, n);
	fault_exit = NULL;
	return true;
}

/* ---- maps ---- */

struct vfs_map *vfs_map_new(int fd, uint64_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct vfs_map *m;
	void *p;

	pthread_once(&once, guard_install);
	if (!size || size > VFS_MAP_MAX)
		return NULL;
	if (atomic_fetch_add(&mapped_bytes, size) + size > MAPPED_MAX)
		goto none;
	p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (p == MAP_FAILED)
		goto none;
	madvise(p, size, MADV_DONTDUMP);
	m = xcalloc(1, sizeof(*m));
	m->base = p;
	m->len = size;
	return m;
none:
	atomic_fetch_sub(&mapped_bytes, size);
	return NULL;
}

void vfs_map_free(struct vfs_map *m)
{
	if (!m)
		return;
	munmap(m->base, m->len);
	atomic_fetch_sub(&mapped_bytes, m->len);
	free(m);
}

/* The first time, pages are mapped by the call, sixteen at once, not by a fault each. */
static void populate(struct vfs_map *m, uint64_t off, size_t n)
{
	uint64_t first = off >> GRANULE_SHIFT, last = (off + n - 1) >> GRANULE_SHIFT, i;
	uint64_t start = first << GRANULE_SHIFT;
	bool known = true;

	for (i = first; i <= last; i++) {
		known = known && m->mapped[i / 64] >> (i % 64) & 1;
		m->mapped[i / 64] |= 1ull << (i % 64);
	}
	if (!known)
		madvise(m->base + start, MIN((last + 1) << GRANULE_SHIFT, m->len) - start,
			MADV_POPULATE_READ);
}

bool vfs_map_write(struct vfs_map *m, uint64_t off, const void *p, size_t n)
{
	if (off > m->len || n > m->len - off)
		return false;
	if (!n)
		return true;
	populate(m, off, n);
	return copy_guarded(m->base + off, p, n);
}
