// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_oplock_break.c - OPLOCK_BREAK: notifications (MS-SMB2 2.2.23.1, 3.3.4.6) and their
 * acknowledgements (2.2.24.1, 3.3.5.22.1). Leases are not granted.
 */
#include "smb2/smb2.h"

#define NOTIFICATION_SIZE 24
#define LEASE_SIZE	  36 /* 2.2.24.2 */

/* ---- notifications ---- */

static bool notification_wanted(void *arg)
{
	struct open *o = arg;

	return !atomic_load(&o->leaving);
}

static void notification_done(void *arg, bool delivered)
{
	struct open *o = arg;

	if (!delivered)
		oplock_lost(o);
	open_put(o);
}

bool oplock_notify(struct open *o, uint8_t level)
{
	static const struct notification_ops ops = { notification_wanted, notification_done };
	struct notification_to to = { .sealed = o->session->encrypt || o->tree->encrypt };
	uint8_t body[NOTIFICATION_SIZE];
	struct smb2_wr w = wr_init(body, sizeof(body));

	wr_le16(&w, NOTIFICATION_SIZE);
	wr_u8(&w, level);
	wr_zero(&w, 5);
	wr_le64(&w, o->persistent);
	wr_le64(&w, o->vol);
	if (notification_send(o->session, &to, body, sizeof(body), &ops, open_get(o)))
		return true;
	open_put(o);
	return false;
}

/* ---- acknowledgements ---- */

ntstatus smb2_oplock_break(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	struct smb2_fid fid;
	struct smb2_wr *w;
	uint16_t size;
	ntstatus status;
	uint8_t level;

	rd_skip(&r, SMB2_HDR_SIZE);
	size = rd_le16(&r);
	if (size == LEASE_SIZE && rq->elem_len >= SMB2_HDR_SIZE + LEASE_SIZE)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND; /* nobody has a lease */
	level = rd_u8(&r);
	rd_skip(&r, 5);
	fid = rd_fid(&r);
	if (!rd_ok(&r) || size != NOTIFICATION_SIZE)
		return NT_STATUS_INVALID_PARAMETER;
	status = request_open(rq, fid);
	if (status == NT_STATUS_SUCCESS)
		status = oplock_acknowledge(rq->open, level);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = reply_begin(rq, NOTIFICATION_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, NOTIFICATION_SIZE);
	wr_u8(w, level);
	wr_zero(w, 5);
	wr_le64(w, rq->open->persistent);
	wr_le64(w, rq->open->vol);
	return NT_STATUS_SUCCESS;
}
