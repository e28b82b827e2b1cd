// SPDX-License-Identifier: GPL-2.0-or-later
/* ioctl_file.c - FSCTLs on a file (MS-FSCC 2.3): sparse files, holes, compression, object ids. */
#include "kernel/handles.h"
#include "smb2/ioctl.h"

#include <sys/stat.h>

#define RANGE_SIZE	16
#define OBJECT_ID_SIZE	64
#define SNAPSHOTS_SIZE	16
#define TRIM_RANGES_MAX 4096

static ntstatus may_write(const struct request *rq, uint32_t any_of)
{
	if (rq->tree->read_only)
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	return rq->open->access & any_of ? NT_STATUS_SUCCESS : NT_STATUS_ACCESS_DENIED;
}

/* ---- sparse files ---- */

/* MS-FSCC 2.3.69: no buffer means TRUE. The flag is all there is: Linux files have holes anyway. */
ntstatus ioctl_set_sparse(struct request *rq, struct ioctl *q)
{
	struct vfs_attr_change c = { .mask = VFS_SET_SPARSE };
	struct open *o = rq->open;
	ntstatus status;
	int r;

	status = may_write(rq, FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES | FILE_APPEND_DATA);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (q->in_len == 0 || q->in[0])
		c.attributes = FILE_ATTRIBUTE_SPARSE_FILE;
	handles_attr_change(o);
	r = vfs_attr_set(o->tree->vfs, o->fd, "", &c);
	return vfs_errno(r);
}

/* Data of fd in [from, to), a range at a time. False: none is left. */
static bool next_data(int fd, uint64_t from, uint64_t to, uint64_t *start, uint64_t *end)
{
	off_t data = lseek(fd, (off_t)from, SEEK_DATA), hole;

	if (data < 0 && errno == ENXIO)
		return false;
	if (data < 0) { /* cannot be known: all of it */
		*start = from;
		*end = to;
		return true;
	}
	hole = lseek(fd, data, SEEK_HOLE);
	*start = (uint64_t)data;
	*end = hole < 0 ? to : MIN((uint64_t)hole, to);
	return *start < to;
}

static ntstatus put_ranges(struct request *rq, struct ioctl *q, bool sparse, uint64_t from,
			   uint64_t to)
{
	/* A reply of 64 KiB tells 4,096 ranges; a client that wants more asks on from there. */
	size_t max = MIN(q->max_out, 65536u) / RANGE_SIZE, n = 0;
	struct smb2_wr *w = ioctl_reply(rq, q, max * RANGE_SIZE);
	uint64_t start, end;

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	while (from < to) {
		if (!sparse) {
			start = from;
			end = to;
		} else if (!next_data(rq->open->fd, from, to, &start, &end)) {
			break;
		}
		if (n == max)
			return n ? NT_STATUS_BUFFER_OVERFLOW : NT_STATUS_BUFFER_TOO_SMALL;
		wr_le64(w, start);
		wr_le64(w, end - start);
		n++;
		from = end;
	}
	return NT_STATUS_SUCCESS;
}

ntstatus ioctl_query_allocated_ranges(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	struct open *o = rq->open;
	struct vfs_attr a;
	uint64_t off, len;
	bool sparse;

	off = rd_le64(&r);
	len = rd_le64(&r);
	if (!rd_ok(&r) || off > INT64_MAX || len > INT64_MAX - off)
		return NT_STATUS_INVALID_PARAMETER;
	if (!(o->access & FILE_READ_DATA))
		return NT_STATUS_ACCESS_DENIED;
	if (o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (open_attr(o, &a) < 0)
		return NT_STATUS_UNEXPECTED_IO_ERROR;
	sparse = o->kind == OPEN_FILE && a.attributes & FILE_ATTRIBUTE_SPARSE_FILE;
	return put_ranges(rq, q, sparse, off, MIN(off + len, a.end_of_file));
}

/* ---- zeros ---- */

static int zero_stream(struct open *o, uint64_t from, uint64_t to)
{
	static const uint8_t zeros[4096];
	_cleanup_free_ char *name = NULL;
	int64_t size;

	pthread_mutex_lock(&o->lock);
	name = xstrdup(o->stream_name);
	pthread_mutex_unlock(&o->lock);
	size = vfs_stream_find(o->fd, name, NULL);
	if (size < 0)
		return (int)size;
	to = MIN(to, (uint64_t)size);
	while (from < to) {
		ssize_t n =
			vfs_stream_write(o->fd, name, zeros, MIN(to - from, sizeof(zeros)), from);

		if (n <= 0)
			return n ? (int)n : -EIO;
		from += (uint64_t)n;
	}
	return 0;
}

/* Within the file: its size stays. */
static int zero_range(struct open *o, uint64_t from, uint64_t to)
{
	struct stat st;
	int err;

	if (o->kind == OPEN_STREAM) {
		err = zero_stream(o, from, to);
	} else {
		if (fstat(o->fd, &st) < 0)
			return -errno;
		to = MIN(to, (uint64_t)st.st_size);
		err = from < to ? vfs_zero_range(o->fd, from, to) : 0;
	}
	oplock_changed(o);
	return err;
}

ntstatus ioctl_set_zero_data(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	uint64_t from, to;
	ntstatus status;

	from = rd_le64(&r);
	to = rd_le64(&r); /* BeyondFinalZero */
	status = may_write(rq, FILE_WRITE_DATA);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (!rd_ok(&r) || to > INT64_MAX || from > to || rq->open->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	status = lock_check_io(rq->open, from, to - from, true);
	return status ? status : vfs_errno(zero_range(rq->open, from, to));
}

/* MS-FSCC 2.3.73. What is trimmed has no defined contents any more: zeros will do. */
ntstatus ioctl_file_level_trim(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	uint32_t count, done = 0;
	ntstatus status;

	rd_skip(&r, 4);
	count = rd_le32(&r);
	status = may_write(rq, FILE_WRITE_DATA);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (!rd_ok(&r) || !count || rd_left(&r) / RANGE_SIZE < count || rq->open->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	for (; done < MIN(count, TRIM_RANGES_MAX); done++) {
		uint64_t off = rd_le64(&r), len = rd_le64(&r);

		if (off > INT64_MAX || len > INT64_MAX - off)
			return NT_STATUS_INVALID_PARAMETER;
		status = lock_check_io(rq->open, off, len, true);
		if (status != NT_STATUS_SUCCESS)
			return status;
		if (rq->open->kind == OPEN_FILE && zero_range(rq->open, off, off + len) < 0)
			break;
	}
	if (q->max_out >= 4) {
		struct smb2_wr *w = ioctl_reply(rq, q, 4);

		if (!w)
			return NT_STATUS_INSUFFICIENT_RESOURCES;
		wr_le32(w, done);
	}
	return NT_STATUS_SUCCESS;
}

/* ---- compression, where the file system has it: how, is its own matter ---- */

ntstatus ioctl_get_compression(struct request *rq, struct ioctl *q)
{
	struct vfs_attr a;
	struct smb2_wr *w;

	if (q->max_out < 2)
		return NT_STATUS_INVALID_USER_BUFFER;
	if (open_attr(rq->open, &a) < 0)
		return NT_STATUS_UNEXPECTED_IO_ERROR;
	w = ioctl_reply(rq, q, 2);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, a.compressed ? COMPRESSION_FORMAT_LZNT1 : COMPRESSION_FORMAT_NONE);
	return NT_STATUS_SUCCESS;
}

ntstatus ioctl_set_compression(struct request *rq, struct ioctl *q)
{
	struct smb2_rd r = ioctl_in(q);
	uint16_t format = rd_le16(&r);
	ntstatus status = may_write(rq, FILE_WRITE_DATA);
	struct open *o = rq->open;

	if (status != NT_STATUS_SUCCESS)
		return status;
	if (!rd_ok(&r))
		return NT_STATUS_INVALID_PARAMETER;
	if (!rq->tree->vfs->compression)
		return format == COMPRESSION_FORMAT_NONE ? NT_STATUS_SUCCESS
							 : NT_STATUS_NOT_SUPPORTED;
	if (format > COMPRESSION_FORMAT_LZNT1)
		return NT_STATUS_INVALID_PARAMETER;
	handles_attr_change(o);
	return vfs_errno(vfs_compression_set(o->tree->vfs, o->fd, format));
}

/* ---- object ids, snapshots ---- */

/* MS-FSCC 2.1.3.1: object id, birth volume, birth object, domain. Device and inode make it. */
ntstatus ioctl_create_or_get_object_id(struct request *rq, struct ioctl *q)
{
	const struct vfs_share *s = rq->tree->vfs;
	struct vfs_attr a;
	struct smb2_wr *w;

	if (q->max_out < OBJECT_ID_SIZE)
		return NT_STATUS_BUFFER_TOO_SMALL;
	if (open_attr(rq->open, &a) < 0)
		return NT_STATUS_UNEXPECTED_IO_ERROR;
	w = ioctl_reply(rq, q, OBJECT_ID_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le64(w, a.id.dev);
	wr_le64(w, a.id.ino);
	wr_le64(w, s->dev);
	wr_le64(w, s->ino);
	wr_le64(w, a.id.dev);
	wr_le64(w, a.id.ino);
	wr_zero(w, 16);
	return NT_STATUS_SUCCESS;
}

/* MS-SMB2 2.2.32.2: none. The array is its terminating NUL, as Windows sends it. */
ntstatus ioctl_srv_enumerate_snapshots(struct request *rq, struct ioctl *q)
{
	struct smb2_wr *w;

	if (q->max_out < SNAPSHOTS_SIZE)
		return NT_STATUS_INVALID_PARAMETER;
	w = ioctl_reply(rq, q, SNAPSHOTS_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le32(w, 0);
	wr_le32(w, 0);
	wr_le32(w, 2);
	wr_le32(w, 0);
	return NT_STATUS_SUCCESS;
}
