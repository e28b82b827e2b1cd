// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * fscc_set.c - file information classes that SET_INFO writes (MS-FSCC 2.4, MS-SMB2 3.3.5.21.1,
 * MS-FSA 2.1.5.14). Renames and links have a file of their own, set_rename.c.
 */
#include "kernel/handles.h"
#include "smb2/smb2.h"

/* MS-FSCC 2.4.7: a time of -1 stops, -2 starts again, what the server does by itself. */
#define TIME_FREEZE ((uint64_t)-1)
#define TIME_THAW   ((uint64_t)-2)

/* Programs beside the server may change attributes, too. */
#define LOOK_AGAIN_NS 1000000000ull

/* Which bits of FileModeInformation a client may change (MS-FSA 2.1.5.14.8, as Samba). */
#define MODE_SETTABLE (FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY)

/* ---- FileBasicInformation ---- */

static bool time_valid(uint64_t t)
{
	return (int64_t)t >= -2;
}

static bool time_given(uint64_t t)
{
	return t && t != TIME_FREEZE && t != TIME_THAW;
}

static ntstatus basic_check(const struct open *o, const struct vfs_attr_change *c)
{
	if (!time_valid(c->create_time) || !time_valid(c->access_time) ||
	    !time_valid(c->write_time))
		return NT_STATUS_INVALID_PARAMETER;
	if (c->attributes & FILE_ATTRIBUTE_DIRECTORY && o->kind != OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	if (c->attributes & FILE_ATTRIBUTE_TEMPORARY && o->kind == OPEN_DIR)
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

static ntstatus set_basic(struct request *rq, struct smb2_rd *r)
{
	_cleanup_free_ char *path = open_path_dup(rq->open);
	struct vfs_attr_change c = { 0 };
	struct open *o = rq->open;
	uint64_t change_time;
	ntstatus status;
	int err;

	c.create_time = rd_le64(r);
	c.access_time = rd_le64(r);
	c.write_time = rd_le64(r);
	change_time = rd_le64(r);
	c.attributes = rd_le32(r);
	status = basic_check(o, &c);
	if (status)
		return status;
	if (!time_valid(change_time))
		return NT_STATUS_INVALID_PARAMETER;

	c.mask = (c.attributes ? VFS_SET_ATTRIBUTES : 0) |
		 (time_given(c.create_time) ? VFS_SET_CREATE : 0) |
		 (time_given(c.access_time) ? VFS_SET_ACCESS : 0) |
		 (time_given(c.write_time) ? VFS_SET_WRITE : 0);
	if (c.mask) {
		handles_attr_change(o);
		err = vfs_attr_set(o->tree->vfs, o->fd, path_leaf(path), &c);
		if (err < 0)
			return vfs_errno(err);
	}
	if (c.write_time && o->kind == OPEN_FILE)
		write_time_fix(o, c.write_time != TIME_THAW);
	else
		write_time_flush(o);
	if (time_given(change_time))
		write_time_set_change(o, change_time);
	return NT_STATUS_SUCCESS;
}

/* ---- FileDispositionInformation ---- */

/* What was looked at a moment ago, and no client changed any file's since, is not read again. */
static bool is_read_only(const struct request *rq, const struct open *o)
{
	if (rq->start_ns - o->opened_ns < LOOK_AGAIN_NS && o->dos_looked == vfs_dos_changes())
		return o->attributes_at_create & FILE_ATTRIBUTE_READONLY;
	return vfs_attr_read_only(o->tree->vfs, o->fd);
}

/* MS-FSA 2.1.5.14.3 */
static ntstatus may_delete(const struct request *rq, struct open *o)
{
	_cleanup_free_ char *path = open_path_dup(o);

	if (o->kind != OPEN_STREAM && !*path)
		return NT_STATUS_ACCESS_DENIED; /* the share's root */
	if (!o->posix && !o->tree->share->delete_readonly && is_read_only(rq, o))
		return NT_STATUS_CANNOT_DELETE;
	if (vfs_fs_read_only(o->tree->vfs, o->fd, o->file_dev))
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	if (o->kind != OPEN_DIR)
		return NT_STATUS_SUCCESS;
	return vfs_errno(vfs_dir_is_empty(o->tree->vfs, o->fd));
}

static ntstatus set_disposition(struct request *rq, struct smb2_rd *r)
{
	struct open *o = rq->open;
	struct lease *blocker = NULL;
	bool on = rd_u8(r);
	ntstatus status = NT_STATUS_SUCCESS;

	if (on)
		status = may_delete(rq, o);
	if (on && !status) /* MS-FSA 2.1.4.12: others close what they only keep open */
		blocker = ofile_break_handles(o->file_dev, o->file_ino, o);
	if (blocker)
		return wait_for_break(rq, blocker);
	return status ? status : ofile_set_delete(rq->open, on);
}

/* ---- sizes ---- */

static ntstatus set_eof(struct request *rq, struct smb2_rd *r)
{
	uint64_t size = rd_le64(r);
	struct open *o = rq->open;
	int err;

	if (o->kind == OPEN_DIR || size > INT64_MAX)
		return NT_STATUS_INVALID_PARAMETER;
	if (o->kind == OPEN_STREAM)
		err = vfs_stream_truncate(o->fd, o->stream_name, size);
	else
		err = vfs_set_eof(o->fd, size);
	if (err < 0)
		return vfs_errno(err);
	write_time_flush(o);
	handle_wrote(o);
	oplock_changed(o);
	return NT_STATUS_SUCCESS;
}

static ntstatus set_allocation(struct request *rq, struct smb2_rd *r)
{
	uint64_t size = rd_le64(r);
	struct open *o = rq->open;
	struct vfs_attr a;
	int err = 0;

	if (o->kind == OPEN_DIR || size > INT64_MAX)
		return NT_STATUS_INVALID_PARAMETER;
	if (o->kind == OPEN_STREAM) {
		/* nothing can be reserved there */
		err = open_attr(o, &a);
		if (!err && size < a.end_of_file)
			err = vfs_stream_truncate(o->fd, o->stream_name, size);
	} else {
		err = vfs_set_alloc(o->tree->vfs, o->fd, size);
	}
	if (err < 0)
		return vfs_errno(err);
	if (o->kind == OPEN_FILE)
		ofile_set_alloc(o, vfs_round_alloc(o->tree->vfs, size));
	handles_attr_change(o);
	oplock_changed(o);
	return NT_STATUS_SUCCESS;
}

/* Wants SeManageVolumePrivilege, which nobody has here. */
static ntstatus set_valid_data(struct request *rq, struct smb2_rd *r)
{
	return NT_STATUS_PRIVILEGE_NOT_HELD;
}

/* ---- what is the handle's only ---- */

static ntstatus set_position(struct request *rq, struct smb2_rd *r)
{
	uint64_t position = rd_le64(r);

	if (position > INT64_MAX)
		return NT_STATUS_INVALID_PARAMETER;
	handle_position_set(rq->open, position);
	return NT_STATUS_SUCCESS;
}

static ntstatus set_mode(struct request *rq, struct smb2_rd *r)
{
	uint32_t mode = rd_le32(r);

	if (mode & ~MODE_SETTABLE)
		return NT_STATUS_INVALID_PARAMETER;
	pthread_mutex_lock(&rq->open->lock);
	rq->open->mode = mode;
	pthread_mutex_unlock(&rq->open->lock);
	return NT_STATUS_SUCCESS;
}

/* ---- those that read the whole buffer ---- */

static ntstatus set_eas(struct request *rq, struct smb2_rd *r)
{
	return fscc_ea_set(rq->tree->vfs, rq->open->fd, r->buf, r->len);
}

static ntstatus set_rename_class(struct request *rq, struct smb2_rd *r)
{
	return set_rename(rq, r->buf, r->len);
}

static ntstatus set_link_class(struct request *rq, struct smb2_rd *r)
{
	return set_link(rq, r->buf, r->len);
}

static const struct set_class {
	uint8_t info_class;
	uint8_t least; /* bytes */
	uint32_t access;
	ntstatus (*set)(struct request *rq, struct smb2_rd *r);
} classes[] = {
	{ FileBasicInformation, 36, FILE_WRITE_ATTRIBUTES, set_basic },
	{ FileRenameInformation, 20, SEC_STD_DELETE, set_rename_class },
	{ FileLinkInformation, 20, 0, set_link_class },
	{ FileDispositionInformation, 1, SEC_STD_DELETE, set_disposition },
	{ FilePositionInformation, 8, 0, set_position },
	{ FileFullEaInformation, 0, FILE_WRITE_EA, set_eas },
	{ FileModeInformation, 4, 0, set_mode },
	{ FileAllocationInformation, 8, FILE_WRITE_DATA, set_allocation },
	{ FileEndOfFileInformation, 8, FILE_WRITE_DATA, set_eof },
	{ FileValidDataLengthInformation, 8, 0, set_valid_data },
};

ntstatus fscc_file_set(struct request *rq, uint8_t info_class, const uint8_t *buf, size_t len)
{
	const struct set_class *c = NULL;
	struct smb2_rd r = rd_init(buf, len);
	ntstatus status;

	for (size_t i = 0; i < ARRAY_SIZE(classes) && !c; i++)
		if (classes[i].info_class == info_class)
			c = &classes[i];
	if (!c)
		return NT_STATUS_INVALID_INFO_CLASS;
	if (len < c->least)
		return NT_STATUS_INFO_LENGTH_MISMATCH;
	status = open_need(rq->open, c->access);
	return status ? status : c->set(rq, &r);
}
