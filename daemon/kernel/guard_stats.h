/* SPDX-License-Identifier: GPL-2.0-or-later */
/* guard_stats.h - what the XDP guard counted per RX queue, read from its pinned maps. */
#ifndef KH_GUARD_STATS_H
#define KH_GUARD_STATS_H

#include <net/if.h>
#include <stddef.h>

#include "kh_maps.h"

struct guard_queue {
	char interface[IF_NAMESIZE]; /* its number, where it has no name here */
	unsigned int queue;
	struct kh_queue_stat stat; /* of all CPUs together */
};

/*
 * Queues that anything came by, and the first one of each interface. 0, n: none (there is no
 * guard), or -errno. Caller frees *q.
 */
int guard_stats_read(const char *pin_dir, struct guard_queue **q, size_t *n);

#endif /* KH_GUARD_STATS_H */
