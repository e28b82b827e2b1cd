// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * set_rename.c - FileRenameInformation and FileLinkInformation (MS-FSCC 2.4.37.2, 2.4.27.2, MS-FSA
 * 2.1.5.14.11, 2.1.5.14.6): a new name for what is open.
 *
 * Between the checks of the target and the rename another client may open it: then a file goes
 * that somebody has open, which on Linux stays readable for him.
 */
#include "core/entry.h"
#include "core/utf16.h"
#include "kernel/handles.h"
#include "smb2/smb2.h"
#include "state/notify.h"

struct new_name {
	bool replace;
	const uint8_t *utf16; /* borrowed */
	uint32_t len;
};

/* FILE_RENAME_INFORMATION_TYPE_2 and FILE_LINK_INFORMATION have one layout over SMB2. */
static ntstatus new_name_parse(const uint8_t *buf, size_t len, struct new_name *n)
{
	struct smb2_rd r = rd_init(buf, len);
	uint64_t root;

	n->replace = rd_u8(&r);
	rd_skip(&r, 7);
	root = rd_le64(&r);
	n->len = rd_le32(&r);
	n->utf16 = rd_bytes(&r, n->len);
	if (!rd_ok(&r) || root || n->len < 2)
		return NT_STATUS_INVALID_PARAMETER;
	/* a path from the root of the share may say so */
	if (n->len > 2 && kh_get_le16(n->utf16) == '\\') {
		n->utf16 += 2;
		n->len -= 2;
	}
	return NT_STATUS_SUCCESS;
}

/* ---- telling ---- */

static void tell_name(struct open *o, uint32_t action, const char *path, const char *new_path)
{
	bool dir = o->kind == OPEN_DIR;
	struct change c = {
		.share = o->tree->vfs,
		.path = path,
		.new_path = new_path,
		.action = action,
		.filter = dir ? FILE_NOTIFY_CHANGE_DIR_NAME : FILE_NOTIFY_CHANGE_FILE_NAME,
		.is_dir = dir,
		.by = o,
	};

	if (change_wanted())
		change_raise(&c);
}

static void tell_stream_renamed(struct open *o, const char *from)
{
	_cleanup_free_ char *path = NULL;
	struct change c = { .share = o->tree->vfs,
			    .stream = from,
			    .action = FILE_ACTION_REMOVED_STREAM,
			    .filter = FILE_NOTIFY_CHANGE_STREAM_NAME,
			    .by = o };

	if (!change_wanted())
		return;
	c.path = path = open_path_dup(o);
	if (*path)
		change_raise(&c);
	change_raise_open(o, FILE_ACTION_ADDED, FILE_NOTIFY_CHANGE_FILE_NAME);
}

/* ---- streams ---- */

/* Takes *to when it succeeds. */
static ntstatus rename_stream_locked(struct open *o, char **to, bool replace)
{
	ntstatus status;
	int r;

	if (o->nold_names == OPEN_STREAM_RENAMES)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	status = ofile_rename_stream(o, *to);
	if (status)
		return status;
	r = vfs_stream_rename(o->fd, o->stream_name, *to, replace);
	if (r < 0) {
		(void)ofile_rename_stream(o, o->stream_name);
		return vfs_errno(r);
	}
	o->old_names[o->nold_names++] = o->stream_name;
	o->stream_name = steal_ptr(to);
	entry_open_name(o);
	return NT_STATUS_SUCCESS;
}

static ntstatus rename_stream(struct open *o, const struct new_name *n)
{
	_cleanup_free_ char *to = NULL;
	const char *from;
	ntstatus status;

	status = vfs_stream_name_parse(n->utf16, n->len, &to);
	if (status)
		return status;
	if (!to)
		return NT_STATUS_INVALID_PARAMETER; /* "::$DATA" */
	if (o->tree->read_only)
		return NT_STATUS_ACCESS_DENIED;
	pthread_mutex_lock(&o->lock);
	from = o->stream_name; /* lives as long as the open */
	status = rename_stream_locked(o, &to, n->replace);
	pthread_mutex_unlock(&o->lock);
	if (!status)
		tell_stream_renamed(o, from);
	return status;
}

/* ---- the target ---- */

struct target {
	struct vfs_path loc;
	bool same; /* the object's own name, perhaps in another case */
};

static void target_release(struct target *t)
{
	vfs_path_release(&t->loc);
}
#define _cleanup_target_ __attribute__((__cleanup__(target_release)))

static ntstatus target_resolve(struct open *o, const struct new_name *n, struct target *t)
{
	unsigned int flags = VFS_RESOLVE_DOS | VFS_RESOLVE_NO_FOLLOW;
	struct vfs_share *s = o->tree->vfs;
	struct vfs_name name;
	ntstatus status;

	if (o->posix) {
		flags |= VFS_RESOLVE_EXACT | VFS_RESOLVE_NATIVE;
		status = vfs_name_parse(n->utf16, n->len, VFS_NAME_POSIX, &name);
	} else {
		status = vfs_name_parse(n->utf16, n->len, s->opt.streams ? 0 : VFS_NAME_NO_STREAM,
					&name);
	}
	if (status)
		return status;
	/* from a file to a stream of some other file: there is no such thing */
	if (name.stream || name.data_type || !*name.path)
		status = NT_STATUS_INVALID_PARAMETER;
	else
		status = vfs_resolve(s, name.path, flags, &t->loc);
	vfs_name_free(&name);
	return status == NT_STATUS_OBJECT_NAME_NOT_FOUND ? (ntstatus)NT_STATUS_SUCCESS : status;
}

static ntstatus parent_object(struct vfs_share *s, struct vfs_path *p, struct acl_object *obj,
			      struct vfs_id *id)
{
	struct vfs_attr a;
	int fd = vfs_path_parent(p), r;

	if (fd < 0)
		return NT_STATUS_ACCESS_DENIED; /* the root has none */
	r = vfs_attr_stat(s, fd, "", &a);
	if (r < 0)
		return vfs_errno(r);
	*obj = (struct acl_object) { .fd = fd, .uid = a.uid, .gid = a.gid, .mode = a.mode };
	*id = a.id;
	return NT_STATUS_SUCCESS;
}

/* May the name be taken from what has it? MS-FSA 2.1.5.14.11 from "If TargetLink" on. */
static ntstatus target_replaceable(struct open *o, struct vfs_path *p,
				   const struct acl_object *parent, bool replace)
{
	const struct tree *t = o->tree;
	struct acl_object obj = { p->fd, p->attr.uid, p->attr.gid, p->attr.mode };
	uint32_t granted;

	if (!replace)
		return NT_STATUS_OBJECT_NAME_COLLISION;
	/* rename() of POSIX: an empty folder goes too, and who has a file open keeps it */
	if (!o->posix && (p->attr.is_dir || p->attr.attributes & FILE_ATTRIBUTE_READONLY))
		return NT_STATUS_ACCESS_DENIED;
	if (ofile_inode_open(p->attr.id.dev, p->attr.id.ino, o->posix))
		return NT_STATUS_ACCESS_DENIED;
	return acl_access(&obj, parent, &t->policy, t->token, SEC_STD_DELETE, &granted);
}

static ntstatus target_check(struct open *o, struct target *t, bool is_dir, bool replace)
{
	struct tree *tree = o->tree;
	struct acl_object parent;
	struct vfs_id id = { 0 };
	ntstatus status;

	status = parent_object(tree->vfs, &t->loc, &parent, &id);
	if (!status)
		status = ofile_may_add_name(o, id.dev, id.ino);
	if (!status)
		status = acl_may_create(&parent, &tree->policy, tree->token, is_dir, NULL);
	if (!status && t->loc.exists && !t->same)
		status = target_replaceable(o, &t->loc, &parent, replace);
	return status;
}

/* ---- rename ---- */

/* The open's own name must still be its object's. */
static ntstatus source_resolve(struct open *o, struct vfs_path *from)
{
	_cleanup_free_ char *path = open_path_dup(o);
	ntstatus status;

	if (!*path)
		return NT_STATUS_ACCESS_DENIED;
	status = vfs_resolve(o->tree->vfs, path, VFS_RESOLVE_NO_FOLLOW | VFS_RESOLVE_EXACT, from);
	if (!status && !vfs_id_equal(from->entry, o->entry))
		status = NT_STATUS_OBJECT_NAME_NOT_FOUND;
	return status;
}

static ntstatus source_check(struct open *o, const struct vfs_path *from)
{
	if (ofile_others_deny_delete(o))
		return NT_STATUS_SHARING_VIOLATION;
	if (o->kind == OPEN_DIR && !o->posix && opens_below(o->tree->vfs, from->path))
		return NT_STATUS_ACCESS_DENIED;
	if (ofile_streams_open(from->attr.id.dev, from->attr.id.ino))
		return NT_STATUS_ACCESS_DENIED;
	return NT_STATUS_SUCCESS;
}

static ntstatus rename_status(const struct open *o, int r)
{
	if (o->posix) /* as rename() says it */
		return vfs_errno(r);
	switch (r) {
	case -ENOTDIR: /* a directory over a file, or the other way round */
	case -EISDIR:
	case -ENOTEMPTY:
		return NT_STATUS_ACCESS_DENIED;
	case -EINVAL: /* below itself */
		return NT_STATUS_ACCESS_DENIED;
	default:
		return vfs_errno(r);
	}
}

/* Those who cache a handle that is in the way may close it (as Windows; blocker: reference). */
static bool must_wait(const struct open *o, const struct vfs_path *from, const struct target *to,
		      bool replace, struct lease **blocker)
{
	*blocker = ofile_break_handles(from->attr.id.dev, from->attr.id.ino, o);
	if (!*blocker && o->kind == OPEN_DIR && !o->posix)
		*blocker = opens_below_break(o->tree->vfs, from->path);
	if (!*blocker && to->loc.exists && !to->same && replace)
		*blocker = ofile_break_handles(to->loc.attr.id.dev, to->loc.attr.id.ino, NULL);
	return *blocker;
}

/* With *blocker: nothing was done. */
static ntstatus rename_file(struct open *o, const struct new_name *n, struct lease **blocker)
{
	_cleanup_vfs_path_ struct vfs_path from = { .fd = -1, .parent = -1 };
	_cleanup_target_ struct target to = { .loc = { .fd = -1, .parent = -1 } };
	ntstatus status;
	int r;

	status = source_resolve(o, &from);
	if (!status)
		status = target_resolve(o, n, &to);
	if (status)
		return status;
	to.same = to.loc.exists && !strcmp(from.path, to.loc.path);
	if (vfs_quick() && to.loc.exists && !to.same) /* it may be large */
		return vfs_errno(vfs_later());
	if (!handles_reap(from.attr.id.dev, from.attr.id.ino, o->tree->identity) ||
	    (to.loc.exists &&
	     !handles_reap(to.loc.attr.id.dev, to.loc.attr.id.ino, o->tree->identity)))
		return NT_STATUS_ACCESS_DENIED;
	if (must_wait(o, &from, &to, n->replace, blocker))
		return NT_STATUS_SUCCESS;
	status = source_check(o, &from);
	if (status)
		return status;
	status = target_check(o, &to, o->kind == OPEN_DIR, n->replace);
	if (status)
		return status;
	handles_attr_change(o); /* the name decides what is hidden */
	r = vfs_rename(&from, &to.loc, n->replace);
	if (r < 0)
		return rename_status(o, r);
	opens_renamed(o, from.path, to.loc.path);
	if (o->kind == OPEN_DIR)
		notify_renamed(o->tree->vfs, from.path, to.loc.path);
	else
		atomic_store_explicit(&o->renamed, true, memory_order_relaxed);
	if (to.loc.exists && !to.same)
		tell_name(o, FILE_ACTION_REMOVED, to.loc.path, NULL);
	tell_name(o, FILE_ACTION_RENAMED_OLD_NAME, from.path, to.loc.path);
	return NT_STATUS_SUCCESS;
}

ntstatus set_rename(struct request *rq, const uint8_t *buf, size_t len)
{
	struct open *o = rq->open;
	struct new_name n;
	ntstatus status;
	struct lease *blocker = NULL;
	bool colon;

	status = new_name_parse(buf, len, &n);
	if (status)
		return status;
	if (rq->tree->read_only)
		return NT_STATUS_ACCESS_DENIED;
	colon = kh_get_le16(n.utf16) == ':' && !o->posix;
	if (o->kind == OPEN_STREAM)
		return colon ? rename_stream(o, &n) : (ntstatus)NT_STATUS_INVALID_PARAMETER;
	if (colon)
		return NT_STATUS_INVALID_PARAMETER;
	status = rename_file(o, &n, &blocker);
	return blocker ? wait_for_break(rq, blocker) : status;
}

/* ---- link ---- */

ntstatus set_link(struct request *rq, const uint8_t *buf, size_t len)
{
	_cleanup_target_ struct target to = { .loc = { .fd = -1, .parent = -1 } };
	struct open *o = rq->open;
	struct new_name n;
	ntstatus status;

	status = new_name_parse(buf, len, &n);
	if (status)
		return status;
	if (o->kind == OPEN_DIR)
		return NT_STATUS_FILE_IS_A_DIRECTORY;
	if (o->kind == OPEN_STREAM)
		return NT_STATUS_INVALID_PARAMETER;
	if (rq->tree->read_only)
		return NT_STATUS_ACCESS_DENIED;
	if (ofile_delete_pending(o))
		return NT_STATUS_ACCESS_DENIED;
	status = target_resolve(o, &n, &to);
	if (!status)
		status = target_check(o, &to, false, n.replace);
	if (status)
		return status;
	status = vfs_errno(vfs_link(rq->tree->vfs, o->fd, &to.loc, n.replace));
	if (!status && to.loc.exists && !to.same)
		tell_name(o, FILE_ACTION_REMOVED, to.loc.path, NULL);
	if (!status)
		tell_name(o, FILE_ACTION_ADDED, to.loc.path, NULL);
	return status;
}
