// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_flush.c - FLUSH (MS-SMB2 2.2.17, 2.2.18, 3.3.5.11): answered when it is on disk. */
#include "smb2/smb2.h"
#include "state/change.h"

ntstatus smb2_flush(struct request *rq)
{
	struct open *o = rq->open;
	struct smb2_wr *w;
	int err = 0;

	if (o->kind != OPEN_PIPE) {
		uint32_t need = o->kind == OPEN_DIR ? FILE_ADD_FILE | FILE_ADD_SUBDIRECTORY
						    : FILE_WRITE_DATA | FILE_APPEND_DATA;

		if (!(o->access & need))
			return NT_STATUS_ACCESS_DENIED;
		write_time_flush(o);
		change_written(o, true);
		if (o->tree->share->strict_sync)
			err = vfs_sync(o->fd, false);
	}
	if (err < 0)
		return vfs_errno(err);
	w = reply_begin(rq, 4);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 4);
	wr_le16(w, 0);
	return NT_STATUS_SUCCESS;
}
