// SPDX-License-Identifier: GPL-2.0-or-later
/* data.c - what there is to know about the sizes and the durability of an open file. */
#include "vfs/internal.h"

#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/statvfs.h>

int vfs_set_eof(int fd, uint64_t bytes)
{
	if (bytes > INT64_MAX)
		return -EINVAL;
	return ftruncate(fd, (off_t)bytes) ? -errno : 0;
}

int vfs_set_alloc(const struct vfs_share *s, int fd, uint64_t bytes)
{
	struct statvfs v;
	struct stat st;
	uint64_t have;

	if (bytes > INT64_MAX)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	if (bytes < (uint64_t)st.st_size)
		return vfs_set_eof(fd, bytes);
	if (s->opt.strict_allocate && bytes > (uint64_t)st.st_size) {
		if (!fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, (off_t)bytes))
			return 0;
		if (errno != EOPNOTSUPP)
			return -errno;
	}
	have = (uint64_t)st.st_blocks * 512;
	if (bytes > have && !fstatvfs(fd, &v) && v.f_blocks &&
	    bytes - have > (uint64_t)v.f_bavail * v.f_frsize)
		return -ENOSPC;
	return 0;
}

/* Holes are passed over: they would cost space, and time that has nothing to do with the data. */
static int write_zeros(int fd, uint64_t from, uint64_t to)
{
	static const char zeros[65536];
	off_t data;
	ssize_t n;

	while (from < to) {
		data = lseek(fd, (off_t)from, SEEK_DATA);
		if (data < 0 && errno == ENXIO)
			break;
		if (data > (off_t)from) {
			from = (uint64_t)data;
			continue;
		}
		n = pwrite(fd, zeros, MIN(to - from, sizeof(zeros)), (off_t)from);
		if (n < 0)
			return -errno;
		if (!n)
			return -EIO;
		from += (uint64_t)n;
	}
	return 0;
}

int vfs_zero_range(int fd, uint64_t from, uint64_t to)
{
	struct stat st;

	if (from > to || to > INT64_MAX)
		return -EINVAL;
	if (fstat(fd, &st))
		return -errno;
	to = MIN(to, (uint64_t)st.st_size); /* beyond the end it reads as zero anyway */
	if (from >= to)
		return 0;
	if (!fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)from,
		       (off_t)(to - from)))
		return 0;
	return errno == EOPNOTSUPP ? write_zeros(fd, from, to) : -errno;
}

int vfs_clone_range(int from_fd, uint64_t from, int to_fd, uint64_t to, uint64_t len)
{
	struct file_clone_range r = { from_fd, from, len, to };

	if (!ioctl(to_fd, FICLONERANGE, &r))
		return 0;
	return errno == ENOTTY ? -EOPNOTSUPP : -errno;
}

int vfs_compression_set(struct vfs_share *s, int fd, bool on)
{
	_cleanup_close_ int data = -1;
	struct stat st;
	int flags;

	if (!s->compression)
		return -EOPNOTSUPP;
	if (s->opt.read_only)
		return -EROFS;
	/* a device, opened, might do anything */
	if (fstat(fd, &st) || !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode)))
		return -EOPNOTSUPP;
	data = vfs_reopen(s, fd, O_RDONLY);
	if (data < 0)
		return data;
	if (ioctl(data, FS_IOC_GETFLAGS, &flags))
		return -errno;
	flags = on ? (flags | FS_COMPR_FL) & ~FS_NOCOMP_FL : flags & ~FS_COMPR_FL;
	return ioctl(data, FS_IOC_SETFLAGS, &flags) ? -errno : 0;
}

int vfs_sync(int fd, bool data_only)
{
	int r = data_only ? fdatasync(fd) : fsync(fd);

	return r && errno != EINVAL && errno != EROFS ? -errno : 0;
}
