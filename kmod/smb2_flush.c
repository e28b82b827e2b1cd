// SPDX-License-Identifier: GPL-2.0-only
/* smb2_flush.c - FLUSH (MS-SMB2 2.2.17, 2.2.18, 3.3.5.11): answered when it is on disk. */
#include <linux/kcov.h>

#include "kmod.h"

static void sync_work(struct work_struct *work)
{
	static const u8 body[4] = { 4 };
	struct kh_req *rq = container_of(work, struct kh_req, work);
	int err;

	kcov_remote_start_common(rq->conn->kcov_handle);
	err = vfs_fsync(rq->handle->file, 0);
	if (err) {
		kh_req_fail(rq, smb2_status_of_errno(err));
	} else {
		kh_tx_simple(rq, NT_STATUS_SUCCESS, body, sizeof(body));
		kh_req_end(rq, NT_STATUS_SUCCESS, 0, 0);
	}
	kcov_remote_stop();
}

bool kh_smb2_flush(struct kh_req *rq)
{
	struct smb2_rd r = rd_init(rq->head, rq->head_len);
	static const u8 body[4] = { 4 };
	struct smb2_fid fid;

	rd_skip(&r, SMB2_HDR_SIZE + 8);
	fid = rd_fid(&r);
	if (!rd_ok(&r) ||
	    !kh_req_handle(rq, &fid, KH_USE_FLUSH, FILE_WRITE_DATA | FILE_APPEND_DATA))
		return false;
	if (rq->handle->flags & KH_HANDLE_SYNC && !(rq->handle->flags & KH_HANDLE_MEMORY)) {
		if (kh_req_defer(rq, sync_work, 0))
			return true;
		kh_handle_done(rq->handle, KH_USE_FLUSH);
		rq->handle = NULL;
		return false;
	}
	kh_tx_simple(rq, NT_STATUS_SUCCESS, body, sizeof(body));
	kh_req_end(rq, NT_STATUS_SUCCESS, 0, 0);
	return true;
}
