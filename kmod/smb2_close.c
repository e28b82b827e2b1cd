// SPDX-License-Identifier: GPL-2.0-only
/*
 * smb2_close.c - CLOSE (MS-SMB2 2.2.15, 2.2.16, 3.3.5.10) of a handle that nothing was written
 * through: the daemon gives the capability for no other. The slot says that it is closed before the
 * client can know, and the daemon is told behind everything that went up before.
 */
#include <linux/fs.h>
#include <linux/stat.h>

#include "kmod.h"

#define NTTIME_EPOCH_DELTA 116444736000000000ll

/* MS-DTYP 2.3.3; as the daemon does it. */
static u64 nttime(const struct timespec64 *ts)
{
	s64 nt;

	if (check_mul_overflow((s64)ts->tv_sec, 10000000ll, &nt) ||
	    check_add_overflow(nt, ts->tv_nsec / 100 + NTTIME_EPOCH_DELTA, &nt))
		return ts->tv_sec < 0 ? 1 : S64_MAX;
	return nt > 0 ? nt : 1;
}

static bool put_attributes(struct smb2_wr *w, const struct kh_handle *h)
{
	struct kstat st;

	if (vfs_getattr(&h->file->f_path, &st, STATX_BASIC_STATS, AT_STATX_SYNC_AS_STAT))
		return false;
	wr_le64(w, h->create_time);
	wr_le64(w, nttime(&st.atime));
	wr_le64(w, nttime(&st.mtime));
	wr_le64(w, nttime(&st.ctime));
	wr_le64(w, ALIGN(st.blocks * 512, h->alloc_unit));
	wr_le64(w, st.size);
	wr_le32(w, h->attributes);
	return true;
}

bool kh_smb2_close(struct kh_req *rq)
{
	struct smb2_close_req *q = &rq->close;
	struct kh_conn *c = rq->conn;
	struct kh_up *up;
	u8 body[60];
	struct smb2_wr w = wr_init(body, sizeof(body));

	if (!smb2_close_parse(rq->head, rq->head_len, q) ||
	    q->flags & ~SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB ||
	    !kh_req_handle(rq, &q->fid, KH_USE_CLOSE, 0))
		return false;
	up = kh_up_new(0);
	wr_le16(&w, 60);
	wr_le16(&w, q->flags);
	wr_le32(&w, 0);
	if (!q->flags)
		wr_zero(&w, 52);
	if (!up || (q->flags && !put_attributes(&w, rq->handle)) || !wr_ok(&w) ||
	    !kh_handle_close(rq->handle)) {
		kh_up_free(up);
		kh_handle_done(rq->handle, KH_USE_CLOSE);
		rq->handle = NULL;
		return false;
	}
	kh_up_queue(c, up, 0, KH_UP_CLOSED, 0, 0, rq->handle->opaque);
	kh_tx_simple(rq, NT_STATUS_SUCCESS, body, sizeof(body));
	kh_req_end(rq, NT_STATUS_SUCCESS, 0, 0);
	return true;
}
