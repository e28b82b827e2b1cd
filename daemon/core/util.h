/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * util.h - the few things that every file of the daemon may use: cleanup attributes, memory that
 * dies with a message instead of returning NULL, intrusive lists, a hash, clocks.
 */
#ifndef KH_UTIL_H
#define KH_UTIL_H

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define ARRAY_SIZE(a)	      (sizeof(a) / sizeof((a)[0]))
#define container_of(p, t, m) ((t *)((char *)(p)-offsetof(t, m)))
#define MIN(a, b)	      ((a) < (b) ? (a) : (b))
#define MAX(a, b)	      ((a) > (b) ? (a) : (b))
#define likely(x)	      __builtin_expect(!!(x), 1)
#define unlikely(x)	      __builtin_expect(!!(x), 0)

/* ---- cleanup ---- */

static inline void cleanup_freep(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_closep(int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

#define _cleanup_free_	__attribute__((__cleanup__(cleanup_freep)))
#define _cleanup_close_ __attribute__((__cleanup__(cleanup_closep)))

/* Takes the value out of an owning variable, so that its cleanup does nothing. */
static inline void *steal_ptr_(void *pp)
{
	void *p = *(void **)pp;

	*(void **)pp = NULL;
	return p;
}
#define steal_ptr(pp) ((__typeof__(*(pp)))steal_ptr_(pp))

static inline int steal_fd(int *fd)
{
	int v = *fd;

	*fd = -1;
	return v;
}

/* ---- buffers under AddressSanitizer: what lies behind a frame is not to be touched ---- */

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__) || \
	__has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#include <sanitizer/asan_interface.h>
#define guard_set(p, n)	  ASAN_POISON_MEMORY_REGION(p, n)
#define guard_clear(p, n) ASAN_UNPOISON_MEMORY_REGION(p, n)
#else
#define guard_set(p, n)	  ((void)(p), (void)(n))
#define guard_clear(p, n) ((void)(p), (void)(n))
#endif

/* ---- memory ---- */

/*
 * Small control-plane allocations: an overcommitting kernel does not fail them, and a server that
 * cannot get 200 bytes has no better answer than its supervisor. Sizes that a client chooses use
 * malloc() and answer INSUFFICIENT_RESOURCES.
 */
void *xmalloc(size_t size);
void *xcalloc(size_t n, size_t size);
/* calloc(1, size) for small things that come and go: that one passes by the thread's free ones. */
void *zalloc(size_t size);
void *xrealloc(void *p, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* ---- doubly linked, circular, intrusive lists ---- */

struct list_head {
	struct list_head *next, *prev;
};

static inline void list_init(struct list_head *l)
{
	l->next = l->prev = l;
}

static inline bool list_empty(const struct list_head *l)
{
	return l->next == l;
}

static inline void list_add_tail(struct list_head *n, struct list_head *l)
{
	n->prev = l->prev;
	n->next = l;
	l->prev->next = n;
	l->prev = n;
}

/* The node may be deleted again: it becomes a list of its own. */
static inline void list_del(struct list_head *n)
{
	n->prev->next = n->next;
	n->next->prev = n->prev;
	list_init(n);
}

#define list_first(l, t, m) container_of((l)->next, t, m)
#define list_for_each(p, l, m)                                             \
	for (p = container_of((l)->next, __typeof__(*p), m); &p->m != (l); \
	     p = container_of(p->m.next, __typeof__(*p), m))
#define list_for_each_safe(p, q, l, m)                       \
	for (p = container_of((l)->next, __typeof__(*p), m), \
	    q = container_of(p->m.next, __typeof__(*p), m);  \
	     &p->m != (l); p = q, q = container_of(q->m.next, __typeof__(*q), m))

/* ---- FNV-1a; a byte at a time, so that the folders of a path are hashed on the way ---- */

#define FNV1A_SEED  0xCBF29CE484222325ull
#define FNV1A_PRIME 0x100000001B3ull

static inline uint64_t fnv1a_byte(uint64_t h, char c)
{
	return (h ^ (uint8_t)c) * FNV1A_PRIME;
}

static inline uint64_t fnv1a(uint64_t h, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		h = fnv1a_byte(h, p[i]);
	return h;
}

/* ---- clocks ---- */

static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

#endif /* KH_UTIL_H */
