// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_oplock_break.c - OPLOCK_BREAK: acknowledgements of oplocks and leases (MS-SMB2 2.2.24,
 * 3.3.5.22).
 */
#include "smb2/smb2.h"
#include "state/lease.h"

#define OPLOCK_SIZE 24
#define LEASE_SIZE  36 /* 2.2.24.2 */

static ntstatus acknowledge_lease(struct request *rq, struct smb2_rd *r)
{
	uint8_t key[LEASE_KEY_SIZE];
	ntstatus status;
	struct smb2_wr *w;
	uint32_t state;

	rd_skip(r, 2 + 4);
	rd_copy(r, key, sizeof(key));
	state = rd_le32(r);
	status = lease_acknowledge(rq->session->client_guid, key, state);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = reply_begin(rq, LEASE_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, LEASE_SIZE);
	wr_zero(w, 2 + 4);
	wr_bytes(w, key, sizeof(key));
	wr_le32(w, state);
	wr_zero(w, 8);
	return NT_STATUS_SUCCESS;
}

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
		return acknowledge_lease(rq, &r);
	level = rd_u8(&r);
	rd_skip(&r, 5);
	fid = rd_fid(&r);
	if (!rd_ok(&r) || size != OPLOCK_SIZE)
		return NT_STATUS_INVALID_PARAMETER;
	status = request_open(rq, fid);
	if (status == NT_STATUS_SUCCESS)
		status = oplock_acknowledge(rq->open, level);
	if (status != NT_STATUS_SUCCESS)
		return status;
	w = reply_begin(rq, OPLOCK_SIZE);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, OPLOCK_SIZE);
	wr_u8(w, level);
	wr_zero(w, 5);
	wr_le64(w, rq->open->persistent);
	wr_le64(w, rq->open->vol);
	return NT_STATUS_SUCCESS;
}
