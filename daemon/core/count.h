/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * count.h - storing to the counters of the maps (uapi/kh_maps.h): plain stores, never torn. Built
 * with KH_STATS=0 (`make STATS=0`) nothing is counted per request, so that the cost of counting can
 * be measured (tests/bench/stats).
 */
#ifndef KH_COUNT_H
#define KH_COUNT_H

#include <linux/types.h>
#include <stdint.h>

#ifndef KH_STATS
#define KH_STATS 1
#endif

/* Of a counter that only this thread writes. */
static inline void count_add(__u64 *c, uint64_t n)
{
	if (KH_STATS)
		__atomic_store_n(c, *c + n, __ATOMIC_RELAXED);
}

/* Of one that several threads write. */
static inline void count_add_shared(__u64 *c, uint64_t n)
{
	if (KH_STATS)
		__atomic_fetch_add(c, n, __ATOMIC_RELAXED);
}

/* What a request changes and a reader shows. */
#define count_set(p, v)                                                               \
	do {                                                                          \
		if (KH_STATS)                                                         \
			__atomic_store_n(p, (__typeof__(*(p)))(v), __ATOMIC_RELAXED); \
	} while (0)

/* The same for what is always there: of connections, sessions and opens as such. */
#define entry_set(p, v) __atomic_store_n(p, (__typeof__(*(p)))(v), __ATOMIC_RELAXED)

#endif /* KH_COUNT_H */
