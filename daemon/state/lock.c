// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lock.c - byte-range locks of a file: who holds what, and who waits (MS-FSA 2.1.4.10, 2.1.5.8,
 * 2.1.5.9).
 *
 * When a lock goes away, those that wait are looked at in order, and who can have his lock gets it
 * there and then: nobody is woken to find it taken.
 */
#include "state/local.h"
#include "state/range_tree.h"
#include "state/state.h"

#define LOCKS_MAX (1u << 20) /* of one file; a client chooses how many it takes */

struct lock {
	struct range range;	  /* owner: the open */
	struct list_head held;	  /* open.locks_held */
	struct list_head blocked; /* lock_wait.node: who waits for it, the oldest first */
};

struct lock_file *lock_file_new(void)
{
	struct lock_file *f = xcalloc(1, sizeof(*f));

	atomic_init(&f->refs, 1);
	pthread_mutex_init(&f->lock, NULL);
	list_init(&f->blocked);
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
	quiet = !f->holds && !atomic_load_explicit(&f->count, memory_order_relaxed) && !f->nwaiting;
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
	struct lock *l = zalloc(sizeof(*l));

	if (!l)
		return NULL;
	l->range.start = r->start;
	l->range.length = r->length;
	l->range.exclusive = r->exclusive;
	l->range.owner = o;
	list_init(&l->held);
	list_init(&l->blocked);
	return l;
}

static bool valid(const struct lock_range *r)
{
	return !r->length || r->length - 1 <= UINT64_MAX - r->start;
}

/*
 * Into the tree. False: *blocked is the list of those who wait for what is in its way, another lock
 * or, on the file's own list, a local program's.
 */
static bool insert(struct open *o, struct lock *l, struct list_head **blocked)
{
	struct lock_file *f = o->locks;
	struct range *r = range_conflict(f->root, l->range.start, l->range.length, o,
					 l->range.exclusive ? RANGE_EXCLUSIVE : RANGE_SHARED);

	if (r) {
		*blocked = &container_of(r, struct lock, range)->blocked;
		return false;
	}
	range_insert(&f->root, &l->range);
	if (!local_lock_wanted(o) || f->nlocal >= LOCAL_LOCKS_MAX)
		return true;
	l->range.local = true;
	if (local_lock_take(o, &l->range)) {
		f->nlocal++;
		return true;
	}
	l->range.local = false;
	range_remove(&f->root, &l->range);
	local_lock_drop(o, &l->range);
	*blocked = &f->blocked;
	return false;
}

/* l is not in the tree any more. */
static void local_drop(struct open *o, struct lock *l)
{
	if (!l->range.local)
		return;
	l->range.local = false;
	o->locks->nlocal--;
	local_lock_drop(o, &l->range);
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

/* ---- who waits; under the file's lock ---- */

static void granted(struct lock_file *f, struct lock *l, struct open *o)
{
	list_add_tail(&l->held, &o->locks_held);
	count_add(f, 1);
}

/* By age; who comes to wait, or to wait for another one, is nearly always the youngest. */
static void wait_for(struct lock_wait *w, struct list_head *blocked)
{
	struct list_head *at = blocked->prev;

	while (at != blocked && container_of(at, struct lock_wait, node)->number > w->number)
		at = at->prev;
	list_add_tail(&w->node, at->next);
}

static void wait_over(struct lock_file *f, struct lock_wait *w)
{
	list_del(&w->node);
	list_del(&w->open_node);
	f->nwaiting--;
}

static struct lock_wait *first_wait(const struct list_head *l)
{
	return list_first(l, struct lock_wait, node);
}

/* What is in b goes into a; both are by age, and so is the result. */
static void merge(struct list_head *a, struct list_head *b)
{
	struct list_head *at = a->next;

	while (!list_empty(b)) {
		struct lock_wait *w = first_wait(b);

		while (at != a && container_of(at, struct lock_wait, node)->number < w->number)
			at = at->next;
		list_del(&w->node);
		list_add_tail(&w->node, at);
	}
}

/* Merge sort of n by age. */
static void sort(struct list_head *l, size_t n)
{
	struct list_head half;

	if (n < 2)
		return;
	list_init(&half);
	for (size_t i = 0; i < n / 2; i++) {
		struct lock_wait *w = first_wait(l);

		list_del(&w->node);
		list_add_tail(&w->node, &half);
	}
	sort(&half, n / 2);
	sort(l, n - n / 2);
	merge(l, &half);
}

/* Who waits for a local program asks again: nobody tells when its lock goes. */
static bool ask_again(struct local_poll *p);

static void ask_later(struct lock_file *f)
{
	if (f->polled || list_empty(&f->blocked))
		return;
	f->polled = true;
	f->poll.fn = ask_again;
	lock_file_get(f);
	local_poll_add(&f->poll);
}

/* These wait for nothing that is there any more: each gets his lock, or something to wait for. */
static void retry(struct lock_file *f, struct list_head *ready)
{
	while (!list_empty(ready)) {
		struct lock_wait *w = first_wait(ready);
		struct list_head *blocked;

		list_del(&w->node);
		if (!insert(w->open, w->lock, &blocked)) {
			wait_for(w, blocked);
			continue;
		}
		wait_over(f, w);
		granted(f, steal_ptr(&w->lock), w->open);
		w->done(w, NT_STATUS_SUCCESS);
	}
	ask_later(f);
}

static bool ask_again(struct local_poll *p)
{
	struct lock_file *f = container_of(p, struct lock_file, poll);
	struct list_head ready;
	bool more;

	list_init(&ready);
	pthread_mutex_lock(&f->lock);
	merge(&ready, &f->blocked);
	retry(f, &ready);
	more = f->polled = !list_empty(&f->blocked);
	pthread_mutex_unlock(&f->lock);
	if (!more)
		lock_file_put(f);
	return more;
}

/* Out of the tree and off its open's list; who waited for it goes to the end of ready. */
static size_t take_out(struct lock_file *f, struct lock *l, struct list_head *ready)
{
	size_t n = 0;

	range_remove(&f->root, &l->range);
	list_del(&l->held);
	count_add(f, -1);
	while (!list_empty(&l->blocked)) {
		struct lock_wait *w = first_wait(&l->blocked);

		list_del(&w->node);
		list_add_tail(&w->node, ready);
		n++;
	}
	return n;
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
	struct list_head taken, *blocked;

	list_init(&taken);
	while (status == NT_STATUS_SUCCESS && !list_empty(todo)) {
		struct lock *l = list_first(todo, struct lock, held);

		if (!insert(o, l, &blocked)) {
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
		if (status != NT_STATUS_SUCCESS) {
			range_remove(&f->root, &l->range);
			local_drop(o, l);
		}
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
	struct list_head ready;
	struct lock *l = NULL;
	struct range *r;

	list_init(&ready);
	pthread_mutex_lock(&f->lock);
	r = range_find(f->root, start, length, o);
	if (r) {
		l = container_of(r, struct lock, range);
		(void)take_out(f, l, &ready);
		local_drop(o, l);
		retry(f, &ready);
	}
	pthread_mutex_unlock(&f->lock);
	free(l);
	return l ? NT_STATUS_SUCCESS : NT_STATUS_RANGE_NOT_LOCKED;
}

/* ---- waiting ---- */

ntstatus lock_wait(struct lock_wait *w, struct open *o, const struct lock_range *r)
{
	struct lock_file *f = o->locks;
	struct list_head *blocked;
	ntstatus status;

	list_init(&w->node);
	list_init(&w->open_node);
	w->open = o;
	w->lock = NULL;
	if (!valid(r))
		return NT_STATUS_INVALID_LOCK_RANGE;
	w->lock = lock_new(o, r);
	if (!w->lock)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	pthread_mutex_lock(&f->lock);
	status = may_add(o, 1);
	if (status == NT_STATUS_SUCCESS && insert(o, w->lock, &blocked)) {
		granted(f, steal_ptr(&w->lock), o);
	} else if (status == NT_STATUS_SUCCESS) {
		w->number = f->next_wait++;
		wait_for(w, blocked);
		list_add_tail(&w->open_node, &o->locks_waiting);
		f->nwaiting++;
		status = NT_STATUS_PENDING;
	}
	ask_later(f);
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
	mine = !list_empty(&w->open_node);
	if (mine) {
		wait_over(f, w);
		free(steal_ptr(&w->lock));
	}
	pthread_mutex_unlock(&f->lock);
	return mine;
}

/* Under the lock. */
static void waits_end(struct open *o)
{
	while (!list_empty(&o->locks_waiting)) {
		struct lock_wait *w = list_first(&o->locks_waiting, struct lock_wait, open_node);

		wait_over(o->locks, w);
		free(steal_ptr(&w->lock));
		w->done(w, NT_STATUS_RANGE_NOT_LOCKED);
	}
}

void lock_cancel_waits(struct open *o)
{
	if (!o->locks)
		return;
	pthread_mutex_lock(&o->locks->lock);
	waits_end(o);
	pthread_mutex_unlock(&o->locks->lock);
}

void lock_close(struct open *o)
{
	struct lock_file *f = o->locks;
	struct list_head gone, ready;
	size_t n = 0;

	if (!f)
		return;
	list_init(&gone);
	list_init(&ready);
	pthread_mutex_lock(&f->lock);
	o->locks_closed = true;
	waits_end(o);
	while (!list_empty(&o->locks_held)) {
		struct lock *l = list_first(&o->locks_held, struct lock, held);

		n += take_out(f, l, &ready);
		f->nlocal -= l->range.local;
		list_add_tail(&l->held, &gone);
	}
	local_lock_close(o);
	sort(&ready, n);
	retry(f, &ready);
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
	if (!conflict && o->asks_local)
		conflict = !local_lock_free(o, off, len, write);
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
	list_for_each (w, &o->locks_waiting, open_node) {
		r = range_of(w->lock);
		fn(arg, &r, true);
	}
	pthread_mutex_unlock(&o->locks->lock);
}
