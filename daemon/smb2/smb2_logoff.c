// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_logoff.c - LOGOFF (MS-SMB2 2.2.7, 2.2.8, 3.3.5.6). */
#include "smb2/smb2.h"

ntstatus smb2_logoff(struct request *rq)
{
	struct smb2_wr *w;

	session_lost(rq->session); /* durable opens may be claimed by a later session */
	w = reply_begin(rq, 4);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 4);
	wr_le16(w, 0);
	return NT_STATUS_SUCCESS;
}
