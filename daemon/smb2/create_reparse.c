// SPDX-License-Identifier: GPL-2.0-or-later
/* create_reparse.c - the answer to a CREATE that met a symlink (MS-SMB2 2.2.2, 2.2.2.2.1). */
#include "core/utf16.h"
#include "smb2/reparse.h"

#define ERROR_FIXED   8
#define CONTEXT_FIXED 8

ntstatus create_stopped(struct request *rq, const struct vfs_path *p, bool posix)
{
	bool context = rq->conn->st.dialect >= SMB2_DIALECT_311;
	_cleanup_vfs_special_ struct vfs_special sp = { 0 };
	int rest = p->rest ? utf8_utf16_len(p->rest, strlen(p->rest)) : 0;
	uint64_t start, link;
	struct smb2_wr *w;

	if (vfs_special_get(p->fd, &sp) < 0 || !sp.target || rest < 0 || rest > UINT16_MAX)
		return NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED;
	w = reply_begin(rq, ERROR_FIXED + CONTEXT_FIXED + 8 + REPARSE_SYMLINK_MAX);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 9);
	wr_u8(w, context); /* ErrorContextCount */
	wr_u8(w, 0);
	wr_le32(w, 0);
	start = w->off;
	if (context) {
		wr_le32(w, 0);
		wr_le32(w, 0); /* SMB2_ERROR_ID_DEFAULT */
	}
	link = w->off;
	wr_le32(w, 0);
	wr_le32(w, SYMLINK_ERROR_TAG);
	if (!reparse_put_symlink(w, sp.target, posix, (uint16_t)rest))
		return NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED;
	wr_patch_le32(w, link, (uint32_t)(w->off - link - 4)); /* SymLinkLength */
	wr_patch_le32(w, start - 4, (uint32_t)(w->off - start));
	if (context)
		wr_patch_le32(w, start, (uint32_t)(w->off - link));
	rq->body_on_error = true;
	return NT_STATUS_STOPPED_ON_SYMLINK;
}
