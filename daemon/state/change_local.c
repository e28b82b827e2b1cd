// SPDX-License-Identifier: GPL-2.0-or-later
/* change_local.c - what others than this process changed; change_local.h. */
#include "state/change_local.h"
#include "state/lease.h"
#include "state/notify.h"
#include "state/notify_local.h"

/* A share with folders that have leases. */
struct root {
	struct list_head node;
	struct vfs_share *share; /* reference */
	unsigned int refs;
};

struct change_local {
	struct root *root;
	struct notify_mark *mark;
};

static struct {
	pthread_mutex_t lock; /* innermost */
	struct list_head list;
	_Atomic unsigned int n;
} roots = { .lock = PTHREAD_MUTEX_INITIALIZER, .list = { &roots.list, &roots.list } };

static struct root *root_get(struct vfs_share *s)
{
	struct root *r;

	pthread_mutex_lock(&roots.lock);
	list_for_each (r, &roots.list, node)
		if (r->share == s) {
			r->refs++;
			goto out;
		}
	r = xcalloc(1, sizeof(*r));
	r->share = vfs_share_get(s);
	r->refs = 1;
	list_add_tail(&r->node, &roots.list);
	roots.n++;
out:
	pthread_mutex_unlock(&roots.lock);
	return r;
}

static void root_put(struct root *r)
{
	bool last;

	pthread_mutex_lock(&roots.lock);
	last = !--r->refs;
	if (last) {
		list_del(&r->node);
		roots.n--;
	}
	pthread_mutex_unlock(&roots.lock);
	if (!last)
		return;
	vfs_share_put(r->share);
	free(r);
}

struct change_local *change_local_begin(struct vfs_share *s, int fd)
{
	struct notify_mark *m = notify_local_mark(fd, NOTIFY_LOCAL_LISTING, false);
	struct change_local *l;

	if (!m)
		return NULL;
	l = xcalloc(1, sizeof(*l));
	l->root = root_get(s);
	l->mark = m;
	return l;
}

void change_local_end(struct change_local *l)
{
	if (!l)
		return;
	notify_local_unmark(l->mark);
	root_put(l->root);
	free(l);
}

bool change_local_wanted(void)
{
	return roots.n;
}

/* The part of path below the share's root; NULL: it is not below. */
static const char *below(const struct vfs_share *s, const char *path)
{
	size_t n = strcmp(s->real, "/") ? strlen(s->real) : 0;

	return path && strncmp(path, s->real, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

/* The next root behind `after`, with a reference; NULL: the end. Puts `after`. */
static struct root *next_root(struct root *after)
{
	struct list_head *n;
	struct root *r = NULL;

	pthread_mutex_lock(&roots.lock);
	n = after ? after->node.next : roots.list.next;
	if (n != &roots.list) {
		r = container_of(n, struct root, node);
		r->refs++;
	}
	pthread_mutex_unlock(&roots.lock);
	if (after)
		root_put(after);
	return r;
}

/* A rename into or out of the share is told for the half that is in it. */
static void tell_leases(const struct change *c)
{
	struct root *r = NULL;

	while (roots.n && (r = next_root(r))) {
		struct change one = *c;
		const char *from = below(r->share, c->path), *to = below(r->share, c->new_path);

		one.share = r->share;
		one.path = from ? from : to;
		one.new_path = from ? to : NULL;
		if (one.path)
			lease_dir_change(&one);
	}
}

void change_raise_local(const char *path, const char *new_path, uint32_t action, uint32_t filter,
			bool is_dir)
{
	struct change c = { .path = path,
			    .new_path = new_path,
			    .action = action,
			    .filter = filter,
			    .is_dir = is_dir };

	if (filter == CHANGE_NAMES)
		c.filter = is_dir ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME;
	c.writing = filter & FILE_NOTIFY_CHANGE_SIZE; /* its close is the end of it */
	notify_raise_absolute(&c);
	tell_leases(&c);
}

void change_raise_local_closed(const char *path)
{
	struct change c = { .path = path,
			    .action = FILE_ACTION_MODIFIED,
			    .filter = FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE };

	tell_leases(&c);
}
