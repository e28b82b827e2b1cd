// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_read.c - READ (MS-SMB2 2.2.19, 2.2.20, 3.3.5.12).
 *
 * On the reactor a read takes what the page cache has (RWF_NOWAIT); what would have to wait for a
 * disk is done again on a worker. The bytes are read right behind the reply's header, so there is
 * no copy but the kernel's.
 */
#include "kernel/handles.h"
#include "smb2/smb2.h"

#include <fcntl.h>

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

/* ---- large plain reads: page-cache pages go to the socket without a copy ---- */

#define SPLICE_MIN (64u << 10) /* below, a copy is cheaper: it stays in the cache */

/* The pages must be whole slots of the pipe, and nobody may have to touch the bytes. */
static bool may_splice(const struct request *rq, const struct smb2_read_req *q)
{
	const struct element *el = &rq->elements[rq->cur];

	return q->length >= SPLICE_MIN && q->length <= PIPE_BYTES && q->offset % 4096 == 0 &&
	       rq->n == 1 && !rq->sealed && !el->signed_ && rq->open->kind == OPEN_FILE &&
	       !conn_attached(rq->conn);
}

/* Are first and last page here already, so that a splice will not wait for the disk? */
static bool looks_cached(struct open *o, const struct smb2_read_req *q)
{
	uint64_t ends[2] = { q->offset, q->offset + q->length - 1 };

	if (o->memory)
		return true;
	for (int i = 0; i < 2; i++) {
		uint8_t byte;
		struct iovec iov = { &byte, 1 };

		if (preadv2(o->fd, &iov, 1, (off_t)ends[i], RWF_NOWAIT) < 0)
			return false;
	}
	return true;
}

/* Bytes that are in rq->out's pipe now, 0 at the end of the file, -errno. */
static ssize_t splice_in(struct open *o, const struct smb2_read_req *q, int in)
{
	loff_t off = (loff_t)q->offset;
	size_t done = 0;

	while (done < q->length) {
		ssize_t n = splice(o->fd, &off, in, NULL, q->length - done,
				   SPLICE_F_MOVE | SPLICE_F_NONBLOCK);

		if (n > 0)
			done += (size_t)n;
		else if (n == 0 || errno == EAGAIN) /* end of file; a full pipe */
			break;
		else if (errno != EINTR)
			return done ? (ssize_t)done : -errno;
	}
	return (ssize_t)done;
}

static void body_put(struct smb2_wr *w, uint32_t n)
{
	wr_le16(w, 17);
	wr_u8(w, SMB2_HDR_SIZE + READ_BODY);
	wr_u8(w, 0);
	wr_le32(w, n);
	wr_le32(w, 0);
	wr_le32(w, 0);
}

/* Status of a read that gave n bytes. */
static ntstatus outcome(const struct smb2_read_req *q, ssize_t n)
{
	if (n < 0)
		return vfs_errno((int)n);
	if ((n == 0 && q->length) || (size_t)n < q->minimum_count)
		return NT_STATUS_END_OF_FILE;
	return NT_STATUS_SUCCESS;
}

/* *status is the answer; false: read by copy. */
static bool read_splice(struct request *rq, const struct smb2_read_req *q, ntstatus *status)
{
	struct open *o = rq->open;
	struct smb2_wr *w;
	int p[2];
	ssize_t n;

	if (!may_splice(rq, q) || !pipe_get(p))
		return false;
	if (!rq->on_worker && !looks_cached(o, q)) {
		pipe_put(p, true);
		*status = REQ_WORKER;
		return true;
	}
	n = splice_in(o, q, p[1]);
	*status = outcome(q, n);
	w = *status == NT_STATUS_SUCCESS ? reply_begin(rq, READ_BODY) : NULL;
	if (!w) {
		pipe_put(p, n == 0);
		if (*status == NT_STATUS_SUCCESS)
			*status = NT_STATUS_INSUFFICIENT_RESOURCES;
		return n != -EINVAL; /* a file system without splice */
	}
	body_put(w, (uint32_t)n);
	rq->out->pipe[0] = p[0];
	rq->out->pipe[1] = p[1];
	rq->out->pipe_len = (size_t)n;
	handle_position_set(o, q->offset + (uint64_t)n);
	return true;
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
	status = lock_check_io(o, q.offset, q.length, false);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (o->kind == OPEN_STREAM && !rq->on_worker)
		return REQ_WORKER;
	if (read_splice(rq, &q, &status))
		return status;
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
	status = outcome(&q, n);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w->off = SMB2_HDR_SIZE;
	body_put(w, (uint32_t)n);
	w->off += (uint64_t)n;
	if (n == 0)
		wr_u8(w, 0); /* StructureSize is odd: one byte of buffer is there */
	handle_position_set(o, q.offset + (uint64_t)n);
	return NT_STATUS_SUCCESS;
}
