// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_write.c - WRITE (MS-SMB2 2.2.21, 2.2.22, 3.3.5.13).
 *
 * The data goes from the receive buffer to the file. It is answered after the file system took all
 * of it; with write-through after it is on disk. A partial write is an error: the client would not
 * look at the count.
 */
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/change.h"

/* 0, -errno, or *block: would block. */
static int write_now(struct request *rq, struct open *o, const uint8_t *p, size_t len, uint64_t off,
		     bool *block)
{
	int flags = rq->on_worker || o->memory || !o->nowait_write ? 0 : RWF_NOWAIT;

	*block = false;
	if (!flags && !o->memory && !rq->on_worker) {
		*block = true;
		return 0;
	}
	while (len) {
		struct iovec iov = { (void *)(uintptr_t)p, len };
		ssize_t n = pwritev2(o->fd, &iov, 1, (off_t)off, flags);

		if (n > 0) {
			p += n;
			off += (uint64_t)n;
			len -= (size_t)n;
			continue;
		}
		if (n == 0)
			return -ENOSPC;
		if (errno == EINTR)
			continue;
		if (flags && (errno == EAGAIN || errno == EOPNOTSUPP)) {
			if (errno == EOPNOTSUPP)
				o->nowait_write = false;
			*block = true; /* the worker writes all of it again: same bytes, same place
					*/
			return 0;
		}
		return -errno;
	}
	return 0;
}

static ntstatus check(const struct request *rq, const struct smb2_write_req *q)
{
	const struct open *o = rq->open;

	if (q->length > rq->conn->st.max_write)
		return NT_STATUS_INVALID_PARAMETER;
	if (o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	if (!(o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return NT_STATUS_ACCESS_DENIED;
	if (o->kind != OPEN_PIPE && q->offset != UINT64_MAX &&
	    q->offset > (uint64_t)INT64_MAX - q->length)
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

/* Offset -1 stands for the end of the file. */
static uint64_t write_offset(const struct open *o, uint64_t offset)
{
	struct stat st;

	if (offset != UINT64_MAX)
		return offset;
	return fstat(o->fd, &st) < 0 ? 0 : (uint64_t)st.st_size;
}

static bool through(const struct open *o, const struct smb2_write_req *q)
{
	return q->flags & SMB2_WRITEFLAG_WRITE_THROUGH || o->write_through;
}

/* Everything before the first byte of data. */
static ntstatus begin(struct request *rq, const struct smb2_write_req *q)
{
	struct open *o = rq->open;
	ntstatus status = check(rq, q);

	if (status == NT_STATUS_SUCCESS && o->kind != OPEN_PIPE)
		status = lock_check_io(o, write_offset(o, q->offset), q->length, true);
	if (status == NT_STATUS_SUCCESS && !o->wrote && o->kind == OPEN_FILE)
		write_time_begin(o);
	return status;
}

/* Everything after the last one. */
static ntstatus end(struct request *rq, const struct smb2_write_req *q)
{
	struct open *o = rq->open;
	struct smb2_wr *w = reply_begin(rq, 17);

	handle_wrote(o);
	oplock_changed(o);
	change_written(o, false);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 17);
	wr_le16(w, 0);
	wr_le32(w, q->length);
	wr_zero(w, 9);
	handle_position_set(o, q->offset + q->length);
	return NT_STATUS_SUCCESS;
}

ntstatus smb2_write(struct request *rq)
{
	struct open *o = rq->open;
	struct smb2_write_req q;
	bool block = false;
	ntstatus status;
	int err = 0;

	if (!smb2_write_parse(rq->elem, rq->elem_len, &q)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	status = begin(rq, &q);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (o->kind == OPEN_PIPE)
		return ipc_write(rq, &q);
	if (!rq->on_worker && (o->kind == OPEN_STREAM || (through(o, &q) && !o->memory)))
		return REQ_WORKER;
	if (o->kind == OPEN_STREAM) {
		ssize_t n = vfs_stream_write(o->fd, o->stream_name, q.data, q.length, q.offset);

		err = n < 0 ? (int)n : 0;
	} else {
		err = write_now(rq, o, q.data, q.length, write_offset(o, q.offset), &block);
	}
	if (block)
		return REQ_WORKER;
	if (!err && through(o, &q))
		err = vfs_sync(o->fd, true);
	return err < 0 ? vfs_errno(err) : end(rq, &q);
}

/* ---- piece by piece (core/stream.c) ---- */

bool smb2_write_streams(const struct request *rq)
{
	struct smb2_write_req q;

	return smb2_write_parse_head(rq->elem, rq->elem_len, &q) && rq->open->kind == OPEN_FILE &&
	       !rq->drain && q.offset != UINT64_MAX && !through(rq->open, &q);
}

ntstatus smb2_write_begin(struct request *rq, uint64_t *offset)
{
	struct smb2_write_req q;

	if (!smb2_write_parse_head(rq->elem, rq->elem_len, &q))
		return NT_STATUS_INVALID_PARAMETER;
	*offset = q.offset;
	return begin(rq, &q);
}

ntstatus smb2_write_piece(struct request *rq, const void *buf, size_t n, uint64_t offset)
{
	bool block;
	int err = write_now(rq, rq->open, buf, n, offset, &block);

	/* Where nothing may block, nothing does: memory, or a worker. */
	return block ? NT_STATUS_INTERNAL_ERROR : vfs_errno(err);
}

ntstatus smb2_write_end(struct request *rq)
{
	struct smb2_write_req q;

	return smb2_write_parse_head(rq->elem, rq->elem_len, &q) ? end(rq, &q)
								 : NT_STATUS_INVALID_PARAMETER;
}
