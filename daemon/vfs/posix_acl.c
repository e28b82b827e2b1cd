// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * posix_acl.c - mode bits and POSIX ACLs of a file, read and written as the kernel has them. The
 * xattrs are used directly, not libacl: descriptors may be O_PATH, the order of entries goes into
 * a hash, and an open must not cost allocations.
 */
#include "vfs/acl.h"
#include "vfs/vfs.h"

#define XATTR_ACCESS  "system.posix_acl_access"
#define XATTR_DEFAULT "system.posix_acl_default"
#define ACL_VERSION   2 /* linux/posix_acl_xattr.h */

#define USUAL 16 /* entries: few lists have more */

static void acl_from_mode(uint32_t mode, struct posix_acl *out)
{
	out->n = 3;
	out->e[0] = (struct posix_ace) { POSIX_USER_OBJ, mode >> 6 & 7, 0 };
	out->e[1] = (struct posix_ace) { POSIX_GROUP_OBJ, mode >> 3 & 7, 0 };
	out->e[2] = (struct posix_ace) { POSIX_OTHER, mode & 7, 0 };
}

static int acl_decode(const void *buf, size_t len, struct posix_acl *out)
{
	struct smb2_rd r = rd_init(buf, len);
	size_t n = len < 4 ? 0 : (len - 4) / 8;

	if (rd_le32(&r) != ACL_VERSION || (len - 4) % 8 || n > POSIX_ACL_MAX)
		return -EINVAL;
	out->n = (unsigned int)n;
	for (size_t i = 0; i < n; i++) {
		out->e[i].tag = rd_le16(&r);
		out->e[i].perm = rd_le16(&r) & 7;
		out->e[i].id = rd_le32(&r);
	}
	return rd_ok(&r) ? 0 : -EINVAL;
}

int posix_acl_read(const struct acl_object *obj, bool is_default, struct posix_acl *out)
{
	const char *name = is_default ? XATTR_DEFAULT : XATTR_ACCESS;
	uint8_t buf[4 + 8 * POSIX_ACL_MAX];
	ssize_t n;

	out->n = 0;
	if (is_default && !S_ISDIR(obj->mode))
		return 0;
	/* The kernel clears a buffer of the size that it is told, also when there is nothing. */
	n = vfs_xattr_get(obj->fd, name, buf, 4 + 8 * USUAL);
	if (n == -ERANGE)
		n = vfs_xattr_get(obj->fd, name, buf, sizeof(buf));
	if (n == -ENODATA || n == -EOPNOTSUPP) {
		if (!is_default)
			acl_from_mode(obj->mode, out);
		return 0;
	}
	if (n == -ERANGE)
		return -E2BIG;
	return n < 0 ? (int)n : acl_decode(buf, (size_t)n, out);
}

/* The nearest mode: for file systems that keep nothing else. */
static int write_mode(const struct acl_object *obj, const struct posix_acl *acl)
{
	char path[VFS_PROC_PATH_MAX];
	mode_t mode = obj->mode & 07000;

	for (unsigned int i = 0; i < acl->n; i++) {
		if (acl->e[i].tag == POSIX_USER_OBJ)
			mode |= (mode_t)acl->e[i].perm << 6;
		else if (acl->e[i].tag == POSIX_GROUP_OBJ)
			mode |= (mode_t)acl->e[i].perm << 3;
		else if (acl->e[i].tag == POSIX_OTHER)
			mode |= acl->e[i].perm;
	}
	return chmod(vfs_proc_path(obj->fd, path), mode) ? -errno : 0;
}

int posix_acl_write(const struct acl_object *obj, bool is_default, const struct posix_acl *acl)
{
	uint8_t buf[4 + 8 * POSIX_ACL_MAX];
	struct smb2_wr w = wr_init(buf, sizeof(buf));
	int r;

	if (is_default && acl->n == 0) {
		r = vfs_xattr_remove(obj->fd, XATTR_DEFAULT);
		return r == -ENODATA || r == -EOPNOTSUPP ? 0 : r;
	}
	wr_le32(&w, ACL_VERSION);
	for (unsigned int i = 0; i < acl->n; i++) {
		bool named = acl->e[i].tag & (POSIX_USER | POSIX_GROUP);

		wr_le16(&w, acl->e[i].tag);
		wr_le16(&w, acl->e[i].perm);
		wr_le32(&w, named ? acl->e[i].id : UINT32_MAX);
	}
	if (!wr_ok(&w))
		return -E2BIG;
	r = vfs_xattr_set(obj->fd, is_default ? XATTR_DEFAULT : XATTR_ACCESS, buf, w.off, 0);
	if (r == -EOPNOTSUPP)
		r = is_default ? 0 : write_mode(obj, acl);
	return r;
}
