// SPDX-License-Identifier: GPL-2.0-or-later
/* notify_inotify.c - changes by other processes where there is no fanotify; notify_inotify.h. */
#include "state/notify_inotify.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <sys/inotify.h>

#include "state/change_local.h"
#include "state/notify.h"

#define DEPTH_MAX 64
#define EVENTS                                                                         \
	(IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_MODIFY | IN_ATTRIB | \
	 IN_CLOSE_WRITE | IN_ONLYDIR)

/* A folder that is watched. */
struct folder {
	struct list_head node;
	int wd;		    /* -1: the kernel gave it up */
	int fd;		    /* O_PATH; owned: where it is now */
	unsigned int flat;  /* watches of this folder */
	unsigned int roots; /* subtrees that begin here */
	bool deep;	    /* in a subtree */
	bool walk;	    /* a root that was not walked yet */
};

static struct {
	pthread_mutex_t lock; /* all of it */
	int fd;
	unsigned int subtrees, n;
	struct list_head folders;
} in = { .lock = PTHREAD_MUTEX_INITIALIZER, .fd = -1, .folders = { &in.folders, &in.folders } };

_Atomic unsigned int notify_inotify_watches;

/* ---- what this process told itself ---- */

#define OWN	1024 /* a ring */
#define OWN_NS	2000000000ull
#define WAIT_US 50000 /* between an event and its being read: what did it tells it meanwhile */

static struct {
	pthread_mutex_t lock;
	struct own {
		uint64_t hash, ns;
	} ring[OWN];
	unsigned int next;
} own = { .lock = PTHREAD_MUTEX_INITIALIZER };

static uint64_t hash_of(const char *path)
{
	return fnv1a(FNV1A_SEED, path, strlen(path));
}

static void own_add(const char *path)
{
	pthread_mutex_lock(&own.lock);
	own.ring[own.next++ % OWN] = (struct own) { hash_of(path), now_ns() };
	pthread_mutex_unlock(&own.lock);
}

void notify_inotify_own_slow(const struct change *c)
{
	own_add(c->path);
	if (c->new_path)
		own_add(c->new_path);
}

static bool is_own(const char *path)
{
	uint64_t hash = hash_of(path), now = now_ns();
	bool found = false;

	pthread_mutex_lock(&own.lock);
	for (unsigned int i = 0; i < OWN && !found; i++)
		found = own.ring[i].hash == hash && now - own.ring[i].ns < OWN_NS;
	pthread_mutex_unlock(&own.lock);
	return found;
}

/* ---- folders; in.lock held ---- */

static struct folder *folder_by_wd(int wd)
{
	struct folder *f;

	list_for_each (f, &in.folders, node)
		if (f->wd == wd)
			return f;
	return NULL;
}

/* The folder at fd, watched. NULL: not possible, or too many. */
static struct folder *folder_get(int fd)
{
	char proc[VFS_PROC_PATH_MAX];
	struct folder *f;
	int wd = inotify_add_watch(in.fd, vfs_proc_path(fd, proc), EVENTS);

	if (wd < 0)
		return NULL;
	f = folder_by_wd(wd);
	if (f)
		return f;
	if (in.n >= NOTIFY_INOTIFY_MAX) {
		inotify_rm_watch(in.fd, wd);
		return NULL;
	}
	f = xcalloc(1, sizeof(*f));
	f->wd = wd;
	f->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	list_add_tail(&f->node, &in.folders);
	in.n++;
	return f;
}

/* Unless something needs it. */
static void folder_drop(struct folder *f)
{
	if (f->flat || f->roots || (f->deep && in.subtrees))
		return;
	if (f->wd >= 0)
		inotify_rm_watch(in.fd, f->wd);
	list_del(&f->node);
	in.n--;
	if (f->fd >= 0)
		close(f->fd);
	free(f);
}

int notify_inotify_start(void)
{
	int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);

	pthread_mutex_lock(&in.lock);
	in.fd = fd;
	pthread_mutex_unlock(&in.lock);
	return fd;
}

void notify_inotify_stop(void)
{
	struct folder *f, *next;

	pthread_mutex_lock(&in.lock);
	in.subtrees = 0;
	list_for_each_safe (f, next, &in.folders, node) {
		f->flat = f->roots = 0;
		folder_drop(f);
	}
	if (in.fd >= 0)
		close(steal_fd(&in.fd));
	pthread_mutex_unlock(&in.lock);
}

bool notify_inotify_add(int fd, bool subtree, bool *wake)
{
	struct folder *f;

	pthread_mutex_lock(&in.lock);
	f = in.fd < 0 ? NULL : folder_get(fd);
	if (f && subtree) {
		f->roots++;
		f->deep = f->walk = true;
		in.subtrees++;
	} else if (f) {
		f->flat++;
	}
	pthread_mutex_unlock(&in.lock);
	*wake = f && subtree;
	if (f)
		atomic_fetch_add(&notify_inotify_watches, 1);
	return f;
}

void notify_inotify_remove(int fd, bool subtree)
{
	struct folder *f, *next;
	struct stat st, other;
	bool found = false;

	if (fstat(fd, &st) < 0)
		return;
	atomic_fetch_sub(&notify_inotify_watches, 1);
	pthread_mutex_lock(&in.lock);
	list_for_each_safe (f, next, &in.folders, node) {
		unsigned int *count = subtree ? &f->roots : &f->flat;

		if (!found && *count && fstat(f->fd, &other) == 0 && other.st_dev == st.st_dev &&
		    other.st_ino == st.st_ino) {
			found = true;
			(*count)--;
			in.subtrees -= subtree;
			if (in.subtrees || !subtree)
				folder_drop(f);
		}
	}
	if (found && subtree && !in.subtrees) /* what their subtrees had */
		list_for_each_safe (f, next, &in.folders, node) {
			f->deep = false;
			folder_drop(f);
		}
	pthread_mutex_unlock(&in.lock);
}

/* ---- telling ---- */

static void tell(const char *path, const char *new_path, uint32_t action, uint32_t filter, bool dir)
{
	if (!is_own(path))
		change_raise_local(path, new_path, action, filter, dir);
}

/* ---- subtrees; the listening thread, without locks where it may wait for a disk ---- */

static bool is_folder(int dir, const struct dirent *e)
{
	struct stat st;

	if (e->d_type != DT_UNKNOWN)
		return e->d_type == DT_DIR;
	return fstatat(dir, e->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode);
}

static void walk(int dir, const char *path, unsigned int depth);

/* path: of a folder that is new, so that what is in it already is told; or NULL. */
static void walk_into(int dir, const char *name, const char *path, unsigned int depth)
{
	_cleanup_close_ int fd = openat(dir, name, O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct folder *f;

	if (fd < 0)
		return;
	pthread_mutex_lock(&in.lock);
	f = folder_get(fd);
	if (f)
		f->deep = true;
	pthread_mutex_unlock(&in.lock);
	if (f)
		walk(fd, path, depth);
}

static void walk_entry(int dir, const struct dirent *e, const char *path, unsigned int depth)
{
	_cleanup_free_ char *child = path ? xasprintf("%s/%s", path, e->d_name) : NULL;
	bool folder = is_folder(dir, e);

	if (child)
		tell(child, NULL, FILE_ACTION_ADDED, CHANGE_NAMES, folder);
	if (folder)
		walk_into(dir, e->d_name, child, depth + 1);
}

static void walk(int dir, const char *path, unsigned int depth)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!d) {
		if (fd >= 0)
			close(fd);
		return;
	}
	while (depth < DEPTH_MAX && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			walk_entry(fd, e, path, depth);
	closedir(d);
}

/* One that is to be walked; -1: none. */
static int next_root(void)
{
	struct folder *f;
	int fd = -1;

	pthread_mutex_lock(&in.lock);
	list_for_each (f, &in.folders, node)
		if (f->walk && fd < 0) {
			f->walk = false;
			fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
		}
	pthread_mutex_unlock(&in.lock);
	return fd;
}

void notify_inotify_walk(void)
{
	int fd;

	while ((fd = next_root()) >= 0) {
		walk(fd, NULL, 0);
		close(fd);
	}
}

/* ---- events ---- */

/*
 * Absolute path of a name in the folder of wd; NULL: it is gone, or not ours. deep: the folder, if
 * it is in a subtree and the name is a folder's that came; the caller's to close; or -1.
 */
static char *event_path(const struct inotify_event *e, int *deep)
{
	char proc[VFS_PROC_PATH_MAX], path[PATH_MAX];
	struct stat st;
	ssize_t n = -1;
	struct folder *f;

	*deep = -1;
	pthread_mutex_lock(&in.lock);
	f = folder_by_wd(e->wd);
	if (f && e->mask & IN_IGNORED) {
		f->wd = -1;
		folder_drop(f);
	} else if (f && fstat(f->fd, &st) == 0 && st.st_nlink) {
		n = readlink(vfs_proc_path(f->fd, proc), path, sizeof(path));
		if (f->deep && e->mask & IN_ISDIR && e->mask & (IN_CREATE | IN_MOVED_TO))
			*deep = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	}
	pthread_mutex_unlock(&in.lock);
	if (n <= 0 || (size_t)n >= sizeof(path) || !e->len)
		return NULL;
	return xasprintf("%.*s/%s", n == 1 ? 0 : (int)n, path, e->name);
}

static void handle(const struct inotify_event *e, const char *path)
{
	bool dir = e->mask & IN_ISDIR;

	if (e->mask & (IN_CREATE | IN_MOVED_TO))
		tell(path, NULL, FILE_ACTION_ADDED, CHANGE_NAMES, dir);
	if (e->mask & (IN_DELETE | IN_MOVED_FROM))
		tell(path, NULL, FILE_ACTION_REMOVED, CHANGE_NAMES, dir);
	if (e->mask & IN_DELETE && dir && !is_own(path))
		notify_gone(path);
	if (e->mask & IN_CLOSE_WRITE && change_local_wanted() && !is_own(path))
		change_raise_local_closed(path);
	if (e->mask & IN_MODIFY)
		tell(path, NULL, FILE_ACTION_MODIFIED,
		     FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE, dir);
	if (e->mask & IN_ATTRIB)
		tell(path, NULL, FILE_ACTION_MODIFIED,
		     FILE_NOTIFY_CHANGE_ALL & ~(CHANGE_NAMES | FILE_NOTIFY_CHANGE_SIZE), dir);
}

static void handle_rename(const struct inotify_event *e, const char *from, const char *to)
{
	bool dir = e->mask & IN_ISDIR;

	if (is_own(from) && is_own(to))
		return;
	if (dir)
		notify_renamed_absolute(from, to);
	tell(from, to, FILE_ACTION_RENAMED_OLD_NAME, CHANGE_NAMES, dir);
}

static const struct inotify_event *event_at(const char *buf, size_t len)
{
	const struct inotify_event *e = (const void *)buf;

	return len >= sizeof(*e) && len - sizeof(*e) >= e->len ? e : NULL;
}

/* The other half of a rename: behind the first, with its cookie. */
static const struct inotify_event *other_half(const struct inotify_event *e, const char *buf,
					      size_t len)
{
	const struct inotify_event *next = e->mask & IN_MOVED_FROM ? event_at(buf, len) : NULL;

	return next && next->mask & IN_MOVED_TO && next->cookie == e->cookie ? next : NULL;
}

/* One event, or two that are one; bytes that it took. */
static size_t handle_one(const struct inotify_event *e, const char *buf, size_t len)
{
	size_t n = sizeof(*e) + e->len;
	const struct inotify_event *next = other_half(e, buf + n, len - n);
	_cleanup_close_ int deep = -1, to_deep = -1;
	_cleanup_free_ char *path = event_path(e, &deep);
	_cleanup_free_ char *to = next ? event_path(next, &to_deep) : NULL;

	if (path && to) {
		handle_rename(e, path, to);
	} else {
		if (path)
			handle(e, path);
		if (to)
			handle(next, to);
	}
	if (deep >= 0 && path)
		walk_into(deep, e->name, path, 0);
	if (to_deep >= 0)
		walk_into(to_deep, next->name, NULL, 0);
	return next ? n + sizeof(*next) + next->len : n;
}

static void handle_all(const char *buf, size_t len)
{
	const struct inotify_event *e;
	size_t n;

	for (; (e = event_at(buf, len)); buf += n, len -= n) {
		if (e->mask & IN_Q_OVERFLOW)
			notify_lost();
		n = handle_one(e, buf, len);
	}
}

void notify_inotify_read(int fd)
{
	char buf[16384] __attribute__((aligned(8)));
	ssize_t n;

	usleep(WAIT_US);
	while ((n = read(fd, buf, sizeof(buf))) > 0)
		handle_all(buf, (size_t)n);
}
