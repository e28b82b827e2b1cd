// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl_reparse.c - reparse points (MS-FSCC 2.1.2, 2.3.21, 2.3.65): symlinks as Windows knows them,
 * and what Linux clients keep in NFS and WSL tags. Each is a real object of the file system
 * (vfs/reparse.c), so no other tag can be stored.
 *
 * Setting one replaces the empty file that the handle is of. The handle goes on as one of the new
 * object, under the number of its fd; the old inode stays open behind it (open.replaced_fd), so
 * that no new file gets its number while share modes are kept under it.
 */
#include "core/entry.h"
#include "core/utf16.h"
#include "kernel/handles.h"
#include "smb2/ioctl.h"
#include "smb2/reparse.h"

#include <fcntl.h>

#define HEADER	      8	 /* tag, length, reserved */
#define SYMLINK_FIXED 12 /* 2.1.2.4 without its header */
#define TAG_FOREIGN   0x80000000u

/* ---- between a client's text and a symlink's ---- */

/* '\\' separates for clients without POSIX semantics. NULL: not a target. */
static char *target_from_wire(const uint8_t *utf16, size_t len, bool posix)
{
	char *s = len && len <= 2 * VFS_LINK_MAX ? utf16_dup_utf8(utf16, len) : NULL;

	if (s && (!*s || strlen(s) > VFS_LINK_MAX)) {
		free(s);
		return NULL;
	}
	for (char *p = s; p && *p && !posix; p++)
		if (*p == '\\')
			*p = '/';
	return s;
}

static char *target_to_wire(const char *target, bool posix)
{
	return posix ? xstrdup(target) : vfs_path_to_wire(target);
}

/* ---- reading what clients send ---- */

static ntstatus parse_symlink(struct smb2_rd *r, bool posix, struct vfs_special *sp)
{
	uint16_t off = rd_le16(r), len = rd_le16(r);
	struct smb2_rd name;
	uint32_t flags;

	rd_skip(r, 4); /* PrintName */
	flags = rd_le32(r);
	name = rd_sub(r, r->off + off, len);
	if (!rd_ok(r) || len % 2)
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	sp->type = S_IFLNK;
	sp->target = target_from_wire(name.buf, len, posix);
	/* An absolute one begins with a separator, which cifs.ko drops as it does for paths. */
	if (sp->target && !(flags & SYMLINK_FLAG_RELATIVE) && sp->target[0] != '/') {
		_cleanup_free_ char *rest = sp->target;

		sp->target = xasprintf("/%s", rest);
	}
	return sp->target ? NT_STATUS_SUCCESS : NT_STATUS_IO_REPARSE_DATA_INVALID;
}

/* 2.1.2.6 */
static ntstatus parse_nfs(struct smb2_rd *r, struct vfs_special *sp)
{
	uint64_t type = rd_le64(r);
	size_t left = rd_left(r);
	bool device = type == NFS_SPECFILE_CHR || type == NFS_SPECFILE_BLK;

	if (!rd_ok(r) || (device && left != 8))
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	switch (type) {
	case NFS_SPECFILE_LNK:
		sp->type = S_IFLNK;
		sp->target = left % 2 ? NULL : target_from_wire(r->buf + r->off, left, true);
		return sp->target ? NT_STATUS_SUCCESS : NT_STATUS_IO_REPARSE_DATA_INVALID;
	case NFS_SPECFILE_CHR:
	case NFS_SPECFILE_BLK:
		sp->type = type == NFS_SPECFILE_CHR ? S_IFCHR : S_IFBLK;
		sp->major = rd_le32(r);
		sp->minor = rd_le32(r);
		return NT_STATUS_SUCCESS;
	case NFS_SPECFILE_FIFO:
		sp->type = S_IFIFO;
		return NT_STATUS_SUCCESS;
	case NFS_SPECFILE_SOCK:
		sp->type = S_IFSOCK;
		return NT_STATUS_SUCCESS;
	default:
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	}
}

/* Version 2, then UTF-8. */
static ntstatus parse_lx_symlink(struct smb2_rd *r, struct vfs_special *sp)
{
	uint32_t version = rd_le32(r);
	size_t n = rd_left(r);
	const char *text = (const char *)r->buf + r->off;

	if (!rd_ok(r) || version != 2 || !n || n > VFS_LINK_MAX || memchr(text, 0, n))
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	sp->type = S_IFLNK;
	sp->target = xstrndup(text, n);
	return NT_STATUS_SUCCESS;
}

/* Where *tag is known and its data is right, *sp is to be released. */
static ntstatus parse(const struct ioctl *q, bool posix, uint32_t *tag, struct vfs_special *sp)
{
	struct smb2_rd r = ioctl_in(q), data;
	uint16_t len;

	*tag = rd_le32(&r);
	len = rd_le16(&r);
	rd_skip(&r, 2);
	if (!rd_ok(&r) || rd_left(&r) != len)
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	data = rd_init(r.buf + r.off, len);
	switch (*tag) {
	case IO_REPARSE_TAG_SYMLINK:
		return parse_symlink(&data, posix, sp);
	case IO_REPARSE_TAG_NFS:
		return parse_nfs(&data, sp);
	case IO_REPARSE_TAG_LX_SYMLINK:
		return parse_lx_symlink(&data, sp);
	case IO_REPARSE_TAG_LX_FIFO:
	case IO_REPARSE_TAG_AF_UNIX:
		sp->type = *tag == IO_REPARSE_TAG_AF_UNIX ? S_IFSOCK : S_IFIFO;
		return len ? NT_STATUS_IO_REPARSE_DATA_INVALID : NT_STATUS_SUCCESS;
	default:
		return *tag < 2 ? NT_STATUS_IO_REPARSE_TAG_INVALID : NT_STATUS_NOT_SUPPORTED;
	}
}

/* ---- changing what a handle is of ---- */

static ntstatus may_set(struct request *rq)
{
	struct open *o = rq->open;

	if (rq->tree->read_only)
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	if (!(o->access & (FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES)))
		return NT_STATUS_ACCESS_DENIED;
	if (o->kind == OPEN_STREAM)
		return NT_STATUS_INVALID_PARAMETER;
	/* the module would go on with the old file */
	if (handle_given(o) || ofile_others_deny_delete(o))
		return NT_STATUS_SHARING_VIOLATION;
	return NT_STATUS_SUCCESS;
}

static ntstatus become(struct open *o, const struct vfs_special *sp)
{
	_cleanup_free_ char *path = open_path_dup(o);
	_cleanup_close_ int fd = -1, old = -1;
	struct vfs_attr a;
	int r;

	if (!*path)
		return NT_STATUS_ACCESS_DENIED;
	old = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
	if (old < 0)
		return vfs_errno(errno);
	r = vfs_special_set(o->tree->vfs, path, o->entry, sp, &fd, &a);
	if (r == -ENOTEMPTY)
		return NT_STATUS_DIRECTORY_NOT_EMPTY;
	if (r < 0)
		return vfs_errno(r);
	/* Whoever uses the number at this moment sees the old file or the new one. */
	if (dup3(fd, o->fd, O_CLOEXEC) < 0)
		return vfs_errno(errno);
	pthread_mutex_lock(&o->lock);
	o->entry = a.id;
	if (o->replaced_fd < 0)
		o->replaced_fd = steal_fd(&old);
	pthread_mutex_unlock(&o->lock);
	o->kind = a.is_dir ? OPEN_DIR : OPEN_FILE;
	return NT_STATUS_SUCCESS;
}

ntstatus ioctl_set_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special sp = { 0 }, now = { 0 };
	ntstatus status = may_set(rq);
	uint32_t tag;

	if (status == NT_STATUS_SUCCESS)
		status = parse(q, rq->open->posix, &tag, &sp);
	if (status != NT_STATUS_SUCCESS)
		return status;
	/* Another target for what is one is fine, another kind is not (MS-FSA 2.1.5.10.37). */
	if (!vfs_special_get(rq->open->fd, &now) && now.type != sp.type)
		return NT_STATUS_IO_REPARSE_TAG_MISMATCH;
	return become(rq->open, &sp);
}

/* MS-FSCC 2.3.5: what is left is an empty file. */
ntstatus ioctl_delete_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special now = { 0 };
	struct vfs_special file = { .type = S_IFREG };
	struct smb2_rd r = ioctl_in(q);
	uint32_t tag = rd_le32(&r);
	uint16_t len = rd_le16(&r);
	ntstatus status = may_set(rq);

	if (status != NT_STATUS_SUCCESS)
		return status;
	rd_skip(&r, 2);
	if (!rd_ok(&r) || len)
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	if (vfs_special_get(rq->open->fd, &now) < 0)
		return NT_STATUS_NOT_A_REPARSE_POINT;
	if (tag != (now.type == S_IFLNK ? IO_REPARSE_TAG_SYMLINK : IO_REPARSE_TAG_NFS))
		return NT_STATUS_IO_REPARSE_TAG_MISMATCH;
	return become(rq->open, &file);
}

/* ---- telling ---- */

/* ReparseDataLength's place is told to `at`. */
static bool put_symlink_data(struct smb2_wr *w, const char *wire, bool posix)
{
	int len = utf8_utf16_len(wire, strlen(wire));
	uint8_t *room;

	if (len < 0 || len > 2 * VFS_LINK_MAX)
		return false;
	/* Substitute name and print name are the same text, once. */
	for (int i = 0; i < 2; i++) {
		wr_le16(w, 0);
		wr_le16(w, (uint16_t)len);
	}
	wr_le32(w, *wire == (posix ? '/' : '\\') ? 0 : SYMLINK_FLAG_RELATIVE);
	room = wr_space(w, (uint64_t)len);
	if (room)
		(void)utf8_to_utf16(wire, strlen(wire), room, (size_t)len);
	return room;
}

bool reparse_put_symlink(struct smb2_wr *w, const char *target, bool posix, uint16_t unparsed)
{
	_cleanup_free_ char *wire = target_to_wire(target, posix);
	uint64_t len_at;

	wr_le32(w, IO_REPARSE_TAG_SYMLINK);
	len_at = w->off;
	wr_le16(w, 0);
	wr_le16(w, unparsed);
	if (!put_symlink_data(w, wire, posix))
		return false;
	wr_patch_le16(w, len_at, (uint16_t)(w->off - len_at - 4));
	return wr_ok(w);
}

static void put_nfs(struct smb2_wr *w, const struct vfs_special *sp)
{
	bool device = sp->type == S_IFCHR || sp->type == S_IFBLK;

	wr_le32(w, IO_REPARSE_TAG_NFS);
	wr_le16(w, device ? 16 : 8);
	wr_le16(w, 0);
	wr_le64(w, sp->type == S_IFCHR	  ? NFS_SPECFILE_CHR
		   : sp->type == S_IFBLK  ? NFS_SPECFILE_BLK
		   : sp->type == S_IFSOCK ? NFS_SPECFILE_SOCK
					  : NFS_SPECFILE_FIFO);
	if (device) {
		wr_le32(w, sp->major);
		wr_le32(w, sp->minor);
	}
}

ntstatus ioctl_get_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special sp = { 0 };
	struct open *o = rq->open;
	uint8_t buf[REPARSE_SYMLINK_MAX];
	struct smb2_wr w = wr_init(buf, sizeof(buf)), *out;
	int r = o->kind == OPEN_STREAM ? -ENODATA : vfs_special_get(o->fd, &sp);

	if (r == -ENODATA)
		return NT_STATUS_NOT_A_REPARSE_POINT;
	if (r < 0)
		return vfs_errno(r);
	if (sp.type != S_IFLNK)
		put_nfs(&w, &sp);
	else if (!reparse_put_symlink(&w, sp.target, o->posix, 0))
		return NT_STATUS_IO_REPARSE_DATA_INVALID; /* not UTF-8 */
	if (w.off > q->max_out)
		return NT_STATUS_BUFFER_TOO_SMALL;
	out = ioctl_reply(rq, q, w.off);
	if (!out)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_bytes(out, buf, w.off);
	return NT_STATUS_SUCCESS;
}
