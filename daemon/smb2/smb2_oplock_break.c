// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * smb2_oplock_break.c - OPLOCK_BREAK acknowledgements (MS-SMB2 3.3.5.22). This server grants no
 * oplock and no lease yet, so there is nothing that a client could acknowledge.
 */
#include "smb2/smb2.h"

ntstatus smb2_oplock_break(struct request *rq)
{
	struct smb2_rd r = rd_init(rq->elem + SMB2_HDR_SIZE, rq->elem_len - SMB2_HDR_SIZE);
	uint16_t size = rd_le16(&r); /* 24: an oplock, 36: a lease */

	if ((size != 24 && size != 36) || rq->elem_len - SMB2_HDR_SIZE < size)
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_INVALID_DEVICE_STATE;
}
