// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * stream.c - alternate data streams as Samba's streams_xattr keeps them: one xattr each, named
 * "user.DosStream.NAME:$DATA", its value the data and one NUL (an xattr without a value would not
 * be told from none). A stream is small, so every change writes it whole.
 *
 * Locks: changes of the streams of one inode follow each other by one of a fixed set of mutexes;
 * readers need none, because the kernel reads and writes a value at once.
 */
#include "vfs/internal.h"

#include "core/utf16.h"

#include <linux/limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/xattr.h>

#define PREFIX	   "user.DosStream."
#define PREFIX_LEN 15
#define SUFFIX	   ":$DATA"
#define SUFFIX_LEN 6
#define LOCKS	   64

static pthread_mutex_t locks[LOCKS] = { [0 ... LOCKS - 1] = PTHREAD_MUTEX_INITIALIZER };

/* Locks the inode's streams; NULL when the fd is bad. */
static pthread_mutex_t *stream_lock(int fd)
{
	struct stat st;
	pthread_mutex_t *m;

	if (fstat(fd, &st))
		return NULL;
	m = &locks[(st.st_ino * 0x9E3779B97F4A7C15ull ^ st.st_dev) >> 7 & (LOCKS - 1)];
	pthread_mutex_lock(m);
	return m;
}

static int stream_errno(ssize_t r)
{
	switch (r) {
	case -ENODATA:
		return -ENOENT;
	case -E2BIG:
	case -ERANGE:
		return -ENOSPC;
	default:
		return (int)r;
	}
}

static int xattr_name(const char *name, char x[XATTR_NAME_MAX + 1])
{
	if (strlen(name) > XATTR_NAME_MAX - PREFIX_LEN - SUFFIX_LEN)
		return -ENAMETOOLONG;
	sprintf(x, PREFIX "%s" SUFFIX, name);
	return 0;
}

/* The bare name in an xattr's name; false when it is no stream. */
static bool bare_name(const char *x, char name[VFS_STREAM_NAME_MAX])
{
	size_t n;

	if (strncmp(x, PREFIX, PREFIX_LEN))
		return false;
	x += PREFIX_LEN;
	n = strlen(x);
	/* `store stream type = no` leaves the suffix away. */
	if (n > SUFFIX_LEN && !strcmp(x + n - SUFFIX_LEN, SUFFIX))
		n -= SUFFIX_LEN;
	if (!n || n >= VFS_STREAM_NAME_MAX)
		return false;
	memcpy(name, x, n);
	name[n] = '\0';
	return true;
}

static uint64_t size_of_value(ssize_t n)
{
	return n > 0 ? (uint64_t)n - 1 : 0;
}

/*
 * The xattr that holds the stream, as spelt there, and the length of its value; -ENOENT. Sizes are
 * told to whoever may see the file's attributes, hence as root.
 */
static ssize_t find(int fd, const char *name, char x[XATTR_NAME_MAX + 1])
{
	_cleanup_free_ char *names = NULL;
	char bare[VFS_STREAM_NAME_MAX];
	const char *p;
	ssize_t n;

	if (xattr_name(name, x))
		return -ENOENT;
	n = xattr_get_privileged(fd, x, NULL, 0);
	if (n != -ENODATA)
		return n;
	n = vfs_xattr_list(fd, &names);
	for (p = names; n > 0 && p < names + n; p += strlen(p) + 1) {
		if (!bare_name(p, bare) || !utf8_equal_nocase(bare, name))
			continue;
		memccpy(x, p, 0, XATTR_NAME_MAX + 1);
		return stream_errno(xattr_get_privileged(fd, x, NULL, 0));
	}
	return n < 0 ? n : -ENOENT;
}

int vfs_stream_list(int fd, struct vfs_stream **list, unsigned int *n)
{
	_cleanup_free_ char *names = NULL;
	char bare[VFS_STREAM_NAME_MAX];
	ssize_t len = vfs_xattr_list(fd, &names), size;
	const char *x;

	*list = NULL;
	*n = 0;
	if (len < 0)
		return (int)len;
	for (x = names; x && x < names + len; x += strlen(x) + 1) {
		if (!bare_name(x, bare))
			continue;
		size = xattr_get_privileged(fd, x, NULL, 0);
		if (size < 0)
			continue;
		*list = xrealloc(*list, (*n + 1) * sizeof(**list));
		(*list)[(*n)++] = (struct vfs_stream) { xstrdup(bare), size_of_value(size) };
	}
	return 0;
}

void vfs_stream_list_free(struct vfs_stream *list, unsigned int n)
{
	while (n--)
		free(list[n].name);
	free(list);
}

int64_t vfs_stream_find(int fd, const char *name, char disk[VFS_STREAM_NAME_MAX])
{
	char x[XATTR_NAME_MAX + 1];
	ssize_t n = find(fd, name, x);

	if (n < 0)
		return n;
	if (disk)
		bare_name(x, disk);
	return (int64_t)size_of_value(n);
}

int vfs_stream_create(int fd, const char *name)
{
	char x[XATTR_NAME_MAX + 1];
	pthread_mutex_t *m;
	ssize_t n;
	int r = xattr_name(name, x);

	if (r)
		return r;
	m = stream_lock(fd);
	if (!m)
		return -EBADF;
	n = find(fd, name, x);
	if (n >= 0)
		r = -EEXIST;
	else if (n != -ENOENT)
		r = stream_errno(n);
	else
		r = stream_errno(vfs_xattr_set(fd, x, "", 1, XATTR_CREATE));
	pthread_mutex_unlock(m);
	return r;
}

/* The whole stream in memory with room for cap bytes and the NUL. */
struct value {
	char *data;
	uint64_t size; /* without the NUL */
};

static int value_load(int fd, const char *name, char x[XATTR_NAME_MAX + 1], struct value *v)
{
	ssize_t n = find(fd, name, x);

	*v = (struct value) { 0 };
	if (n < 0)
		return stream_errno(n);
	v->data = calloc(1, VFS_STREAM_MAX + 1);
	if (!v->data)
		return -ENOMEM;
	n = vfs_xattr_get(fd, x, v->data, VFS_STREAM_MAX + 1);
	if (n < 0) {
		free(v->data);
		v->data = NULL;
		return stream_errno(n);
	}
	v->size = size_of_value(n);
	return 0;
}

static int value_store(int fd, const char *x, struct value *v)
{
	v->data[v->size] = '\0';
	return stream_errno(vfs_xattr_set(fd, x, v->data, v->size + 1, 0));
}

ssize_t vfs_stream_read(int fd, const char *name, void *buf, size_t len, uint64_t off)
{
	char x[XATTR_NAME_MAX + 1];
	struct value v;
	int r = value_load(fd, name, x, &v);
	size_t n = 0;

	if (r)
		return r;
	if (off < v.size) {
		n = MIN(len, v.size - off);
		memcpy(buf, v.data + off, n);
	}
	free(v.data);
	return (ssize_t)n;
}

ssize_t vfs_stream_write(int fd, const char *name, const void *buf, size_t len, uint64_t off)
{
	char x[XATTR_NAME_MAX + 1];
	pthread_mutex_t *m;
	struct value v;
	int r;

	if (off > VFS_STREAM_MAX || len > VFS_STREAM_MAX - off)
		return -ENOSPC;
	m = stream_lock(fd);
	if (!m)
		return -EBADF;
	r = value_load(fd, name, x, &v);
	if (!r && len) {
		if (off > v.size)
			memset(v.data + v.size, 0, off - v.size);
		memcpy(v.data + off, buf, len);
		v.size = MAX(v.size, off + len);
		r = value_store(fd, x, &v);
	}
	pthread_mutex_unlock(m);
	free(v.data);
	return r ? r : (ssize_t)len;
}

int vfs_stream_truncate(int fd, const char *name, uint64_t size)
{
	char x[XATTR_NAME_MAX + 1];
	pthread_mutex_t *m;
	struct value v;
	int r;

	if (size > VFS_STREAM_MAX)
		return -ENOSPC;
	m = stream_lock(fd);
	if (!m)
		return -EBADF;
	r = value_load(fd, name, x, &v);
	if (!r && size != v.size) {
		if (size > v.size)
			memset(v.data + v.size, 0, size - v.size);
		v.size = size;
		r = value_store(fd, x, &v);
	}
	pthread_mutex_unlock(m);
	free(v.data);
	return r;
}

int vfs_stream_remove(int fd, const char *name)
{
	char x[XATTR_NAME_MAX + 1];
	pthread_mutex_t *m = stream_lock(fd);
	ssize_t n;

	if (!m)
		return -EBADF;
	n = find(fd, name, x);
	if (n >= 0)
		n = vfs_xattr_remove(fd, x);
	pthread_mutex_unlock(m);
	return n < 0 ? stream_errno(n) : 0;
}

static int rename_value(int fd, const char *old, struct value *v, const char *to, bool replace)
{
	char x[XATTR_NAME_MAX + 1], there[XATTR_NAME_MAX + 1];
	int r = xattr_name(to, x);
	bool taken;

	if (r)
		return r;
	/* Its own name in another case is not in the way. */
	taken = find(fd, to, there) >= 0 && strcmp(there, old);
	if (taken && !replace)
		return -EEXIST;
	if (!strcmp(x, old))
		return 0;
	r = value_store(fd, x, v);
	if (!r && taken && strcmp(there, x))
		r = vfs_xattr_remove(fd, there);
	return r ? r : vfs_xattr_remove(fd, old);
}

int vfs_stream_rename(int fd, const char *from, const char *to, bool replace)
{
	char old[XATTR_NAME_MAX + 1];
	pthread_mutex_t *m = stream_lock(fd);
	struct value v;
	int r;

	if (!m)
		return -EBADF;
	r = value_load(fd, from, old, &v);
	if (!r)
		r = rename_value(fd, old, &v, to, replace);
	pthread_mutex_unlock(m);
	free(v.data);
	return r;
}
