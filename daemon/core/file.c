/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * file.c - small files as a whole.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "core/file.h"

int file_read_fd(int fd, size_t max, char **text, size_t *len)
{
	size_t cap = 4096, n = 0;
	char *buf = xmalloc(cap);
	int rc;

	for (;;) {
		ssize_t got = read(fd, buf + n, cap - n - 1);

		if (got < 0 && errno == EINTR)
			continue;
		if (!got)
			break;
		if (got < 0 || n + (size_t)got > max) {
			rc = got < 0 ? -errno : -EFBIG;
			explicit_bzero(buf, n);
			free(buf);
			return rc;
		}
		n += (size_t)got;
		if (n + 1 == cap) {
			char *more = xmalloc(cap * 2);

			/* Not realloc: the content may be secret, and must not stay behind. */
			memcpy(more, buf, n);
			explicit_bzero(buf, n);
			free(buf);
			buf = more;
			cap *= 2;
		}
	}
	buf[n] = 0;
	*text = buf;
	*len = n;
	return 0;
}

int file_read(const char *path, size_t max, char **text, size_t *len)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);

	if (fd < 0)
		return -errno;
	fcntl(fd, F_SETFL, 0);
	return file_read_fd(fd, max, text, len);
}

/* Folder of path, malloc'ed. */
static char *folder_of(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return xstrndup(path, slash == path ? 1 : (size_t)(slash - path));
}

static int open_folder(const char *path)
{
	_cleanup_free_ char *dir = folder_of(path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int file_lock(const char *path)
{
	_cleanup_free_ char *real = realpath(path, NULL);
	_cleanup_close_ int fd = open_folder(real ? real : path);

	if (fd < 0)
		return steal_fd(&fd);
	while (flock(fd, LOCK_EX))
		if (errno != EINTR)
			return -errno;
	return steal_fd(&fd);
}

static int write_all(int fd, const char *text, size_t len)
{
	while (len) {
		ssize_t n = write(fd, text, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		len -= (size_t)n;
	}
	return 0;
}

static int write_new(const char *tmp, const char *old, const char *text, size_t len, mode_t mode)
{
	_cleanup_close_ int fd = -1;
	struct stat st;
	int rc;

	unlink(tmp);
	fd = open(tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	rc = write_all(fd, text, len);
	/* Who may not give a file away (not root) keeps it; the mode is what protects it. */
	if (!rc && !stat(old, &st) && fchown(fd, st.st_uid, st.st_gid) && errno != EPERM)
		rc = -errno;
	if (!rc && (fchmod(fd, mode) || fsync(fd)))
		rc = -errno;
	return rc;
}

int file_replace(const char *path, const char *text, size_t len, mode_t mode)
{
	_cleanup_free_ char *resolved = realpath(path, NULL);
	const char *real = resolved ? resolved : path;
	_cleanup_free_ char *tmp = xasprintf("%s.new", real);
	_cleanup_close_ int dir = open_folder(real);
	int rc;

	if (dir < 0)
		return dir;
	rc = write_new(tmp, real, text, len, mode);
	if (!rc && rename(tmp, real))
		rc = -errno;
	if (rc) {
		unlink(tmp);
		return rc;
	}
	return fsync(dir) ? -errno : 0;
}
