// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_ioctl.c - IOCTL (MS-SMB2 2.2.31, 2.2.32, 3.3.5.15): the table of FSCTLs. */
#include "smb2/ioctl.h"
#include "state/change.h"

#define FIXED_SIZE 56 /* of the request's body, without Buffer */
#define REPLY_SIZE 48

enum subject {
	NO_FILE, /* FileId is all ones */
	FILE_,	 /* a file, stream or directory */
	PIPE,
};

struct row {
	uint32_t code;
	enum subject subject;
	ntstatus fixed; /* the answer of one that is not implemented; fn is NULL then */
	ioctl_fn *fn;
};

static const struct row rows[] = {
	{ FSCTL_DFS_GET_REFERRALS, NO_FILE, 0, ioctl_dfs_get_referrals },
	{ FSCTL_DFS_GET_REFERRALS_EX, NO_FILE, 0, ioctl_dfs_get_referrals },
	{ FSCTL_VALIDATE_NEGOTIATE_INFO, NO_FILE, 0, ioctl_validate_negotiate_info },
	{ FSCTL_QUERY_NETWORK_INTERFACE_INFO, NO_FILE, 0, ioctl_query_network_interface_info },
	{ FSCTL_PIPE_WAIT, NO_FILE, 0, ioctl_pipe_wait },
	{ FSCTL_PIPE_TRANSCEIVE, PIPE, 0, ioctl_pipe_transceive },
	{ FSCTL_PIPE_PEEK, PIPE, 0, ioctl_pipe_peek },
	{ FSCTL_SRV_REQUEST_RESUME_KEY, FILE_, 0, ioctl_srv_request_resume_key },
	{ FSCTL_SRV_COPYCHUNK, FILE_, 0, ioctl_srv_copychunk },
	{ FSCTL_SRV_COPYCHUNK_WRITE, FILE_, 0, ioctl_srv_copychunk },
	{ FSCTL_SRV_ENUMERATE_SNAPSHOTS, FILE_, 0, ioctl_srv_enumerate_snapshots },
	{ FSCTL_SET_SPARSE, FILE_, 0, ioctl_set_sparse },
	{ FSCTL_QUERY_ALLOCATED_RANGES, FILE_, 0, ioctl_query_allocated_ranges },
	{ FSCTL_SET_ZERO_DATA, FILE_, 0, ioctl_set_zero_data },
	{ FSCTL_FILE_LEVEL_TRIM, FILE_, 0, ioctl_file_level_trim },
	{ FSCTL_GET_COMPRESSION, FILE_, 0, ioctl_get_compression },
	{ FSCTL_SET_COMPRESSION, FILE_, 0, ioctl_set_compression },
	{ FSCTL_CREATE_OR_GET_OBJECT_ID, FILE_, 0, ioctl_create_or_get_object_id },
	{ FSCTL_GET_OBJECT_ID, FILE_, 0, ioctl_create_or_get_object_id }, /* all have one */
	{ FSCTL_QUERY_FILE_REGIONS, FILE_, 0, ioctl_query_file_regions },
	{ FSCTL_DUPLICATE_EXTENTS_TO_FILE, FILE_, 0, ioctl_duplicate_extents },
	{ FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX, FILE_, 0, ioctl_duplicate_extents },
	{ FSCTL_GET_INTEGRITY_INFORMATION, FILE_, 0, ioctl_get_integrity },
	{ FSCTL_SET_INTEGRITY_INFORMATION, FILE_, 0, ioctl_set_integrity },
	{ FSCTL_GET_REPARSE_POINT, FILE_, 0, ioctl_get_reparse_point },
	{ FSCTL_SET_REPARSE_POINT, FILE_, 0, ioctl_set_reparse_point },
	{ FSCTL_DELETE_REPARSE_POINT, FILE_, 0, ioctl_delete_reparse_point },
	{ FSCTL_IS_PATHNAME_VALID, FILE_, NT_STATUS_SUCCESS, NULL },	    /* as Windows: always */
	{ FSCTL_SRV_READ_HASH, FILE_, NT_STATUS_HASH_NOT_SUPPORTED, NULL }, /* 3.3.5.15.7 */
	{ FSCTL_LMR_REQUEST_RESILIENCY, FILE_, NT_STATUS_INVALID_DEVICE_REQUEST, NULL },
	/* MS-FSA 2.1.5.10.18: as a file system without; clients copy by COPYCHUNK then */
	{ FSCTL_OFFLOAD_READ, FILE_, NT_STATUS_INVALID_DEVICE_REQUEST, NULL },
	{ FSCTL_OFFLOAD_WRITE, FILE_, NT_STATUS_INVALID_DEVICE_REQUEST, NULL },
};

static const struct row *find_row(uint32_t code)
{
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
		if (rows[i].code == code)
			return &rows[i];
	return NULL;
}

struct smb2_wr *ioctl_reply(struct request *rq, struct ioctl *q, size_t max)
{
	struct smb2_wr *w = reply_begin(rq, REPLY_SIZE + MAX(max, 1));

	if (!w)
		return NULL;
	wr_le16(w, REPLY_SIZE + 1);
	wr_le16(w, 0);
	wr_le32(w, q->code);
	wr_le64(w, q->fid.persistent);
	wr_le64(w, q->fid.vol);
	wr_le32(w, SMB2_HDR_SIZE + REPLY_SIZE);
	wr_le32(w, 0);
	wr_le32(w, SMB2_HDR_SIZE + REPLY_SIZE);
	wr_le32(w, 0); /* OutputCount: reply_end() */
	wr_le32(w, 0);
	wr_le32(w, 0);
	q->out_at = w->off;
	return w;
}

static ntstatus reply_end(struct request *rq, struct ioctl *q, ntstatus status)
{
	if (nt_is_error(status) && !rq->body_on_error)
		return status;
	if (!q->out_at && !ioctl_reply(rq, q, 0))
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_patch_le32(&rq->w, q->out_at - 12, (uint32_t)(rq->w.off - q->out_at));
	return status;
}

/* False: INVALID_PARAMETER. */
static bool parse(struct request *rq, struct ioctl *q, uint32_t *flags)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), in, out;
	uint32_t in_off, out_off, out_len, max_in, max = rq->conn->st.max_trans;

	rd_skip(&r, SMB2_HDR_SIZE + 4);
	q->code = rd_le32(&r);
	q->fid = rd_fid(&r);
	in_off = rd_le32(&r);
	q->in_len = rd_le32(&r);
	max_in = rd_le32(&r);
	out_off = rd_le32(&r);
	out_len = rd_le32(&r);
	q->max_out = rd_le32(&r);
	*flags = rd_le32(&r);
	if (q->in_len && in_off < SMB2_HDR_SIZE + FIXED_SIZE)
		rd_fail(&r);
	if (out_len &&
	    (out_off < SMB2_HDR_SIZE + FIXED_SIZE || (uint64_t)in_off + q->in_len > out_off))
		rd_fail(&r);
	in = rd_sub(&r, q->in_len ? in_off : 0, q->in_len);
	out = rd_sub(&r, out_len ? out_off : 0, out_len);
	q->in = in.buf;
	return rd_ok(&out) && rd_ok(&r) && q->in_len <= max && q->max_out <= max && max_in <= max;
}

/* What an FSCTL that nobody implements here is told, by the kind of the share (3.3.5.15). */
static ntstatus unknown(const struct request *rq)
{
	return rq->tree->ipc ? NT_STATUS_FS_DRIVER_REQUIRED : NT_STATUS_INVALID_DEVICE_REQUEST;
}

static ntstatus check_subject(const struct request *rq, const struct row *row)
{
	bool pipe = rq->open && rq->open->kind == OPEN_PIPE;

	if (row->subject == PIPE && !pipe)
		return NT_STATUS_NOT_SUPPORTED;
	if (row->subject == FILE_ && pipe)
		return NT_STATUS_FS_DRIVER_REQUIRED;
	return NT_STATUS_SUCCESS;
}

/* What an FSCTL changed of the file, for those who watch. */
static void tell(struct open *o, uint32_t code)
{
	switch (code) {
	case FSCTL_SET_ZERO_DATA:
	case FSCTL_FILE_LEVEL_TRIM:
	case FSCTL_SRV_COPYCHUNK:
	case FSCTL_SRV_COPYCHUNK_WRITE:
	case FSCTL_DUPLICATE_EXTENTS_TO_FILE:
	case FSCTL_DUPLICATE_EXTENTS_TO_FILE_EX:
		change_written(o, false);
		break;
	case FSCTL_SET_SPARSE:
	case FSCTL_SET_REPARSE_POINT:
	case FSCTL_DELETE_REPARSE_POINT:
		change_open(o, FILE_ACTION_MODIFIED, FILE_NOTIFY_CHANGE_ATTRIBUTES);
		break;
	}
}

ntstatus smb2_ioctl(struct request *rq)
{
	struct ioctl q = { 0 };
	const struct row *row;
	ntstatus status;
	uint32_t flags;

	if (!parse(rq, &q, &flags)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (flags != SMB2_0_IOCTL_IS_FSCTL)
		return NT_STATUS_NOT_SUPPORTED;
	row = find_row(q.code);
	if (row && row->subject == NO_FILE) {
		if (q.fid.vol != UINT64_MAX || q.fid.persistent != UINT64_MAX)
			return NT_STATUS_INVALID_PARAMETER;
	} else {
		/* Already on the reactor: a CLOSE that comes behind this must not overtake it. */
		status = rq->open ? NT_STATUS_SUCCESS : request_open(rq, q.fid);
		if (status != NT_STATUS_SUCCESS)
			return status;
		q.fid = (struct smb2_fid) { rq->open->persistent, rq->open->vol };
	}
	if (!row)
		return unknown(rq);
	status = check_subject(rq, row);
	if (status == NT_STATUS_SUCCESS && row->fn && !rq->on_worker)
		return REQ_WORKER;
	if (status == NT_STATUS_SUCCESS)
		status = row->fn ? row->fn(rq, &q) : row->fixed;
	if (status == NT_STATUS_SUCCESS && change_wanted() && rq->open)
		tell(rq->open, q.code);
	return reply_end(rq, &q, status);
}
