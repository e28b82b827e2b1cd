// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_posix.c - the create context of the SMB 3.1.1 POSIX extensions. A client that sends it
 * means names with regard to case, symlinks as they are, and the mode that it gives.
 */
#include "smb2/create.h"

#define CONTEXT_DATA 44

/* What cifs.ko sends when it has no mode (ACL_NO_MODE, 16 bits). */
static bool no_mode(uint32_t mode)
{
	return mode == UINT16_MAX || mode == UINT32_MAX;
}

mode_t create_posix_allowed(const struct tree *t, bool is_dir, mode_t mode)
{
	const char *user = t->share->force_user, *group = t->share->force_group;
	bool lent = (user && *user) || (group && *group);

	return mode & (lent && !is_dir ? 01777 : 07777);
}

bool create_posix_mode(const struct create *q, bool is_dir, mode_t *mode)
{
	const struct vfs_options *o = &q->tree->vfs->opt;

	if (!q->ctx.posix || no_mode(q->ctx.posix_mode))
		return false;
	/* The masks of the share are for clients that know no modes. */
	*mode = create_posix_allowed(q->tree, is_dir, q->ctx.posix_mode) |
		(is_dir ? o->force_directory_mode : o->force_create_mode);
	return true;
}

uint32_t create_posix_free(const struct create *q)
{
	uint32_t rights = FILE_READ_ATTRIBUTES | SEC_STD_SYNCHRONIZE;

	if (q->tree->token && q->tree->token->uid == q->loc.attr.uid)
		rights |= FILE_WRITE_ATTRIBUTES | SEC_STD_READ_CONTROL | SEC_STD_WRITE_DAC;
	return rights;
}

void create_posix_put(const struct create *q, struct smb2_wr *w, uint64_t *prev,
		      const struct vfs_attr *a)
{
	uint64_t start;

	if (!q->ctx.posix)
		return;
	wr_align(w, 8);
	start = w->off;
	if (*prev)
		wr_patch_le32(w, *prev, (uint32_t)(start - *prev));
	*prev = start;
	wr_le32(w, 0);
	wr_le16(w, 16);
	wr_le16(w, sizeof(posix_extensions_guid));
	wr_le16(w, 0);
	wr_le16(w, 16 + sizeof(posix_extensions_guid));
	wr_le32(w, CONTEXT_DATA);
	wr_bytes(w, posix_extensions_guid, sizeof(posix_extensions_guid));
	fscc_posix_put_owner(w, a);
	wr_align(w, 8);
}
