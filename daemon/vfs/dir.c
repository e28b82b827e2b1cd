// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * dir.c - an enumeration of a folder for QUERY_DIRECTORY (MS-SMB2 3.3.5.18). One pass over the
 * file system's own order, a block of entries at a time; what is not a wildcard is looked up.
 */
#include "vfs/internal.h"

#include "core/utf16.h"
#include "smb2_pdu.h"

#include <limits.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/syscall.h>

enum stage { STAGE_DOT, STAGE_DOTDOT, STAGE_ENTRIES, STAGE_LOOKUP, STAGE_END };

struct vfs_dir {
	struct vfs_share *share; /* a reference */
	int fd;
	struct readdir rd;
	char *pattern; /* NULL: everything */
	enum stage stage;
	bool again;	/* the last entry was put back */
	bool posix;	/* vfs_dir_posix() */
	bool native;	/* symlinks are not followed */
	char *relative; /* share-relative path, once a symlink asks for it */

	/* the last entry */
	char disk[NAME_MAX + 1];
	char wire[VFS_NAME_WIRE_MAX];
	struct vfs_dirent last;
};

int vfs_dir_open(struct vfs_share *s, int fd, struct vfs_dir **out)
{
	struct vfs_dir *d = xcalloc(1, sizeof(*d));

	d->share = vfs_share_get(s);
	d->fd = fd;
	d->stage = STAGE_END;
	d->native = s->opt.native_symlinks;
	readdir_begin(&d->rd, fd);
	*out = d;
	return 0;
}

void vfs_dir_posix(struct vfs_dir *d)
{
	d->posix = d->native = true;
}

void vfs_dir_close(struct vfs_dir *d)
{
	if (!d)
		return;
	readdir_end(&d->rd);
	close(d->fd);
	vfs_share_put(d->share);
	free(d->pattern);
	free(d->relative);
	free(d);
}

int vfs_dir_restart(struct vfs_dir *d, const char *pattern)
{
	bool all = !*pattern || !strcmp(pattern, "*");

	if (strpbrk(pattern, "/\\"))
		return -EILSEQ;
	free(d->pattern);
	d->pattern = all ? NULL : xstrdup(pattern);
	d->again = false;
	d->stage = all || vfs_has_wildcard(pattern) ? STAGE_DOT : STAGE_LOOKUP;
	readdir_end(&d->rd);
	readdir_begin(&d->rd, d->fd);
	return d->stage == STAGE_DOT && lseek(d->fd, 0, SEEK_SET) < 0 ? -errno : 0;
}

static bool matches(const struct vfs_dir *d, const char *wire)
{
	/* As everywhere since DOS, ".." is found where "." is. */
	if (name_is_dots(wire))
		wire = ".";
	return !d->pattern ||
	       vfs_wildcard_match(d->pattern, wire, d->posix || d->share->opt.case_sensitive);
}

/* Makes the entry the last one; false when it is not for this client. */
static bool take(struct vfs_dir *d, const char *name, uint64_t ino, unsigned char type)
{
	const struct vfs_options *o = &d->share->opt;

	if (o->hide_special_files && type != DT_REG && type != DT_DIR && type != DT_LNK &&
	    type != DT_UNKNOWN)
		return false;
	if (!memccpy(d->disk, name, 0, sizeof(d->disk)))
		return false;
	d->last = (struct vfs_dirent) { .name = d->posix ? d->disk
							 : vfs_name_to_wire(d->disk, d->wire),
					.disk = d->disk,
					.ino = ino,
					.type = type };
	return !share_veto(d->share, d->disk);
}

static int next_scanned(struct vfs_dir *d)
{
	struct readdir_entry e;
	int r;

	while ((r = readdir_next(&d->rd, &e)) > 0)
		if (!name_is_dots(e.name) && take(d, e.name, e.ino, e.type) &&
		    matches(d, d->last.name))
			return 1;
	if (!r)
		d->stage = STAGE_END;
	return r;
}

static int next_looked_up(struct vfs_dir *d)
{
	char disk[NAME_MAX + 1], plain[VFS_NAME_WIRE_MAX];
	const char *name = d->pattern;
	struct stat st;
	int r;

	d->stage = STAGE_END;
	if (strlen(name) > NAME_MAX || fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW)) {
		if (d->posix) {
			return 0;
		} else if (d->share->opt.case_sensitive) {
			if (!name_from_wire(name, plain) ||
			    fstatat(d->fd, plain, &st, AT_SYMLINK_NOFOLLOW))
				return 0;
			name = plain;
		} else {
			r = namecache_lookup(d->fd, name, disk);
			if (r <= 0)
				return r;
			name = disk;
		}
		if (fstatat(d->fd, name, &st, AT_SYMLINK_NOFOLLOW))
			return 0;
	}
	return take(d, name, st.st_ino, IFTODT(st.st_mode));
}

int vfs_dir_next(struct vfs_dir *d, struct vfs_dirent *out)
{
	const char *dots;
	int r = 0;

	if (d->again) {
		d->again = false;
		*out = d->last;
		return 1;
	}
	while (!r && d->stage != STAGE_END) {
		switch (d->stage) {
		case STAGE_DOT:
		case STAGE_DOTDOT:
			dots = d->stage == STAGE_DOT ? "." : "..";
			d->stage++;
			r = matches(d, dots) && take(d, dots, 0, DT_DIR);
			break;
		case STAGE_ENTRIES:
			r = next_scanned(d);
			break;
		default:
			r = next_looked_up(d);
		}
	}
	if (r > 0)
		*out = d->last;
	return r;
}

void vfs_dir_unget(struct vfs_dir *d)
{
	d->again = true;
}

/* ---- facts of the last entry ---- */

/* Where the folder is in its share, by the kernel's own words; NULL when it is elsewhere now. */
static const char *relative_path(struct vfs_dir *d)
{
	char root[PATH_MAX], here[PATH_MAX], proc[VFS_PROC_PATH_MAX];
	ssize_t n, m;

	if (d->relative)
		return d->relative;
	n = readlink(vfs_proc_path(d->share->root, proc), root, sizeof(root) - 1);
	m = readlink(vfs_proc_path(d->fd, proc), here, sizeof(here) - 1);
	if (n <= 0 || m <= 0)
		return NULL;
	root[n] = here[m] = '\0';
	if (n == 1) /* the share is "/" */
		n = 0;
	if (strncmp(root, here, (size_t)n) || (here[n] && here[n] != '/'))
		return NULL;
	d->relative = xstrdup(here[n] ? here + n + 1 : "");
	return d->relative;
}

/* The target of the symlink that the last entry is, as a client may see it. */
static int open_target(struct vfs_dir *d)
{
	struct open_how how = { .flags = O_PATH | O_CLOEXEC, .resolve = RESOLVE_NO_MAGICLINKS };
	_cleanup_free_ char *path = NULL;
	const char *dir;
	int fd;

	if (!d->share->opt.follow_symlinks)
		return -ENOENT;
	if (d->share->opt.wide_links) {
		fd = (int)syscall(SYS_openat2, d->fd, d->disk, &how, sizeof(how));
		return fd < 0 ? -ENOENT : fd;
	}
	dir = relative_path(d);
	if (!dir)
		return -ENOENT;
	path = *dir ? xasprintf("%s/%s", dir, d->disk) : xstrdup(d->disk);
	fd = share_open_beneath(d->share, path, O_PATH);
	return fd < 0 ? -ENOENT : fd;
}

/* ".." of the share's root is the root: nothing above it is anybody's business. */
static const char *entry_to_ask(struct vfs_dir *d)
{
	struct vfs_attr a;

	if (strcmp(d->disk, "..") || vfs_attr_stat(d->share, d->fd, "", &a))
		return d->disk;
	return a.id.dev == d->share->dev && a.id.ino == d->share->ino ? "." : d->disk;
}

static ssize_t read_dos(struct vfs_dir *d, const char *entry, void *blob, size_t size)
{
	ssize_t n = xattr_get_at(d->fd, entry, DOSATTRIB_NAME, blob, size);

	if ((n == -EACCES || n == -EPERM) && !identity_root_begin()) {
		n = xattr_get_at(d->fd, entry, DOSATTRIB_NAME, blob, size);
		identity_root_end();
	}
	return n;
}

static bool is_folder(int fd)
{
	struct stat st;

	return !fstat(fd, &st) && S_ISDIR(st.st_mode);
}

int vfs_dir_attr(struct vfs_dir *d, const struct vfs_dirent *e, struct vfs_attr *out)
{
	_cleanup_close_ int target = -1;
	const char *ask = entry_to_ask(d);
	uint8_t blob[DOSATTRIB_MAX];
	struct statx sx;

	if (statx(d->fd, ask, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, ATTR_STATX_MASK, &sx))
		return -errno;
	if (S_ISLNK(sx.stx_mode)) {
		if (!d->share->opt.follow_symlinks && !d->native)
			return -ENOENT;
		target = open_target(d);
		if (target >= 0 && !d->native)
			return vfs_attr_get(d->share, target, d->disk, out);
	}
	attr_from_statx(d->share, &sx, d->disk, out);
	if (target >= 0 && is_folder(target))
		out->attributes |= FILE_ATTRIBUTE_DIRECTORY;
	out->dos_loaded = true;
	if (d->share->opt.store_dos_attributes && (out->is_dir || S_ISREG(out->mode)))
		attr_apply_dos(d->share, blob, read_dos(d, ask, blob, sizeof(blob)), d->disk, out);
	return 0;
}

uint32_t vfs_dir_ea_size(struct vfs_dir *d, const struct vfs_dirent *e)
{
	_cleanup_close_ int target = -1;

	if (!d->share->opt.ea_support || e->type == DT_FIFO || e->type == DT_SOCK ||
	    e->type == DT_CHR || e->type == DT_BLK)
		return 0;
	if (e->type == DT_LNK && d->native)
		return 0;
	if (e->type == DT_LNK) {
		target = open_target(d);
		return target < 0 ? 0 : vfs_ea_size(d->share, target);
	}
	return ea_size_at(d->share, d->fd, entry_to_ask(d));
}
