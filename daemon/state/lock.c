// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c - byte-range locks of a file: who holds what, and who waits (MS-FSA 2.1.4.10, 2.1.5.8,
 * 2.1.5.9).
 *
 * When a lock goes away, those that wait are looked at in order, and who can have his lock gets it
 * there and then: nobody is woken to find it taken.
 */
#include "state/range_tree.h"
#include "state/state.h"

#define LOCKS_MAX (1u << 20) /* of one file; a client chooses how many it takes */

struct lock {
	struct range range;    /* owner: the open */
	struct list_head held; /* open.locks_held */
};

struct lock_file *lock_file_new(void)
{
	struct lock_file *f = xcalloc(1, sizeof(*f));

	atomic_init(&f->refs, 1);
	pthread_mutex_init(&f->lock, NULL);
	list_init(&f->waiting);
	return f;
}

struct lock_file *lock_file_get(struct lock_file *f)
{
	atomic_fetch_add_explicit(&f->refs, 1, memory_order_relaxed);
	return f;
}

void lock_file_put(struct lock_file *f)
{
	if (!f || atomic_fetch_sub_explicit(&f->refs, 1, memory_order_acq_rel) != 1)
		return;
	pthread_mutex_destroy(&f->lock);
	free(f);
}

bool lock_file_quiet(struct lock_file *f)
{
	bool quiet;

	pthread_mutex_lock(&f->lock);
	quiet = !f->holds && !atomic_load_explicit(&f->count, memory_order_relaxed) &&
		list_empty(&f->waiting);
	pthread_mutex_unlock(&f->lock);
	return quiet;
}

void lock_file_hold(struct lock_file *f, bool on)
{
	pthread_mutex_lock(&f->lock);
	f->holds += on ? 1 : -1u;
	pthread_mutex_unlock(&f->lock);
}

/* ---- one lock; under the file's lock but for lock_new() ---- */

static struct lock *lock_new(const struct open *o, const struct lock_range *r)
{
	struct lock *l = calloc(1, sizeof(*l));

	if (!l)
		return NULL;
	l->range.start = r->start;
	l->range.length = r->length;
	l->range.exclusive = r->exclusive;
	l->range.owner = o;
	list_init(&l->held);
	return l;
}

static bool valid(const struct lock_range *r)
{
	return !r->length || r->length - 1 <= UINT64_MAX - r->start;
}

static bool insert(struct lock_file *f, struct lock *l)
{
	if (range_conflict(f->root, l->range.start, l->range.length, l->range.owner,
			   l->range.exclusive ? RANGE_EXCLUSIVE : RANGE_SHARED))
		return false;
	range_insert(&f->root, &l->range);
	return true;
}

static void count_add(struct lock_file *f, int n)
{
	atomic_fetch_add_explicit(&f->count, (uint32_t)n, memory_order_relaxed);
}

static ntstatus may_add(const struct open *o, unsigned int n)
{
	if (o->locks_closed)
		return NT_STATUS_FILE_CLOSED;
	if (atomic_load_explicit(&o->locks->count, memory_order_relaxed) + n > LOCKS_MAX)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	return NT_STATUS_SUCCESS;
}

/* Grants what can be granted; only those that wait for some of `freed`, NULL: for anything. */
static void retry(struct lock_file *f, const struct range *freed)
{
	struct lock_wait *w, *next;

	list_for_each_safe (w, next, &f->waiting, node) {
		struct lock *l = w->lock;

		if (freed &&
		    !range_overlap(l->range.start, l->range.length, freed->start, freed->length))
			continue;
		if (!insert(f, l))
			continue;
		list_add_tail(&l->held, &w->open->locks_held);
		count_add(f, 1);
		w->lock = NULL;
		list_del(&w->node);
		w->done(w, NT_STATUS_SUCCESS);
	}
}

/* ---- taking and dropping ---- */

static void free_all(struct list_head *locks)
{
	while (!list_empty(locks)) {
		struct lock *l = list_first(locks, struct lock, held);

		list_del(&l->held);
		free(l);
	}
}

/* From todo to the open's list; if one is refused, all of them are in todo again. */
static ntstatus take_all(struct open *o, struct list_head *todo, unsigned int n)
{
	struct lock_file *f = o->locks;
	ntstatus status = may_add(o, n);
	struct list_head taken;

	list_init(&taken);
	while (status == NT_STATUS_SUCCESS && !list_empty(todo)) {
		struct lock *l = list_first(todo, struct lock, held);

		if (!insert(f, l)) {
			status = NT_STATUS_LOCK_NOT_GRANTED;
			break;
		}
		list_del(&l->held);
		list_add_tail(&l->held, &taken);
	}
	if (status == NT_STATUS_SUCCESS)
		count_add(f, (int)n);
	while (!list_empty(&taken)) {
		struct lock *l = list_first(&taken, struct lock, held);

		list_del(&l->held);
		if (status != NT_STATUS_SUCCESS)
			range_remove(&f->root, &l->range);
		list_add_tail(&l->held, status == NT_STATUS_SUCCESS ? &o->locks_held : todo);
	}
	return status;
}

ntstatus lock_take(struct open *o, const struct lock_range *r, unsigned int n)
{
	ntstatus status = NT_STATUS_SUCCESS;
	struct list_head todo;

	list_init(&todo);
	for (unsigned int i = 0; i < n && status == NT_STATUS_SUCCESS; i++) {
		struct lock *l = valid(&r[i]) ? lock_new(o, &r[i]) : NULL;

		if (l)
			list_add_tail(&l->held, &todo);
		else
			status = valid(&r[i]) ? NT_STATUS_INSUFFICIENT_RESOURCES
					      : NT_STATUS_INVALID_LOCK_RANGE;
	}
	if (status == NT_STATUS_SUCCESS) {
		pthread_mutex_lock(&o->locks->lock);
		status = take_all(o, &todo, n);
		pthread_mutex_unlock(&o->locks->lock);
	}
	free_all(&todo);
	return status;
}

ntstatus lock_drop(struct open *o, uint64_t start, uint64_t length)
{
	struct lock_file *f = o->locks;
	struct lock *l = NULL;
	struct range *r;

	pthread_mutex_lock(&f->lock);
	r = range_find(f->root, start, length, o);
	if (r) {
		l = container_of(r, struct lock, range);
		range_remove(&f->root, r);
		list_del(&l->held);
		count_add(f, -1);
		retry(f, r);
	}
	pthread_mutex_unlock(&f->lock);
	free(l);
	return l ? NT_STATUS_SUCCESS : NT_STATUS_RANGE_NOT_LOCKED;
}

/* ---- waiting ---- */

ntstatus lock_wait(struct lock_wait *w, struct open *o, const struct lock_range *r)
{
	struct lock_file *f = o->locks;
	ntstatus status;

	list_init(&w->node);
	w->open = o;
	w->lock = NULL;
	if (!valid(r))
		return NT_STATUS_INVALID_LOCK_RANGE;
	w->lock = lock_new(o, r);
	if (!w->lock)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	pthread_mutex_lock(&f->lock);
	status = may_add(o, 1);
	if (status == NT_STATUS_SUCCESS && insert(f, w->lock)) {
		list_add_tail(&w->lock->held, &o->locks_held);
		count_add(f, 1);
		w->lock = NULL;
	} else if (status == NT_STATUS_SUCCESS) {
		list_add_tail(&w->node, &f->waiting);
		status = NT_STATUS_PENDING;
	}
	pthread_mutex_unlock(&f->lock);
	if (nt_is_error(status))
		free(steal_ptr(&w->lock));
	return status;
}

bool lock_wait_cancel(struct lock_wait *w)
{
	struct lock_file *f = w->open->locks;
	bool mine;

	pthread_mutex_lock(&f->lock);
	mine = !list_empty(&w->node);
	if (mine) {
		list_del(&w->node);
		free(steal_ptr(&w->lock));
	}
	pthread_mutex_unlock(&f->lock);
	return mine;
}

void lock_cancel_waits(struct open *o)
{
	struct lock_file *f = o->locks;
	struct lock_wait *w, *next;

	if (!f)
		return;
	pthread_mutex_lock(&f->lock);
	list_for_each_safe (w, next, &f->waiting, node)
		if (w->open == o) {
			list_del(&w->node);
			free(steal_ptr(&w->lock));
			w->done(w, NT_STATUS_RANGE_NOT_LOCKED);
		}
	pthread_mutex_unlock(&f->lock);
}

void lock_close(struct open *o)
{
	struct lock_file *f = o->locks;
	struct lock_wait *w, *next;
	struct list_head gone;
	bool freed;

	if (!f)
		return;
	list_init(&gone);
	pthread_mutex_lock(&f->lock);
	o->locks_closed = true;
	list_for_each_safe (w, next, &f->waiting, node) {
		if (w->open != o)
			continue;
		list_del(&w->node);
		list_add_tail(&w->lock->held, &gone);
		w->lock = NULL;
		w->done(w, NT_STATUS_RANGE_NOT_LOCKED);
	}
	freed = !list_empty(&o->locks_held);
	while (!list_empty(&o->locks_held)) {
		struct lock *l = list_first(&o->locks_held, struct lock, held);

		range_remove(&f->root, &l->range);
		list_del(&l->held);
		list_add_tail(&l->held, &gone);
		count_add(f, -1);
	}
	if (freed)
		retry(f, NULL);
	pthread_mutex_unlock(&f->lock);
	free_all(&gone);
}

/* ---- reading and writing ---- */

ntstatus lock_check_held(struct open *o, uint64_t off, uint64_t len, bool write)
{
	struct lock_file *f = o->locks;
	bool conflict;

	if (!len || o->tree->share->strict_locking == CONF_NO)
		return NT_STATUS_SUCCESS;
	pthread_mutex_lock(&f->lock);
	conflict = range_conflict(f->root, off, len, o, write ? RANGE_WRITE : RANGE_SHARED);
	pthread_mutex_unlock(&f->lock);
	return conflict ? NT_STATUS_FILE_LOCK_CONFLICT : NT_STATUS_SUCCESS;
}

/* ---- a look ---- */

static struct lock_range range_of(const struct lock *l)
{
	return (struct lock_range) { l->range.start, l->range.length, l->range.exclusive };
}

void lock_each(struct open *o, void (*fn)(void *arg, const struct lock_range *r, bool waiting),
	       void *arg)
{
	struct lock_range r;
	struct lock_wait *w;
	struct lock *l;

	pthread_mutex_lock(&o->locks->lock);
	list_for_each (l, &o->locks_held, held) {
		r = range_of(l);
		fn(arg, &r, false);
	}
	list_for_each (w, &o->locks->waiting, node)
		if (w->open == o && w->lock) {
			r = range_of(w->lock);
			fn(arg, &r, true);
		}
	pthread_mutex_unlock(&o->locks->lock);
}
