// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * xattr.c - extended attributes by any kind of fd. The kernel refuses f*xattr() on O_PATH fds, so
 * those go through /proc/self/fd; entries of a folder go by getxattrat() where the kernel has it
 * (6.13), else through /proc too.
 */
#include "vfs/internal.h"

#include <limits.h>
#include <linux/limits.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#ifndef SYS_getxattrat
#define SYS_getxattrat 464
#endif
#ifndef SYS_listxattrat
#define SYS_listxattrat 465
#endif

/* struct xattr_args of linux/xattr.h, which older headers lack. */
struct kh_xattr_args {
	uint64_t value;
	uint32_t size;
	uint32_t flags;
};

static _Atomic bool no_getxattrat; /* an older kernel */
static int proc_dir = -1;

static void proc_dir_open(void)
{
	proc_dir = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (proc_dir < 0)
		proc_dir = -errno;
}

int proc_fd_dir(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, proc_dir_open);
	return proc_dir;
}

const char *proc_fd_name(int fd, char buf[PROC_FD_MAX])
{
	char *p = buf + PROC_FD_MAX - 1;
	unsigned int n = (unsigned int)fd;

	if (fd < 0)
		return "-1"; /* nobody's */
	*p = '\0';
	do
		*--p = (char)('0' + n % 10);
	while (n /= 10);
	return p;
}

const char *vfs_proc_path(int fd, char buf[VFS_PROC_PATH_MAX])
{
	snprintf(buf, VFS_PROC_PATH_MAX, "/proc/self/fd/%d", fd);
	return buf;
}

/* -1 and errno, as getxattr(); by the folder of fds that is open already where the kernel can. */
static ssize_t get_by_proc(int fd, const char *name, void *buf, size_t size)
{
	struct kh_xattr_args args = { (uintptr_t)buf, (uint32_t)size, 0 };
	char path[VFS_PROC_PATH_MAX], num[PROC_FD_MAX];
	ssize_t n;

	if (!no_getxattrat) {
		n = syscall(SYS_getxattrat, proc_fd_dir(), proc_fd_name(fd, num), 0, name, &args,
			    sizeof(args));
		if (n >= 0 || errno != ENOSYS)
			return n;
		no_getxattrat = true;
	}
	return getxattr(vfs_proc_path(fd, path), name, buf, size);
}

ssize_t vfs_xattr_get(int fd, const char *name, void *buf, size_t size)
{
	ssize_t n = fgetxattr(fd, name, buf, size);

	if (n < 0 && errno == EBADF)
		n = get_by_proc(fd, name, buf, size);
	return n < 0 ? -errno : n;
}

int vfs_xattr_set(int fd, const char *name, const void *buf, size_t size, int flags)
{
	char path[VFS_PROC_PATH_MAX];
	int r = fsetxattr(fd, name, buf, size, flags);

	if (r < 0 && errno == EBADF)
		r = setxattr(vfs_proc_path(fd, path), name, buf, size, flags);
	return r < 0 ? -errno : 0;
}

int vfs_xattr_remove(int fd, const char *name)
{
	char path[VFS_PROC_PATH_MAX];
	int r = fremovexattr(fd, name);

	if (r < 0 && errno == EBADF)
		r = removexattr(vfs_proc_path(fd, path), name);
	return r < 0 ? -errno : 0;
}

static ssize_t list_once(int fd, char *buf, size_t size)
{
	char path[VFS_PROC_PATH_MAX];
	ssize_t n = flistxattr(fd, buf, size);

	if (n < 0 && errno == EBADF)
		n = listxattr(vfs_proc_path(fd, path), buf, size);
	return n < 0 ? -errno : n;
}

ssize_t vfs_xattr_list(int fd, char **names)
{
	_cleanup_free_ char *buf = NULL;
	size_t cap = 1024;
	ssize_t n;

	*names = NULL;
	for (;;) {
		free(buf);
		buf = malloc(cap + 1);
		if (!buf)
			return -ENOMEM;
		n = list_once(fd, buf, cap);
		if (n != -ERANGE || cap > XATTR_LIST_MAX)
			break;
		cap *= 8;
	}
	/* Special files and file systems without xattrs have none. */
	if (n == -EOPNOTSUPP || n == -EPERM)
		n = 0;
	if (n < 0)
		return n;
	buf[n] = '\0';
	*names = steal_ptr(&buf);
	return n;
}

ssize_t xattr_get_at(int dirfd, const char *entry, const char *name, void *buf, size_t size)
{
	struct kh_xattr_args args = { (uintptr_t)buf, (uint32_t)size, 0 };
	char path[VFS_PROC_PATH_MAX + NAME_MAX + 2];
	ssize_t n;

	if (!no_getxattrat) {
		n = syscall(SYS_getxattrat, dirfd, entry, AT_SYMLINK_NOFOLLOW, name, &args,
			    sizeof(args));
		if (n >= 0)
			return n;
		if (errno != ENOSYS)
			return -errno;
		no_getxattrat = true;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, entry);
	n = lgetxattr(path, name, buf, size);
	return n < 0 ? -errno : n;
}

ssize_t xattr_list_at(int dirfd, const char *entry, char *names, size_t size)
{
	static _Atomic bool no_listxattrat;
	char path[VFS_PROC_PATH_MAX + NAME_MAX + 2];
	ssize_t n;

	if (!no_listxattrat) {
		n = syscall(SYS_listxattrat, dirfd, entry, AT_SYMLINK_NOFOLLOW, names, size);
		if (n >= 0)
			return n;
		if (errno != ENOSYS)
			return -errno;
		no_listxattrat = true;
	}
	snprintf(path, sizeof(path), "/proc/self/fd/%d/%s", dirfd, entry);
	n = llistxattr(path, names, size);
	return n < 0 ? -errno : n;
}

static bool denied(ssize_t r)
{
	return r == -EACCES || r == -EPERM;
}

ssize_t xattr_get_privileged(int fd, const char *name, void *buf, size_t size)
{
	ssize_t n = vfs_xattr_get(fd, name, buf, size);

	if (denied(n) && !identity_root_begin()) {
		n = vfs_xattr_get(fd, name, buf, size);
		identity_root_end();
	}
	return n;
}

int xattr_set_privileged(int fd, const char *name, const void *buf, size_t size)
{
	int r = vfs_xattr_set(fd, name, buf, size, 0);

	if (denied(r) && !identity_root_begin()) {
		r = vfs_xattr_set(fd, name, buf, size, 0);
		identity_root_end();
	}
	return r;
}
