/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * pidfile.c - the lock of a run folder. An open-file-description lock: unlike a flock it can be
 * asked for without being taken, so that a status query never gets in the way of a start.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/pidfile.h"
#include "core/util.h"

static int open_pid(const char *run_dir, int flags)
{
	_cleanup_free_ char *path = xasprintf("%s/pid", run_dir);
	int fd = open(path, flags | O_CLOEXEC | O_NOFOLLOW, 0644);

	return fd < 0 ? -errno : fd;
}

static int make_folders(const char *dir)
{
	_cleanup_free_ char *path = xstrdup(dir);

	for (char *p = path + 1; *p; p++)
		if (*p == '/') {
			*p = 0;
			if (mkdir(path, 0755) && errno != EEXIST)
				return -errno;
			*p = '/';
		}
	return mkdir(path, 0755) && errno != EEXIST ? -errno : 0;
}

int pidfile_update(int fd)
{
	char text[16];
	int n = snprintf(text, sizeof(text), "%d\n", (int)getpid());

	if (ftruncate(fd, 0) || pwrite(fd, text, (size_t)n, 0) != n)
		return errno ? -errno : -EIO;
	return 0;
}

int pidfile_lock(const char *run_dir)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = -1;
	int rc = make_folders(run_dir);

	if (rc)
		return rc;
	fd = open_pid(run_dir, O_RDWR | O_CREAT);
	if (fd < 0)
		return fd;
	if (fcntl(fd, F_OFD_SETLK, &fl))
		return errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
	rc = pidfile_update(fd);
	return rc ? rc : steal_fd(&fd);
}

pid_t pidfile_probe(const char *run_dir)
{
	struct flock fl = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	_cleanup_close_ int fd = open_pid(run_dir, O_RDONLY);
	char text[16] = "";
	long pid;

	if (fd < 0)
		return fd == -ENOENT || fd == -ENOTDIR ? 0 : fd;
	if (fcntl(fd, F_OFD_GETLK, &fl))
		return -errno;
	if (fl.l_type == F_UNLCK)
		return 0;
	/* Locked but not written yet: it is about to be. */
	if (pread(fd, text, sizeof(text) - 1, 0) <= 0)
		return -EAGAIN;
	pid = strtol(text, NULL, 10);
	return pid > 0 ? (pid_t)pid : -EINVAL;
}
