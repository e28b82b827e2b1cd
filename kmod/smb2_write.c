// SPDX-License-Identifier: GPL-2.0-only
/*
 * smb2_write.c - WRITE (MS-SMB2 2.2.21, 2.2.22, 3.3.5.13).
 *
 * The data is here in full, and verified if it came signed or sealed; it goes to the file with one
 * copy, and is answered after the file system took all of it.
 */
#include <linux/cred.h>
#include <linux/uio.h>

#include "kmod.h"

static bool check(const struct kh_req *rq, const struct smb2_write_req *q)
{
	return q->length && q->length <= rq->conn->max_write && !q->channel &&
	       q->offset <= S64_MAX - q->length && kh_req_charge_ok(rq, q->length);
}

static int write_all(struct file *file, struct iov_iter *it, u64 offset, bool through)
{
	loff_t pos = offset;

	while (iov_iter_count(it)) {
		ssize_t n = vfs_iter_write(file, it, &pos, through ? RWF_DSYNC : 0);

		if (n == 0)
			return -ENOSPC;
		if (n < 0 && n != -EINTR)
			return n;
	}
	return 0;
}

static void reply(struct kh_req *rq)
{
	u8 body[17] = { 17 };

	kh_put_le32(body + 4, rq->write.length);
	kh_tx_simple(rq, NT_STATUS_SUCCESS, body, sizeof(body));
}

bool kh_smb2_write(struct kh_req *rq)
{
	struct smb2_write_req *q = &rq->write;
	const struct cred *old;
	struct kh_handle_slot *slot;
	struct kh_handle *h;
	bool through;
	int err;

	if (!smb2_write_parse_head(rq->head, rq->head_len, q) || !check(rq, q) ||
	    !kh_req_handle(rq, &q->fid, KH_USE_WRITE, FILE_WRITE_DATA))
		return false;
	h = rq->handle;
	slot = h->slot;
	through = q->flags & SMB2_WRITEFLAG_WRITE_THROUGH || h->flags & KH_HANDLE_WRITE_THROUGH;
	old = override_creds(h->file->f_cred);
	err = write_all(h->file, rq->data, q->offset, through);
	revert_creds(old);
	kh_maps_add(&slot->writes, 1);
	WRITE_ONCE(slot->last_ns, rq->start_ns);
	if (err) {
		kh_req_fail(rq, smb2_status_of_errno(err));
		return true;
	}
	kh_maps_add(&slot->write_bytes, q->length);
	WRITE_ONCE(slot->end, q->offset + q->length);
	reply(rq);
	kh_req_end(rq, NT_STATUS_SUCCESS, q->length, 0);
	return true;
}
