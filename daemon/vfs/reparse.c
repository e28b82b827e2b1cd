// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reparse.c - symlinks, FIFOs, sockets and devices: what clients see as reparse points is a real
 * object here, so that local programs, and other servers, see the same.
 */
#include "vfs/internal.h"

#include "smb2_pdu.h"

#include <limits.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>

int vfs_special_get(int fd, struct vfs_special *out)
{
	char target[VFS_LINK_MAX + 1];
	struct stat st;
	ssize_t n;

	*out = (struct vfs_special) { 0 };
	if (fstat(fd, &st))
		return -errno;
	if (S_ISREG(st.st_mode) || S_ISDIR(st.st_mode))
		return -ENODATA;
	out->type = st.st_mode & S_IFMT;
	out->major = major(st.st_rdev);
	out->minor = minor(st.st_rdev);
	if (!S_ISLNK(st.st_mode))
		return 0;
	n = readlinkat(fd, "", target, sizeof(target));
	if (n < 0)
		return -errno;
	if (n > VFS_LINK_MAX)
		return -ENAMETOOLONG;
	out->target = xstrndup(target, (size_t)n);
	return 0;
}

void vfs_link_attr(struct vfs_share *s, const char *path, struct vfs_attr *a)
{
	_cleanup_close_ int fd = -1;

	if (!s->opt.follow_symlinks)
		return;
	fd = share_open_beneath(s, path, O_PATH | O_DIRECTORY);
	if (fd >= 0)
		a->attributes |= FILE_ATTRIBUTE_DIRECTORY;
}

/*
 * Could it lead out of the share? Not by going down from where it is, whatever other symlinks
 * clients made; behind any of them ".." is another folder than the text says.
 */
static bool may_leave(const char *target)
{
	if (*target == '/')
		return true;
	while (*target) {
		size_t n = strcspn(target, "/");

		if (n == 2 && !strncmp(target, "..", 2))
			return true;
		target += n + (target[n] == '/');
	}
	return false;
}

/* Devices are for whoever makes them: local users must not find one that they may read. */
static mode_t mode_of_new(const struct vfs_share *s, int parent, const struct vfs_special *sp)
{
	bool device = S_ISCHR(sp->type) || S_ISBLK(sp->type);
	struct stat st;

	if (device || fstat(parent, &st))
		return 0600;
	return vfs_create_mode(s, S_ISDIR(sp->type), 0, st.st_mode) & 0777;
}

static int make(const struct vfs_share *s, int parent, const char *name,
		const struct vfs_special *sp)
{
	mode_t mode = mode_of_new(s, parent, sp);
	int fd;

	switch (sp->type) {
	case S_IFLNK:
		return symlinkat(sp->target, parent, name) ? -errno : 0;
	case S_IFDIR:
		return mkdirat(parent, name, mode) ? -errno : 0;
	case S_IFREG:
		fd = openat(parent, name, O_CREAT | O_EXCL | O_RDONLY | O_NOFOLLOW | O_CLOEXEC,
			    mode);
		if (fd < 0)
			return -errno;
		close(fd);
		return 0;
	default:
		return mknodat(parent, name, sp->type | mode, makedev(sp->major, sp->minor))
			       ? -errno
			       : 0;
	}
}

/* Data would be lost, a folder's entries too. */
static int check_empty(int parent, const char *leaf, struct vfs_id entry, bool *is_dir)
{
	struct stat st;

	if (fstatat(parent, leaf, &st, AT_SYMLINK_NOFOLLOW))
		return -errno;
	if (st.st_ino != entry.ino ||
	    ((uint64_t)major(st.st_dev) << 32 | minor(st.st_dev)) != entry.dev)
		return -ESTALE;
	*is_dir = S_ISDIR(st.st_mode);
	return S_ISREG(st.st_mode) && st.st_size ? -ENOTEMPTY : 0;
}

/* tmp takes the place of leaf, in one step where the file system can. */
static int put_in_place(int parent, const char *tmp, const char *leaf, bool from_dir, bool to_dir)
{
	if (from_dir == to_dir || !from_dir) {
		if (!renameat(parent, tmp, parent, leaf))
			return 0;
		if (errno != EISDIR && errno != ENOTDIR && errno != EEXIST)
			return -errno;
	}
	/* a folder gives its name only when it is gone */
	if (unlinkat(parent, leaf, from_dir ? AT_REMOVEDIR : 0))
		return -errno;
	return renameat2(parent, tmp, parent, leaf, RENAME_NOREPLACE) ? -errno : 0;
}

static int replace(const struct vfs_share *s, int parent, const char *leaf, struct vfs_id entry,
		   const struct vfs_special *sp)
{
	struct namecache_change c;
	bool is_dir = false;
	char tmp[40];
	uint64_t v;
	int r;

	if (getrandom(&v, sizeof(v), 0) != sizeof(v))
		return -EIO;
	snprintf(tmp, sizeof(tmp), ".kh-reparse.%016llx", (unsigned long long)v);
	namecache_begin(&c, s, parent, -1);
	r = check_empty(parent, leaf, entry, &is_dir);
	if (!r)
		r = make(s, parent, tmp, sp);
	if (!r) {
		r = put_in_place(parent, tmp, leaf, is_dir, sp->type == S_IFDIR);
		if (r)
			unlinkat(parent, tmp, sp->type == S_IFDIR ? AT_REMOVEDIR : 0);
	}
	namecache_end(&c);
	return r;
}

int vfs_special_set(struct vfs_share *s, const char *path, struct vfs_id entry,
		    const struct vfs_special *sp, int *fd, struct vfs_attr *a)
{
	const char *slash = strrchr(path, '/');
	const char *leaf = slash ? slash + 1 : path;
	_cleanup_free_ char *dir = xstrndup(path, slash ? (size_t)(slash - path) : 0);
	_cleanup_close_ int parent = -1, made = -1;
	int r;

	if (s->opt.read_only)
		return -EROFS;
	if (!*leaf)
		return -EBUSY;
	if (sp->type == S_IFLNK && s->opt.wide_links && may_leave(sp->target))
		return -EACCES;
	parent = share_open_beneath(s, dir, O_PATH | O_DIRECTORY);
	if (parent < 0)
		return parent;
	r = replace(s, parent, leaf, entry, sp);
	if (r)
		return r;
	made = openat(parent, leaf, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	if (made < 0)
		return -errno;
	r = check_made(parent, made, sp->type);
	if (!r)
		r = vfs_attr_stat(s, made, leaf, a);
	if (!r)
		*fd = steal_fd(&made);
	return r;
}
