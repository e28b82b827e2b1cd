// SPDX-License-Identifier: GPL-2.0-or-later
/* smb2_create.c - CREATE (MS-SMB2 2.2.13, 2.2.14, 3.3.5.9): parsing, checking, answering. */
#include "core/utf16.h"
#include "smb2/create.h"
#include "smb2/reparse.h"
#include "state/replay.h"
#include "state/local.h"

/* The kernel takes leases away after lease-break-time, 45 s if nobody changed it. */
#define LOCAL_WAIT_NS 60000000000ull

#define RETRIES 5 /* somebody else creates and removes the same name */

#define PARENTS_KEPT 4096 /* opens */

/* Options that MS-SMB2 2.2.13 has the server refuse, and those nobody knows. */
#define OPTIONS_NOT_SUPPORTED \
	(FILE_OPEN_BY_FILE_ID | FILE_RESERVE_OPFILTER | FILE_CREATE_TREE_CONNECTION)
#define OPTIONS_INVALID	   0xFF000000u
#define ACCESS_INVALID	   0x0CE0FE00u /* bits without a meaning */
#define ATTRIBUTES_INVALID 0xFFFF8048u

static bool parse(struct request *rq, struct create *q)
{
	struct smb2_rd r = rd_init(rq->elem, rq->elem_len);
	uint16_t name_off, name_len;
	uint32_t ctx_off, ctx_len;

	memset(q, 0, sizeof(*q));
	rd_skip(&r, SMB2_HDR_SIZE + 3);
	q->oplock = rd_u8(&r);
	q->impersonation = rd_le32(&r);
	rd_skip(&r, 16);
	q->desired = rd_le32(&r);
	q->attributes = rd_le32(&r);
	q->share_access = rd_le32(&r);
	q->disposition = rd_le32(&r);
	q->options = rd_le32(&r);
	name_off = rd_le16(&r);
	name_len = rd_le16(&r);
	ctx_off = rd_le32(&r);
	ctx_len = rd_le32(&r);
	q->name = rd_sub(&r, name_len ? name_off : 0, name_len);
	if (ctx_len && ctx_off < SMB2_HDR_SIZE + 56)
		rd_fail(&r);
	q->contexts = rd_sub(&r, ctx_len ? ctx_off : 0, ctx_len);
	return rd_ok(&r);
}

static ntstatus check(const struct create *q)
{
	if (q->impersonation > 3)
		return NT_STATUS_BAD_IMPERSONATION_LEVEL;
	if (!q->desired || q->desired & ACCESS_INVALID)
		return NT_STATUS_ACCESS_DENIED;
	if (q->disposition > FILE_OVERWRITE_IF || q->share_access & ~7u ||
	    q->options & OPTIONS_INVALID || q->attributes & ATTRIBUTES_INVALID)
		return NT_STATUS_INVALID_PARAMETER;
	if (q->options & OPTIONS_NOT_SUPPORTED)
		return NT_STATUS_NOT_SUPPORTED;
	if (q->options & FILE_DIRECTORY_FILE &&
	    (q->options & FILE_NON_DIRECTORY_FILE || q->disposition == FILE_SUPERSEDE ||
	     q->disposition == FILE_OVERWRITE || q->disposition == FILE_OVERWRITE_IF))
		return NT_STATUS_INVALID_PARAMETER;
	if (q->options & FILE_DIRECTORY_FILE && q->attributes & FILE_ATTRIBUTE_TEMPORARY)
		return NT_STATUS_INVALID_PARAMETER;
	if (q->options & FILE_DELETE_ON_CLOSE &&
	    !(access_map_generic(q->desired) & (SEC_STD_DELETE | SEC_MAXIMUM_ALLOWED)))
		return NT_STATUS_INVALID_PARAMETER;
	return NT_STATUS_SUCCESS;
}

static ntstatus parse_contexts(struct request *rq, struct create *q)
{
	ntstatus status = create_ctx_parse(q->contexts.buf, q->contexts.len, &q->ctx);

	if (!rq->conn->st.posix)
		q->ctx.posix = false;
	if (q->ctx.posix) /* cifs.ko says so, too, when the mode has no w */
		q->attributes &= ~(uint32_t)FILE_ATTRIBUTE_READONLY;
	if (status == NT_STATUS_SUCCESS)
		status = create_durable_check(rq, q);
	else
		stats_bad(BAD_create_context);
	return status;
}

/* Name and descriptor, after the fixed part was found right. */
static ntstatus parse_rest(struct request *rq, struct create *q)
{
	unsigned int flags = rq->hdr.flags & SMB2_FLAGS_DFS_OPERATIONS ? VFS_NAME_DFS : 0;
	ntstatus status;

	if (q->ctx.posix)
		flags |= VFS_NAME_POSIX;

	if (q->ctx.twrp && q->ctx.timewarp)
		return NT_STATUS_OBJECT_NAME_NOT_FOUND; /* there are no snapshots */
	if (!rq->tree->vfs->opt.streams)
		flags |= VFS_NAME_NO_STREAM;
	status = vfs_name_parse(q->name.buf, q->name.len, flags, &q->path);
	if (status != NT_STATUS_SUCCESS) {
		stats_bad(BAD_name);
		return status;
	}
	return q->ctx.sd_len ? sd_parse(q->ctx.sd, q->ctx.sd_len, &q->sd) : NT_STATUS_SUCCESS;
}

static ntstatus prepare_open(struct request *rq, struct create *q)
{
	struct open *o = open_alloc();
	bool is_dir;

	if (!o)
		return NT_STATUS_TOO_MANY_OPENED_FILES;
	q->open = o;
	o->posix = q->ctx.posix;
	tree_get(rq->tree);
	o->tree = rq->tree;
	o->share_access = q->share_access;
	o->options = q->options;
	o->disposition = q->disposition;
	o->mode = q->options &
		  (FILE_WRITE_THROUGH | FILE_SEQUENTIAL_ONLY | FILE_NO_INTERMEDIATE_BUFFERING |
		   FILE_SYNCHRONOUS_IO_ALERT | FILE_SYNCHRONOUS_IO_NONALERT | FILE_DELETE_ON_CLOSE);
	o->write_through = q->options & FILE_WRITE_THROUGH || rq->tree->share->sync_always;
	o->memory = rq->tree->vfs->in_memory;
	o->nowait = o->nowait_write = !o->memory;
	is_dir = !q->path.stream &&
		 (q->loc.exists ? q->loc.attr.is_dir
				: q->options & FILE_DIRECTORY_FILE || q->path.dir_type);
	return create_lease_want(rq, q, is_dir);
}

/* Undoes what a failed CREATE did. */
static void abandon(struct create *q)
{
	struct identity *as;

	if (q->made)
		(void)vfs_remove(q->tree->vfs, q->loc.path, q->loc.entry, q->loc.attr.is_dir);
	q->open->delete_on_close = false;
	(void)ofile_leave(q->open, &as);
	identity_put(as);
	oplock_finish(q->open);
	q->blocker = steal_ptr(&q->open->oplock.blocker);
	open_put(q->open);
	q->open = NULL;
}

/* Does it end in microseconds where the file system does? */
static bool is_quick(const struct create *q)
{
	if (q->path.stream || q->ctx.app.present || q->ctx.alloc_size > VFS_QUICK_FREE)
		return false;
	return !q->loc.exists || !create_overwrites(q) || q->loc.attr.alloc_size <= VFS_QUICK_FREE;
}

/* For the file's removal, as long as this does not double the fds of very many opens. */
static void keep_parent(struct create *q)
{
	struct open *o = q->open;

	if (o->kind == OPEN_FILE && q->granted & SEC_STD_DELETE && !q->ctx.mxac &&
	    open_count() <= PARENTS_KEPT)
		o->parent = steal_fd(&q->loc.parent);
}

static ntstatus attempt(struct request *rq, struct create *q)
{
	struct tree *t = rq->tree;
	uint64_t looked = removal_count(), dos_looked = vfs_dos_changes();
	ntstatus status = vfs_resolve(t->vfs, q->path.path, create_resolve_flags(q), &q->loc);

	if (status == NT_STATUS_STOPPED_ON_SYMLINK || create_needs_follow(q)) {
		status = create_stopped(rq, &q->loc, q->ctx.posix);
		goto out;
	}
	if (status != NT_STATUS_SUCCESS && status != NT_STATUS_OBJECT_NAME_NOT_FOUND)
		goto out;
	if (vfs_quick() && !is_quick(q)) {
		status = vfs_errno(vfs_later());
		goto out;
	}
	status = create_app_instance(rq, q);
	if (status != NT_STATUS_SUCCESS)
		goto out;
	status = prepare_open(rq, q);
	if (!q->open)
		goto out;
	if (q->loc.exists) /* a new file may have the number of one that went */
		q->open->looked = looked;
	if (status == NT_STATUS_SUCCESS)
		status = q->path.stream ? create_stream(q) : create_file(q);
	if (status == NT_STATUS_SUCCESS) {
		struct open *o = q->open;

		o->entry = q->loc.entry;
		open_path_set(o, q->loc.path);
		keep_parent(q);
		o->asks_local = local_lock_asks(o);
		ofile_set_access(o, q->granted);
		o->delete_on_close = q->options & FILE_DELETE_ON_CLOSE;
		o->attributes_at_create = q->loc.attr.attributes;
		o->dos_looked = q->loc.attr.dos_stored ? dos_looked : UINT64_MAX;
		o->small = q->loc.attr.alloc_size <= VFS_QUICK_FREE;
		o->conn_id = rq->conn->st.id;
		o->create_action = q->action;
		create_app_instance_set(q);
		atomic_store(&o->channel_seq, rq->hdr.channel_sequence);
		o->opened_ns = rq->start_ns;
		local_lease_begin(o);
		if (!local_share_enter(o))
			status = NT_STATUS_SHARING_VIOLATION;
		else if (!open_publish(o, rq->session))
			status = NT_STATUS_USER_SESSION_DELETED;
	}
	if (status != NT_STATUS_SUCCESS)
		abandon(q);
out:
	if (status != NT_STATUS_SUCCESS)
		vfs_path_release(&q->loc);
	return status;
}

/* ---- the answer ---- */

static void mxac_put(struct smb2_wr *w, uint64_t *prev, struct request *rq, struct create *q)
{
	const struct tree *t = rq->tree;
	struct acl_object obj = open_acl_object(q->open, &q->loc.attr);
	uint8_t data[8] = { 0 };

	if (q->ctx.mxac_has_timestamp && q->ctx.mxac_timestamp &&
	    q->ctx.mxac_timestamp == q->loc.attr.change_time) {
		kh_put_le32(data, NT_STATUS_NONE_MAPPED);
	} else {
		int pfd = q->loc.path && q->loc.path[0] ? vfs_path_parent(&q->loc) : -1;
		struct acl_object parent = { .fd = pfd };
		struct stat st;
		uint32_t max;

		if (pfd >= 0 && fstat(pfd, &st) == 0)
			parent = (struct acl_object) { pfd, st.st_uid, st.st_gid, st.st_mode };
		else
			pfd = -1;
		max = acl_max_access(&obj, pfd >= 0 ? &parent : NULL, &t->policy, t->token);
		kh_put_le32(data + 4, max);
	}
	create_ctx_put(w, prev, CREATE_CTX_MAXIMAL_ACCESS, data, sizeof(data));
}

static void qfid_put(struct smb2_wr *w, uint64_t *prev, const struct create *q)
{
	uint8_t data[32] = { 0 };

	kh_put_le64(data, q->loc.attr.id.ino);
	kh_put_le64(data + 8, q->loc.attr.id.dev);
	create_ctx_put(w, prev, CREATE_CTX_QUERY_ON_DISK, data, sizeof(data));
}

/* Did anything change since q->loc.attr was read? Not with a file that was just made, and no more.
 */
static bool attr_is_old(const struct create *q)
{
	if (q->open->kind == OPEN_STREAM)
		return true;
	if (q->action == FILE_CREATED)
		return !q->loc.attr.dos_stored || q->ctx.alsi || q->ctx.ea_len || q->sd;
	return q->action != FILE_OPENED;
}

static ntstatus reply(struct request *rq, struct create *q)
{
	struct smb2_wr *w = reply_begin(rq, 88 + 5 * 64);
	uint64_t ctx_at, start, prev = 0;
	struct vfs_attr a = q->loc.attr;
	struct open *o = q->open;
	struct lease_answer lease;
	uint8_t oplock;

	if (!w)
		return NT_STATUS_INSUFFICIENT_RESOURCES;
	oplock = oplock_answer(o, &lease);
	if (oplock != SMB2_OPLOCK_LEVEL_NONE)
		rq->elements[rq->cur].oplock = open_get(o);
	/* Windows repeats the level that the replay asks for; the open keeps its own. */
	if (q->replayed && oplock != SMB2_OPLOCK_LEVEL_LEASE)
		oplock = q->oplock;
	if (attr_is_old(q))
		(void)open_attr(o, &a);
	wr_le16(w, 89);
	wr_u8(w, oplock);
	wr_u8(w, 0);
	wr_le32(w, q->action);
	fscc_put_times(w, &a);
	wr_le64(w, a.alloc_size);
	wr_le64(w, a.end_of_file);
	wr_le32(w, a.attributes);
	wr_le32(w, 0);
	wr_le64(w, o->persistent);
	wr_le64(w, o->vol);
	ctx_at = w->off;
	wr_zero(w, 8);
	start = w->off;
	create_lease_put(w, &prev, &lease);
	if (q->ctx.mxac)
		mxac_put(w, &prev, rq, q);
	if (q->ctx.qfid)
		qfid_put(w, &prev, q);
	create_posix_put(q, w, &prev, &a);
	create_durable_answer(q, w, &prev,
			      q->replayed && !lease.version ? oplock == SMB2_OPLOCK_LEVEL_BATCH
							    : open_caches_handle(o));
	if (w->off > start) {
		wr_patch_le32(w, ctx_at, (uint32_t)start);
		wr_patch_le32(w, ctx_at + 4, (uint32_t)(w->off - start));
	} else {
		wr_u8(w, 0); /* StructureSize is odd */
	}
	return NT_STATUS_SUCCESS;
}

/* q->open is published; its reference is put. */
static ntstatus answer(struct request *rq, struct create *q)
{
	ntstatus status = reply(rq, q);

	rq->chain_fid = (struct smb2_fid) { q->open->persistent, q->open->vol };
	rq->chain_has_fid = true;
	if (status != NT_STATUS_SUCCESS)
		open_close(q->open);
	open_put(q->open);
	return status;
}

static ntstatus create_on_disk(struct request *rq, struct create *q)
{
	ntstatus status = parse_contexts(rq, q);

	q->tree = rq->tree;
	/* Nothing else of a request that reconnects is looked at. */
	if (status == NT_STATUS_SUCCESS && q->ctx.durable.reconnect) {
		if (vfs_quick())
			return vfs_errno(vfs_later());
		status = create_reconnect(rq, q);
		return status == NT_STATUS_SUCCESS ? answer(rq, q) : status;
	}
	if (status == NT_STATUS_SUCCESS && q->ctx.durable.request == 2) {
		status = create_replay(rq, q);
		if (status == NT_STATUS_SUCCESS && q->replayed)
			return answer(rq, q);
	}
	if (status == NT_STATUS_SUCCESS)
		status = check(q);
	if (status == NT_STATUS_SUCCESS)
		status = parse_rest(rq, q);
	if (status != NT_STATUS_SUCCESS)
		return status;
	if (rq->conn->conf->max_open_files && rq->session->nopens >= rq->conn->conf->max_open_files)
		return NT_STATUS_TOO_MANY_OPENED_FILES;
	for (unsigned int i = 0; i < RETRIES; i++) {
		status = attempt(rq, q);
		if (status != NT_STATUS_RETRY)
			break;
	}
	if (status == NT_STATUS_SUCCESS) {
		create_tell(q);
		replay_done(rq, q->open);
		status = answer(rq, q);
		vfs_path_release(&q->loc);
	}
	return status;
}

ntstatus smb2_create(struct request *rq)
{
	struct create q;
	ntstatus status;

	if (!parse(rq, &q)) {
		stats_bad(BAD_parameter);
		status = NT_STATUS_INVALID_PARAMETER;
	} else if (rq->tree->ipc) {
		char *name = utf16_dup_utf8(q.name.buf, q.name.len);

		status = name ? ipc_create(rq, name, q.desired) : NT_STATUS_OBJECT_NAME_INVALID;
		free(name);
	} else {
		status = create_on_disk(rq, &q);
		vfs_name_free(&q.path);
		sd_free(q.sd);
		if (status == OFILE_MUST_WAIT)
			return wait_for_break(rq, q.blocker);
		if (status == OPEN_MUST_WAIT && now_ns() - rq->start_ns < LOCAL_WAIT_NS)
			return wait_for_local(rq);
		if (status == OPEN_MUST_WAIT)
			status = NT_STATUS_SHARING_VIOLATION;
	}
	/* Related elements behind a failed CREATE fail likewise (3.3.5.2.7.2). */
	rq->chain_fid_status = status;
	return status;
}
