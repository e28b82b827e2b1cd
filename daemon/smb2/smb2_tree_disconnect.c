// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_tree_disconnect.c - MS-SMB2 3.3.5.8. */
#include "smb2/smb2.h"

ntstatus smb2_tree_disconnect(struct request *rq)
{
	struct smb2_wr *w;

	tree_destroy(rq->session, rq->tree);
	w = reply_begin(rq, 4);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 4);
	wr_le16(w, 0);
	return NT_STATUS_SUCCESS;
}
