// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_set_info.c - SET_INFO (MS-SMB2 2.2.39, 2.2.40, 3.3.5.21): parses and hands on by type. */
#include "smb2/smb2.h"
#include "state/change.h"

#define SET_INFO_FIXED 32

struct set_info_req {
	uint8_t type, info_class;
	uint32_t additional;
	const uint8_t *buf;
	uint32_t len;
};

static bool set_info_parse(struct request *rq, struct set_info_req *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len), data;
	uint16_t off;

	rd_skip(&r, SMB2_HDR_SIZE + 2);
	q->type = rd_u8(&r);
	q->info_class = rd_u8(&r);
	q->len = rd_le32(&r);
	off = rd_le16(&r);
	rd_skip(&r, 2);
	q->additional = rd_le32(&r);
	if (q->len && off < SMB2_HDR_SIZE + SET_INFO_FIXED)
		rd_fail(&r);
	data = rd_sub(&r, q->len ? off : 0, q->len);
	q->buf = data.buf;
	return rd_ok(&r);
}

/* Pipes keep messages apart whatever the client asks; the values are checked only. */
static ntstatus set_pipe(const struct set_info_req *q)
{
	struct smb2_rd r = rd_init(q->buf, q->len);
	uint32_t read_mode, completion_mode;

	if (q->type != SMB2_0_INFO_FILE || q->info_class != FilePipeInformation)
		return NT_STATUS_NOT_SUPPORTED;
	read_mode = rd_le32(&r);
	completion_mode = rd_le32(&r);
	if (!rd_ok(&r))
		return NT_STATUS_INFO_LENGTH_MISMATCH;
	if (read_mode > 1 || completion_mode > 1)
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

/* Quota limits are an administrator's, and not kept; nothing else of a volume can be set. */
static ntstatus set_fs(uint8_t info_class)
{
	if (info_class == FileFsControlInformation)
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_INVALID_INFO_CLASS;
}

static ntstatus set_by_type(struct request *rq, const struct set_info_req *q)
{
	if (rq->open->kind == OPEN_PIPE)
		return set_pipe(q);
	switch (q->type) {
	case SMB2_0_INFO_FILE:
		return fscc_file_set(rq, q->info_class, q->buf, q->len);
	case SMB2_0_INFO_FILESYSTEM:
		return set_fs(q->info_class);
	case SMB2_0_INFO_SECURITY:
		return set_security(rq, q->additional, q->buf, q->len);
	case SMB2_0_INFO_QUOTA:
		return NT_STATUS_NOT_SUPPORTED;
	default:
		return NT_STATUS_INVALID_PARAMETER;
	}
}

/* FileBasicInformation: 0 and -1, -2 leave a time as it is. */
static uint32_t basic_changes(const struct set_info_req *q)
{
	static const uint32_t times[] = { FILE_NOTIFY_CHANGE_CREATION,
					  FILE_NOTIFY_CHANGE_LAST_ACCESS,
					  FILE_NOTIFY_CHANGE_LAST_WRITE };
	struct smb2_rd r = rd_init(q->buf, q->len);
	uint32_t filter = 0;

	for (size_t i = 0; i < ARRAY_SIZE(times); i++)
		if ((int64_t)rd_le64(&r) > 0)
			filter |= times[i];
	rd_skip(&r, 8);
	return rd_le32(&r) ? filter | FILE_NOTIFY_CHANGE_ATTRIBUTES : filter;
}

/* What was set, for those who watch; renames and links tell it themselves. */
static uint32_t changes(const struct set_info_req *q)
{
	if (q->type == SMB2_0_INFO_SECURITY)
		return FILE_NOTIFY_CHANGE_SECURITY;
	if (q->type != SMB2_0_INFO_FILE)
		return 0;
	switch (q->info_class) {
	case FileBasicInformation:
		return basic_changes(q);
	case FileEndOfFileInformation:
	case FileAllocationInformation:
		return FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE;
	case FileFullEaInformation:
		return FILE_NOTIFY_CHANGE_EA;
	}
	return 0;
}

static void tell(struct open *o, const struct set_info_req *q)
{
	uint32_t filter = o->kind == OPEN_PIPE ? 0 : changes(q);

	if (filter)
		change_open(o, FILE_ACTION_MODIFIED, filter);
}

/* What walks through folders or opens, or frees what may be large, is not. */
static bool is_quick(const struct open *o, const struct set_info_req *q)
{
	if (q->type != SMB2_0_INFO_FILE)
		return false;
	switch (q->info_class) {
	case FileRenameInformation:
	case FileDispositionInformation:
		return o->kind == OPEN_FILE;
	case FileBasicInformation:
	case FilePositionInformation:
	case FileModeInformation:
		return true;
	}
	return false;
}

ntstatus smb2_set_info(struct request *rq)
{
	struct set_info_req q;
	struct smb2_wr *w;
	ntstatus status;

	if (!set_info_parse(rq, &q)) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (q.len > rq->conn->st.max_trans)
		return NT_STATUS_INVALID_PARAMETER;
	if (vfs_quick() && !is_quick(rq->open, &q))
		return vfs_errno(vfs_later());
	status = set_by_type(rq, &q);
	if (status)
		return status;
	if (change_wanted())
		tell(rq->open, &q);
	w = reply_begin(rq, 2);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 2);
	return NT_STATUS_SUCCESS;
}
