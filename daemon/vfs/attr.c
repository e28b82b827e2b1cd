// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * attr.c - statx and the stored DOS attributes become what a client sees, and back.
 *
 * As Samba: with `store dos attributes` what is not stored is not set (a file made by a local
 * program is NORMAL); without, x and w bits stand for archive, system, hidden and read-only.
 */
#include "vfs/internal.h"

#include "smb2_pdu.h"

#include <stdatomic.h>
#include <sys/syscall.h>

/* What a client may set (MS-FSCC 2.6), and what of it is stored. */
#define SETTABLE                                                                   \
	(FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | \
	 FILE_ATTRIBUTE_ARCHIVE | FILE_ATTRIBUTE_OFFLINE)
#define SHOWN (SETTABLE | FILE_ATTRIBUTE_SPARSE_FILE)

#define FAKE_DIR_CREATE_TIME 119600064000000000ull /* 1980-01-01 */

static uint64_t nt_from_statx(const struct statx_timestamp *t)
{
	struct timespec ts = { t->tv_sec, t->tv_nsec };

	return nttime_from_timespec(&ts);
}

uint64_t vfs_round_alloc(const struct vfs_share *s, uint64_t bytes)
{
	uint64_t unit = s->opt.allocation_roundup;
	uint64_t rest = unit ? bytes % unit : 0;

	return rest && bytes <= INT64_MAX - unit ? bytes + unit - rest : bytes;
}

static uint32_t attributes_by_mode(const struct vfs_share *s, const struct vfs_attr *a)
{
	uint32_t r = 0;

	if (s->opt.store_dos_attributes)
		return 0;
	if (s->opt.map_readonly && !(a->mode & S_IWUSR))
		r |= FILE_ATTRIBUTE_READONLY;
	if (S_ISREG(a->mode)) {
		if (s->opt.map_archive && a->mode & S_IXUSR)
			r |= FILE_ATTRIBUTE_ARCHIVE;
		if (s->opt.map_system && a->mode & S_IXGRP)
			r |= FILE_ATTRIBUTE_SYSTEM;
		if (s->opt.map_hidden && a->mode & S_IXOTH)
			r |= FILE_ATTRIBUTE_HIDDEN;
	}
	return r;
}

static uint32_t attributes_by_name(const struct vfs_share *s, const char *name)
{
	if (s->opt.hide_dot_files && name[0] == '.' && !name_is_dots(name))
		return FILE_ATTRIBUTE_HIDDEN;
	if (s->opt.hide.match && name[0] && s->opt.hide.match(s->opt.hide.ctx, name))
		return FILE_ATTRIBUTE_HIDDEN;
	return 0;
}

/* The rules that bind the bits to the kind of object and to each other. */
static void attributes_complete(struct vfs_attr *a, uint32_t bits)
{
	if (a->is_dir)
		bits |= FILE_ATTRIBUTE_DIRECTORY;
	if (a->reparse_tag)
		bits |= FILE_ATTRIBUTE_REPARSE_POINT;
	if (a->compressed)
		bits |= FILE_ATTRIBUTE_COMPRESSED;
	a->attributes = bits ? bits : FILE_ATTRIBUTE_NORMAL;
}

void attr_from_statx(const struct vfs_share *s, const struct statx *sx, const char *name,
		     struct vfs_attr *a)
{
	uint64_t dev = (uint64_t)sx->stx_dev_major << 32 | sx->stx_dev_minor;

	memset(a, 0, sizeof(*a));
	a->id = (struct vfs_id) { dev, sx->stx_ino };
	a->mode = sx->stx_mode;
	a->uid = sx->stx_uid;
	a->gid = sx->stx_gid;
	a->nlink = sx->stx_nlink;
	a->is_dir = S_ISDIR(sx->stx_mode);
	a->compressed = s->compression && sx->stx_attributes & STATX_ATTR_COMPRESSED;
	a->access_time = nt_from_statx(&sx->stx_atime);
	a->write_time = nt_from_statx(&sx->stx_mtime);
	/*
	 * As Samba: clients that set all four times expect to read them back, and ctime cannot be
	 * set.
	 */
	a->change_time = a->write_time;
	if (sx->stx_mask & STATX_BTIME)
		a->btime = nt_from_statx(&sx->stx_btime);
	/* Without a birth time: the earliest that is known. */
	a->create_time =
		a->btime ? a->btime : MIN(a->write_time, MIN(a->change_time, a->access_time));
	if (a->is_dir && s->opt.fake_dir_create_times)
		a->create_time = FAKE_DIR_CREATE_TIME;
	if (!a->is_dir) {
		a->end_of_file = sx->stx_size;
		a->alloc_size = vfs_round_alloc(s, sx->stx_blocks * 512);
	}
	if (S_ISLNK(a->mode))
		a->reparse_tag = IO_REPARSE_TAG_SYMLINK;
	else if (vfs_attr_is_special(a))
		a->reparse_tag = IO_REPARSE_TAG_NFS;
	a->by_name = attributes_by_name(s, name) & ~attributes_by_mode(s, a);
	attributes_complete(a, attributes_by_mode(s, a) | a->by_name);
}

int vfs_attr_stat(struct vfs_share *s, int fd, const char *name, struct vfs_attr *out)
{
	struct statx sx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_SYNC_AS_STAT, ATTR_STATX_MASK, &sx))
		return -errno;
	attr_from_statx(s, &sx, name, out);
	return 0;
}

static bool stores(const struct vfs_share *s, const struct vfs_attr *a)
{
	return s->opt.store_dos_attributes && (S_ISREG(a->mode) || a->is_dir);
}

void attr_apply_dos(const struct vfs_share *s, const void *blob, ssize_t len, const char *name,
		    struct vfs_attr *a)
{
	struct dosattrib d;

	a->dos_loaded = true;
	if (len <= 0 || !dosattrib_parse(blob, (size_t)len, &d))
		return;
	a->dos_stored = true;
	a->dos_raw = d.attributes;
	a->by_name = attributes_by_name(s, name) & ~d.attributes;
	attributes_complete(a, (d.attributes & SHOWN) | a->by_name);
	if (d.create_time && !(a->is_dir && s->opt.fake_dir_create_times))
		a->create_time = d.create_time;
}

void vfs_attr_load_dos(struct vfs_share *s, int fd, const char *name, struct vfs_attr *a)
{
	uint8_t blob[DOSATTRIB_MAX];
	ssize_t n;

	a->dos_loaded = true;
	if (!stores(s, a))
		return;
	n = xattr_get_privileged(fd, DOSATTRIB_NAME, blob, sizeof(blob));
	attr_apply_dos(s, blob, n, name, a);
}

int vfs_attr_get(struct vfs_share *s, int fd, const char *name, struct vfs_attr *out)
{
	int r = vfs_attr_stat(s, fd, name, out);

	if (!r)
		vfs_attr_load_dos(s, fd, name, out);
	return r;
}

bool vfs_attr_read_only(struct vfs_share *s, int fd)
{
	struct vfs_attr a = { .mode = S_IFREG };

	if (!s->opt.store_dos_attributes && vfs_attr_stat(s, fd, "", &a))
		return false;
	vfs_attr_load_dos(s, fd, "", &a);
	return a.attributes & FILE_ATTRIBUTE_READONLY;
}

/* ---- setting ---- */

static int store_dos(int fd, uint32_t attributes, uint64_t create_time)
{
	struct dosattrib d = { attributes, create_time };
	uint8_t blob[DOSATTRIB_MAX];

	return xattr_set_privileged(fd, DOSATTRIB_NAME, blob, dosattrib_build(&d, blob));
}

static _Atomic uint64_t dos_changes;

uint64_t vfs_dos_changes(void)
{
	return atomic_load(&dos_changes);
}

/* As Samba stores them: a folder has its bit, NORMAL is nothing. */
static uint32_t stored_bits(const struct vfs_attr *a, uint32_t attributes)
{
	return (attributes & SETTABLE) | (a->dos_raw & FILE_ATTRIBUTE_SPARSE_FILE) |
	       (a->is_dir ? FILE_ATTRIBUTE_DIRECTORY : 0);
}

void attr_init_dos(struct vfs_share *s, int fd, const char *name, uint32_t attributes,
		   struct vfs_attr *a)
{
	a->dos_loaded = true;
	if (!stores(s, a) || store_dos(fd, stored_bits(a, attributes), a->create_time))
		return;
	a->dos_stored = true;
	a->dos_raw = stored_bits(a, attributes);
	a->by_name = attributes_by_name(s, name) & ~a->dos_raw;
	attributes_complete(a, (a->dos_raw & SHOWN) | a->by_name);
}

/* chmod by any fd; as root when the user is not the owner but may write (`dos filemode`). */
static int change_mode(int fd, mode_t mode)
{
	char path[VFS_PROC_PATH_MAX];
	int r;

	if (!chmod(vfs_proc_path(fd, path), mode))
		return 0;
	if (errno != EPERM || identity_root_begin())
		return -errno;
	r = chmod(path, mode) ? -errno : 0;
	identity_root_end();
	return r;
}

static mode_t mode_with_attributes(const struct vfs_share *s, const struct vfs_attr *a,
				   uint32_t attributes)
{
	mode_t mode = a->mode & 07777;

	if (s->opt.map_readonly)
		mode = attributes & FILE_ATTRIBUTE_READONLY ? mode & ~0222u : mode | S_IWUSR;
	if (!S_ISREG(a->mode))
		return mode;
	if (s->opt.map_archive)
		mode = attributes & FILE_ATTRIBUTE_ARCHIVE ? mode | S_IXUSR : mode & ~0100u;
	if (s->opt.map_system)
		mode = attributes & FILE_ATTRIBUTE_SYSTEM ? mode | S_IXGRP : mode & ~0010u;
	if (s->opt.map_hidden)
		mode = attributes & FILE_ATTRIBUTE_HIDDEN ? mode | S_IXOTH : mode & ~0001u;
	return mode;
}

static int set_stored(struct vfs_share *s, int fd, const struct vfs_attr *a,
		      const struct vfs_attr_change *c)
{
	uint32_t bits = a->dos_raw;
	uint64_t created = a->create_time;
	mode_t mode;
	int r;

	if (!(c->mask & (VFS_SET_ATTRIBUTES | VFS_SET_CREATE | VFS_SET_SPARSE)))
		return 0;
	if (!stores(s, a)) {
		mode = c->mask & VFS_SET_ATTRIBUTES ? mode_with_attributes(s, a, c->attributes)
						    : a->mode & 07777;
		return mode == (a->mode & 07777) ? 0 : change_mode(fd, mode);
	}
	/* What is in the attribute by its name alone is not stored, as long as nobody asks. */
	if (c->mask & VFS_SET_ATTRIBUTES)
		bits = stored_bits(a, c->attributes);
	if (c->mask & VFS_SET_SPARSE)
		bits = (bits & ~FILE_ATTRIBUTE_SPARSE_FILE) |
		       (c->attributes & FILE_ATTRIBUTE_SPARSE_FILE);
	if (c->mask & VFS_SET_CREATE)
		created = c->create_time;
	if (a->dos_stored && bits == a->dos_raw && created == a->create_time)
		return 0;
	r = store_dos(fd, bits, created);
	atomic_fetch_add(&dos_changes, 1); /* whoever looks from here on sees it */
	return r;
}

static int set_times(const struct vfs_share *s, int fd, const struct vfs_attr_change *c)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT }, { .tv_nsec = UTIME_OMIT } };
	char path[VFS_PROC_PATH_MAX];
	int r;

	if (!(c->mask & (VFS_SET_ACCESS | VFS_SET_WRITE)))
		return 0;
	if (c->mask & VFS_SET_ACCESS)
		ts[0] = nttime_to_timespec(c->access_time);
	if (c->mask & VFS_SET_WRITE)
		ts[1] = nttime_to_timespec(c->write_time);
	if (!utimensat(AT_FDCWD, vfs_proc_path(fd, path), ts, 0))
		return 0;
	if ((errno != EPERM && errno != EACCES) || !s->opt.dos_filetimes || identity_root_begin())
		return -errno;
	r = utimensat(AT_FDCWD, path, ts, 0) ? -errno : 0;
	identity_root_end();
	return r;
}

int vfs_attr_set(struct vfs_share *s, int fd, const char *name, const struct vfs_attr_change *c)
{
	struct vfs_attr a;
	int r;

	if (s->opt.read_only)
		return -EROFS;
	r = vfs_attr_get(s, fd, name, &a);
	if (!r)
		r = set_stored(s, fd, &a, c);
	if (!r)
		r = set_times(s, fd, c);
	return r;
}

mode_t vfs_create_mode(const struct vfs_share *s, bool is_dir, uint32_t attributes,
		       mode_t parent_mode)
{
	const struct vfs_options *o = &s->opt;
	struct vfs_attr a = { .mode = (is_dir ? S_IFDIR | 0777 : S_IFREG | 0666) };
	mode_t mode;

	if (o->inherit_permissions && is_dir)
		return parent_mode & 03777; /* never set-uid */
	mode = a.mode & 07777;
	if (!o->store_dos_attributes)
		mode = mode_with_attributes(s, &a, attributes);
	else if (!is_dir && o->map_archive && attributes & FILE_ATTRIBUTE_ARCHIVE)
		mode |= S_IXUSR;
	if (o->inherit_permissions)
		return mode & (parent_mode | S_IXUSR) & 0777;
	if (is_dir)
		return (mode & o->directory_mask) | o->force_directory_mode;
	return (mode & o->create_mask) | o->force_create_mode;
}
