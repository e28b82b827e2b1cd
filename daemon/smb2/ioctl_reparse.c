// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ioctl_reparse.c - reparse points (MS-FSCC 2.1.2, 2.3.21, 2.3.65): symlinks as Windows knows them,
 * and what Linux clients keep in NFS and WSL tags. Each is a real object of the file system
 * (vfs/reparse.c), so no other tag can be stored.
 *
 * Setting one replaces the empty file that the handle is of. The handle goes on as one of the new
 * object, under the number of its fd; the old inode stays open behind it (open.replaced_fd), so
 * that no new file gets its number while share modes are kept under it.
 */
#include "kernel/handles.h"
#include "smb2/ioctl.h"
#include "smb2/reparse.h"

#include <fcntl.h>
#include <sys/stat.h>

/* ---- changing what a handle is of ---- */

static ntstatus may_set(struct request *rq)
{
	struct open *o = rq->open;

	if (rq->tree->read_only)
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	if (!(o->access & (FILE_WRITE_DATA | FILE_WRITE_ATTRIBUTES)))
		return NT_STATUS_ACCESS_DENIED;
	if (o->kind == OPEN_STREAM)
		return NT_STATUS_INVALID_PARAMETER;
	/* the module would go on with the old file */
	if (handle_given(o) || ofile_others_deny_delete(o))
		return NT_STATUS_SHARING_VIOLATION;
	return NT_STATUS_SUCCESS;
}

/* A file that holds data from now on is protected like any new one of its folder. */
static ntstatus inherit(struct open *o, const char *path, const struct vfs_attr *a)
{
	_cleanup_vfs_path_ struct vfs_path p = { .fd = -1, .parent = -1 };
	struct acl_object dir, obj = { o->fd, a->uid, a->gid, a->mode };
	struct tree *t = o->tree;
	struct stat st;
	int parent;
	ntstatus status = vfs_resolve(t->vfs, path, VFS_RESOLVE_NO_FOLLOW | VFS_RESOLVE_EXACT, &p);

	if (status)
		return status;
	parent = vfs_path_parent(&p);
	if (parent < 0 || fstat(parent, &st) < 0)
		return NT_STATUS_OBJECT_PATH_NOT_FOUND;
	dir = (struct acl_object) { parent, st.st_uid, st.st_gid, st.st_mode };
	return acl_create_inherit(&dir, NULL, &obj, &t->policy, t->token, NULL);
}

static ntstatus become(struct open *o, const struct vfs_special *sp)
{
	_cleanup_free_ char *path = open_path_dup(o);
	_cleanup_close_ int fd = -1, old = -1;
	struct vfs_attr a;
	int r;

	if (!*path)
		return NT_STATUS_ACCESS_DENIED;
	old = fcntl(o->fd, F_DUPFD_CLOEXEC, 3);
	if (old < 0)
		return vfs_errno(errno);
	r = vfs_special_set(o->tree->vfs, path, o->entry, sp, &fd, &a);
	if (r == -ENOTEMPTY)
		return NT_STATUS_DIRECTORY_NOT_EMPTY;
	if (r < 0)
		return vfs_errno(r);
	/* Whoever uses the number at this moment sees the old file or the new one. */
	if (dup3(fd, o->fd, O_CLOEXEC) < 0)
		return vfs_errno(errno);
	pthread_mutex_lock(&o->lock);
	o->entry = a.id;
	if (o->replaced_fd < 0)
		o->replaced_fd = steal_fd(&old);
	pthread_mutex_unlock(&o->lock);
	o->kind = a.is_dir ? OPEN_DIR : OPEN_FILE;
	return S_ISREG(a.mode) && !o->posix ? inherit(o, path, &a) : (ntstatus)NT_STATUS_SUCCESS;
}

ntstatus ioctl_set_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special sp = { 0 }, now = { 0 };
	const struct vfs_options *o = &rq->tree->vfs->opt;
	ntstatus status = may_set(rq);
	uint32_t tag;

	if (status == NT_STATUS_SUCCESS)
		status = reparse_parse(q->in, q->in_len, rq->open->posix, &tag, &sp);
	if (status != NT_STATUS_SUCCESS)
		return status;
	/* Nobody would see it any more. */
	if (sp.type == S_IFLNK && !o->follow_symlinks && !o->native_symlinks && !rq->open->posix)
		return NT_STATUS_NOT_SUPPORTED;
	/* Another target for what is one is fine, another kind is not (MS-FSA 2.1.5.10.37). */
	if (!vfs_special_get(rq->open->fd, &now) && now.type != sp.type)
		return NT_STATUS_IO_REPARSE_TAG_MISMATCH;
	return become(rq->open, &sp);
}

/* MS-FSCC 2.3.5: what is left is an empty file. */
ntstatus ioctl_delete_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special now = { 0 };
	struct vfs_special file = { .type = S_IFREG };
	struct smb2_rd r = ioctl_in(q);
	uint32_t tag = rd_le32(&r);
	uint16_t len = rd_le16(&r);
	ntstatus status = may_set(rq);

	if (status != NT_STATUS_SUCCESS)
		return status;
	rd_skip(&r, 2);
	if (!rd_ok(&r) || len)
		return NT_STATUS_IO_REPARSE_DATA_INVALID;
	if (vfs_special_get(rq->open->fd, &now) < 0)
		return NT_STATUS_NOT_A_REPARSE_POINT;
	if (tag != (now.type == S_IFLNK ? IO_REPARSE_TAG_SYMLINK : IO_REPARSE_TAG_NFS))
		return NT_STATUS_IO_REPARSE_TAG_MISMATCH;
	return become(rq->open, &file);
}

/* ---- telling ---- */

ntstatus ioctl_get_reparse_point(struct request *rq, struct ioctl *q)
{
	_cleanup_vfs_special_ struct vfs_special sp = { 0 };
	struct open *o = rq->open;
	uint8_t buf[REPARSE_SYMLINK_MAX];
	struct smb2_wr w = wr_init(buf, sizeof(buf)), *out;
	int r = o->kind == OPEN_STREAM ? -ENODATA : vfs_special_get(o->fd, &sp);

	if (r == -ENODATA)
		return NT_STATUS_NOT_A_REPARSE_POINT;
	if (r < 0)
		return vfs_errno(r);
	if (!reparse_put(&w, &sp, o->posix))
		return NT_STATUS_IO_REPARSE_DATA_INVALID; /* not UTF-8 */
	if (w.off > q->max_out)
		return NT_STATUS_BUFFER_TOO_SMALL;
	out = ioctl_reply(rq, q, w.off);
	if (!out)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_bytes(out, buf, w.off);
	return NT_STATUS_SUCCESS;
}
