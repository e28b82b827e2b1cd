/* SPDX-License-Identifier: GPL-2.0-or-later */
/* trace_ring.h - the reader of what core/trace.h describes. */
#ifndef KH_TRACE_RING_H
#define KH_TRACE_RING_H

#include "core/trace.h"

struct trace_ring {
	const struct trace_shared *m;
	size_t size;
	uint64_t pos[TRACE_LANES_MAX];	     /* index of the next record */
	unsigned int stuck[TRACE_LANES_MAX]; /* reads that found it unfinished */
	uint64_t lost;
	struct trace_record *v; /* what trace_ring_read() found, in the order of time */
	size_t n, cap;
};

/* Maps fd read-only; it may be closed then. False: it is no trace. */
bool trace_ring_open(struct trace_ring *r, int fd);
/* What came since the last time. */
void trace_ring_read(struct trace_ring *r);
/* Room for one more in v, which counts when n is raised; trace_ring_sort() puts it in its place. */
struct trace_record *trace_ring_more(struct trace_ring *r);
void trace_ring_sort(struct trace_ring *r);
void trace_ring_close(struct trace_ring *r);

#endif /* KH_TRACE_RING_H */
