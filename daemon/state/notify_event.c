// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * notify_event.c - from fanotify's events to changes. An event names a folder by its file handle,
 * and what changed in it by its name; the folder's path is asked for when the event is read, so of
 * what moved meanwhile the newer path is told, and of what is gone nothing.
 */
#include "state/notify_event.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/fanotify.h>

#include "state/change_local.h"
#include "state/notify.h"

#define ATTRIBUTES                                                                              \
	(FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_LAST_WRITE |                        \
	 FILE_NOTIFY_CHANGE_LAST_ACCESS | FILE_NOTIFY_CHANGE_CREATION | FILE_NOTIFY_CHANGE_EA | \
	 FILE_NOTIFY_CHANGE_SECURITY)

/* A folder and a name in it. */
struct place {
	const struct fanotify_event_info_fid *info; /* NULL: the event has none of this kind */
	const struct file_handle *handle;
	const char *name;
};

struct event {
	uint64_t mask;
	pid_t pid;
	struct place at, from, to; /* from, to: a rename */
};

/* ---- parsing: what the kernel writes, but checked all the same ---- */

static bool place_parse(const uint8_t *p, size_t len, struct place *out)
{
	const struct fanotify_event_info_fid *info = (const void *)p;
	const struct file_handle *h = (const void *)info->handle;
	size_t fixed = offsetof(struct fanotify_event_info_fid, handle) + sizeof(*h), name;

	if (len < fixed || h->handle_bytes > MAX_HANDLE_SZ || len - fixed < h->handle_bytes)
		return false;
	name = fixed + h->handle_bytes;
	if (name >= len || !memchr(p + name, 0, len - name))
		return false;
	*out = (struct place) { info, h, (const char *)p + name };
	return true;
}

/* p: the whole event; its parts are aligned to 4. */
static void event_parse(const uint8_t *p, const struct fanotify_event_metadata *m, struct event *e)
{
	size_t off = m->metadata_len;

	*e = (struct event) { .mask = m->mask, .pid = m->pid };
	while (off + sizeof(struct fanotify_event_info_header) <= m->event_len) {
		const struct fanotify_event_info_header *h = (const void *)(p + off);
		struct place *out = h->info_type == FAN_EVENT_INFO_TYPE_DFID_NAME	? &e->at
				    : h->info_type == FAN_EVENT_INFO_TYPE_OLD_DFID_NAME ? &e->from
				    : h->info_type == FAN_EVENT_INFO_TYPE_NEW_DFID_NAME ? &e->to
											: NULL;

		if (h->len < sizeof(*h) || h->len > m->event_len - off)
			return;
		if (out)
			(void)place_parse(p + off, h->len, out);
		off += h->len;
	}
}

/* ---- folders ---- */

/* Those of the events of one read(): most name a few. The listening thread's. */
#define FOLDERS 16

static struct folder {
	size_t key_len; /* 0: none */
	uint8_t key[sizeof(__kernel_fsid_t) + sizeof(struct file_handle) + MAX_HANDLE_SZ];
	int fd; /* O_PATH; -1: gone, or not known */
	char path[PATH_MAX];
} folders[FOLDERS];

static void folder_forget(struct folder *f)
{
	if (f->key_len && f->fd >= 0)
		close(f->fd);
	f->key_len = 0;
}

static void folders_forget(void)
{
	for (unsigned int i = 0; i < FOLDERS; i++)
		folder_forget(&folders[i]);
}

static void folder_open(struct folder *f, const struct place *p)
{
	_cleanup_close_ int mount = notify_event_mount(&p->info->fsid);
	char proc[VFS_PROC_PATH_MAX];
	struct stat st;
	ssize_t n;

	f->fd = mount < 0 ? -1
			  : open_by_handle_at(mount, (struct file_handle *)(uintptr_t)p->handle,
					      O_PATH | O_CLOEXEC);
	if (f->fd < 0)
		return;
	n = readlink(vfs_proc_path(f->fd, proc), f->path, sizeof(f->path));
	if (n > 0 && (size_t)n < sizeof(f->path) && f->path[0] == '/' && fstat(f->fd, &st) == 0 &&
	    st.st_nlink) {
		f->path[n == 1 ? 0 : n] = 0; /* "/" is "" */
		return;
	}
	close(steal_fd(&f->fd));
}

static struct folder *folder_slot(const uint8_t *handle, size_t n)
{
	uint32_t h = 0;

	for (size_t i = 0; i < n; i++)
		h = (h + handle[i]) * 0x9E3779B1u;
	return &folders[h >> 28];
}

/* NULL: it is gone. */
static const struct folder *folder_find(const struct place *p)
{
	size_t n = sizeof(p->info->fsid), h = sizeof(*p->handle) + p->handle->handle_bytes;
	struct folder *f = folder_slot((const uint8_t *)p->handle, h);

	if (f->key_len != n + h || memcmp(f->key, &p->info->fsid, n) ||
	    memcmp(f->key + n, p->handle, h)) {
		folder_forget(f);
		folder_open(f, p);
		memcpy(f->key, &p->info->fsid, n);
		memcpy(f->key + n, p->handle, h);
		f->key_len = n + h;
	}
	return f->fd >= 0 ? f : NULL;
}

/* Absolute path; NULL: gone. */
static char *place_path(const struct place *p)
{
	const struct folder *f = p->info ? folder_find(p) : NULL;

	if (!f)
		return NULL;
	return strcmp(p->name, ".") ? xasprintf("%s/%s", f->path, p->name) : xstrdup(f->path);
}

static bool place_exists(const struct place *p)
{
	const struct folder *f = folder_find(p);
	struct stat st;

	return f && fstatat(f->fd, strcmp(p->name, ".") ? p->name : "", &st,
			    AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH) == 0;
}

/* ---- telling ---- */

static void tell(const char *path, const char *new_path, uint32_t action, uint32_t filter, bool dir)
{
	if (*path)
		change_raise_local(path, new_path, action, filter, dir);
}

/* Where only one of the folders is marked, the other place is not told. */
static void tell_rename(const struct event *e)
{
	_cleanup_free_ char *from = place_path(&e->from), *to = place_path(&e->to);
	bool dir = e->mask & FAN_ONDIR;

	if (dir)
		folders_forget();
	if (from && to) {
		if (dir)
			notify_renamed_absolute(from, to);
		tell(from, to, FILE_ACTION_RENAMED_OLD_NAME, CHANGE_NAMES, dir);
	} else if (from) {
		tell(from, NULL, FILE_ACTION_REMOVED, CHANGE_NAMES, dir);
	} else if (to) {
		tell(to, NULL, FILE_ACTION_ADDED, CHANGE_NAMES, dir);
	}
}

/*
 * The kernel module's files, which are opened by this process, may be closed last by a thread of
 * the kernel: their end was told at the client's CLOSE. Who is gone was no such thread.
 */
static bool is_kernel_thread(pid_t pid)
{
	_cleanup_free_ char *name = xasprintf("/proc/%d/stat", (int)pid);
	_cleanup_close_ int fd = open(name, O_RDONLY | O_CLOEXEC);
	char buf[256], *p;
	ssize_t n = fd < 0 ? -1 : read(fd, buf, sizeof(buf) - 1);

	if (n <= 0)
		return pid == 0;
	buf[n] = 0;
	p = strrchr(buf, ')');
	for (int i = 0; p && i < 7; i++) /* state, ppid, pgrp, session, tty, tpgid, flags */
		p = strchr(p + 1, ' ');
	return p && strtoul(p, NULL, 10) & 0x00200000; /* PF_KTHREAD */
}

/* Several things that happened to one name come as one event, in no order. */
static void tell_event(const struct event *e)
{
	_cleanup_free_ char *path = place_path(&e->at);
	bool dir = e->mask & FAN_ONDIR, there;

	if (!path)
		return;
	there = place_exists(&e->at);
	if (e->mask & FAN_DELETE && there)
		tell(path, NULL, FILE_ACTION_REMOVED, CHANGE_NAMES, dir);
	if (e->mask & FAN_CREATE)
		tell(path, NULL, FILE_ACTION_ADDED, CHANGE_NAMES, dir);
	if (e->mask & FAN_MODIFY && there)
		tell(path, NULL, FILE_ACTION_MODIFIED,
		     FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE, dir);
	if (e->mask & FAN_ATTRIB && there)
		tell(path, NULL, FILE_ACTION_MODIFIED, ATTRIBUTES, dir);
	if (e->mask & FAN_CLOSE_WRITE && there && change_local_wanted() &&
	    !is_kernel_thread(e->pid))
		change_raise_local_closed(path);
	if (e->mask & FAN_DELETE && !there)
		tell(path, NULL, FILE_ACTION_REMOVED, CHANGE_NAMES, dir);
	if (e->mask & FAN_DELETE && dir && !there)
		notify_gone(path);
}

static void handle(const uint8_t *p, const struct fanotify_event_metadata *m)
{
	struct event e;

	if (m->mask & FAN_Q_OVERFLOW) {
		notify_lost();
		return;
	}
	event_parse(p, m, &e);
	if (e.mask & FAN_RENAME)
		tell_rename(&e);
	else
		tell_event(&e);
}

void notify_events_handle(const void *buf, size_t len)
{
	struct fanotify_event_metadata m;
	const uint8_t *p = buf;
	pid_t self = getpid();

	for (; len >= sizeof(m); p += m.event_len, len -= m.event_len) {
		memcpy(&m, p, sizeof(m)); /* aligned to 4 only */
		if (m.event_len < sizeof(m) || m.event_len > len)
			break;
		if (m.pid != self && m.vers == FANOTIFY_METADATA_VERSION)
			handle(p, &m);
	}
	folders_forget();
}
