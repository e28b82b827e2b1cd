// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * buffer.c - memory for frames and replies.
 *
 * A fresh block of a megabyte costs 256 page faults, which is more than the rest of a request. So
 * large blocks are kept, per size class, in one pool: a lock per class is nothing beside the copy
 * of 16 KiB and more, and blocks that a worker allocates and a reactor frees find their way back.
 */
#include "kernel/attach.h"
#include "state/state.h"

#define SMALL_MAX	(8u << 10) /* up to here it is malloc's business */
#define CLASS_MIN_SHIFT 14
#define CLASS_MAX_SHIFT 24
#define CLASSES		(CLASS_MAX_SHIFT - CLASS_MIN_SHIFT + 1)
#define KEEP_BYTES	(32u << 20) /* kept in all classes together */

struct free_block {
	struct free_block *next;
};

static struct {
	pthread_mutex_t lock;
	struct free_block *free;
} classes[CLASSES] = { [0 ... CLASSES - 1] = { .lock = PTHREAD_MUTEX_INITIALIZER } };
static _Atomic size_t kept;

static unsigned int class_of(size_t size)
{
	return (unsigned int)(64 - __builtin_clzll(size - 1)) - CLASS_MIN_SHIFT;
}

void *buffer_alloc(size_t size, size_t *cap)
{
	struct free_block *b;
	unsigned int c;

	if (size <= SMALL_MAX || size > 1u << CLASS_MAX_SHIFT) {
		*cap = size;
		return malloc(size);
	}
	c = size <= 1u << CLASS_MIN_SHIFT ? 0 : class_of(size);
	*cap = (size_t)1 << (c + CLASS_MIN_SHIFT);
	pthread_mutex_lock(&classes[c].lock);
	b = classes[c].free;
	if (b)
		classes[c].free = b->next;
	pthread_mutex_unlock(&classes[c].lock);
	if (!b)
		return malloc(*cap);
	atomic_fetch_sub_explicit(&kept, *cap, memory_order_relaxed);
	return b;
}

void buffer_free(void *p, size_t cap)
{
	struct free_block *b = p;
	unsigned int c;

	if (!p)
		return;
	if (cap < 1u << CLASS_MIN_SHIFT || cap > 1u << CLASS_MAX_SHIFT || cap & (cap - 1) ||
	    atomic_load_explicit(&kept, memory_order_relaxed) + cap > KEEP_BYTES) {
		free(p);
		return;
	}
	c = class_of(cap);
	atomic_fetch_add_explicit(&kept, cap, memory_order_relaxed);
	pthread_mutex_lock(&classes[c].lock);
	b->next = classes[c].free;
	classes[c].free = b;
	pthread_mutex_unlock(&classes[c].lock);
}

void buffer_trim(void)
{
	for (unsigned int c = 0; c < CLASSES; c++) {
		struct free_block *b;

		pthread_mutex_lock(&classes[c].lock);
		b = classes[c].free;
		classes[c].free = NULL;
		pthread_mutex_unlock(&classes[c].lock);
		while (b) {
			struct free_block *next = b->next;

			free(b);
			atomic_fetch_sub_explicit(&kept, (size_t)1 << (c + CLASS_MIN_SHIFT),
						  memory_order_relaxed);
			b = next;
		}
	}
}

/* ---- answers ---- */

/*
 * READs of 4 KiB are more than malloc() keeps per thread: what it does for them instead was a fifth
 * of the daemon's part of one. So reactors, which free all answers, keep some of that size.
 */
#define PAGE_MIN (1u << 10)
#define PAGE_CAP ((4u << 10) + 512)

static _Thread_local struct {
	struct outbuf *first; /* the next is at buf */
	unsigned int n, max;
} pages;

void outbufs_keep(unsigned int max)
{
	pages.max = max;
	while (pages.n > max) {
		struct outbuf *o = pages.first;

		pages.first = (struct outbuf *)o->buf;
		pages.n--;
		free(o);
	}
}

/* With room for size bytes behind it. */
static struct outbuf *outbuf_alloc(size_t size)
{
	struct outbuf *o = pages.first;

	if (size != PAGE_CAP || !o)
		return malloc(sizeof(*o) + size);
	pages.first = (struct outbuf *)o->buf;
	pages.n--;
	guard_clear(o->own, PAGE_CAP);
	return o;
}

struct outbuf *outbuf_new(size_t body_max)
{
	size_t size = OUT_HEADROOM + body_max;
	struct outbuf *o;

	if (size > PAGE_MIN && size <= PAGE_CAP)
		size = PAGE_CAP;
	o = outbuf_alloc(size <= SMALL_MAX ? size : 0);
	if (!o)
		return NULL;
	o->cap = size;
	o->buf = size <= SMALL_MAX ? o->own : buffer_alloc(size, &o->cap);
	if (!o->buf) {
		free(o);
		return NULL;
	}
	o->start = o->len = OUT_HEADROOM;
	o->pipe[0] = o->pipe[1] = -1;
	o->pipe_len = 0;
	o->channel = NULL;
	o->handles = NULL;
	list_init(&o->node);
	return o;
}

static void data_free(struct outbuf *o)
{
	if (o->buf != o->own)
		buffer_free(o->buf, o->cap);
}

bool outbuf_reserve(struct outbuf *o, size_t more)
{
	size_t cap;
	uint8_t *p;

	if (more <= o->cap - o->len)
		return true;
	p = buffer_alloc(o->len + more, &cap);
	if (!p)
		return false;
	memcpy(p + OUT_HEADROOM, o->buf + OUT_HEADROOM, o->len - OUT_HEADROOM);
	data_free(o);
	o->buf = p;
	o->cap = cap;
	return true;
}

void outbuf_free(struct outbuf *o)
{
	if (!o)
		return;
	pipe_put(o->pipe, o->pipe_len == 0);
	channel_put(o->channel);
	out_handles_free(o->handles);
	if (o->buf == o->own && o->cap == PAGE_CAP && pages.n < pages.max) {
		o->buf = (uint8_t *)pages.first;
		pages.first = o;
		pages.n++;
		guard_set(o->own, PAGE_CAP);
		return;
	}
	data_free(o);
	free(o);
}
