// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * reparse_data.c - reparse data buffers on the wire (MS-FSCC 2.1.2): symlinks as Windows knows
 * them, and what Linux clients keep in NFS and WSL tags.
 */
#include "smb2/reparse.h"

#include "core/utf16.h"

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

ntstatus reparse_parse(const uint8_t *buf, size_t size, bool posix, uint32_t *tag,
		       struct vfs_special *sp)
{
	struct smb2_rd r = rd_init(buf, size), data;
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

/* ---- telling ---- */

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

static bool put_nfs(struct smb2_wr *w, const struct vfs_special *sp)
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
	return wr_ok(w);
}

bool reparse_put(struct smb2_wr *w, const struct vfs_special *sp, bool posix)
{
	return sp->type == S_IFLNK ? reparse_put_symlink(w, sp->target, posix, 0) : put_nfs(w, sp);
}
