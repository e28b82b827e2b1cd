// SPDX-License-Identifier: GPL-2.0-or-later
/* notify.c - folders that clients watch, and how they hear of a change; notify.h has the rules. */
#include "state/notify.h"
#include "core/utf16.h"
#include "kernel/bpf_link.h"
#include "state/notify_inotify.h"
#include "state/notify_local.h"
#include "state/notify_queue.h"

#define BUCKETS 4096

struct notify_watch {
	struct list_head node; /* table; on its own: not in it */
	char *path;	       /* absolute, "" is "/"; table's lock */
	size_t len;
	uint64_t hash;

	/* constant */
	const struct vfs_share *share; /* of the open, which lives longer */
	uint32_t filter;
	bool subtree, local;	  /* local: wants to know of others than clients */
	struct notify_mark *mark; /* NULL: changes of others are not seen; table's lock */

	pthread_mutex_t lock; /* what follows */
	struct notify_queue queue;
	struct list_head pending; /* request.waiters, the oldest first */
	bool closed;		  /* nobody waits any more */
};

static struct {
	pthread_rwlock_t lock;
	struct list_head buckets[BUCKETS];
} table;
static _Atomic unsigned int watches;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void table_init(void)
{
	pthread_rwlockattr_t a;

	pthread_rwlockattr_init(&a);
	pthread_rwlockattr_setkind_np(&a, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&table.lock, &a);
	pthread_rwlockattr_destroy(&a);
	for (unsigned int i = 0; i < BUCKETS; i++)
		list_init(&table.buckets[i]);
}

/* ---- paths ---- */

static struct list_head *bucket(uint64_t hash)
{
	return &table.buckets[(hash * 0x9E3779B97F4A7C15ull) >> 52];
}

/* The root of a share is "/srv", or "" where that is "/". */
static char *absolute(const struct vfs_share *s, const char *path)
{
	const char *root = strcmp(s->real, "/") == 0 ? "" : s->real;

	return *path ? xasprintf("%s/%s", root, path) : xstrdup(root);
}

/* ---- the table; its lock is held for writing ---- */

static void table_add(struct notify_watch *w)
{
	w->len = strlen(w->path);
	w->hash = fnv1a(FNV1A_SEED, w->path, w->len);
	list_add_tail(&w->node, bucket(w->hash));
}

static bool table_remove(struct notify_watch *w)
{
	bool there = !list_empty(&w->node);

	list_del(&w->node);
	return there;
}

/* ---- watches ---- */

static struct notify_watch *watch_new(struct open *o, uint32_t filter, bool subtree, uint32_t max)
{
	struct notify_watch *w = zalloc(sizeof(*w));

	if (!w)
		return NULL;
	pthread_mutex_init(&w->lock, NULL);
	list_init(&w->node);
	list_init(&w->pending);
	w->share = o->tree->vfs;
	w->filter = filter;
	w->subtree = subtree;
	w->local = o->tree->share->kernel_change_notify;
	notify_queue_init(&w->queue, max);
	return w;
}

static void watch_free(struct notify_watch *w)
{
	notify_queue_free(&w->queue);
	pthread_mutex_destroy(&w->lock);
	free(w->path);
	free(w);
}

/* Reactors wait for the table when they tell of a change: not while the kernel is asked. */
static void watch_mark(struct notify_watch *w, int fd)
{
	struct notify_mark *m = notify_local_mark(fd, w->filter, w->subtree);

	pthread_rwlock_wrlock(&table.lock);
	w->mark = m; /* until notify_free() at the latest */
	pthread_rwlock_unlock(&table.lock);
}

struct notify_watch *notify_watch(struct open *o, uint32_t filter, bool subtree, uint32_t max)
{
	struct notify_watch *w = atomic_load(&o->watch), *fresh;
	bool mine = false;

	if (w)
		return w;
	pthread_once(&once, table_init);
	fresh = watch_new(o, filter, subtree, max);
	if (!fresh)
		return NULL;
	pthread_rwlock_wrlock(&table.lock);
	w = atomic_load(&o->watch);
	if (!w) {
		w = steal_ptr(&fresh);
		pthread_mutex_lock(&o->lock); /* a rename comes before, or finds it in the table */
		w->path = absolute(w->share, o->path);
		w->closed = o->closing;
		pthread_mutex_unlock(&o->lock);
		table_add(w);
		change_listen(1);
		atomic_fetch_add(&watches, 1);
		maps_count(&maps.server->watches, 1);
		atomic_store(&o->watch, w);
		mine = true;
	}
	pthread_rwlock_unlock(&table.lock);
	if (fresh)
		watch_free(fresh);
	if (mine && w->local)
		watch_mark(w, o->fd);
	return w;
}

static void watch_remove(struct notify_watch *w)
{
	struct notify_mark *m;

	pthread_rwlock_wrlock(&table.lock);
	if (table_remove(w)) {
		change_listen(-1);
		atomic_fetch_sub(&watches, 1);
		maps_count(&maps.server->watches, -1);
	}
	m = steal_ptr(&w->mark);
	pthread_rwlock_unlock(&table.lock);
	notify_local_unmark(m);
}

void notify_free(struct open *o)
{
	struct notify_watch *w = atomic_load(&o->watch);

	if (!w)
		return;
	watch_remove(w);
	watch_free(w);
}

/* ---- requests; the watch's lock is held ---- */

static void answer(struct request *rq, ntstatus status, struct notify_events *ev)
{
	list_del(&rq->waiters);
	rq->priv = ev;
	rq->resume_status = status;
	request_resume(rq);
}

/* Something was queued: who waits longest gets it. */
static void answer_next(struct notify_watch *w)
{
	struct notify_events *ev;
	ntstatus status;

	if (list_empty(&w->pending))
		return;
	status = notify_queue_take(&w->queue, &ev);
	if (status != NT_STATUS_PENDING)
		answer(request_from_waiter(w->pending.next), status, ev);
}

static void answer_all(struct notify_watch *w, ntstatus status)
{
	while (!list_empty(&w->pending))
		answer(request_from_waiter(w->pending.next), status, NULL);
}

ntstatus notify_take(struct notify_watch *w, struct notify_events **ev)
{
	ntstatus status;

	pthread_mutex_lock(&w->lock);
	status = notify_queue_take(&w->queue, ev);
	pthread_mutex_unlock(&w->lock);
	return status;
}

ntstatus notify_wait(struct notify_watch *w, struct request *rq, struct notify_events **ev)
{
	ntstatus status;

	pthread_mutex_lock(&w->lock);
	status = w->closed ? (ntstatus)NT_STATUS_NOTIFY_CLEANUP : notify_queue_take(&w->queue, ev);
	if (status == NT_STATUS_PENDING)
		list_add_tail(&rq->waiters, &w->pending);
	pthread_mutex_unlock(&w->lock);
	return status;
}

bool notify_wait_cancel(struct notify_watch *w, struct request *rq)
{
	bool mine;

	pthread_mutex_lock(&w->lock);
	mine = !list_empty(&rq->waiters);
	list_del(&rq->waiters);
	pthread_mutex_unlock(&w->lock);
	return mine;
}

void notify_close(struct open *o)
{
	struct notify_watch *w = atomic_load(&o->watch);

	if (!w)
		return;
	watch_remove(w);
	pthread_mutex_lock(&w->lock);
	w->closed = true;
	answer_all(w, NT_STATUS_NOTIFY_CLEANUP);
	pthread_mutex_unlock(&w->lock);
}

void notify_deleting(struct open *o)
{
	struct notify_watch *w = atomic_load(&o->watch);

	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	answer_all(w, NT_STATUS_DELETE_PENDING);
	pthread_mutex_unlock(&w->lock);
}

/* ---- changes ---- */

/* Names that the share does not show: any of the path's components is vetoed. */
static bool vetoed(const struct vfs_share *s, const char *path)
{
	_cleanup_free_ char *copy = NULL;
	char *name, *save = NULL;

	if (!s->opt.veto.match)
		return false;
	copy = xstrdup(path);
	for (name = strtok_r(copy, "/", &save); name; name = strtok_r(NULL, "/", &save))
		if (s->opt.veto.match(s->opt.veto.ctx, name))
			return true;
	return false;
}

/* What one watch is told: up to two records that go together. */
struct told {
	const struct change *c;
	uint32_t action;
	const char *path, *second; /* absolute; second: RENAMED_NEW_NAME, in the same folder */
};

static void queue_one(struct notify_watch *w, uint32_t action, const char *name, const char *stream)
{
	if (!vetoed(w->share, name))
		notify_queue_add(&w->queue, action, name, stream);
}

/* at: of the name below the watched folder, in path */
static void deliver(struct notify_watch *w, const struct told *t, size_t at)
{
	pthread_mutex_lock(&w->lock);
	queue_one(w, t->action, t->path + at, t->c->stream);
	if (t->second)
		queue_one(w, FILE_ACTION_RENAMED_NEW_NAME, t->second + at, NULL);
	answer_next(w);
	pthread_mutex_unlock(&w->lock);
}

/* The table's lock is held. All who watch the folder path[0..len). */
static void deliver_at(const struct told *t, uint64_t hash, size_t len, bool parent)
{
	struct notify_watch *w;

	list_for_each (w, bucket(hash), node)
		if (w->hash == hash && w->len == len && w->filter & t->c->filter &&
		    (parent || w->subtree) && (t->c->by || w->local) &&
		    memcmp(w->path, t->path, len) == 0)
			deliver(w, t, len + 1);
}

static void tell(const struct told *t)
{
	const char *last = strrchr(t->path, '/');
	uint64_t h = FNV1A_SEED;

	for (size_t i = 0; t->path[i]; i++) {
		if (t->path[i] == '/')
			deliver_at(t, h, i, t->path + i == last);
		h = fnv1a_byte(h, t->path[i]);
	}
}

static size_t folder_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

/* A move between folders is told as the end of one name and the begin of another. */
static void tell_rename(const struct change *c)
{
	size_t n = folder_len(c->path);

	if (folder_len(c->new_path) == n && memcmp(c->path, c->new_path, n) == 0) {
		tell(&(struct told) { c, FILE_ACTION_RENAMED_OLD_NAME, c->path, c->new_path });
	} else {
		tell(&(struct told) { c, FILE_ACTION_REMOVED, c->path, NULL });
		tell(&(struct told) { c, FILE_ACTION_ADDED, c->new_path, NULL });
	}
}

void notify_raise_absolute(const struct change *c)
{
	pthread_once(&once, table_init);
	pthread_rwlock_rdlock(&table.lock);
	if (c->new_path)
		tell_rename(c);
	else
		tell(&(struct told) { c, c->action, c->path, NULL });
	pthread_rwlock_unlock(&table.lock);
}

void notify_raise(const struct change *c)
{
	_cleanup_free_ char *path = NULL, *new_path = NULL;
	struct change a = *c;

	if (!atomic_load_explicit(&watches, memory_order_acquire) &&
	    !atomic_load_explicit(&notify_inotify_watches, memory_order_relaxed))
		return;
	path = absolute(c->share, c->path);
	if (c->new_path)
		new_path = absolute(c->share, c->new_path);
	a.path = path;
	a.new_path = new_path;
	notify_inotify_own(&a);
	notify_raise_absolute(&a);
}

/* ---- all of them ---- */

static void each(void (*fn)(void *arg, struct notify_watch *w), void *arg)
{
	struct notify_watch *w, *next;

	for (unsigned int i = 0; i < BUCKETS; i++)
		list_for_each_safe (w, next, &table.buckets[i], node)
			fn(arg, w);
}

static void lose(void *arg, struct notify_watch *w)
{
	pthread_mutex_lock(&w->lock);
	notify_queue_overflow(&w->queue);
	answer_next(w);
	pthread_mutex_unlock(&w->lock);
}

void notify_lost(void)
{
	pthread_once(&once, table_init);
	pthread_rwlock_rdlock(&table.lock);
	each(lose, NULL);
	pthread_rwlock_unlock(&table.lock);
}

void notify_gone(const char *path)
{
	uint64_t hash = fnv1a(FNV1A_SEED, path, strlen(path));
	struct notify_watch *w;

	pthread_once(&once, table_init);
	pthread_rwlock_rdlock(&table.lock);
	list_for_each (w, bucket(hash), node)
		if (w->hash == hash && strcmp(w->path, path) == 0) {
			pthread_mutex_lock(&w->lock);
			answer_all(w, NT_STATUS_DELETE_PENDING);
			pthread_mutex_unlock(&w->lock);
		}
	pthread_rwlock_unlock(&table.lock);
}

struct move {
	const char *from, *to;
	size_t from_len;
	struct list_head moved; /* notify_watch.node */
};

static void move_one(void *arg, struct notify_watch *w)
{
	struct move *m = arg;
	char *path;

	if (strncmp(w->path, m->from, m->from_len) ||
	    (w->path[m->from_len] && w->path[m->from_len] != '/'))
		return;
	path = xasprintf("%s%s", m->to, w->path + m->from_len);
	free(w->path);
	w->path = path;
	list_del(&w->node);
	list_add_tail(&w->node, &m->moved);
}

void notify_renamed_absolute(const char *from, const char *to)
{
	struct move m = { from, to, strlen(from), { &m.moved, &m.moved } };

	pthread_once(&once, table_init);
	pthread_rwlock_wrlock(&table.lock);
	each(move_one, &m);
	while (!list_empty(&m.moved)) {
		struct notify_watch *w = list_first(&m.moved, struct notify_watch, node);

		list_del(&w->node);
		table_add(w);
	}
	pthread_rwlock_unlock(&table.lock);
}

void notify_renamed(const struct vfs_share *s, const char *from, const char *to)
{
	_cleanup_free_ char *a = NULL, *b = NULL;

	if (!change_wanted())
		return;
	a = absolute(s, from);
	b = absolute(s, to);
	notify_renamed_absolute(a, b);
}
