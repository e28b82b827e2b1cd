// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_echo.c - ECHO (MS-SMB2 2.2.28, 2.2.29, 3.3.5.17). */
#include "smb2/smb2.h"

ntstatus smb2_echo(struct request *rq)
{
	struct smb2_wr *w = reply_begin(rq, 4);

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 4);
	wr_le16(w, 0);
	return NT_STATUS_SUCCESS;
}
