// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_read.c - READ (MS-SMB2 2.2.19, 2.2.20, 3.3.5.12).
 *
 * On the reactor a read takes what the page cache has (RWF_NOWAIT); what would have to wait for a
 * disk is done again on a worker. The bytes are read right behind the reply's header, so there is
 * no copy but the kernel's.
 */
#include "smb2/smb2.h"

#define READ_BODY 16

/* REQ_WORKER: would block. Otherwise bytes, or -errno. */
static ssize_t read_now(struct request *rq, struct open *o, uint8_t *buf, size_t len, uint64_t off,
			bool *block)
{
	int flags = rq->on_worker || o->memory || !o->nowait ? 0 : RWF_NOWAIT;
	size_t done = 0;

	*block = false;
	if (!flags && !o->memory && !rq->on_worker) {
		*block = true;
		return 0;
	}
	while (done < len) {
		struct iovec iov = { buf + done, len - done };
		ssize_t n = preadv2(o->fd, &iov, 1, (off_t)(off + done), flags);

		if (n > 0) {
			done += (size_t)n;
			continue;
		}
		if (n == 0)
			break;
		if (errno == EINTR)
			continue;
		if (flags && (errno == EAGAIN || errno == EOPNOTSUPP)) {
			if (errno == EOPNOTSUPP)
				o->nowait = false;
			*block = true;
			return 0;
		}
		return done ? (ssize_t)done : -errno;
	}
	return (ssize_t)done;
}

static ntstatus check(const struct request *rq, const struct smb2_read_req *q)
{
	const struct open *o = rq->open;

	if (q->length > rq->conn->st.max_read)
		return NT_STATUS_INVALID_PARAMETER;
	if (o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_DEVICE_REQUEST;
	if (!(o->access & (FILE_READ_DATA | FILE_EXECUTE)))
		return NT_STATUS_ACCESS_DENIED;
	if (o->kind != OPEN_PIPE && q->offset > (uint64_t)INT64_MAX - q->length)
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

static ssize_t read_stream(struct open *o, void *buf, size_t len, uint64_t off)
{
	ssize_t n = vfs_stream_read(o->fd, o->stream_name, buf, len, off);

	return n == -ENOENT ? 0 : n;
}

ntstatus smb2_read(struct request *rq)
{
	struct open *o = rq->open;
	struct smb2_read_req q;
	struct smb2_wr *w;
	ntstatus status;
	bool block = false;
	uint8_t *body;
	ssize_t n;

	if (!smb2_read_parse(rq->elem, rq->elem_len, &q))
		return NT_STATUS_INVALID_PARAMETER;
	status = check(rq, &q);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (o->kind == OPEN_PIPE)
		return ipc_read(rq, &q);
	if (o->kind == OPEN_STREAM && !rq->on_worker)
		return REQ_WORKER;
	w = reply_begin(rq, READ_BODY + q.length);
	body = w ? wr_space(w, READ_BODY + (uint64_t)q.length) : NULL;
	if (!body)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	if (o->kind == OPEN_STREAM)
		n = read_stream(o, body + READ_BODY, q.length, q.offset);
	else
		n = read_now(rq, o, body + READ_BODY, q.length, q.offset, &block);
	if (block)
		return REQ_WORKER;
	if (n < 0)
		return vfs_errno((int)n);
	if ((n == 0 && q.length) || (size_t)n < q.minimum_count)
		return NT_STATUS_END_OF_FILE;
	w->off = SMB2_HDR_SIZE;
	wr_le16(w, 17);
	wr_u8(w, SMB2_HDR_SIZE + READ_BODY);
	wr_u8(w, 0);
	wr_le32(w, (uint32_t)n);
	wr_le32(w, 0);
	wr_le32(w, 0);
	w->off += (uint64_t)n;
	if (n == 0)
		wr_u8(w, 0); /* StructureSize is odd: one byte of buffer is there */
	atomic_store_explicit(&o->position, q.offset + (uint64_t)n, memory_order_relaxed);
	return NT_STATUS_SUCCESS;
}
