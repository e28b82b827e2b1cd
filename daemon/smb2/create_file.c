// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * create_file.c - opening and creating files and directories (MS-SMB2 3.3.5.9, MS-FSA 2.1.5.1).
 *
 * Order matters, because the first check that fails is what the client sees: kind of object, access
 * by its descriptor, share modes, and only then anything that changes the file.
 */
#include <fcntl.h>

#include "kernel/handles.h"
#include "smb2/create.h"
#include "state/change.h"

#define DATA_RIGHTS (FILE_READ_DATA | FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_EXECUTE)
#define SETTABLE                                                                   \
	(FILE_ATTRIBUTE_READONLY | FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM | \
	 FILE_ATTRIBUTE_ARCHIVE)

struct acl_object create_acl_object(const struct create *q)
{
	const struct vfs_attr *a = &q->loc.attr;

	return (struct acl_object) { q->loc.fd, a->uid, a->gid, a->mode };
}

/* The parent's descriptor matters for DELETE and READ_ATTRIBUTES. False: the share's root. */
static bool parent_object(void *arg, struct acl_object *out)
{
	struct create *q = arg;
	int fd = q->loc.path[0] ? vfs_path_parent(&q->loc) : -1;
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return false;
	*out = (struct acl_object) { fd, st.st_uid, st.st_gid, st.st_mode };
	return true;
}

ntstatus create_writable(const struct create *q)
{
	return q->tree->read_only ? NT_STATUS_ACCESS_DENIED : NT_STATUS_SUCCESS;
}

/* May the client have `desired` of the existing object; sets granted. */
ntstatus create_access(struct create *q, uint32_t desired)
{
	struct acl_parent parent = { parent_object, q };
	struct acl_object obj = create_acl_object(q);
	const struct tree *t = q->tree;
	bool max = desired & SEC_MAXIMUM_ALLOWED;
	ntstatus status = NT_STATUS_SUCCESS;
	uint32_t mapped = access_map_generic(desired);

	if (t->read_only && !max && mapped & WRITE_RIGHTS)
		return NT_STATUS_ACCESS_DENIED;
	if (!max && q->ctx.posix)
		desired &= ~create_posix_free(q);
	if (max || desired)
		status = acl_access_by(&obj, &parent, &t->policy, t->token, desired, &q->granted);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (t->read_only)
		q->granted &= ~WRITE_RIGHTS;
	if (!max && q->ctx.posix)
		q->granted |= mapped & create_posix_free(q);
	if (q->loc.attr.attributes & FILE_ATTRIBUTE_READONLY && !q->loc.attr.is_dir &&
	    !q->ctx.posix) {
		if (mapped & (FILE_WRITE_DATA | FILE_APPEND_DATA))
			return NT_STATUS_ACCESS_DENIED;
		if (max)
			q->granted &=
				~(uint32_t)(FILE_WRITE_DATA | FILE_APPEND_DATA | FILE_DELETE_CHILD);
	}
	return NT_STATUS_SUCCESS;
}

/* Kind and disposition against what is there. */
static ntstatus check_existing(const struct create *q)
{
	const struct vfs_attr *a = &q->loc.attr;
	uint32_t want;

	if (q->disposition == FILE_CREATE)
		return NT_STATUS_OBJECT_NAME_COLLISION;
	if (a->is_dir) {
		/* "::$DATA" names the data that a folder does not have */
		if (q->path.data_type)
			return q->options & FILE_DIRECTORY_FILE ? NT_STATUS_NOT_A_DIRECTORY
								: NT_STATUS_FILE_IS_A_DIRECTORY;
		if (q->options & FILE_NON_DIRECTORY_FILE)
			return NT_STATUS_FILE_IS_A_DIRECTORY;
		if (create_overwrites(q))
			return q->options & FILE_DIRECTORY_FILE ? NT_STATUS_OBJECT_NAME_COLLISION
								: NT_STATUS_FILE_IS_A_DIRECTORY;
		return NT_STATUS_SUCCESS;
	}
	/* A symlink to a folder counts as one, as far as anybody knows. */
	if ((q->options & FILE_DIRECTORY_FILE || q->path.dir_type) && !S_ISLNK(a->mode))
		return NT_STATUS_NOT_A_DIRECTORY;
	/* There is no data behind these; looking, renaming and deleting are fine. */
	if (a->reparse_tag &&
	    (create_overwrites(q) || (!(q->options & FILE_OPEN_REPARSE_POINT) &&
				      access_map_generic(q->desired) & DATA_RIGHTS)))
		return NT_STATUS_IO_REPARSE_TAG_NOT_HANDLED;
	if (!create_overwrites(q))
		return NT_STATUS_SUCCESS;
	/*
	 * MS-FSA 2.1.5.1.2: hidden and system must be repeated, read-only is not overwritten. A
	 * file that is hidden by its name is not meant.
	 */
	want = a->attributes & ~a->by_name & (FILE_ATTRIBUTE_HIDDEN | FILE_ATTRIBUTE_SYSTEM);
	if (!q->ctx.posix &&
	    (a->attributes & FILE_ATTRIBUTE_READONLY || (q->attributes & want) != want))
		return NT_STATUS_ACCESS_DENIED;
	return create_writable(q);
}

static ntstatus check_delete_on_close(const struct create *q)
{
	if (!(q->options & FILE_DELETE_ON_CLOSE))
		return NT_STATUS_SUCCESS;
	if (q->tree->read_only)
		return NT_STATUS_ACCESS_DENIED;
	if (q->loc.exists && q->loc.attr.attributes & FILE_ATTRIBUTE_READONLY && !q->ctx.posix &&
	    !q->tree->share->delete_readonly)
		return NT_STATUS_CANNOT_DELETE;
	if (vfs_fs_read_only(q->tree->vfs, q->tree->vfs->root, q->tree->vfs->dev))
		return NT_STATUS_MEDIA_WRITE_PROTECTED;
	return q->loc.path[0] ? NT_STATUS_SUCCESS : NT_STATUS_ACCESS_DENIED;
}

static int open_flags(uint32_t access)
{
	bool rd = access & (FILE_READ_DATA | FILE_EXECUTE);
	bool wr = access & (FILE_WRITE_DATA | FILE_APPEND_DATA);
	int flags = wr ? (rd ? O_RDWR : O_WRONLY) : O_RDONLY;

	/* Only the right to append: every write goes to the end. */
	return wr && !(access & FILE_WRITE_DATA) ? flags | O_APPEND : flags;
}

unsigned int create_resolve_flags(const struct create *q)
{
	uint32_t access = access_map_generic(q->desired);
	unsigned int flags = VFS_RESOLVE_DOS | VFS_RESOLVE_REPARSE;

	if (q->ctx.posix)
		flags |= VFS_RESOLVE_EXACT | VFS_RESOLVE_NATIVE;
	if (access & SEC_STD_DELETE || q->disposition == FILE_CREATE)
		flags |= VFS_RESOLVE_PARENT;
	/* With `kernel oplocks` a lease may be our own: its break has its turn later. */
	if (!(access & SEC_MAXIMUM_ALLOWED) && open_flags(access) == O_RDONLY &&
	    !create_overwrites(q) && !q->tree->share->kernel_oplocks)
		flags |= VFS_RESOLVE_READ;
	return flags;
}

/* The fd that data goes through; O_PATH when the open is for attributes only. */
static ntstatus open_data(struct create *q, bool truncate)
{
	struct open *o = q->open;
	uint32_t data = DATA_RIGHTS;
	int fd;

	if (q->loc.attr.is_dir || vfs_attr_is_special(&q->loc.attr) ||
	    (!(q->granted & data) && !truncate) ||
	    (q->loc.reads && !truncate && open_flags(q->granted) == O_RDONLY)) {
		o->fd = steal_fd(&q->loc.fd);
		return NT_STATUS_SUCCESS;
	}
	fd = vfs_open(&q->loc,
		      truncate ? (q->granted & data ? open_flags(q->granted) : O_WRONLY) | O_TRUNC
			       : open_flags(q->granted));
	if (fd == -EACCES && q->desired & SEC_MAXIMUM_ALLOWED) {
		/* What the descriptor gives and the mode bits do not. */
		q->granted &= ~(uint32_t)(FILE_WRITE_DATA | FILE_APPEND_DATA);
		fd = vfs_open(&q->loc, O_RDONLY);
	}
	if (fd == -EAGAIN) /* a lease; it was asked for */
		return OPEN_MUST_WAIT;
	if (fd < 0)
		return vfs_errno(fd);
	o->fd = fd;
	return NT_STATUS_SUCCESS;
}

static void tell_stream_gone(const struct create *q, const char *name)
{
	struct change c = {
		.share = q->tree->vfs,
		.path = q->loc.path,
		.stream = name,
		.action = FILE_ACTION_REMOVED_STREAM,
		.filter = FILE_NOTIFY_CHANGE_STREAM_NAME,
		.by = q->open,
	};

	if (change_wanted())
		change_raise(&c);
}

/* What is asked for a file that has nothing in it yet: an allocation size, extended attributes. */
static ntstatus fill_new(struct create *q)
{
	struct open *o = q->open;

	if (!q->loc.attr.is_dir && q->ctx.alsi && q->ctx.alloc_size &&
	    !vfs_set_alloc(q->tree->vfs, o->fd, q->ctx.alloc_size))
		ofile_set_alloc(o, vfs_round_alloc(q->tree->vfs, q->ctx.alloc_size));
	return q->ctx.ea_len ? fscc_ea_set(q->tree->vfs, o->fd, q->ctx.ea, q->ctx.ea_len)
			     : NT_STATUS_SUCCESS;
}

/* What OVERWRITE and SUPERSEDE leave: no data, no streams, new attributes. */
static ntstatus overwrite(struct create *q)
{
	struct vfs_attr_change c = { .mask = VFS_SET_ATTRIBUTES,
				     .attributes =
					     (q->attributes & SETTABLE) | FILE_ATTRIBUTE_ARCHIVE };
	struct vfs_stream *list;
	unsigned int n;
	int err;

	if (q->tree->vfs->opt.streams && vfs_stream_list(q->open->fd, &list, &n) == 0) {
		for (unsigned int i = 0; i < n; i++)
			if (vfs_stream_remove(q->open->fd, list[i].name) == 0)
				tell_stream_gone(q, list[i].name);
		vfs_stream_list_free(list, n);
	}
	handles_attr_change(q->open);
	err = vfs_attr_set(q->tree->vfs, q->open->fd, q->loc.leaf, &c);
	if (err < 0)
		return vfs_errno(err);
	q->action = q->disposition == FILE_SUPERSEDE ? FILE_SUPERSEDED : FILE_OVERWRITTEN;
	err = vfs_attr_get(q->tree->vfs, q->open->fd, q->loc.leaf, &q->loc.attr);
	return err < 0 ? vfs_errno(err) : fill_new(q);
}

/* RETRY: what was there goes, or is gone. */
ntstatus create_join(struct create *q, bool overwrite)
{
	struct vfs_id id = q->loc.attr.id;
	ntstatus status = ofile_join(q->open, id.dev, id.ino, q->open->stream_name, overwrite);

	if (status != NT_STATUS_RETRY)
		return status;
	if (vfs_quick())
		return vfs_errno(vfs_later());
	removal_wait(id.dev, id.ino);
	return status;
}

static ntstatus open_existing(struct create *q)
{
	struct open *o = q->open;
	ntstatus status = check_existing(q);
	bool truncate = create_overwrites(q);

	if (status == NT_STATUS_SUCCESS)
		status = check_delete_on_close(q);
	if (status == NT_STATUS_SUCCESS)
		status = create_access(q, q->desired | (truncate ? FILE_WRITE_DATA : 0));
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (truncate && !(q->desired & SEC_MAXIMUM_ALLOWED) &&
	    !(access_map_generic(q->desired) & FILE_WRITE_DATA))
		q->granted &= ~(uint32_t)FILE_WRITE_DATA;
	o->access = q->granted;
	status = create_join(q, truncate);
	if (status == NT_STATUS_SUCCESS)
		status = open_data(q, truncate);
	ofile_set_access(o, q->granted);
	q->action = FILE_OPENED;
	if (status == NT_STATUS_SUCCESS && truncate)
		status = overwrite(q);
	return status;
}

/* ---- what does not exist yet ---- */

/* Creates the object and gives it its descriptor; loc describes it then. */
ntstatus create_make(struct create *q, bool is_dir)
{
	_cleanup_sd_ struct sd *dir_sd = NULL;
	struct tree *t = q->tree;
	struct acl_policy pol = t->policy;
	struct acl_object dir, obj;
	uint32_t attributes = (q->attributes & SETTABLE) | (is_dir ? 0 : FILE_ATTRIBUTE_ARCHIVE);
	mode_t mode;
	ntstatus status;
	bool posix;
	int fd, err;

	fd = vfs_path_parent(&q->loc);
	if (fd < 0)
		return vfs_errno(fd);
	dir = (struct acl_object) { fd, q->loc.parent_attr.uid, q->loc.parent_attr.gid,
				    q->loc.parent_attr.mode };
	status = acl_may_create(&dir, &t->policy, t->token, is_dir, &dir_sd);
	if (status != NT_STATUS_SUCCESS)
		return status;
	posix = create_posix_mode(q, is_dir, &mode);
	if (!posix)
		mode = vfs_create_mode(t->vfs, is_dir, attributes, dir.mode);
	if (!posix && acl_default_decides(&dir, &t->policy))
		mode = 0777 & (is_dir ? t->policy.directory_mask : t->policy.create_mask);
	if (is_dir)
		err = vfs_mkdir(&q->loc, mode, attributes);
	else
		err = vfs_create(&q->loc, O_RDWR, mode, attributes);
	if (err < 0)
		return err == -EEXIST ? NT_STATUS_RETRY : vfs_errno(err);
	q->made = true;
	if (q->options & FILE_NO_COMPRESSION && q->loc.attr.compressed &&
	    !vfs_compression_set(t->vfs, q->loc.fd, false))
		(void)vfs_attr_get(t->vfs, q->loc.fd, q->loc.leaf, &q->loc.attr);
	/* The mode and the folder's default ACL, by the kernel, are all there is to its access. */
	if (posix && !q->sd)
		pol = (struct acl_policy) { .inherit_owner = t->policy.inherit_owner };
	obj = create_acl_object(q);
	status = acl_create_inherit(&dir, dir_sd, &obj, &pol, t->token, q->sd);
	q->loc.attr.uid = obj.uid;
	q->loc.attr.gid = obj.gid;
	q->loc.attr.mode = obj.mode;
	return status;
}

static ntstatus check_new(const struct create *q)
{
	if (q->disposition == FILE_OPEN || q->disposition == FILE_OVERWRITE)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND;
	if (q->options & FILE_DELETE_ON_CLOSE && q->attributes & FILE_ATTRIBUTE_READONLY)
		return NT_STATUS_CANNOT_DELETE;
	if (q->path.data_type && q->options & FILE_DIRECTORY_FILE)
		return NT_STATUS_NOT_A_DIRECTORY;
	return create_writable(q);
}

static ntstatus open_new(struct create *q)
{
	struct open *o = q->open;
	bool is_dir = q->options & FILE_DIRECTORY_FILE || q->path.dir_type;
	ntstatus status = check_new(q);

	if (status == NT_STATUS_SUCCESS)
		status = create_make(q, is_dir);
	if (status != NT_STATUS_SUCCESS)
		return status;
	/* Who makes a file gets what he asks for (MS-FSA 2.1.5.1.1). */
	q->granted = access_map_generic(q->desired);
	if (q->granted & SEC_MAXIMUM_ALLOWED)
		q->granted = SEC_RIGHTS_FILE_ALL;
	q->action = FILE_CREATED;
	o->access = q->granted;
	status = ofile_join(o, q->loc.attr.id.dev, q->loc.attr.id.ino, NULL, false);
	if (status != NT_STATUS_SUCCESS) {
		q->made = false; /* somebody was quick, and has it open */
		return status;
	}
	o->fd = steal_fd(&q->loc.fd);
	return fill_new(q);
}

ntstatus create_file(struct create *q)
{
	struct open *o = q->open;
	ntstatus status = q->loc.exists ? open_existing(q) : open_new(q);

	if (status != NT_STATUS_SUCCESS)
		return status;
	o->kind = q->loc.attr.is_dir ? OPEN_DIR : OPEN_FILE;
	o->append_only = q->granted & FILE_APPEND_DATA && !(q->granted & FILE_WRITE_DATA);
	if (o->append_only) /* a worker would append again what was written before it blocked */
		o->nowait_write = false;
	if (o->append_only && q->action == FILE_CREATED)
		fcntl(o->fd, F_SETFL, O_APPEND);
	return NT_STATUS_SUCCESS;
}

void create_tell(const struct create *q)
{
	struct open *o = q->open;
	bool dir = q->loc.attr.is_dir;
	struct change made = {
		.share = q->tree->vfs,
		.path = q->loc.path,
		.action = FILE_ACTION_ADDED,
		.filter = dir ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME,
		.is_dir = dir,
		.by = o,
	};

	if (!change_wanted())
		return;
	if (q->made)
		change_raise(&made);
	if (q->action == FILE_OVERWRITTEN || q->action == FILE_SUPERSEDED)
		change_raise_open(o, FILE_ACTION_MODIFIED,
				  FILE_NOTIFY_CHANGE_SIZE | FILE_NOTIFY_CHANGE_LAST_WRITE |
					  FILE_NOTIFY_CHANGE_ATTRIBUTES);
	else if (o->kind == OPEN_STREAM && q->action == FILE_CREATED)
		change_raise_open(o, FILE_ACTION_ADDED, FILE_NOTIFY_CHANGE_FILE_NAME);
}
