// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl_extents.c - FSCTLs of file systems that share blocks between files (MS-FSCC 2.3.7, 2.3.9,
 * 2.3.25, 2.3.75): cloned extents, and the integrity streams that a client asks about before.
 */
#include "kernel/handles.h"
#include "smb2/ioctl.h"

#include <sys/stat.h>

#define CHECKSUM_TYPE_NONE	0
#define CHECKSUM_TYPE_UNCHANGED 0xFFFF
#define DUPLICATE_ATOMIC	0x00000001u /* DUPLICATE_EXTENTS_DATA_EX_SOURCE_ATOMIC */

struct clone {
	struct smb2_fid source;
	uint64_t from, to, len;
	uint64_t target_size; /* before: it does not grow */
};

static bool parse(const struct ioctl *q, struct clone *c)
{
	struct smb2_rd r = ioctl_in(q);
	bool ex = q->code == FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX;

	if (ex && rd_le64(&r) < 48)
		return false;
	c->source = rd_fid(&r);
	c->from = rd_le64(&r);
	c->to = rd_le64(&r);
	c->len = rd_le64(&r);
	/* One FICLONERANGE is one step for everybody: atomic in any case. */
	if (ex && rd_le32(&r) & ~DUPLICATE_ATOMIC)
		return false;
	return rd_ok(&r) && c->len <= INT64_MAX && c->from <= INT64_MAX - c->len &&
	       c->to <= INT64_MAX - c->len;
}

static bool is_sparse(struct open *o)
{
	struct vfs_attr a;

	return !open_attr(o, &a) && a.attributes & FILE_ATTRIBUTE_SPARSE_FILE;
}

/* Byte-range locks do not count, as in Windows: nothing is read or written by the client. */
static ntstatus check(struct open *src, struct open *dst, struct clone *c)
{
	struct stat from, to;

	if (src->kind != OPEN_FILE || dst->kind != OPEN_FILE)
		return NT_STATUS_INVALID_PARAMETER;
	if (!dst->tree->vfs->reflinks || !src->tree->vfs->reflinks)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	if (dst->tree->read_only)
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	if (!(dst->access & FILE_WRITE_DATA) || !(src->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (fstat(src->fd, &from) < 0 || fstat(dst->fd, &to) < 0)
		return vfs_errno(errno);
	/* Whole ranges of both files: the target is made long enough before (2.3.8), or is sparse.
	 */
	c->target_size = (uint64_t)to.st_size;
	if (c->from + c->len > (uint64_t)from.st_size ||
	    (c->to + c->len > c->target_size && !is_sparse(dst)))
		return NT_STATUS_NOT_SUPPORTED;
	if (from.st_ino == to.st_ino && from.st_dev == to.st_dev && c->from < c->to + c->len &&
	    c->to < c->from + c->len)
		return NT_STATUS_NOT_SUPPORTED;
	/* MS-FSA 2.1.5.10.4: holes would become blocks of a file that has none */
	if (is_sparse(src) && !is_sparse(dst))
		return NT_STATUS_NOT_SUPPORTED;
	return NT_STATUS_SUCCESS;
}

static ntstatus clone_status(int r)
{
	switch (r) {
	case -EOPNOTSUPP:
	case -EXDEV:
		return NT_STATUS_NOT_SUPPORTED;
	case -EINVAL: /* not whole blocks */
		return NT_STATUS_INVALID_PARAMETER;
	default:
		return vfs_errno(r);
	}
}

static int clone_range(struct open *src, struct open *dst, const struct clone *c)
{
	int r = vfs_clone_range(src->fd, c->from, dst->fd, c->to, c->len);

	if (!r && c->to + c->len > c->target_size)
		r = vfs_set_eof(dst->fd, c->target_size);
	return r;
}

ntstatus ioctl_duplicate_extents(struct request *rq, struct ioctl *q)
{
	struct open *dst = rq->open, *src;
	struct clone c = { 0 };
	ntstatus status;

	if (!parse(q, &c))
		return NT_STATUS_INVALID_PARAMETER;
	src = open_find(c.source.vol, c.source.persistent);
	if (!src || src->session != rq->session) {
		status = NT_STATUS_INVALID_HANDLE;
	} else {
		status = check(src, dst, &c);
		if (!status && c.len) {
			handle_wrote(dst);
			status = clone_status(clone_range(src, dst, &c));
			oplock_changed(dst);
		}
	}
	if (src)
		open_put(src);
	return status;
}

/* ---- integrity: none, which CopyFile() asks of both files before it clones ---- */

ntstatus ioctl_get_integrity(struct request *rq, struct ioctl *q)
{
	struct vfs_fs_info fs;
	struct smb2_wr *w;
	int r;

	if (q->max_out < 16)
		return NT_STATUS_INVALID_PARAMETER;
	if (rq->open->kind == OPEN_STREAM || !rq->tree->vfs->reflinks)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	r = vfs_fs_info(rq->tree->vfs, rq->open->fd, &fs);
	w = r < 0 ? NULL : ioctl_reply(rq, q, 16);
	if (!w)
		return r < 0 ? vfs_errno(r) : (ntstatus)NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, CHECKSUM_TYPE_NONE);
	wr_le16(w, 0);
	wr_le32(w, 0); /* Flags */
	wr_le32(w, 0); /* ChecksumChunkSizeInBytes */
	wr_le32(w, fs.sectors_per_unit * fs.bytes_per_sector);
	return NT_STATUS_SUCCESS;
}

ntstatus ioctl_set_integrity(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	uint16_t algorithm = rd_le16(&r);

	rd_skip(&r, 6);
	if (!rq->tree->vfs->reflinks)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	if (!rd_ok(&r))
		return NT_STATUS_INVALID_PARAMETER;
	if (!(rq->open->access & (FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES)))
		return NT_STATUS_ACCESS_DENIED;
	return algorithm == CHECKSUM_TYPE_NONE || algorithm == CHECKSUM_TYPE_UNCHANGED
		       ? NT_STATUS_SUCCESS
		       : NT_STATUS_NOT_SUPPORTED;
}

/* MS-FSCC 2.3.55: what is valid is what is there: Linux has no valid data length of its own. */
ntstatus ioctl_query_file_regions(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	uint64_t from = 0, len = INT64_MAX, end;
	struct vfs_attr a;
	struct smb2_wr *w;
	bool any;

	if (q->in_len) {
		from = rd_le64(&r);
		len = rd_le64(&r);
		rd_skip(&r, 8); /* DesiredUsage, Reserved */
	}
	if (!rd_ok(&r) || from > INT64_MAX || len > INT64_MAX || rq->open->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (!(rq->open->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (q->max_out < 40)
		return NT_STATUS_BUFFER_TOO_SMALL;
	if (open_attr(rq->open, &a) < 0)
		return NT_STATUS_UNEXPECTED_IO_ERROR;
	end = MIN(a.end_of_file, from + len);
	any = from < end;
	w = ioctl_reply(rq, q, 40);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(w, 0); /* Flags */
	wr_le32(w, any);
	wr_le32(w, any);
	wr_le32(w, 0);
	if (any) {
		wr_le64(w, from);
		wr_le64(w, end - from);
		wr_le32(w, 1); /* FILE_REGION_USAGE_VALID_CACHED_DATA */
		wr_le32(w, 0);
	}
	return NT_STATUS_SUCCESS;
}
