// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_posix.c - what the SMB 3.1.1 POSIX extensions tell of a file: the information class 100 of
 * QUERY_INFO and of listings, and the answer to the create context.
 */
#include "smb2/smb2.h"

/*
 * The mode on the wire is the permission bits, and the type where a client of before that was
 * defined is not misled: it adds S_IFREG or S_IFDIR by itself, so a directory has no type here
 * (which newer clients take for what the attributes say).
 */
static uint32_t wire_mode(uint32_t mode)
{
	uint32_t bits = mode & 07777;

	switch (mode & S_IFMT) {
	case S_IFLNK:
		return bits | 2 << 12;
	case S_IFCHR:
		return bits | 3 << 12;
	case S_IFBLK:
		return bits | 4 << 12;
	case S_IFIFO:
		return bits | 5 << 12;
	case S_IFSOCK:
		return bits | 6 << 12;
	default:
		return bits;
	}
}

void fscc_posix_put_owner(struct smb2_wr *w, const struct vfs_attr *a)
{
	struct sid owner = sid_compose(&sid_unix_users, a->uid);
	struct sid group = sid_compose(&sid_unix_groups, a->gid);

	wr_le32(w, a->nlink);
	wr_le32(w, a->reparse_tag);
	wr_le32(w, wire_mode(a->mode));
	sid_write(w, &owner);
	sid_write(w, &group);
}

void fscc_posix_put(struct smb2_wr *w, const struct vfs_attr *a)
{
	fscc_put_times(w, a);
	wr_le64(w, a->end_of_file);
	wr_le64(w, a->alloc_size);
	wr_le32(w, a->attributes);
	wr_le64(w, a->id.ino);
	wr_le32(w, (uint32_t)(a->id.dev ^ a->id.dev >> 32));
	wr_le32(w, 0);
	fscc_posix_put_owner(w, a);
}

ntstatus fscc_put_posix(struct fscc_query *q)
{
	fscc_posix_put(&q->w, &q->attr);
	return NT_STATUS_SUCCESS;
}
