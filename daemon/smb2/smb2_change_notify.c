// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_change_notify.c - MS-SMB2 3.3.5.19. A watch waits until it is cancelled or its directory is
 * closed. Changes are not reported yet: what they need (state/notify.c) is not written.
 */
#include "smb2/smb2.h"

static ntstatus resume(struct request *rq)
{
	struct smb2_wr *w;

	if (rq->resume_status == NT_STATUS_SUCCESS)
		return smb2_change_notify(rq);
	if (rq->resume_status != NT_STATUS_FILE_CLOSED)
		return rq->resume_status;
	w = reply_begin(rq, 8);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 9);
	wr_le16(w, 0);
	wr_le32(w, 0);
	return NT_STATUS_NOTIFY_CLEANUP;
}

ntstatus smb2_change_notify(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	const struct open *o = rq->open;
	uint32_t out_len, filter;

	rd_skip(&r, SMB2_HDR_SIZE + 4);
	out_len = rd_le32(&r);
	(void)rd_fid(&r);
	filter = rd_le32(&r);
	if (!rd_ok(&r) || out_len > rq->conn->st.max_trans || !filter) {
		stats_bad(BAD_parameter);
		return NT_STATUS_INVALID_PARAMETER;
	}
	if (o->kind != OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (!(o->access & FILE_LIST_DIRECTORY))
		return NT_STATUS_ACCESS_DENIED;
	if (!rq->tree->share->change_notify)
		return NT_STATUS_NOT_IMPLEMENTED;
	return open_wait(rq, NULL, resume);
}
