// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_query_info.c - QUERY_INFO (MS-SMB2 2.2.37, 3.3.5.20): parses, asks the classes in fscc_*.c,
 * and cuts their answer to the client's buffer.
 */
#include "smb2/smb2.h"

#define QUERY_INFO_FIXED 40

#define SL_RETURN_SINGLE_ENTRY 0x00000002u

struct query_info_req {
	uint8_t type, info_class;
	uint32_t max; /* OutputBufferLength */
	uint32_t additional, flags;
	uint32_t in_len;
	const uint8_t *in;
};

static bool query_info_parse(struct request *rq, struct query_info_req *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), in;
	uint16_t in_off;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->type = rd_u8(&r);
	q->info_class = rd_u8(&r);
	q->max = rd_le32(&r);
	in_off = rd_le16(&r);
	rd_skip(&r, 2);
	q->in_len = rd_le32(&r);
	q->additional = rd_le32(&r);
	q->flags = rd_le32(&r);
	if (q->in_len && in_off < SMB2_HDR_SIZE + QUERY_INFO_FIXED)
		rd_fail(&r);
	in = rd_sub(&r, q->in_len ? in_off : 0, q->in_len);
	q->in = in.buf;
	return rd_ok(&r);
}

ntstatus reply_info(struct request *rq, const void *data, size_t len)
{
	struct smb2_wr *w = reply_begin(rq, 8 + len);

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 9);
	wr_le16(w, SMB2_HDR_SIZE + 8);
	wr_le32(w, (uint32_t)len);
	wr_bytes(w, data, len);
	return wr_ok(w) ? NT_STATUS_SUCCESS : NT_STATUS_INTERNAL_ERROR;
}

/* Sends what w holds, or the part of it that the client has room for. */
static ntstatus reply_query(struct request *rq, const struct fscc_query *q, uint32_t max)
{
	ntstatus status;

	if (!wr_ok(&q->w))
		return NT_STATUS_INTERNAL_ERROR;
	if (max < q->fixed)
		return NT_STATUS_INFO_LENGTH_MISMATCH;
	status = reply_info(rq, q->w.buf, MIN(q->w.off, (uint64_t)max));
	if (!status && q->w.off > max)
		return NT_STATUS_BUFFER_OVERFLOW;
	return status;
}

static ntstatus query_file(struct request *rq, const struct query_info_req *in)
{
	_cleanup_fscc_query_ struct fscc_query q;
	ntstatus status;

	fscc_query_init(&q, rq->open);
	q.dialect = rq->conn->st.dialect;
	q.in = in->in;
	q.in_len = in->in_len;
	q.single = in->flags & SL_RETURN_SINGLE_ENTRY;
	if (rq->open->kind == OPEN_PIPE)
		status = fscc_pipe_query(&q, in->info_class);
	else
		status = fscc_file_query(&q, in->info_class);
	return status ? status : reply_query(rq, &q, in->max);
}

static ntstatus query_fs(struct request *rq, const struct query_info_req *in)
{
	_cleanup_fscc_query_ struct fscc_query q;
	ntstatus status;

	if (rq->open->kind == OPEN_PIPE)
		return NT_STATUS_NOT_SUPPORTED;
	fscc_query_init(&q, rq->open);
	status = fscc_fs_query(&q, in->info_class);
	return status ? status : reply_query(rq, &q, in->max);
}

ntstatus smb2_query_info(struct request *rq)
{
	struct query_info_req in;

	if (!query_info_parse(rq, &in)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (in.max > rq->conn->st.max_trans || in.in_len > rq->conn->st.max_trans)
		return NT_STATUS_INVALID_PARAMETER;

	switch (in.type) {
	case SMB2_0_INFO_FILE:
		return query_file(rq, &in);
	case SMB2_0_INFO_FILESYSTEM:
		return query_fs(rq, &in);
	case SMB2_0_INFO_SECURITY:
		if (rq->open->kind == OPEN_PIPE)
			return NT_STATUS_NOT_SUPPORTED;
		return query_security(rq, in.additional, in.max);
	case SMB2_0_INFO_QUOTA:
		return NT_STATUS_NOT_SUPPORTED;
	default:
		return NT_STATUS_INVALID_PARAMETER;
	}
}
