// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * share.c - the root of a share, its options and its file system. Nothing in daemon/vfs/ names a
 * file by an absolute path but the root itself, here.
 */
#include "vfs/internal.h"

#include <linux/magic.h>
#include <linux/openat2.h>
#include <stdatomic.h>
#include <sys/statfs.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>

/* MS-FSCC 2.5.1 */
#define FS_CASE_SENSITIVE_SEARCH 0x00000001u
#define FS_CASE_PRESERVED_NAMES	 0x00000002u
#define FS_UNICODE_ON_DISK	 0x00000004u
#define FS_PERSISTENT_ACLS	 0x00000008u
#define FS_FILE_COMPRESSION	 0x00000010u
#define FS_SPARSE_FILES		 0x00000040u
#define FS_REPARSE_POINTS	 0x00000080u
#define FS_NAMED_STREAMS	 0x00040000u
#define FS_READ_ONLY_VOLUME	 0x00080000u
#define FS_EXTENDED_ATTRIBUTES	 0x00800000u
#define FS_BLOCK_REFCOUNTING	 0x08000000u

#ifndef XFS_SUPER_MAGIC
#define XFS_SUPER_MAGIC 0x58465342
#endif

#define WRITABLE_NS  1000000000ull
#define EAGAIN_TRIES 32 /* renames that race with ".." of a symlink */

void vfs_options_default(struct vfs_options *o)
{
	*o = (struct vfs_options) {
		.follow_symlinks = true,
		.hide_dot_files = true,
		.store_dos_attributes = true,
		.map_archive = true,
		.ea_support = true,
		.streams = true,
		.create_mask = 0744,
		.directory_mask = 0755,
		.dos_filetimes = true,
		.short_names = true,
		.fs_type = "NTFS",
	};
}

static uint32_t volume_serial(const char *name, const char *path)
{
	uint32_t h = 2166136261u; /* FNV-1a */
	const char *s;

	for (s = name; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	h = (h ^ '/') * 16777619u;
	for (s = path; *s; s++)
		h = (h ^ (uint8_t)*s) * 16777619u;
	return h;
}

/* Facts of an open root, kept in the share. */
static int learn_root(struct vfs_share *s, int root)
{
	struct vfs_attr a;
	struct statfs fs;
	int r = vfs_attr_stat(s, root, "", &a);

	if (r)
		return r;
	if (fstatfs(root, &fs))
		return -errno;
	s->writable_until = 0;
	s->dev = a.id.dev;
	s->ino = a.id.ino;
	s->create_time = a.create_time;
	s->in_memory = fs.f_type == TMPFS_MAGIC || fs.f_type == RAMFS_MAGIC;
	s->compression = fs.f_type == BTRFS_SUPER_MAGIC;
	s->reflinks = fs.f_type == BTRFS_SUPER_MAGIC || fs.f_type == XFS_SUPER_MAGIC;
	return 0;
}

static char *real_path(int fd, const char *path)
{
	char proc[VFS_PROC_PATH_MAX], buf[PATH_MAX];
	ssize_t n = readlink(vfs_proc_path(fd, proc), buf, sizeof(buf));

	return n > 0 && (size_t)n < sizeof(buf) ? xstrndup(buf, (size_t)n) : xstrdup(path);
}

int vfs_share_open(const char *name, const char *path, const struct vfs_options *opt,
		   struct vfs_share **out)
{
	struct vfs_share *s = xcalloc(1, sizeof(*s));
	int r;

	*out = NULL;
	s->refs = 1;
	s->path = xstrdup(path);
	s->opt = *opt;
	s->opt.acl_xattr = opt->acl_xattr ? xstrdup(opt->acl_xattr) : NULL;
	s->opt.fs_type = xstrdup(opt->fs_type ? opt->fs_type : "NTFS");
	s->opt.volume = xstrdup(opt->volume ? opt->volume : name);
	s->serial = volume_serial(name, path);
	s->root = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	r = s->root < 0 ? -errno : learn_root(s, s->root);
	s->real = r ? NULL : real_path(s->root, path);
	if (r)
		vfs_share_put(s);
	else
		*out = s;
	return r;
}

struct vfs_share *vfs_share_get(struct vfs_share *s)
{
	s->refs++;
	return s;
}

void vfs_share_put(struct vfs_share *s)
{
	if (!s || --s->refs)
		return;
	if (s->root >= 0)
		close(s->root);
	free((char *)s->opt.acl_xattr);
	free((char *)s->opt.fs_type);
	free((char *)s->opt.volume);
	free(s->path);
	free(s->real);
	free(s);
}

int vfs_share_check(struct vfs_share *s)
{
	_cleanup_close_ int fd = open(s->path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct vfs_attr now, old;
	int r;

	if (fd < 0)
		return -errno;
	r = vfs_attr_stat(s, fd, "", &now);
	if (r)
		return r;
	if (!vfs_attr_stat(s, s->root, "", &old) && vfs_id_equal(now.id, old.id))
		return 0;
	/* dup3() swaps the file behind the number at once: other threads see the old or the new. */
	if (dup3(fd, s->root, O_CLOEXEC) < 0)
		return -errno;
	return learn_root(s, s->root);
}

bool share_root_gone(struct vfs_share *s)
{
	struct stat st;

	return fstat(s->root, &st) || !st.st_nlink;
}

bool share_veto(const struct vfs_share *s, const char *name)
{
	return s->opt.veto.match && !name_is_dots(name) && s->opt.veto.match(s->opt.veto.ctx, name);
}

static int open_in(int at, const char *path, int flags, uint64_t resolve)
{
	struct open_how how = { .flags = (uint64_t)(flags | O_CLOEXEC),
				.resolve = resolve | RESOLVE_NO_MAGICLINKS };
	int fd, tries = 0;

	if (vfs_quick()) /* what is mounted below may be slow */
		how.resolve |= RESOLVE_NO_XDEV;

	do {
		fd = (int)syscall(SYS_openat2, at, *path ? path : ".", &how, sizeof(how));
	} while (fd < 0 && errno == EAGAIN && ++tries < EAGAIN_TRIES);
	if (fd < 0 && errno == EXDEV && vfs_quick())
		return vfs_later();
	return fd < 0 ? -errno : fd;
}

int share_open_nolinks(struct vfs_share *s, const char *path, int flags)
{
	return open_in(s->root, path, flags, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int share_open_leaf(int parent, const char *leaf, int flags)
{
	return open_in(parent, leaf, flags | O_NOFOLLOW, RESOLVE_BENEATH);
}

int share_open_beneath(struct vfs_share *s, const char *path, int flags)
{
	if (!s->opt.follow_symlinks)
		return share_open_nolinks(s, path, flags);
	return open_in(s->root, path, flags, s->opt.wide_links ? 0 : RESOLVE_BENEATH);
}

static uint32_t fs_attributes(const struct vfs_share *s, const struct statvfs *v)
{
	uint32_t r = FS_CASE_SENSITIVE_SEARCH | FS_CASE_PRESERVED_NAMES | FS_UNICODE_ON_DISK |
		     FS_PERSISTENT_ACLS | FS_SPARSE_FILES | FS_REPARSE_POINTS;

	if (s->compression)
		r |= FS_FILE_COMPRESSION;
	if (s->reflinks)
		r |= FS_BLOCK_REFCOUNTING;
	if (s->opt.streams)
		r |= FS_NAMED_STREAMS;
	if (s->opt.ea_support)
		r |= FS_EXTENDED_ATTRIBUTES;
	if (s->opt.read_only || v->f_flag & ST_RDONLY)
		r |= FS_READ_ONLY_VOLUME;
	return r;
}

bool vfs_fs_read_only(struct vfs_share *s, int fd, uint64_t dev)
{
	uint64_t now = now_ns();
	struct statvfs v;

	if (dev == s->dev && now < atomic_load_explicit(&s->writable_until, memory_order_relaxed))
		return false;
	if (fstatvfs(fd, &v))
		return false;
	if (v.f_flag & ST_RDONLY)
		return true;
	if (dev == s->dev)
		atomic_store_explicit(&s->writable_until, now + WRITABLE_NS, memory_order_relaxed);
	return false;
}

int vfs_fs_info(struct vfs_share *s, int fd, struct vfs_fs_info *out)
{
	uint64_t unit, cap;
	struct statvfs v;

	if (fstatvfs(fd < 0 ? s->root : fd, &v))
		return -errno;
	unit = v.f_frsize ? v.f_frsize : 4096;
	*out = (struct vfs_fs_info) {
		.total_units = v.f_blocks,
		.free_units = v.f_bavail,
		.actual_free_units = v.f_bfree,
		.bytes_per_sector = unit % 512 ? (uint32_t)unit : 512,
		.files = v.f_files,
		.files_free = v.f_ffree,
		.max_component = VFS_COMPONENT_MAX,
		.attributes = fs_attributes(s, &v),
		.serial = s->serial,
		.create_time = s->create_time,
		.fs_name = s->opt.fs_type,
		.label = s->opt.volume,
	};
	out->sectors_per_unit = (uint32_t)(unit / out->bytes_per_sector);
	cap = s->opt.max_disk_size / unit;
	if (cap && out->total_units > cap) {
		out->total_units = cap;
		out->free_units = MIN(out->free_units, cap);
		out->actual_free_units = MIN(out->actual_free_units, cap);
	}
	return 0;
}
