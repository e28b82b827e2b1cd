// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_close.c - CLOSE (MS-SMB2 2.2.15, 2.2.16, 3.3.5.10), and closing by any other way. */
#include "kernel/handles.h"
#include "rpc/rpc.h"
#include "smb2/smb2.h"
#include "state/local.h"
#include "state/durable.h"
#include "state/lease.h"
#include "state/notify.h"

static void tell_deleted(struct open *o, enum ofile_delete what, const char *path)
{
	bool stream = what == OFILE_DELETE_STREAM, dir = o->kind == OPEN_DIR;
	struct change c = {
		.share = o->tree->vfs,
		.path = path,
		.stream = stream ? o->stream_name : NULL,
		.action = stream ? FILE_ACTION_REMOVED_STREAM : FILE_ACTION_REMOVED,
		.filter = stream ? FILE_NOTIFY_CHANGE_STREAM_NAME
			  : dir	 ? FILE_NOTIFY_CHANGE_DIR_NAME
				 : FILE_NOTIFY_CHANGE_FILE_NAME,
		.is_dir = dir,
		.by = o,
	};

	if (change_wanted() && *path)
		change_raise(&c);
}

/* By the folder that CREATE had open; local programs may have put the file elsewhere since. */
static int remove_name(struct open *o, const char *path, int parent)
{
	bool is_dir = o->kind == OPEN_DIR;
	int err = -ENOENT;

	if (parent >= 0)
		err = vfs_remove_at(o->tree->vfs, parent, path_leaf(path), o->entry, is_dir);
	if (err == -ENOENT || err == -ESTALE)
		err = vfs_remove(o->tree->vfs, path, o->entry, is_dir);
	return err;
}

/* The last close of what was marked for deletion. As the user who marked it. */
static void delete_now(struct open *o, enum ofile_delete what, struct identity *as)
{
	_cleanup_free_ char *path = NULL;
	_cleanup_close_ int parent = -1;
	int err;

	pthread_mutex_lock(&o->lock); /* a rename may still be at it */
	path = xstrdup(o->path ? o->path : "");
	parent = steal_fd(&o->parent);
	pthread_mutex_unlock(&o->lock);

	if (as && identity_become(as) < 0)
		return;
	if (what == OFILE_DELETE_STREAM)
		err = vfs_stream_remove(o->fd, o->stream_name);
	else
		err = remove_name(o, path, parent);
	log_debug(LOG_VFS, "session=%016llx handle=%llx deleted at close file=\"%s\" error=%d",
		  (unsigned long long)o->session->id, (unsigned long long)o->vol, path, -err);
	/* Somebody else removed or replaced it: what was to go is gone. */
	if (err < 0 && err != -ENOENT && err != -ESTALE)
		log_notice("delete on close of \"%s\": %s", path, strerror(-err));
	if (err == 0)
		tell_deleted(o, what, path);
}

/* What the handle did shows at its close, as on Windows: writes, and that a file was renamed. */
static void tell_changed(struct open *o)
{
	change_written(o, true);
	lease_dir_closed(o);
	if (atomic_load_explicit(&o->renamed, memory_order_relaxed))
		change_open(o, FILE_ACTION_MODIFIED,
			    FILE_NOTIFY_CHANGE_ATTRIBUTES | FILE_NOTIFY_CHANGE_CREATION);
}

static void leave(struct open *o)
{
	struct identity *as;
	enum ofile_delete what;

	open_cancel_waiting(o, NT_STATUS_FILE_CLOSED);
	notify_close(o);
	handle_close(o);
	write_time_close(o);
	lock_close(o);
	local_share_leave(o);
	what = ofile_leave(o, &as);
	if (what != OFILE_KEEP)
		delete_now(o, what, as);
	else
		tell_changed(o);
	identity_put(as);
	oplock_finish(o);
}

void open_close_rest(struct open *o)
{
	struct inode_mark leaving = { 0 };
	bool closed = handle_is_closed(o); /* not to be seen any more afterwards */
	bool mine;

	if (closed)
		inode_set_add(&handles_leaving, &leaving, o->file_dev, o->file_ino);
	mine = !atomic_exchange(&o->leaving, true);
	if (mine) {
		atomic_store(&o->client_closed, closed);
		leave(o);
	}
	inode_set_del(&leaving);
	if (mine)
		open_put(o);
}

void open_close(struct open *o)
{
	bool deletes = handles_enabled && (o->delete_on_close || ofile_delete_pending(o));

	if (!open_unpublish(o)) {
		durable_close(o); /* if it is that: without a client */
		return;
	}
	open_close_rest(o);
	/* Does not wait for those whose close is on its way from the module. */
	if (deletes)
		(void)handles_reap(o->file_dev, o->file_ino, NULL);
}

/* Little is freed with the name, as far as is known: others may write, too. */
static bool goes_quickly(const struct open *o)
{
	struct stat st;

	if (o->small && !(o->access & (FILE_WRITE_DATA | FILE_APPEND_DATA)))
		return true;
	return !fstat(o->fd, &st) && (uint64_t)st.st_blocks * 512 <= VFS_QUICK_FREE;
}

/* Closing may wait for a disk when something is to be removed. */
static bool may_block(struct open *o)
{
	if (handle_given(o) || o->kind == OPEN_STREAM)
		return true;
	if (o->kind != OPEN_FILE)
		return !(vfs_quick() && o->kind == OPEN_DIR && !o->delete_on_close);
	return (o->delete_on_close || ofile_delete_pending(o)) && !(vfs_quick() && goes_quickly(o));
}

ntstatus smb2_close(struct request *rq)
{
	struct open *o = rq->open;
	struct vfs_attr a = { 0 };
	struct smb2_close_req q;
	struct smb2_wr *w;
	bool post;

	if (!smb2_close_parse(rq->elem, rq->elem_len, &q))
		return NT_STATUS_INVALID_PARAMETER;
	if (!rq->on_worker && may_block(o))
		return REQ_WORKER;
	handle_close(o); /* before its size and times are looked at */
	write_time_close(o);
	post = q.flags & SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB && o->kind != OPEN_PIPE &&
	       open_attr(o, &a) == 0;
	open_close(o);
	w = reply_begin(rq, 60);
	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	wr_le16(w, 60);
	wr_le16(w, post ? SMB2_CLOSE_FLAG_POSTQUERY_ATTRIB : 0);
	wr_le32(w, 0);
	if (post) {
		fscc_put_times(w, &a);
		wr_le64(w, a.alloc_size);
		wr_le64(w, a.end_of_file);
		wr_le32(w, a.attributes);
	} else {
		wr_zero(w, 52);
	}
	return NT_STATUS_SUCCESS;
}
