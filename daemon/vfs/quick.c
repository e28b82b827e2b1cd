// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * quick.c - the same calls on a thread that must not wait: which shares they are for, and how a
 * call says that it is not quick after all.
 */
#include "vfs/internal.h"

#include <stdatomic.h>

#define SLOW_NS	       5000000ull /* longer than being preempted takes */
#define SLOW_TIMES     3u	  /* so often within SLOW_WINDOW_NS, and the share is slow */
#define SLOW_WINDOW_NS 1000000000ull
#define SLOW_FOR_NS    10000000000ull

static __thread bool thread_quick, thread_later;

bool vfs_share_is_quick(struct vfs_share *s, uint64_t now)
{
	return s->in_memory && now >= atomic_load_explicit(&s->slow_until, memory_order_relaxed);
}

void vfs_share_took(struct vfs_share *s, uint64_t from, uint64_t now)
{
	if (likely(now - from < SLOW_NS))
		return;
	if (now - atomic_exchange(&s->slow_since, now) > SLOW_WINDOW_NS)
		atomic_store(&s->slow_times, 0);
	if (atomic_fetch_add(&s->slow_times, 1) + 1 < SLOW_TIMES)
		return;
	atomic_store(&s->slow_times, 0);
	atomic_store(&s->slow_until, now + SLOW_FOR_NS);
}

void vfs_quick_begin(void)
{
	thread_quick = true;
	thread_later = false;
}

bool vfs_quick_end(void)
{
	thread_quick = false;
	return thread_later;
}

bool vfs_quick(void)
{
	return thread_quick;
}

int vfs_later(void)
{
	thread_later = true;
	return -EINPROGRESS;
}
