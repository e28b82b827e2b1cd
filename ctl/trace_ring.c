/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * trace_ring.c - follows the rings of a trace; the daemon does not know how far.
 */
#include <sys/mman.h>
#include <sys/stat.h>

#include "core/util.h"
#include "trace_ring.h"

#define PATIENCE 5 /* reads for which a record may stay unfinished */

bool trace_ring_open(struct trace_ring *r, int fd)
{
	const struct trace_shared *m;
	struct stat st;

	*r = (struct trace_ring) { .m = NULL };
	if (fstat(fd, &st) < 0 || (uint64_t)st.st_size < sizeof(*m))
		return false;
	r->size = (size_t)st.st_size;
	m = mmap(NULL, r->size, PROT_READ, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return false;
	r->m = m;
	if (m->magic == TRACE_MAGIC && m->records == TRACE_RECORDS && m->lanes &&
	    m->lanes <= TRACE_LANES_MAX && trace_size(m->lanes) <= r->size)
		return true;
	trace_ring_close(r);
	return false;
}

void trace_ring_close(struct trace_ring *r)
{
	if (r->m)
		munmap((void *)(uintptr_t)r->m, r->size);
	free(r->v);
	*r = (struct trace_ring) { .m = NULL };
}

struct trace_record *trace_ring_more(struct trace_ring *r)
{
	if (r->n == r->cap) {
		r->cap = MAX(1024, r->cap * 2);
		r->v = xrealloc(r->v, r->cap * sizeof(*r->v));
	}
	return &r->v[r->n];
}

enum found { FOUND, LOST, NOT_YET };

static enum found take(struct trace_ring *r, const struct trace_record *from, uint64_t i)
{
	uint64_t seq = atomic_load_explicit(&from->seq, memory_order_acquire);
	struct trace_record *to;

	if (seq != 2 * i + 2)
		return seq > 2 * i + 2 ? LOST : NOT_YET;
	to = trace_ring_more(r);
	memcpy((char *)to + sizeof(to->seq), (const char *)from + sizeof(from->seq),
	       sizeof(*to) - sizeof(to->seq));
	atomic_thread_fence(memory_order_acquire);
	if (atomic_load_explicit(&from->seq, memory_order_relaxed) != seq)
		return LOST;
	to->user[sizeof(to->user) - 1] = to->share[sizeof(to->share) - 1] = 0;
	to->file[sizeof(to->file) - 1] = 0;
	r->n++;
	return FOUND;
}

static void read_lane(struct trace_ring *r, unsigned int lane)
{
	uint64_t head = atomic_load_explicit(&r->m->lane[lane].head, memory_order_acquire);
	uint64_t *pos = &r->pos[lane];

	if (head - *pos > TRACE_RECORDS) {
		r->lost += head - TRACE_RECORDS - *pos;
		*pos = head - TRACE_RECORDS;
	}
	for (; *pos < head; ++*pos, r->stuck[lane] = 0) {
		switch (take(r, &r->m->record[(size_t)lane * TRACE_RECORDS + *pos % TRACE_RECORDS],
			     *pos)) {
		case FOUND:
			break;
		case NOT_YET: /* being written, or dropped */
			if (++r->stuck[lane] < PATIENCE)
				return;
			r->lost++;
			break;
		case LOST:
			r->lost++;
			break;
		}
	}
}

static int by_time(const void *a, const void *b)
{
	const struct trace_record *x = a, *y = b;

	return x->end_ns < y->end_ns ? -1 : x->end_ns > y->end_ns;
}

void trace_ring_sort(struct trace_ring *r)
{
	if (r->n)
		qsort(r->v, r->n, sizeof(*r->v), by_time);
}

void trace_ring_read(struct trace_ring *r)
{
	r->n = 0;
	for (unsigned int i = 0; i < r->m->lanes; i++)
		read_lane(r, i);
	trace_ring_sort(r);
}
