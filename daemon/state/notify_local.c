// SPDX-License-Identifier: GPL-2.0-or-later
/* notify_local.c - changes that other processes make; notify_local.h has the rules. */
#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/fanotify.h>
#include <sys/statfs.h>

#include "core/log.h"
#include "state/notify.h"
#include "state/notify_event.h"
#include "state/notify_inotify.h"
#include "state/notify_local.h"

/* A file system with marks. */
struct filesystem {
	struct list_head node;
	__kernel_fsid_t fsid;
	int mount; /* a folder on it, open for reading: what open_by_handle_at() wants */
	unsigned int refs;
};

struct notify_mark {
	struct list_head node;
	int fd; /* O_PATH; the folder, or one of the file system */
	bool inotify, subtree;
	/* fanotify's: shared by those who watch the same */
	struct filesystem *fs;
	uint64_t ino; /* of the folder; 0: the whole file system */
	uint64_t mask;
	unsigned int refs;
};

#define MARK_CHAINS 4096u

static struct {
	pthread_mutex_t lock; /* all of it; innermost */
	bool tried, running;
	_Atomic bool stopping;
	int fanotify, inotify, wake; /* -1: none */
	pthread_t thread;
	struct list_head filesystems;
	struct list_head marks[MARK_CHAINS]; /* by ino */
} local = { .lock = PTHREAD_MUTEX_INITIALIZER,
	    .fanotify = -1,
	    .inotify = -1,
	    .wake = -1,
	    .filesystems = { &local.filesystems, &local.filesystems } };

/* ---- the thread ---- */

int notify_event_mount(const __kernel_fsid_t *fsid)
{
	struct filesystem *fs;
	int fd = -1;

	pthread_mutex_lock(&local.lock);
	list_for_each (fs, &local.filesystems, node)
		if (memcmp(&fs->fsid, fsid, sizeof(*fsid)) == 0)
			fd = fcntl(fs->mount, F_DUPFD_CLOEXEC, 0);
	pthread_mutex_unlock(&local.lock);
	return fd;
}

static void *run(void *arg)
{
	struct pollfd p[3] = { { .fd = local.wake, .events = POLLIN },
			       { .fd = local.fanotify, .events = POLLIN },
			       { .fd = local.inotify, .events = POLLIN } };
	_cleanup_free_ char *buf = xmalloc(NOTIFY_EVENT_BUFFER);
	eventfd_t value;

	while (poll(p, ARRAY_SIZE(p), -1) >= 0 || errno == EINTR) {
		ssize_t n = p[1].revents ? read(p[1].fd, buf, NOTIFY_EVENT_BUFFER) : 0;

		if (p[0].revents) {
			if (local.stopping)
				break;
			(void)eventfd_read(p[0].fd, &value);
			notify_inotify_walk();
		}
		if (n > 0)
			notify_events_handle(buf, (size_t)n);
		if (p[2].revents)
			notify_inotify_read(p[2].fd);
	}
	return NULL;
}

/* local.lock held. Once: what is not possible now is not asked for again. */
static bool start(void)
{
	if (local.tried)
		return local.running;
	local.tried = true;
	for (unsigned int i = 0; i < MARK_CHAINS; i++)
		list_init(&local.marks[i]);
	local.fanotify = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_NONBLOCK |
					       FAN_REPORT_DFID_NAME | FAN_UNLIMITED_MARKS,
				       O_RDONLY);
	if (local.fanotify < 0)
		log_notice(
			"changes by local programs are told by inotify only, as fanotify says: %s",
			strerror(errno));
	local.inotify = notify_inotify_start();
	local.wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	local.running = local.wake >= 0 && !pthread_create(&local.thread, NULL, run, NULL);
	return local.running;
}

void notify_local_stop(void)
{
	bool running;

	pthread_mutex_lock(&local.lock);
	running = local.running;
	local.running = false;
	local.tried = true;
	pthread_mutex_unlock(&local.lock);
	if (running) {
		local.stopping = true;
		(void)eventfd_write(local.wake, 1);
		pthread_join(local.thread, NULL);
	}
	notify_inotify_stop();
	if (local.wake >= 0)
		close(steal_fd(&local.wake));
	if (local.fanotify >= 0)
		close(steal_fd(&local.fanotify));
}

/* ---- marks; local.lock held ---- */

static uint64_t mask_of(uint32_t filter)
{
	const uint32_t attributes = FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_LAST_WRITE |
				    FILE_NOTIFY_CHANGE_LAST_ACCESS | FILE_NOTIFY_CHANGE_CREATION |
				    FILE_NOTIFY_CHANGE_EA | FILE_NOTIFY_CHANGE_SECURITY;
	uint64_t mask = FAN_ONDIR;

	if (filter & NOTIFY_LOCAL_LISTING)
		return FAN_ONDIR | FAN_CREATE | FAN_DELETE | FAN_RENAME | FAN_ATTRIB |
		       FAN_CLOSE_WRITE;
	if (filter & (FILE_NOTIFY_CHANGE_FILE_NAME | FILE_NOTIFY_CHANGE_DIR_NAME))
		mask |= FAN_CREATE | FAN_DELETE | FAN_RENAME;
	if (filter & (FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE))
		mask |= FAN_MODIFY;
	if (filter & attributes)
		mask |= FAN_ATTRIB;
	return mask == FAN_ONDIR ? 0 : mask;
}

/* Events name folders by handles: is this to be had of them, with these privileges? */
static bool finds_handles(int mount)
{
	union {
		struct file_handle h;
		uint8_t room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} u = { .h.handle_bytes = MAX_HANDLE_SZ };
	int mount_id, fd;

	if (name_to_handle_at(mount, "", &u.h, &mount_id, AT_EMPTY_PATH) < 0)
		return false;
	fd = open_by_handle_at(mount, &u.h, O_PATH | O_CLOEXEC);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

static struct filesystem *filesystem_get(int fd)
{
	char proc[VFS_PROC_PATH_MAX];
	struct filesystem *fs;
	struct statfs st;
	int mount;

	if (fstatfs(fd, &st) < 0)
		return NULL;
	list_for_each (fs, &local.filesystems, node)
		if (memcmp(&fs->fsid, &st.f_fsid, sizeof(fs->fsid)) == 0) {
			fs->refs++;
			return fs;
		}
	mount = open(vfs_proc_path(fd, proc), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (mount < 0 || !finds_handles(mount)) {
		if (mount >= 0)
			close(mount);
		return NULL;
	}
	fs = xcalloc(1, sizeof(*fs));
	memcpy(&fs->fsid, &st.f_fsid, sizeof(fs->fsid));
	fs->mount = mount;
	fs->refs = 1;
	list_add_tail(&fs->node, &local.filesystems);
	return fs;
}

static void filesystem_put(struct filesystem *fs)
{
	if (--fs->refs)
		return;
	list_del(&fs->node);
	close(fs->mount);
	free(fs);
}

static int mark_kernel(const struct notify_mark *m, unsigned int what)
{
	char proc[VFS_PROC_PATH_MAX];
	uint64_t mask = m->mask | (m->ino ? FAN_EVENT_ON_CHILD : 0);

	return fanotify_mark(local.fanotify, what | (m->ino ? 0 : FAN_MARK_FILESYSTEM), mask,
			     AT_FDCWD, vfs_proc_path(m->fd, proc));
}

static struct notify_mark *mark_new(int fd)
{
	struct notify_mark *m = xcalloc(1, sizeof(*m));

	m->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	m->refs = 1;
	list_init(&m->node);
	return m;
}

static void mark_put(struct notify_mark *m)
{
	if (--m->refs)
		return;
	if (m->inotify)
		notify_inotify_remove(m->fd, m->subtree);
	else if (m->mask && local.running)
		(void)mark_kernel(m, FAN_MARK_REMOVE);
	list_del(&m->node);
	if (m->fs)
		filesystem_put(m->fs);
	if (m->fd >= 0)
		close(m->fd);
	free(m);
}

/* Takes the reference to fs. */
static struct notify_mark *mark_get(struct filesystem *fs, uint64_t ino, int fd)
{
	struct list_head *chain = &local.marks[ino % MARK_CHAINS];
	struct notify_mark *m;

	list_for_each (m, chain, node)
		if (m->fs == fs && m->ino == ino) {
			filesystem_put(fs);
			m->refs++;
			return m;
		}
	m = mark_new(fd);
	m->fs = fs;
	m->ino = ino;
	list_add_tail(&m->node, chain);
	return m;
}

static struct notify_mark *mark_fanotify(int fd, uint64_t mask, bool subtree)
{
	struct filesystem *fs;
	struct notify_mark *m;
	uint64_t before;
	struct stat st;

	if (local.fanotify < 0 || fstat(fd, &st) < 0)
		return NULL;
	fs = filesystem_get(fd);
	if (!fs)
		return NULL;
	m = mark_get(fs, subtree ? 0 : st.st_ino, fd);
	before = m->mask;
	if ((before & mask) == mask)
		return m;
	m->mask |= mask;
	if (mark_kernel(m, FAN_MARK_ADD) == 0)
		return m;
	log_debug(LOG_VFS, "fanotify_mark: %s", strerror(errno));
	m->mask = before;
	mark_put(m);
	return NULL;
}

static struct notify_mark *mark_inotify(int fd, bool subtree)
{
	struct notify_mark *m;
	bool wake;

	if (!notify_inotify_add(fd, subtree, &wake))
		return NULL;
	m = mark_new(fd);
	m->inotify = true;
	m->subtree = subtree;
	if (wake)
		(void)eventfd_write(local.wake, 1);
	return m;
}

/*
 * Whoever asks may be a worker that is some user: file handles, marks and what the thread is born
 * with want what the daemon itself may.
 */
struct notify_mark *notify_local_mark(int fd, uint32_t filter, bool subtree)
{
	uint64_t mask = mask_of(filter);
	struct notify_mark *m = NULL;
	bool root;

	if (!mask)
		return NULL;
	root = identity_root_begin() == 0;
	pthread_mutex_lock(&local.lock);
	if (start())
		m = mark_fanotify(fd, mask, subtree);
	if (!m && local.running)
		m = mark_inotify(fd, subtree);
	pthread_mutex_unlock(&local.lock);
	if (root)
		identity_root_end();
	return m;
}

void notify_local_unmark(struct notify_mark *m)
{
	bool root;

	if (!m)
		return;
	root = identity_root_begin() == 0;
	pthread_mutex_lock(&local.lock);
	mark_put(m);
	pthread_mutex_unlock(&local.lock);
	if (root)
		identity_root_end();
}
