// SPDX-License-Identifier: GPL-2.0-or-later
/* stats.c - counters: each reactor has its own, workers share one set. */
#include "server.h"

struct stats stats_workers;
static _Thread_local struct stats *mine = &stats_workers;

struct stats *stats_here(void)
{
	return mine;
}

void stats_set_thread(struct stats *s)
{
	mine = s;
}

uint64_t stats_sum(size_t offset)
{
	_Atomic uint64_t *c = (_Atomic uint64_t *)((char *)&stats_workers + offset);
	uint64_t sum = atomic_load_explicit(c, memory_order_relaxed);

	for (unsigned int i = 0; i < server.nreactors; i++) {
		c = (_Atomic uint64_t *)((char *)reactor_stats(server.reactors[i]) + offset);
		sum += atomic_load_explicit(c, memory_order_relaxed);
	}
	return sum;
}
