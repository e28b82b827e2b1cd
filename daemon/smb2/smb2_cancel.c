// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_cancel.c - CANCEL (MS-SMB2 2.2.30, 3.3.5.16): never answered. */
#include "smb2/smb2.h"

ntstatus smb2_cancel(struct request *rq)
{
	if (rq->on_worker) { /* behind a worker's command in a compound: requests are the reactor's
			      */
		rq->resume = smb2_cancel;
		request_resume(rq);
		return REQ_ASYNC;
	}
	request_cancel(rq->conn, &rq->hdr);
	return REQ_NO_REPLY;
}
